//! Trace Context, by the standard's own rules.

use proptest::prelude::*;

use super::{Context, STATE_MAX};
use crate::entropy::Entropy;

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[track_caller]
fn check(parent: &str, passed_on: Option<&str>) {
    let read = Context::parse(parent).map(|context| context.traceparent());
    assert_eq!(read.as_deref(), passed_on, "{parent}");
}

#[test]
fn a_traceparent_is_read_strictly() {
    check(GOOD, Some(GOOD));
    check(" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\t", Some(GOOD));
    let unknown_flags = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fd";
    check(unknown_flags, Some(GOOD));
    let not_sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    check(not_sampled, Some(not_sampled));
    let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes";
    check(later, Some(GOOD));
    for wrong in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01",
        "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        check(wrong, None);
    }
}

#[track_caller]
fn check_state(lines: &[&str], passed_on: Option<&str>) {
    let context = Context::parse(GOOD).unwrap().with_state(lines.iter().copied());
    assert_eq!(context.tracestate(), passed_on, "{lines:?}");
}

#[test]
fn a_tracestate_is_passed_on_whole_or_not_at_all() {
    check_state(&["rojo=00f067aa0ba902b7"], Some("rojo=00f067aa0ba902b7"));
    check_state(&["rojo=1 , congo=t61", "a@b=2"], Some("rojo=1,congo=t61,a@b=2"));
    check_state(&["rojo=1,,"], Some("rojo=1"));
    let most: Vec<String> = (0..32).map(|at| format!("k{at}=v")).collect();
    check_state(&[&most.join(",")], Some(&most.join(",")));
    let long = format!("k={},l={}", "v".repeat(255), "v".repeat(254));
    assert!(long.len() > STATE_MAX);
    for wrong in [
        "",
        "rojo",
        "rojo=",
        "=1",
        "Rojo=1",
        "rojo=a=b",
        "rojo=\u{e9}",
        "rojo=1,rojo=2",
        &format!("{},x=1", most.join(",")),
        &long,
    ] {
        check_state(&[wrong], None);
    }
}

#[test]
fn a_child_is_in_the_same_trace_at_a_place_of_its_own() {
    let caller = Context::parse(GOOD).unwrap().with_state(["a=b"].into_iter());
    let child = caller.child(&Entropy::seeded(1));
    assert_eq!(child.id(), caller.id());
    assert_ne!(child.traceparent(), caller.traceparent());
    assert_eq!(child.tracestate(), Some("a=b"));
    assert_eq!(Context::parse(&child.traceparent()).unwrap().id(), caller.id());
}

proptest! {
    #[test]
    fn whatever_comes_what_is_passed_on_is_well_formed(parent in "\\PC{0,70}", state in "\\PC{0,600}") {
        if let Some(context) = Context::parse(&parent) {
            let context = context.with_state([&*state].into_iter());
            prop_assert_eq!(context.traceparent().len(), GOOD.len());
            prop_assert!(Context::parse(&context.traceparent()).is_some());
            prop_assert!(context.tracestate().is_none_or(|it| it.len() <= STATE_MAX && it.is_ascii()));
        }
    }
}
