//! A child stands in a procedure only where the register lists them as the
//! applicant's, and only while a minor.

use engine::demo::Demo;
use fixtures::{Mode, Person};
use serde_json::{Value, json};

use crate::support::{api, bundle, calls, demo, family, find, form, set, with, young_child};

const OF_CHILD: [&str; 4] =
    ["childFamilyName", "childGivenName", "childDateOfBirth", "childPostCode"];

fn leave(demo: &Demo, parent: &str, child: &str) -> Value {
    let subjects = json!({"subjects": {"applicant": parent, "child": child}});
    bundle(api(demo), &with(form("parental-leave", parent), subjects))
}

#[track_caller]
fn check_role_withheld(bundle: &Value) {
    for name in OF_CHILD {
        let field = &bundle["fields"][name];
        let register = if name == "childPostCode" { "caclr" } else { "rnpp" };
        let gap = json!({"status": "withheld", "source": register, "reason": "role"});
        assert_eq!(*field, gap, "{name}");
    }
    assert_eq!(bundle["complete"], false);
}

#[track_caller]
fn check_key_missing(bundle: &Value) {
    for name in OF_CHILD {
        let register = if name == "childPostCode" { "caclr" } else { "rnpp" };
        let gap = json!({"status": "unavailable", "source": register, "reason": "keyMissing"});
        assert_eq!(bundle["fields"][name], gap, "{name}");
    }
}

/// How often a register was asked about this person.
fn asked_about(demo: &Demo, register: &str, key: &str) -> usize {
    let log = demo.fleet.register(register).log();
    log.iter().filter(|call| call.keys.iter().any(|known| known == key)).count()
}

#[test]
fn the_applicants_own_child_is_filled() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    let bundle = leave(&demo, &parent, &child);
    let person = demo.country.person_of(&child).unwrap();
    let fields = &bundle["fields"];
    assert_eq!(fields["childGivenName"]["value"], person.given_name());
    assert_eq!(fields["childFamilyName"]["value"], person.family_name());
    assert_eq!(fields["childDateOfBirth"]["value"], person.date_of_birth().to_string());
    assert_eq!(fields["childPostCode"]["value"], person.address().post_code().as_str());
    assert_eq!(bundle["complete"], true);
}

#[test]
fn somebody_elses_child_is_withheld_and_nobody_is_asked_about_them() {
    let demo = demo();
    let (parent, own) = family(demo.country);
    let stranger = find(demo.country, |it| {
        young_child(it)
            .is_some_and(|child| child.parents().all(|it| it.matricule().to_string() != parent))
    });
    let other = young_child(&stranger).unwrap().matricule().to_string();
    assert_ne!(own, other);
    let bundle = leave(&demo, &parent, &other);
    check_role_withheld(&bundle);
    assert_eq!(bundle["fields"]["familyName"]["status"], "filled");
    assert_eq!(asked_about(&demo, "rnpp", &other), 0);
}

#[test]
fn a_child_that_no_register_knows_is_withheld() {
    let demo = demo();
    let (parent, _) = family(demo.country);
    let elsewhere = fixtures::Country::new(1, 100_000).unwrap();
    let unknown = elsewhere
        .people()
        .skip(90_000)
        .find(|it| it.is_child() && it.date_of_birth().civil().0 >= 2020);
    check_role_withheld(&leave(&demo, &parent, &unknown.unwrap().matricule().to_string()));
}

#[test]
fn an_adult_is_no_child_whoever_they_are() {
    let demo = demo();
    let (parent, _) = family(demo.country);
    let applicant = demo.country.person_of(&parent).unwrap();
    let stranger =
        find(demo.country, |it| !it.is_child() && it.matricule() != applicant.matricule());
    for adult in [applicant.spouse(), Some(stranger), Some(applicant)].into_iter().flatten() {
        let adult = adult.matricule().to_string();
        check_role_withheld(&leave(&demo, &parent, &adult));
        if adult != parent {
            assert_eq!(asked_about(&demo, "rnpp", &adult), 0);
        }
    }
}

