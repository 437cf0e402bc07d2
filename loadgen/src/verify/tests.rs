//! Right bundles pass, and each kind of wrong answer is caught.

mod beside;
mod glanced;
mod refused;
mod roles;
mod world;

use fixtures::Person;
use serde_json::{Value, json};

use super::*;
use world::{alone, check, country, find, form, form_of, kinds, verified, verified_of};

fn right(person: &Person) -> Value {
    world::right(&form(), &alone(person))
}

#[test]
fn right_bundles_about_everybody_have_no_finding() {
    let refusing = country().personas().into_iter().find(|it| !it.refuses.is_empty()).unwrap();
    for person in country().people().filter(|it| it.matricule() != refusing.subject) {
        let verified = verified(&person, &right(&person));
        assert_eq!(verified.findings, [], "{person:?}");
        assert_eq!(verified.filled + verified.gaps.len() as u64, 10);
        assert_eq!(verified.complete, !verified.gaps.contains(&Gap::Told));
    }
}

#[test]
fn another_value_is_wrong() {
    check(|it| it["fields"]["familyName"]["value"] = "Somebody-Else".into(), &[Wrong::Value]);
    check(|it| it["fields"]["weeklyHours"]["value"] = "40".into(), &[Wrong::Value]);
    check(|it| it["fields"]["plate"]["value"] = json!(null), &[Wrong::Status]);
    check(|it| it["fields"]["plate"]["value"] = json!([]), &[Wrong::Value]);
    let other = |it: &mut Value| {
        let insured = it["fields"]["insured"]["value"].as_bool().unwrap();
        it["fields"]["insured"]["value"] = (!insured).into();
    };
    check(other, &[Wrong::Value]);
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
        bundle["sources"]["snca"]["outcome"] = "error".into();
        bundle["complete"] = false.into();
        let verified = verified(&person, &bundle);
        assert_eq!((verified.findings, verified.gaps), (vec![], vec![Gap::Unavailable(reason)]));
    }
}

#[test]
fn what_a_register_marks_as_unavailable_is_told_apart() {
    let silent = find(|it| it.affiliation().is_some_and(|it| it.employer_unavailable()));
    let mut bundle = right(&silent);
    assert_eq!(bundle["fields"]["employer"]["reason"], "error");
    assert!(verified(&silent, &bundle).gaps.contains(&Gap::Told));
    // The same words mean something else where the register failed.
    bundle["sources"]["ccss"]["outcome"] = "error".into();
    let seen = verified(&silent, &bundle);
    assert!(!seen.gaps.contains(&Gap::Told) && seen.gaps.contains(&Gap::Unavailable("error")));
    assert_eq!(seen.findings, []);
}

#[test]
fn a_register_that_answered_and_has_a_value_is_not_unavailable() {
    let gap = json!({"status": "unavailable", "source": "snca", "reason": "error"});
    let spoil = |it: &mut Value| {
        it["fields"]["plate"] = gap;
        it["complete"] = false.into();
    };
    check(spoil, &[Wrong::Unavailable]);
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
    let expected = Expected::new(form(), alone(&person));
    let verified = verify(&expected, twice.as_bytes());
    assert_eq!(kinds(&verified), [Wrong::Empty, Wrong::FieldUnknown]);
}

#[test]
fn what_is_filled_by_hand_stands_in_no_bundle() {
    let add = |it: &mut Value| it["fields"]["remarks"] = json!({"status": "empty"});
    check(add, &[Wrong::FieldUnknown]);
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
    assert_eq!(
        kinds(&verify(&Expected::new(form(), alone(&country().person(0))), b"")),
        [Wrong::Shape]
    );
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
    let expected = Expected::new(form(), alone(&person));
    assert_eq!(verify(&expected, escaped.as_bytes()).findings, []);
}

#[test]
fn a_source_unknown_here_is_counted_and_not_judged() {
    let person = country().example_adult();
    let fields = json!([{"name": "sky", "role": "applicant", "sources": ["weather.sky"]}]);
    let roles = json!([{"id": "applicant", "is": "natural", "minorsOnly": false}]);
    let form = form_of(&fields, &roles);
    for field in [
        json!({"status": "filled", "value": "blue", "source": "weather"}),
        json!({"status": "empty", "source": "weather"}),
    ] {
        let mut bundle = right(&person);
        bundle["fields"] = json!({"sky": field});
        bundle["complete"] = true.into();
        bundle["sources"] = json!({"weather": {"outcome": "answered"}});
        let verified = verified_of(form.clone(), alone(&person), &bundle);
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
