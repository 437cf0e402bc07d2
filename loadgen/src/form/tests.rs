//! What of a description is a form.

use std::slice::from_ref;

use serde_json::{Value, json};

use super::*;

fn role(id: &str, kind: &str, minors_only: bool) -> Value {
    json!({"id": id, "is": kind, "minorsOnly": minors_only})
}

fn form(roles: &[Value], fields: &Value) -> Result<Form, Uncastable> {
    let described = json!({"id": "a", "version": 1, "organisation": "cae", "label": {"en": "A"},
        "deadlineMs": 2_000, "roles": roles, "fields": fields,
        "notices": [{"code": "old", "text": {"en": "Old."}}]});
    Form::new(serde_json::from_value(described).unwrap())
}

#[track_caller]
fn check(roles: &[Value], expected: Result<Parts, &str>) {
    let parts = form(roles, &json!([])).map(|form| form.parts());
    let expected = expected.map_err(|role| Uncastable::Role(role.to_owned()));
    assert_eq!(parts, expected, "{roles:?}");
}

#[test]
fn a_form_is_for_one_applicant_perhaps_with_a_child_and_a_company() {
    let applicant = role("applicant", "natural", false);
    let (child, company) = (role("child", "natural", true), role("company", "legal", false));
    let parts = |child, company| Ok(Parts { child, company });
    check(from_ref(&applicant), parts(false, false));
    check(&[applicant.clone(), child.clone()], parts(true, false));
    check(&[applicant.clone(), company.clone()], parts(false, true));
    check(&[applicant.clone(), child.clone(), company.clone()], parts(true, true));
    check(&[applicant.clone(), company.clone(), child.clone()], parts(true, true));
    let partner = role("partner", "natural", false);
    check(&[applicant.clone(), partner], Err("partner"));
    check(&[applicant.clone(), child.clone(), role("sibling", "natural", true)], Err("sibling"));
    check(&[applicant.clone(), company.clone(), role("buyer", "legal", false)], Err("buyer"));
    check(&[applicant, role("robot", "artificial", false)], Err("robot"));
    check(&[child], Err("child"));
    check(&[company], Err("company"));
}

#[test]
fn every_combination_of_parts_has_a_number_of_its_own() {
    let all = [(false, false), (true, false), (false, true), (true, true)];
    let numbers = all.map(|(child, company)| Parts { child, company }.index());
    assert_eq!(numbers, [0, 1, 2, 3]);
    assert_eq!(numbers.len(), Parts::COUNT);
}

#[test]
fn fields_that_are_filled_by_hand_are_left_out() {
    let fields = json!([
        {"name": "one", "role": "applicant", "sources": ["rnpp.familyName"], "hint": {"en": "?"}},
        {"name": "two", "role": "applicant", "sources": []},
    ]);
    let form = form(&[role("applicant", "natural", false)], &fields).unwrap();
    assert_eq!(form.fields.iter().map(|field| &*field.name).collect::<Vec<_>>(), ["one"]);
}

#[test]
fn a_field_of_no_role_cannot_be_asked_for() {
    let fields = json!([{"name": "one", "role": "aunt", "sources": ["rnpp.familyName"]}]);
    let refused = form(&[role("applicant", "natural", false)], &fields).unwrap_err();
    assert_eq!(refused, Uncastable::Field("one".into()));
}

#[test]
fn the_registers_of_a_form_are_those_that_may_be_asked_for_it() {
    let roles = [role("applicant", "natural", false), role("company", "legal", false)];
    let fields = json!([
        {"name": "iban", "role": "applicant", "sources": ["space.iban", "cns.reimbursementIban"]},
        {"name": "land", "role": "applicant", "sources": ["cadastre.landUse"]},
        {"name": "name", "role": "company", "sources": ["rcs.legalName"]},
    ]);
    let form = form(&roles, &fields).unwrap();
    assert_eq!(form.registers, ["caclr", "cadastre", "cns", "mandates", "rcs", "rnpp"]);
    let company = form.attributes(Part::Company);
    let mut expected = Attributes::default();
    expected.insert(ATTRIBUTES.iter().position(|it| *it == "rcs.legalName").unwrap());
    assert_eq!(company, expected);
}
