//! Whatever was resolved, only what is allowed leaves, and always as JSON.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::random::{Asked, NOW, asked};
use crate::catalogue::Catalogue;
use crate::catalogue::tests::world::Pattern;
use crate::consent::{Bundle, Grant, decide};
use crate::model::{Answer, AnswerBuilder, Call, CallSet, Channel, Resolution, Unavailable};

/// A value that is found in no other place, and that breaks whoever quotes badly.
pub(super) fn marker(role: usize, register: &str, attribute: &str) -> String {
    format!("<{role}/{register}/{attribute}> \"quoted\" \\ Zoë \u{1F600}\n")
}

/// Every attribute of a call's register, as a marker.
fn answer(catalogue: &Catalogue, call: usize) -> Answer {
    let planned = &catalogue.procedures()[0].calls[call];
    let register = catalogue.register(planned.register);
    let mut builder = AnswerBuilder::default();
    for (index, attribute) in register.attributes.iter().enumerate() {
        let text = marker(planned.role, &register.name, &attribute.name);
        let json = serde_json::to_vec(&text).unwrap();
        builder.value(index, Some("2025-01-01"), |out| out.extend_from_slice(&json));
    }
    builder.found(register.all(), NOW, None)
}

/// Calls that ended in every way, most with a value.
pub(super) fn resolution(catalogue: &Catalogue, endings: &[u8]) -> Resolution {
    let count = catalogue.procedures()[0].calls.len();
    let mut resolution = Resolution::empty(count);
    for index in 0..count {
        let answer = answer(catalogue, index);
        let reason = Unavailable::Error;
        resolution.set(
            index,
            match endings[index % endings.len()] {
                0 => Call::Open,
                1 => Call::failed(reason),
                2 => Call::NoKey,
                3 => Call::RoleUnproven,
                4 => Call::Stale { answer, reason },
                _ => Call::Answered(answer),
            },
        );
    }
    resolution
}

fn release(catalogue: &Catalogue, grant: &Grant, endings: &[u8]) -> Bundle {
    grant.release(catalogue, &resolution(catalogue, endings), Uuid::nil(), NOW)
}

fn granted(asked: &Asked) -> Option<(Catalogue, Grant)> {
    let catalogue = asked.world.compile();
    let request = asked.request(&catalogue);
    let grant = decide(&catalogue, &request, asked.parties(&catalogue), NOW).ok()?;
    Some((catalogue, grant))
}

/// What may leave: the markers of allowed candidates.
fn allowed(asked: &Asked, grant: &Grant) -> BTreeSet<String> {
    let candidates = asked.world.candidates();
    let marker = |index: usize| {
        let (_, role, register, attribute) = &candidates[index];
        marker(*role, &asked.world.registers[*register].name, attribute)
    };
    grant.allowed().iter().map(marker).collect()
}