#[test]
fn a_parents_no_leaves_the_relation_unproven() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    api(&demo).prefer(&parent, "rnpp", false).ok();
    let bundle = leave(&demo, &parent, &child);
    check_role_withheld(&bundle);
    let gap = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
    assert_eq!(bundle["fields"]["familyName"], gap);
    assert_eq!(calls(&demo.fleet, "rnpp"), 0);
}

#[test]
fn a_childs_own_no_is_a_preference() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    api(&demo).prefer(&child, "rnpp", false).ok();
    let bundle = leave(&demo, &parent, &child);
    let gap = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
    for name in OF_CHILD {
        assert_eq!(bundle["fields"][name], gap, "{name}");
    }
    assert_eq!(bundle["fields"]["familyName"]["status"], "filled");
    assert_eq!(asked_about(&demo, "rnpp", &child), 0);
    // It was asked about the parent, and each list says so of its own reader only.
    let told = |who: &str| api(&demo).mine(who, "/v1/me/accesses").ok()["usages"][0].take();
    assert_eq!(told(&child)["registers"], json!([]));
    assert!(told(&parent)["registers"].as_array().unwrap().contains(&json!("rnpp")));
}

#[test]
fn without_the_register_of_persons_the_relation_cannot_be_told() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    set(&demo.fleet, "rnpp", Mode::Error);
    let bundle = leave(&demo, &parent, &child);
    check_key_missing(&bundle);
    let gap = json!({"status": "unavailable", "source": "rnpp", "reason": "error"});
    assert_eq!(bundle["fields"]["familyName"], gap);
    assert_eq!(asked_about(&demo, "rnpp", &child), 0);
}

#[test]
fn a_list_of_children_that_cannot_be_read_does_not_say_that_a_child_is_none() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    set(&demo.fleet, "rnpp", Mode::WrongTypes);
    check_key_missing(&leave(&demo, &parent, &child));
    assert_eq!(asked_about(&demo, "rnpp", &child), 0);
}

/// But for its id, which is never the same.
fn without_id(mut bundle: Value) -> Value {
    bundle["disclosure"].take();
    bundle
}

#[test]
fn a_stranger_cannot_tell_what_a_child_refuses() {
    let demo = demo();
    let (_, child) = family(demo.country);
    let of_others = |it: &Person| {
        let mut children = it.children().map(|it| it.matricule().to_string());
        young_child(it).is_some() && children.all(|it| it != child)
    };
    let stranger = find(demo.country, of_others).matricule().to_string();
    let before = without_id(leave(&demo, &stranger, &child));
    check_role_withheld(&before);
    for register in ["caclr", "rnpp"] {
        api(&demo).prefer(&child, register, false).ok();
        assert_eq!(without_id(leave(&demo, &stranger, &child)), before, "{register}");
    }
    // Nor where the list that would show the relation cannot be had.
    set(&demo.fleet, "rnpp", Mode::Error);
    let other = |it: &Person| of_others(it) && it.matricule().to_string() != stranger;
    let other = find(demo.country, other);
    check_key_missing(&leave(&demo, &other.matricule().to_string(), &child));
}

#[test]
fn a_parent_is_told_what_their_child_refuses() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    api(&demo).prefer(&child, "rnpp", false).ok();
    let bundle = leave(&demo, &parent, &child);
    for name in OF_CHILD {
        let gap = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
        assert_eq!(bundle["fields"][name], gap, "{name}");
    }
    assert_eq!(asked_about(&demo, "rnpp", &child), 0);
}

#[test]
fn each_subjects_list_tells_what_was_given_out_about_them() {
    let demo = demo();
    let (parent, child) = family(demo.country);
    leave(&demo, &parent, &child);
    let fields = |matricule: &str| {
        let list = api(&demo).mine(matricule, "/v1/me/accesses").ok();
        let fields = list["usages"][0]["fields"].as_array().unwrap().clone();
        fields.iter().map(|field| field.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(fields(&child).iter().all(|field| field.starts_with("child")));
    assert!(fields(&child).len() >= OF_CHILD.len());
    assert!(fields(&parent).iter().all(|field| !OF_CHILD.contains(&&**field)));
    assert!(fields(&parent).contains(&"employer".to_owned()));
    let list = api(&demo).mine(&child, "/v1/me/accesses").ok();
    assert_eq!(list["usages"][0]["registers"], json!(["caclr", "rnpp"]));
}
