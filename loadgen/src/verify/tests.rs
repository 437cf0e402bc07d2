//! Right bundles pass, and each kind of wrong answer is caught.

use std::sync::Arc;

use fixtures::{Country, Person};
use serde_json::{Value, json};

use super::*;
use crate::procedures::{Field, Form, Role};

const COUNTRY: (u64, u64) = (1, 4_000);

fn country() -> Country {
    Country::new(COUNTRY.0, COUNTRY.1).unwrap()
}

fn form() -> Arc<Form> {
    let field = |name: &str, sources: &[&str]| Field {
        name: name.into(),
        role: "applicant".into(),
        sources: sources.iter().map(|it| (*it).to_owned()).collect(),
    };
    Arc::new(Form {
        id: "some-form".into(),
        version: 3,
        organisation: "justice".into(),
        roles: vec![Role { id: "applicant".into(), kind: "natural".into(), minors_only: false }],
        fields: vec![
            field("familyName", &["rnpp.familyName"]),
            field("birthName", &["rnpp.birthName", "rnpp.familyName"]),
            field("address", &["rnpp.addressId"]),
            field("plate", &["snca.plate"]),
            field("employer", &["ccss.employer"]),
            field("weeklyHours", &["ccss.weeklyHours"]),
            field("contact", &["caclr.postName", "ccss.employer"]),
        ],
    })
}

fn expected(person: &Person) -> Expected {
    Expected::new(&country(), &form(), &[("applicant", person.matricule().to_string())])
}

/// The bundle of an engine without a fault, whose registers all answer.
fn right(person: &Person) -> Value {
    let subject = person.matricule().to_string();
    let (mut fields, mut complete) = (serde_json::Map::new(), true);
    for field in &form().fields {
        let mut shown = json!({"status": "empty", "source": "rnpp"});
        for source in &field.sources {
            let register = source.split('.').next().unwrap();
            let truth = country().truth(&subject, source);
            let disputed = matches!(truth, fixtures::Truth::UnderReview(_));
            if let Some(value) = truth.value() {
                shown = json!({"status": "filled", "value": value.to_json(), "source": register,
                    "lastUpdated": "2025-01-01", "ageSeconds": 60});
                if disputed {
                    shown["underReview"] = true.into();
                }
                break;
            }
            if truth == fixtures::Truth::Unavailable {
                shown = json!({"status": "unavailable", "source": register, "reason": "error"});
                complete = false;
            }
        }
        fields.insert(field.name.clone(), shown);
    }
    json!({
        "disclosure": "01920000-0000-7000-8000-000000000001",
        "procedure": {"id": "some-form", "version": 3},
        "complete": complete,
        "fields": fields,
        "sources": {"rnpp": {"outcome": "answered"}, "caclr": {"outcome": "answered"},
            "snca": {"outcome": "answered"}, "ccss": {"outcome": "answered"}},
        "notices": [],
    })
}

fn verified(person: &Person, bundle: &Value) -> Verified {
    verify(&expected(person), bundle.to_string().as_bytes())
}

fn kinds(verified: &Verified) -> Vec<Wrong> {
    verified.findings.iter().map(|finding| finding.wrong).collect()
}

/// Spoils one right bundle and expects exactly these findings.
#[track_caller]
fn check(spoil: impl FnOnce(&mut Value), wrong: &[Wrong]) {
    let person = country().example_adult();
    let mut bundle = right(&person);
    spoil(&mut bundle);
    assert_eq!(kinds(&verified(&person, &bundle)), wrong, "{bundle}");
}

#[track_caller]
fn find(condition: impl Fn(&Person) -> bool) -> Person {
    country().people().find(condition).expect("somebody in the country")
}

#[test]
fn right_bundles_about_everybody_have_no_finding() {
    for person in country().people() {
        let verified = verified(&person, &right(&person));
        assert_eq!(verified.findings, [], "{person:?}");
        assert_eq!(verified.filled + verified.gaps.len() as u64, 7);
        assert_eq!(verified.complete, !verified.gaps.contains(&Gap::Unavailable("error")));
    }
}

#[test]
fn another_value_is_wrong() {
    check(|it| it["fields"]["familyName"]["value"] = "Somebody-Else".into(), &[Wrong::Value]);
    check(|it| it["fields"]["weeklyHours"]["value"] = "40".into(), &[Wrong::Value]);
    check(|it| it["fields"]["plate"]["value"] = json!(null), &[Wrong::Status]);
    check(|it| it["fields"]["plate"]["value"] = json!([]), &[Wrong::Value]);
}

