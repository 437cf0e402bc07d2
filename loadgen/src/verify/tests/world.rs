//! A country, two forms, and the bundles of an engine without a fault.

use std::sync::{Arc, LazyLock};

use fixtures::{Country, Person, Truth};
use serde_json::{Value, json};

use crate::cast::{Cast, Casting};
use crate::form::{Form, Parts};
use crate::verify::{Expected, Verified, Wrong, verify};

pub(super) fn country() -> Country {
    Country::new(1, 4_000).unwrap()
}

pub(super) fn form_of(fields: &Value, roles: &Value) -> Arc<Form> {
    let described = json!({"id": "some-form", "version": 3, "organisation": "justice",
        "roles": roles, "fields": fields,
        "notices": [
            {"code": "few-hours", "text": {"fr": "Peu d’heures.", "en": "Few hours."}},
            {"code": "old", "text": {"fr": "Vieux.", "en": "Old."}}]});
    Arc::new(Form::new(serde_json::from_value(described).unwrap()).unwrap())
}

fn field(name: &str, role: &str, sources: &[&str]) -> Value {
    json!({"name": name, "role": role, "sources": sources})
}

/// About the applicant alone.
pub(super) fn form() -> Arc<Form> {
    static FORM: LazyLock<Arc<Form>> = LazyLock::new(|| {
        let field = |name, sources| field(name, "applicant", sources);
        let fields = json!([
            field("familyName", &["rnpp.familyName"]),
            field("birthName", &["rnpp.birthName", "rnpp.familyName"]),
            field("address", &["rnpp.addressId"]),
            field("plate", &["snca.plate"]),
            field("remarks", &[]),
            field("employer", &["ccss.employer"]),
            field("weeklyHours", &["ccss.weeklyHours"]),
            field("contact", &["caclr.postName", "ccss.employer"]),
            field("builtYear", &["cadastre.builtYear"]),
            field("insured", &["cns.insured"]),
            field("iban", &["space.iban", "cns.reimbursementIban"]),
        ]);
        form_of(&fields, &json!([{"id": "applicant", "is": "natural", "minorsOnly": false}]))
    });
    FORM.clone()
}

/// About an applicant, a child of theirs and a company that they manage.
pub(super) fn joint_form() -> Arc<Form> {
    static FORM: LazyLock<Arc<Form>> = LazyLock::new(|| {
        let fields = json!([
            field("familyName", "applicant", &["rnpp.familyName"]),
            field("plate", "applicant", &["snca.plate"]),
            field("childGivenName", "child", &["rnpp.givenName"]),
            field("childPostCode", "child", &["caclr.postCode"]),
            field("legalName", "company", &["rcs.legalName"]),
            field("upToDate", "company", &["rbe.upToDate"]),
        ]);
        let roles = json!([
            {"id": "applicant", "is": "natural", "minorsOnly": false},
            {"id": "child", "is": "natural", "minorsOnly": true},
            {"id": "company", "is": "legal", "minorsOnly": false},
        ]);
        form_of(&fields, &roles)
    });
    FORM.clone()
}

fn casting() -> &'static Casting {
    static CASTING: LazyLock<Casting> =
        LazyLock::new(|| Casting::new(country(), country().population(), &[form(), joint_form()]));
    &CASTING
}

/// This person alone.
pub(super) fn alone(person: &Person) -> Arc<Cast> {
    // Where everybody is asked about, numbers are indexes.
    Arc::new(casting().cast(person.index(), Parts::default()))
}

/// Some parent with a child and a company.
pub(super) fn joint(number: u64) -> Arc<Cast> {
    Arc::new(casting().cast(number, joint_form().parts()))
}

/// The bundle of an engine without a fault, whose registers all answer, where
/// nobody refuses anything.
pub(super) fn right(form: &Form, cast: &Cast) -> Value {
    let (mut fields, mut complete) = (serde_json::Map::new(), true);
    for field in &form.fields {
        let subject = cast.subject(field.part).identifier();
        let mut shown = json!({"status": "empty", "source": field.sources[0].register()});
        for source in &field.sources {
            let truth = country().truth(subject, source.name());
            if let Some(value) = truth.value() {
                shown = json!({"status": "filled", "value": value.to_json(),
                    "source": source.register(), "lastUpdated": "2025-01-01", "ageSeconds": 60});
                if matches!(truth, Truth::UnderReview(_)) {
                    shown["underReview"] = true.into();
                }
                break;
            }
            if truth == Truth::Unavailable {
                shown = json!({"status": "unavailable", "source": source.register(),
                    "reason": "error"});
                complete = false;
            }
        }
        fields.insert(field.name.clone(), shown);
    }
    let sources: serde_json::Map<_, _> =
        form.registers.iter().map(|it| (it.clone(), json!({"outcome": "answered"}))).collect();
    json!({
        "disclosure": "01920000-0000-7000-8000-000000000001",
        "procedure": {"id": "some-form", "version": 3},
        "complete": complete, "fields": fields, "sources": sources, "notices": [],
    })
}

pub(super) fn verified_of(form: Arc<Form>, cast: Arc<Cast>, bundle: &Value) -> Verified {
    verify(&Expected::new(form, cast), bundle.to_string().as_bytes())
}

pub(super) fn verified(person: &Person, bundle: &Value) -> Verified {
    verified_of(form(), alone(person), bundle)
}

pub(super) fn kinds(verified: &Verified) -> Vec<Wrong> {
    verified.findings.iter().map(|finding| finding.wrong).collect()
}

/// Spoils one right bundle about one person and expects exactly these findings.
#[track_caller]
pub(super) fn check(spoil: impl FnOnce(&mut Value), wrong: &[Wrong]) {
    let person = country().example_adult();
    let mut bundle = right(&form(), &alone(&person));
    spoil(&mut bundle);
    assert_eq!(kinds(&verified(&person, &bundle)), wrong, "{bundle}");
}

#[track_caller]
pub(super) fn find(condition: impl Fn(&Person) -> bool) -> Person {
    country().people().find(condition).expect("somebody in the country")
}
