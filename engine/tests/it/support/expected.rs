//! The bundle that truth demands, word for word: when every register answers,
//! and when there is one trouble.

use std::collections::BTreeSet;

use fixtures::{Authority, Country, Truth};
use serde_json::{Map, Value, json};

/// What is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble<'a> {
    /// Nothing is.
    None,
    /// One register ends every call so, and perhaps says when to try again.
    Fault { register: &'a str, reason: &'a str, retry: Option<u32> },
    /// One register tells every value in a wrong type.
    WrongTypes { register: &'a str },
    /// The subject of this role is not whom the applicant's answer lists.
    Unproven { role: &'a str },
}

/// Who is asked about, and what is wrong.
#[derive(Clone, Copy)]
struct World<'a> {
    country: Country,
    subjects: &'a [(&'a str, &'a str)],
    trouble: Trouble<'a>,
}

/// What the bundle of `procedure` must be, as `/v1/procedures/{id}` describes
/// it, for the subjects of its roles. Its id and its notices are as they came.
pub(crate) fn expected(
    country: Country,
    procedure: &Value,
    subjects: &[(&str, &str)],
    bundle: &Value,
) -> Value {
    expected_under(Trouble::None, country, procedure, subjects, bundle)
}

/// The same in trouble. A register that is at fault must know its subjects.
pub(crate) fn expected_under(
    trouble: Trouble<'_>,
    country: Country,
    procedure: &Value,
    subjects: &[(&str, &str)],
    bundle: &Value,
) -> Value {
    let world = World { country, subjects, trouble };
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
        fields.insert(name, world.ending(role, &attributes));
    }
    let mut sources = Map::new();
    for (role, register) in asked {
        world.source(&mut sources, role, register);
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

impl<'a> World<'a> {
    fn subject(&self, role: &str) -> &'a str {
        let mut subjects = self.subjects.iter();
        subjects.find(|(known, _)| *known == role).expect("a subject for each role").1
    }

    /// The first attribute that has a value; else the gap with the most hope.
    fn ending(&self, role: &str, attributes: &[&str]) -> Value {
        let each = attributes.iter().map(|attribute| self.candidate(role, attribute));
        let all: Vec<Value> = each.collect();
        let with = |status| all.iter().find(|field| field["status"] == status).cloned();
        let statuses = ["filled", "unavailable", "empty", "withheld"];
        statuses.into_iter().find_map(with).expect("a status")
    }

    /// What one source of a field comes to.
    fn candidate(&self, role: &str, attribute: &str) -> Value {
        let register = attribute.split('.').next().expect("a register");
        let gap = |reason| json!({"status": "unavailable", "source": register, "reason": reason});
        match self.trouble {
            Trouble::Unproven { role: unproven } if unproven == role => {
                json!({"status": "withheld", "source": register, "reason": "role"})
            }
            _ if self.hindered(role, register) => gap("keyMissing"),
            Trouble::Fault { register: at_fault, reason, retry } if at_fault == register => {
                let mut gap = gap(reason);
                if let Some(seconds) = retry {
                    gap["retryAfterSeconds"] = seconds.into();
                }
                gap
            }
            Trouble::WrongTypes { register: at_fault } if at_fault == register => gap("invalid"),
            _ => field(self.country, self.subject(role), attribute),
        }
    }

    /// Whether a register cannot be asked about a role because the one at fault
    /// gives its key or shows the relation.
    fn hindered(&self, role: &str, register: &str) -> bool {
        let (Trouble::Fault { register: at_fault, .. }
        | Trouble::WrongTypes { register: at_fault }) = self.trouble
        else {
            return false;
        };
        let mut needed = BTreeSet::new();
        calls(&mut needed, role, register);
        needed.remove(&(role, register));
        needed.iter().any(|(_, needed)| *needed == at_fault)
    }

    /// What becomes of a register's call about one role, if there is one. The
    /// worst of several roles is told.
    fn source(&self, sources: &mut Map<String, Value>, role: &str, register: &str) {
        let outcome = match self.trouble {
            Trouble::Unproven { role: unproven } if unproven == role => None,
            _ if self.hindered(role, register) => None,
            Trouble::Fault { register: at_fault, reason, .. } if at_fault == register => {
                Some(reason)
            }
            _ => outcome(self.country, self.subject(role), register),
        };
        let Some(outcome) = outcome else { return };
        let told = sources.entry(register).or_insert_with(|| json!({"outcome": outcome}));
        if outcome != "answered" {
            *told = json!({"outcome": outcome});
        }
    }
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

/// What a register that answers says of one attribute.
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
fn outcome(country: Country, subject: &str, register: &str) -> Option<&'static str> {
    let (person, company) = (country.person_of(subject), country.company_of(subject));
    // Every address has the id of a building, also of one that is not known.
    if matches!(register, "caclr" | "cadastre") && person.is_none() {
        return None;
    }
    let known = person.is_some_and(|it| it.is_known_to(register))
        || company.is_some_and(|it| it.is_known_to(register));
    Some(if known { "answered" } else { "notFound" })
}
