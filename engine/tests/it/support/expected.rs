//! The bundle that truth demands, word for word, when every register answers.

use std::collections::BTreeSet;

use fixtures::{Authority, Country, Truth};
use serde_json::{Map, Value, json};

/// What the bundle of `procedure` must be, as `/v1/procedures/{id}` describes
/// it, for the subjects of its roles. Its id and its notices are as they came.
pub(crate) fn expected(
    country: Country,
    procedure: &Value,
    subjects: &[(&str, &str)],
    bundle: &Value,
) -> Value {
    let subject_of = |role: &str| {
        subjects.iter().find(|(known, _)| *known == role).expect("a subject for each role").1
    };
    let mut fields = Map::new();
    let mut asked = BTreeSet::new();
    for field in procedure["fields"].as_array().expect("fields") {
        let role = field["role"].as_str().expect("a role");
        let attributes = field["sources"].as_array().expect("sources").iter();
        let attributes: Vec<&str> = attributes.map(|it| it.as_str().expect("text")).collect();
        if attributes.is_empty() {
            // Filled by hand.
            continue;
        }
        for attribute in &attributes {
            calls(&mut asked, role, attribute.split('.').next().expect("a register"));
        }
        let name = field["name"].as_str().expect("a name").to_owned();
        fields.insert(name, ending(country, subject_of(role), &attributes));
    }
    let mut sources = Map::new();
    for (role, register) in asked {
        source(&mut sources, country, subject_of(role), register);
    }
    let answered = |field: &Value| field["status"] == "filled" || field["status"] == "empty";
    json!({
        "disclosure": bundle["disclosure"],
        "procedure": {"id": procedure["id"], "version": procedure["version"]},
        "complete": fields.values().all(answered),
        "fields": fields,
        "sources": sources,
        "notices": bundle["notices"],
    })
}

/// The registers that are called for one register's answer about one role: those
/// that give its key, and those that show the relation.
fn calls<'a>(asked: &mut BTreeSet<(&'a str, &'a str)>, role: &'a str, register: &'a str) {
    if register == "space" || !asked.insert((role, register)) {
        return;
    }
    match register {
        "caclr" => calls(asked, role, "rnpp"),
        "cadastre" => calls(asked, role, "caclr"),
        _ => {}
    }
    match role {
        "child" => calls(asked, "applicant", "rnpp"),
        "company" => calls(asked, "applicant", "mandates"),
        _ => {}
    }
}

/// The first attribute that has a value; else the gap with the most hope.
fn ending(country: Country, subject: &str, attributes: &[&str]) -> Value {
    let each = attributes.iter().map(|attribute| field(country, subject, attribute));
    let all: Vec<Value> = each.collect();
    let with = |status: &str| all.iter().find(|field| field["status"] == status).cloned();
    with("filled").or_else(|| with("unavailable")).or_else(|| with("empty")).expect("a status")
}

fn field(country: Country, subject: &str, attribute: &str) -> Value {
    let register = attribute.split('.').next().expect("a register");
    let filled = |value: Value| {
        let mut field = json!({
            "status": "filled", "value": value, "source": register, "ageSeconds": 60,
        });
        if let Some(day) = last_updated(country, subject, register) {
            field["lastUpdated"] = day.into();
        }
        field
    };
    match country.truth(subject, attribute) {
        Truth::Value(value) => filled(value.to_json()),
        Truth::UnderReview(value) => {
            let mut field = filled(value.to_json());
            field["underReview"] = true.into();
            field
        }
        Truth::Nothing | Truth::UnknownSubject => json!({"status": "empty", "source": register}),
        Truth::Unavailable => {
            json!({"status": "unavailable", "source": register, "reason": "error"})
        }
        Truth::UnknownAttribute => panic!("no register has {attribute}"),
    }
}

/// When a register last changed what it holds; one does not tell.
fn last_updated(country: Country, subject: &str, register: &str) -> Option<String> {
    let authority = Authority::named(register).expect("a register");
    let day = match (authority, country.person_of(subject), country.company_of(subject)) {
        (Authority::Driving, ..) => return None,
        (Authority::Caclr, Some(person), _) => person.address().last_updated(),
        (Authority::Cadastre, Some(person), _) => person.dwelling()?.last_updated(),
        (_, Some(person), _) => person.last_updated(authority),
        (_, None, Some(company)) => company.last_updated(authority),
        (_, None, None) => panic!("nobody has a value of {register}"),
    };
    Some(day.to_string())
}

/// What becomes of a register's call about one subject. One with a key from
/// another answer is made only where there is such a key.
fn source(sources: &mut Map<String, Value>, country: Country, subject: &str, register: &str) {
    let (person, company) = (country.person_of(subject), country.company_of(subject));
    let keyless = match register {
        "caclr" => person.is_none(),
        "cadastre" => person.is_none_or(|person| person.dwelling().is_none()),
        _ => false,
    };
    if keyless {
        return;
    }
    let known = person.is_some_and(|it| it.is_known_to(register))
        || company.is_some_and(|it| it.is_known_to(register));
    let outcome = if known { "answered" } else { "notFound" };
    let told = sources.entry(register).or_insert_with(|| json!({"outcome": outcome}));
    if !known {
        // The worst of several subjects is told.
        *told = json!({"outcome": outcome});
    }
}