#[test]
fn a_value_of_the_second_source_is_wrong_where_the_first_has_one() {
    let person = find(|it| it.birth_name() != it.family_name());
    let mut bundle = right(&person);
    bundle["fields"]["birthName"]["value"] = person.family_name().into();
    assert_eq!(kinds(&verified(&person, &bundle)), [Wrong::Value]);
}

#[test]
fn another_register_may_fill_in_only_for_one_that_did_not_answer() {
    let person = country().example_adult();
    let employer = country().truth(&person.matricule().to_string(), "ccss.employer");
    let mut bundle = right(&person);
    bundle["fields"]["contact"]["source"] = "ccss".into();
    bundle["fields"]["contact"]["value"] = employer.value().unwrap().to_json();
    assert_eq!(kinds(&verified(&person, &bundle)), [Wrong::Source]);
    bundle["sources"]["caclr"]["outcome"] = "timeout".into();
    assert_eq!(kinds(&verified(&person, &bundle)), []);
    bundle["fields"]["contact"]["value"] = "Somebody Else".into();
    assert_eq!(kinds(&verified(&person, &bundle)), [Wrong::Value]);
}

#[test]
fn a_source_that_the_field_does_not_have_is_wrong() {
    check(|it| it["fields"]["familyName"]["source"] = "ccss".into(), &[Wrong::Source]);
    check(|it| drop(it["fields"]["familyName"]["source"].take()), &[Wrong::Source]);
}

#[test]
fn a_value_where_the_register_has_none_is_wrong() {
    let person = find(|it| it.vehicle().is_none());
    let mut bundle = right(&person);
    let invented =
        json!({"status": "filled", "value": "AB1234", "source": "snca", "ageSeconds": 60});
    bundle["fields"]["plate"] = invented;
    assert_eq!(kinds(&verified(&person, &bundle)), [Wrong::Value]);
}

#[test]
fn empty_is_wrong_where_there_is_a_value_or_one_that_cannot_be_told() {
    let empty = || json!({"status": "empty", "source": "rnpp"});
    check(|it| it["fields"]["familyName"] = empty(), &[Wrong::Empty]);
    check(|it| it["fields"]["birthName"] = empty(), &[Wrong::Empty]);
    let silent = find(|it| it.affiliation().is_some_and(|it| it.employer_unavailable()));
    let mut bundle = right(&silent);
    bundle["fields"]["employer"] = empty();
    bundle["complete"] = true.into();
    assert_eq!(kinds(&verified(&silent, &bundle)), [Wrong::Empty]);
}

#[test]
fn withheld_is_wrong_where_nobody_said_no() {
    let withheld = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
    let spoil = |it: &mut Value| {
        it["fields"]["familyName"] = withheld;
        it["complete"] = false.into();
    };
    check(spoil, &[Wrong::Withheld]);
}

#[test]
fn unavailable_is_no_error_and_counts_by_reason() {
    for reason in REASONS {
        let person = country().example_adult();
        let mut bundle = right(&person);
        let gap = json!({"status": "unavailable", "source": "snca", "reason": reason,
            "retryAfterSeconds": 30});
        bundle["fields"]["plate"] = gap;
        bundle["complete"] = false.into();
        let verified = verified(&person, &bundle);
        assert_eq!((verified.findings, verified.gaps), (vec![], vec![Gap::Unavailable(reason)]));
    }
}

#[test]
fn a_stale_value_is_compared_too() {
    let stale = |it: &mut Value| {
        it["fields"]["plate"]["status"] = "stale".into();
        it["sources"]["snca"]["outcome"] = "timeout".into();
        it["complete"] = false.into();
    };
    check(stale, &[]);
    let wrong = |it: &mut Value| {
        stale(it);
        it["fields"]["plate"]["value"] = "XX0000".into();
    };
    check(wrong, &[Wrong::Value]);
}

#[test]
fn a_dispute_must_show() {
    let person = find(Person::address_under_review);
    let mut bundle = right(&person);
    bundle["fields"]["address"]["underReview"] = false.into();
    assert_eq!(kinds(&verified(&person, &bundle)), [Wrong::UnderReview]);
}

