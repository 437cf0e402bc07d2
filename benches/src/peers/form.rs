//! The one form that every side fills: sixteen fields out of four registers, all
//! of which take one key in a call, or twenty.

use anyhow::anyhow;
use engine::catalogue::{Catalogue, Source};
use fixtures::{Country, Person, TruthValue};
use serde_json::Value;

/// Whose form it is.
pub const OWNER: &str = "snca";
/// Its name.
pub const NAME: &str = "peers";
/// The registers, and the fields that each fills under the names of its attributes.
pub const REGISTERS: [(&str, [&str; 4]); 4] = [
    ("snca", ["plate", "make", "model", "firstRegistration"]),
    ("driving", ["licenceNumber", "categories", "issuedOn", "expiresOn"]),
    ("adem", ["registered", "registeredSince", "agency", "lastOccupation"]),
    ("cae", ["beneficiaryChildren", "childCount", "monthlyAmountCents", "paidSince"]),
];
/// The register to which some say No.
pub const REFUSED: &str = "snca";

/// The demonstration's catalogue with the form in it. Its four registers' answers
/// serve every organisation and are asked for whole, as at all other sides.
///
/// # Errors
/// Every mistake in it.
pub fn catalogue(batching: bool) -> anyhow::Result<Catalogue> {
    let mut sources: Vec<Source> = fixtures::catalogue::files()
        .iter()
        .map(|(path, text)| Source { path: (*path).into(), text: changed(path, text, batching) })
        .collect();
    sources.push(Source { path: format!("procedures/{NAME}.toml"), text: text() });
    Catalogue::compile(&sources).map_err(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        anyhow!("the catalogue has mistakes:\n{}", lines.join("\n"))
    })
}

fn changed(path: &str, text: &str, batching: bool) -> String {
    if REGISTERS.iter().any(|(register, _)| path == format!("registers/{register}.toml")) {
        let lines = text.lines().filter_map(|line| register_line(line, batching));
        return lines.collect::<Vec<_>>().join("\n");
    }
    let owner = format!("id = \"{OWNER}\"\n");
    match text
        .split_once(&owner)
        .and_then(|(before, after)| Some((before, after.split_once("\n\n")?)))
    {
        Some((before, (of_owner, after))) if path.starts_with("organisations/") => {
            let all = REGISTERS.map(|(register, _)| format!("\"{register}.*\"")).join(", ");
            let authority = format!(
                "[[organisation.authority]]\nprocedures = [\"{NAME}\"]\nattributes = [{all}]"
            );
            format!("{before}{owner}{of_owner}\n\n{authority}\n\n{after}")
        }
        _ => text.to_owned(),
    }
}

fn register_line(line: &str, batching: bool) -> Option<&str> {
    match line.split_once(" = ").map(|(name, _)| name) {
        Some("share") => Some("share = \"any\""),
        Some("ask") => Some("ask = \"all\""),
        Some("ttl") => Some("ttl = \"1h\""),
        // What serves several must not tell by its age when another asked.
        Some("grain") => Some("grain = \"1h\""),
        Some("batch") if !batching => None,
        _ => Some(line),
    }
}

fn text() -> String {
    let label = "label = { fr = \"Pairs\", de = \"Peers\", en = \"Peers\", lb = \"Peers\" }";
    let mut text = format!(
        "id = \"{NAME}\"\nversion = 1\nowner = \"{OWNER}\"\n{label}\n\
         purpose = \"Compare\"\nlegal-basis = \"None: an invented form\"\n\n\
         [[role]]\nid = \"applicant\"\nis = \"natural\"\n\n[[step]]\nid = \"all\"\n{label}\n",
    );
    for (register, fields) in REGISTERS {
        for field in fields {
            text +=
                &format!("\n[[step.field]]\nid = \"{field}\"\nfrom = [\"{register}.{field}\"]\n");
        }
    }
    text
}

