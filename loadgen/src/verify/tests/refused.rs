//! Who refuses a register is expected to be withheld, and nobody else.

use std::sync::Arc;

use fixtures::Person;
use serde_json::{Value, json};

use super::world::{alone, country, form, joint_form, kinds, verified_of};
use super::*;
use crate::cast::{Cast, Casting};

/// Who refuses RNPP.
fn refusing() -> Person {
    let personas = country().personas();
    let persona = personas.iter().find(|it| !it.refuses.is_empty()).unwrap();
    assert_eq!(persona.refuses, ["rnpp"]);
    persona.person(&country())
}

fn withheld(reason: &str) -> Value {
    json!({"status": "withheld", "source": "rnpp", "reason": reason})
}

/// The bundle that such a person must get.
fn right() -> Value {
    let mut bundle = world::right(&form(), &alone(&refusing()));
    for field in ["familyName", "birthName", "address", "builtYear"] {
        bundle["fields"][field] = withheld("preference");
    }
    // Its second source is not refused.
    let employer = country().truth(&refusing().matricule().to_string(), "ccss.employer");
    bundle["fields"]["contact"] = json!({"status": "filled", "source": "ccss",
        "ageSeconds": 60, "value": employer.value().unwrap().to_json()});
    for register in ["rnpp", "caclr", "cadastre"] {
        bundle["sources"].as_object_mut().unwrap().remove(register);
    }
    bundle["complete"] = false.into();
    bundle
}

#[track_caller]
fn check(spoil: impl FnOnce(&mut Value), wrong: &[Wrong]) {
    let mut bundle = right();
    spoil(&mut bundle);
    let verified = verified_of(form(), alone(&refusing()), &bundle);
    assert_eq!(kinds(&verified), wrong, "{bundle}");
}

#[test]
fn what_is_refused_and_what_is_found_through_it_is_withheld() {
    check(|_| {}, &[]);
    let verified = verified_of(form(), alone(&refusing()), &right());
    assert_eq!(verified.gaps.iter().filter(|gap| **gap == Gap::Withheld).count(), 4);
}

#[test]
fn showing_what_is_refused_is_wrong() {
    let shown = world::right(&form(), &alone(&refusing()));
    for field in ["familyName", "birthName", "builtYear"] {
        let value = shown["fields"][field].clone();
        check(|it| it["fields"][field] = value, &[Wrong::Refused]);
    }
    let contact = shown["fields"]["contact"].clone();
    check(|it| it["fields"]["contact"] = contact, &[Wrong::Refused]);
    check(|it| it["fields"]["familyName"]["value"] = json!("x"), &[Wrong::Refused]);
}

#[test]
fn asking_for_what_is_refused_is_wrong() {
    let gap = json!({"status": "unavailable", "source": "rnpp", "reason": "timeout"});
    check(|it| it["fields"]["familyName"] = gap, &[Wrong::Refused]);
    let empty = json!({"status": "empty", "source": "caclr"});
    check(|it| it["fields"]["builtYear"] = empty, &[Wrong::Refused]);
    for register in ["rnpp", "caclr"] {
        let asked = json!({"outcome": "answered"});
        check(|it| it["sources"][register] = asked, &[Wrong::Sources]);
    }
}

#[test]
fn what_is_refused_is_withheld_for_that_reason() {
    check(|it| it["fields"]["familyName"] = withheld("authority"), &[Wrong::Status]);
}

#[test]
fn what_is_not_refused_is_not_withheld() {
    check(|it| it["fields"]["plate"] = withheld("preference"), &[Wrong::Withheld]);
    check(|it| it["fields"]["contact"] = withheld("preference"), &[Wrong::Withheld]);
}

#[test]
fn nothing_about_others_is_told_where_their_relation_is_refused() {
    let cast = joint_of_refusing();
    let mut bundle = world::right(&joint_form(), &cast);
    for field in ["childGivenName", "childPostCode"] {
        bundle["fields"][field] = withheld("role");
    }
    bundle["fields"]["familyName"] = withheld("preference");
    for register in ["rnpp", "caclr"] {
        bundle["sources"].as_object_mut().unwrap().remove(register);
    }
    bundle["complete"] = false.into();
    let findings = |bundle: &Value| kinds(&verified_of(joint_form(), cast.clone(), bundle));
    assert_eq!(findings(&bundle), []);
    bundle["fields"]["childGivenName"] = withheld("preference");
    assert_eq!(findings(&bundle), [Wrong::Status]);
}

/// A parent with a company who refuses RNPP: somebody of the right kind, in
/// place of the persona, who has none.
fn joint_of_refusing() -> Arc<Cast> {
    let form = joint_form();
    let casting = Casting::new(country(), country().population(), std::slice::from_ref(&form));
    let applicant = world::joint(7).applicant().identifier().to_owned();
    let index = country().person_of(&applicant).unwrap().index();
    Arc::new(casting.refused_by(index, &["rnpp"]).cast(7, form.parts()))
}