#[test]
fn every_field_stands_there_once() {
    let remove = |it: &mut Value| drop(it["fields"].as_object_mut().unwrap().remove("plate"));
    check(remove, &[Wrong::FieldMissing]);
    let add = |it: &mut Value| it["fields"]["salary"] = it["fields"]["plate"].clone();
    check(add, &[Wrong::FieldUnknown]);
    let person = country().example_adult();
    let twice = right(&person).to_string();
    let twice = twice.replacen("\"fields\":{", "\"fields\":{\"plate\":{\"status\":\"empty\"},", 1);
    let verified = verify(&expected(&person), twice.as_bytes());
    assert_eq!(kinds(&verified), [Wrong::Empty, Wrong::FieldUnknown]);
}

#[test]
fn it_answers_the_procedure_asked_for() {
    check(|it| it["procedure"]["id"] = "other-form".into(), &[Wrong::Procedure]);
    check(|it| it["procedure"]["version"] = 4.into(), &[Wrong::Procedure]);
}

#[test]
fn a_disclosure_id_is_a_uuid() {
    check(|it| it["disclosure"] = "1".into(), &[Wrong::Disclosure]);
    let braces = "{01920000-0000-7000-8000-000000000001}";
    check(|it| it["disclosure"] = braces.into(), &[Wrong::Disclosure]);
}

#[test]
fn complete_says_whether_anything_is_missing() {
    check(|it| it["complete"] = false.into(), &[Wrong::Complete]);
    let gap = json!({"status": "unavailable", "source": "snca", "reason": "timeout"});
    check(|it| it["fields"]["plate"] = gap, &[Wrong::Complete]);
}

#[test]
fn reasons_and_outcomes_are_of_the_closed_lists() {
    let gap = json!({"status": "unavailable", "source": "snca", "reason": "asleep"});
    let asleep = |it: &mut Value| {
        it["fields"]["plate"] = gap;
        it["complete"] = false.into();
    };
    check(asleep, &[Wrong::Status]);
    check(|it| it["sources"]["snca"]["outcome"] = "cached".into(), &[Wrong::Status]);
}

#[test]
fn anything_else_than_a_bundle_has_the_wrong_shape() {
    check(|it| it["cached"] = true.into(), &[Wrong::Shape]);
    check(|it| it["fields"]["plate"]["cached"] = true.into(), &[Wrong::Shape]);
    check(|it| it["fields"]["plate"]["status"] = "lost".into(), &[Wrong::Shape]);
    check(|it| drop(it.as_object_mut().unwrap().remove("sources")), &[Wrong::Shape]);
    check(|it| *it = json!([]), &[Wrong::Shape]);
    assert_eq!(kinds(&verify(&expected(&country().person(0)), b"")), [Wrong::Shape]);
}

#[test]
fn a_value_may_be_escaped_otherwise() {
    let person = find(|it| !it.family_name().is_ascii());
    let bundle = right(&person).to_string();
    let escaped: String = bundle
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
        .collect();
    assert_ne!(escaped, bundle);
    assert_eq!(verify(&expected(&person), escaped.as_bytes()).findings, []);
}

#[test]
fn a_source_unknown_here_is_counted_and_not_judged() {
    let person = country().example_adult();
    let mut form = Form::clone(&form());
    form.fields.truncate(1);
    form.fields[0].sources = vec!["space.email".into()];
    let subjects = [("applicant", person.matricule().to_string())];
    let expected = Expected::new(&country(), &Arc::new(form), &subjects);
    for field in [
        json!({"status": "filled", "value": "a@example.org", "source": "space"}),
        json!({"status": "empty", "source": "space"}),
    ] {
        let mut bundle = right(&person);
        bundle["fields"] = json!({"familyName": field});
        let verified = verify(&expected, bundle.to_string().as_bytes());
        assert_eq!((verified.findings, verified.unverified), (vec![], 1));
    }
}

#[test]
fn a_finding_names_the_field_and_shows_no_value() {
    let person = country().example_adult();
    let mut bundle = right(&person);
    bundle["fields"]["familyName"]["value"] = "Zzyzx".into();
    let text = verified(&person, &bundle).findings[0].to_string();
    assert_eq!(
        text,
        "some-form familyName (rnpp.familyName): wrong value: another text than the register has \
         (disclosure 01920000-0000-7000-8000-000000000001)"
    );
    bundle["fields"]["familyName"]["status"] = "Zzyzx".into();
    let shape = verified(&person, &bundle).findings[0].to_string();
    assert!(shape.contains("not the shape") && !shape.contains("Zzyzx"), "{shape}");
}
