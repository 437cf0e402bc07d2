//! A child's and a company's fields are compared with their own truth.

use serde_json::{Value, json};

use super::world::{country, joint, joint_form, kinds, right, verified_of};
use super::*;
use crate::lineage::Part;

#[track_caller]
fn check(spoil: impl FnOnce(&mut Value), wrong: &[Wrong]) {
    let mut bundle = right(&joint_form(), &joint(7));
    spoil(&mut bundle);
    let verified = verified_of(joint_form(), joint(7), &bundle);
    assert_eq!(kinds(&verified), wrong, "{bundle}");
}

#[test]
fn right_bundles_about_families_with_a_company_have_no_finding() {
    for number in (0..country().population()).step_by(97) {
        let bundle = right(&joint_form(), &joint(number));
        let verified = verified_of(joint_form(), joint(number), &bundle);
        assert_eq!((verified.findings, verified.filled > 3), (vec![], true));
    }
}

#[test]
fn the_applicants_data_is_wrong_for_a_child_and_the_other_way_round() {
    let applicant = joint(7).applicant().identifier().to_owned();
    let own = country().truth(&applicant, "rnpp.givenName");
    let own = own.value().unwrap().to_json();
    check(|it| it["fields"]["childGivenName"]["value"] = own, &[Wrong::Value]);
}

#[test]
fn another_companys_data_is_wrong() {
    let cast = joint(7);
    let company = country().company_of(cast.subject(Part::Company).identifier()).unwrap();
    let other = country().company((company.index() + 1) % country().companies());
    let name = other.legal_name().to_string();
    check(|it| it["fields"]["legalName"]["value"] = name.into(), &[Wrong::Value]);
    let up_to_date = company.owners_up_to_date();
    check(|it| it["fields"]["upToDate"]["value"] = (!up_to_date).into(), &[Wrong::Value]);
    check(|it| it["fields"]["upToDate"]["value"] = "true".into(), &[Wrong::Value]);
}

#[test]
fn the_register_that_shows_a_mandate_stands_among_the_sources() {
    let remove = |it: &mut Value| {
        it["sources"].as_object_mut().unwrap().remove("mandates");
    };
    // One for each of the company's fields.
    check(remove, &[Wrong::Sources, Wrong::Sources]);
}

#[test]
fn a_relation_that_is_not_believed_is_wrong() {
    let withheld = json!({"status": "withheld", "source": "rcs", "reason": "role"});
    let spoil = |it: &mut Value| {
        it["fields"]["legalName"] = withheld;
        it["complete"] = false.into();
    };
    check(spoil, &[Wrong::Withheld]);
}
