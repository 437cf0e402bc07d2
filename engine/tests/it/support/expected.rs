//! The bundle that truth demands, word for word, when every register answers.

use fixtures::{Authority, Country, Truth};
use serde_json::{Map, Value, json};

/// What the bundle of `procedure` must be, as `/v1/procedures/{id}` describes
/// it, for the subjects of its roles.
pub(crate) fn expected(
    country: Country,
    procedure: &Value,
    subjects: &[(&str, &str)],
    disclosure: &Value,
) -> Value {
    let mut fields = Map::new();
    let mut sources = Map::new();
    for field in procedure["fields"].as_array().expect("fields") {
        let role = field["role"].as_str().expect("a role");
        let subject = subjects.iter().find(|(known, _)| *known == role).expect("a subject").1;
        let attributes = field["sources"].as_array().expect("sources").iter();
        let attributes: Vec<&str> = attributes.map(|it| it.as_str().expect("text")).collect();
        for attribute in &attributes {
            source(
                &mut sources,
                country,
                subject,
                attribute.split('.').next().expect("a register"),
            );
        }
        let name = field["name"].as_str().expect("a name").to_owned();
        fields.insert(name, ending(country, subject, &attributes));
    }
    let answered = |field: &Value| field["status"] == "filled" || field["status"] == "empty";
    json!({
        "disclosure": disclosure,
        "procedure": {"id": procedure["id"], "version": procedure["version"]},
        "complete": fields.values().all(answered),
        "fields": fields,
        "sources": sources,
        "notices": [],
    })
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
    match country.truth(subject, attribute) {
        Truth::Value(value) => json!({
            "status": "filled", "value": value.to_json(), "source": register,
            "lastUpdated": last_updated(country, subject, register), "ageSeconds": 60,
        }),
        Truth::UnderReview(value) => json!({
            "status": "filled", "value": value.to_json(), "source": register,
            "lastUpdated": last_updated(country, subject, register), "ageSeconds": 60,
            "underReview": true,
        }),
        Truth::Nothing | Truth::UnknownSubject => json!({"status": "empty", "source": register}),
        Truth::Unavailable => {
            json!({"status": "unavailable", "source": register, "reason": "error"})
        }
        Truth::UnknownAttribute => panic!("no register has {attribute}"),
    }
}

fn last_updated(country: Country, subject: &str, register: &str) -> String {
    let person = country.person_of(subject).expect("somebody with a value");
    match Authority::named(register).expect("one of the four") {
        Authority::Caclr => person.address().last_updated().to_string(),
        authority => person.last_updated(authority).to_string(),
    }
}

/// What becomes of a register's call about one subject. One about an address is
/// made only where the subject has one.
fn source(sources: &mut Map<String, Value>, country: Country, subject: &str, register: &str) {
    let Some(person) = country.person_of(subject) else {
        if register != "caclr" {
            sources.insert(register.into(), json!({"outcome": "notFound"}));
        }
        return;
    };
    let known = match Authority::named(register).expect("one of the four") {
        Authority::Snca => person.vehicle().is_some(),
        Authority::Ccss => person.affiliation().is_some(),
        Authority::Rnpp | Authority::Caclr => true,
    };
    let outcome = if known { "answered" } else { "notFound" };
    sources.insert(register.into(), json!({"outcome": outcome}));
}
