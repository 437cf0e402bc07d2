//! What stands beside values: ages, sources, notices, own data.

use serde_json::{Value, json};

use super::world::{alone, check, country, form, right, verified};
use super::*;

fn remove(bundle: &mut Value, member: &str) {
    bundle.as_object_mut().unwrap().remove(member);
}

#[test]
fn a_registers_value_has_an_age() {
    check(|it| remove(&mut it["fields"]["plate"], "ageSeconds"), &[Wrong::Age]);
}

#[test]
fn every_register_that_led_to_a_value_is_named() {
    check(|it| remove(&mut it["sources"], "snca"), &[Wrong::Sources]);
    // The town and the house of an address.
    check(|it| remove(&mut it["sources"], "caclr"), &[Wrong::Sources; 2]);
}

#[test]
fn a_register_without_use_for_the_form_is_wrong() {
    for register in ["acd", "mandates", "space", "nobody-knows-this-one"] {
        let answered = json!({"outcome": "answered"});
        check(|it| it["sources"][register] = answered, &[Wrong::Sources]);
    }
    let person = country().example_adult();
    let twice = right(&form(), &alone(&person)).to_string();
    let source = "\"sources\":{\"snca\":{\"outcome\":\"answered\"},";
    let twice = twice.replacen("\"sources\":{", source, 1);
    let verified = verify(&Expected::new(form(), alone(&person)), twice.as_bytes());
    assert_eq!(kinds(&verified), [Wrong::Sources]);
}

#[test]
fn a_notice_is_one_of_the_procedures_with_its_text() {
    let few = || json!({"code": "few-hours", "text": "Few hours."});
    let old = || json!({"code": "old", "text": "Vieux."});
    check(|it| it["notices"] = json!([few()]), &[]);
    check(|it| it["notices"] = json!([few(), old()]), &[]);
    check(|it| it["notices"] = json!([few(), few()]), &[Wrong::Notice]);
    for (code, text) in [("other", "Few hours."), ("few-hours", "Old."), ("few-hours", "")] {
        check(|it| it["notices"] = json!([{"code": code, "text": text}]), &[Wrong::Notice]);
    }
    check(|it| it["notices"] = json!(["few-hours"]), &[Wrong::Shape]);
    check(|it| it["notices"] = json!([{"code": "old"}]), &[Wrong::Shape]);
    let more = json!([{"code": "old", "text": "Old.", "when": "always"}]);
    check(|it| it["notices"] = more, &[Wrong::Shape]);
}

#[test]
fn what_citizens_wrote_is_taken_and_counted() {
    let person = country().example_adult();
    let mut bundle = right(&form(), &alone(&person));
    assert_eq!(bundle["fields"]["iban"]["source"], "cns");
    bundle["fields"]["iban"] = json!({"status": "filled", "value": "LU28 0000", "source": "space"});
    let verified = verified(&person, &bundle);
    assert_eq!((verified.findings, verified.unverified), (vec![], 1));
}

#[test]
fn what_citizens_wrote_is_text_and_has_no_age() {
    let filled = json!({"status": "filled", "value": "LU28 0000", "source": "space"});
    let mut aged = filled.clone();
    aged["ageSeconds"] = 60.into();
    check(|it| it["fields"]["iban"] = aged, &[Wrong::Age]);
    let mut number = filled;
    number["value"] = 28.into();
    check(|it| it["fields"]["iban"] = number, &[Wrong::Value]);
}