/// The first `count` people whom three of the registers know; few are known to the
/// one of jobseekers.
///
/// # Errors
/// Where the country has too few.
pub fn people(country: &Country, count: usize) -> anyhow::Result<Vec<String>> {
    let known = |person: &Person| {
        ["snca", "driving", "cae"].iter().all(|register| person.is_known_to(register))
    };
    let everybody = (0..country.population()).map(|index| country.person(index));
    let people: Vec<String> =
        everybody.filter(known).take(count).map(|person| person.matricule().to_string()).collect();
    anyhow::ensure!(people.len() == count, "a country with more people is needed");
    Ok(people)
}

/// So many adults of a country of their own, whoever knows them.
///
/// # Errors
/// Where there are no such countries.
pub fn anybody(count: usize) -> anyhow::Result<(Country, Vec<String>)> {
    // A quarter are children, for whom nobody fills this form.
    let country = Country::new(1, count as u64 * 2)?;
    let everybody = (0..country.population()).map(|index| country.person(index));
    let adults = everybody.filter(|person| !person.is_child()).take(count);
    let adults: Vec<String> = adults.map(|person| person.matricule().to_string()).collect();
    anyhow::ensure!(adults.len() == count, "a country with more people is needed");
    Ok((country, adults))
}

/// What a side is asked about somebody.
#[must_use]
pub fn body(matricule: &str) -> String {
    format!(
        "{{\"procedure\":\"{NAME}\",\"subjects\":{{\"applicant\":\"{matricule}\"}},\
         \"presence\":\"demo-person-{matricule}\"}}"
    )
}

/// Compares an answer with what is true, field by field.
///
/// # Errors
/// What is wrong in it.
pub fn check(
    country: &Country,
    matricule: &str,
    refuses: bool,
    answer: &[u8],
) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_slice(answer)?;
    for (register, fields) in REGISTERS {
        for field in fields {
            let told = &answer["fields"][field];
            let truth = country.truth(matricule, &format!("{register}.{field}"));
            let (status, value) = match truth.value().map(TruthValue::to_json) {
                _ if refuses && register == REFUSED => ("withheld", None),
                Some(value) => ("filled", Some(value)),
                None => ("empty", None),
            };
            anyhow::ensure!(
                told["status"] == status && told.get("value") == value.as_ref(),
                "field `{field}` of {matricule} is {told}, and not {status}",
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_compiles_with_and_without_batches() {
        for (batching, most) in [(true, 20), (false, 1)] {
            let catalogue = catalogue(batching).unwrap();
            let form = catalogue.procedure(catalogue.find_procedure(NAME).unwrap());
            assert_eq!((form.fields.len(), form.calls.len()), (16, 4));
            for call in &form.calls {
                let register = catalogue.register(call.register);
                assert!(register.ask_all);
                assert_eq!(register.dialect.as_ref().unwrap().batch, most, "{}", register.name);
            }
        }
    }

    #[test]
    fn an_answer_is_compared_field_by_field() {
        let country = Country::new(1, 100_000).unwrap();
        let person = &people(&country, 1).unwrap()[0];
        let field = |register: &str, field: &str| {
            let truth = country.truth(person, &format!("{register}.{field}"));
            match truth.value().map(TruthValue::to_json) {
                Some(value) => serde_json::json!({ "status": "filled", "value": value }),
                None => serde_json::json!({ "status": "empty" }),
            }
        };
        let fields = REGISTERS.iter().flat_map(|(register, fields)| {
            fields.iter().map(|name| ((*name).to_owned(), field(register, name)))
        });
        let mut answer = serde_json::json!({ "fields": fields.collect::<serde_json::Map<_, _>>() });
        check(&country, person, false, answer.to_string().as_bytes()).unwrap();
        let shown_all_the_same = check(&country, person, true, answer.to_string().as_bytes());
        assert!(shown_all_the_same.unwrap_err().to_string().contains("not withheld"));
        answer["fields"]["make"]["value"] = "another".into();
        assert!(check(&country, person, false, answer.to_string().as_bytes()).is_err());
    }
}