/// Every text anywhere in a bundle.
fn texts(json: &Value, all: &mut Vec<String>) {
    match json {
        Value::String(text) => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(members) => members.values().for_each(|member| texts(member, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 160,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_value_leaves_that_is_not_allowed(
        asked in asked(),
        endings in prop::collection::vec(0..10_u8, 1..8),
    ) {
        let Some((catalogue, grant)) = granted(&asked) else { return Ok(()) };
        let bundle = release(&catalogue, &grant, &endings);
        let json: Value = serde_json::from_slice(&bundle.body).unwrap();
        let mut seen = Vec::new();
        texts(&json, &mut seen);
        let allowed = allowed(&asked, &grant);
        for text in seen.iter().filter(|text| text.contains('<')) {
            prop_assert!(allowed.contains(text), "{text} left");
        }
        // Nor outside of any JSON text, whole or in part.
        let body = String::from_utf8(bundle.body.clone()).unwrap();
        prop_assert_eq!(body.matches("quoted").count(), bundle.released.fields.len());
    }

    #[test]
    fn a_field_is_filled_by_its_first_allowed_source_that_answered(
        asked in asked(),
        endings in prop::collection::vec(0..10_u8, 1..8),
    ) {
        let Some((catalogue, grant)) = granted(&asked) else { return Ok(()) };
        let resolution = resolution(&catalogue, &endings);
        let bundle = release(&catalogue, &grant, &endings);
        let json: Value = serde_json::from_slice(&bundle.body).unwrap();
        let candidates = asked.world.candidates();
        for (name, field) in json["fields"].as_object().unwrap() {
            let first = candidates.iter().enumerate().find(|(index, (of, ..))| {
                let call = catalogue.procedures()[0].candidates[*index].call;
                let ended = resolution.call(call);
                let answered = matches!(ended, Call::Answered(_) | Call::Stale { .. });
                format!("f{of}") == *name && grant.allowed().contains(*index) && answered
            });
            let value = first.map(|(_, (_, role, register, attribute))| {
                marker(*role, &asked.world.registers[*register].name, attribute)
            });
            prop_assert_eq!(field.get("value").and_then(Value::as_str), value.as_deref());
            let filled = field["status"] == "filled" || field["status"] == "stale";
            prop_assert_eq!(filled, value.is_some());
        }
    }

    #[test]
    fn sources_name_registers_that_this_grant_needs_and_no_other(asked in asked()) {
        let Some((catalogue, grant)) = granted(&asked) else { return Ok(()) };
        let bundle = release(&catalogue, &grant, &[9]);
        let json: Value = serde_json::from_slice(&bundle.body).unwrap();
        let plan: CallSet = grant.plan(&catalogue).calls();
        let needed = plan.iter().map(|call| catalogue.procedures()[0].calls[call].register);
        let name = |id| catalogue.register(id).name.to_string();
        let needed: BTreeSet<_> = needed.map(name).collect();
        let told: BTreeSet<_> = json["sources"].as_object().unwrap().keys().cloned().collect();
        prop_assert_eq!(&told, &needed);
    }

    #[test]
    fn the_record_names_every_register_that_was_asked_whatever_is_allowed_since(
        asked in asked(),
        endings in prop::collection::vec(0..10_u8, 1..8),
    ) {
        let Some((catalogue, grant)) = granted(&asked) else { return Ok(()) };
        let resolution = resolution(&catalogue, &endings);
        let calls = catalogue.procedures()[0].calls.iter().enumerate();
        let outcome = |index| resolution.call(index).outcome();
        let expected: BTreeSet<(usize, usize)> = calls
            .filter(|(index, _)| outcome(*index).is_some())
            .map(|(_, call)| (call.role, call.register.index()))
            .collect();
        let called = release(&catalogue, &grant, &endings).released.called;
        let called = called.iter().enumerate();
        let called = called.flat_map(|(role, of)| of.iter().map(move |index| (role, index)));
        prop_assert_eq!(called.collect::<BTreeSet<_>>(), expected);
    }

    #[test]
    fn a_back_office_sees_the_same_bytes_whether_citizens_or_the_law_said_no(
        asked in asked(),
        endings in prop::collection::vec(0..10_u8, 1..8),
    ) {
        let mut asked = asked;
        asked.channel = Channel::BackOffice;
        asked.world.by_law = true;
        let Some((catalogue, grant)) = granted(&asked) else { return Ok(()) };
        // The same without any No, for an organisation that may have just that.
        let mut other = asked.clone();
        other.refused.iter_mut().for_each(Vec::clear);
        let candidates = asked.world.candidates();
        other.world.authority[asked.organisation] = grant.allowed().iter().map(|index| {
            let (_, _, register, attribute) = &candidates[index];
            Pattern { register: *register, attribute: Some(attribute.clone()) }
        }).collect();
        let Some((other_catalogue, other_grant)) = granted(&other) else { return Ok(()) };
        if grant.allowed() != other_grant.allowed() {
            // The same attribute is allowed of one role and not of another.
            return Ok(());
        }
        let body = release(&catalogue, &grant, &endings).body;
        prop_assert_eq!(body, release(&other_catalogue, &other_grant, &endings).body);
    }
}
