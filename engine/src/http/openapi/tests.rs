//! The description is whole.

use super::*;

/// Every reference in a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_a_type_and_every_type_is_used() {
    let document = description();
    let mut found = Vec::new();
    references(document, &mut found);
    assert!(found.len() > 30);
    for reference in &found {
        let pointer = reference.strip_prefix('#').expect("it is of this document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let schemas = document.pointer(SCHEMAS).and_then(Value::as_object).expect("an object");
    for name in schemas.keys() {
        let reference = format!("#{SCHEMAS}/{name}");
        assert!(found.contains(&&*reference), "{name}");
    }
}

#[test]
fn what_is_sent_is_described_as_strictly_as_it_is_read() {
    for name in ["PrefillRequest", "PutPreference", "PutValue", "ReuseConsentRequest"] {
        let schema = &description().pointer(SCHEMAS).expect("types")[name];
        assert_eq!(schema["additionalProperties"], false, "{name}: {schema}");
    }
}
