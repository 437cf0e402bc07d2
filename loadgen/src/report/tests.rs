//! Verdicts.

use super::*;
use crate::honesty::Honesty;
use crate::results::Results;
use crate::tally::Answered;
use crate::target::Error;
use crate::verify::{Finding, Verified, Wrong};

fn good() -> Tally {
    let mut tally = Tally::default();
    tally.answered(Answered { status: 200, problem: None }, Duration::from_micros(300));
    tally.verified(0, Verified { complete: true, filled: 11, ..Verified::default() });
    tally
}

fn wrong() -> Tally {
    let mut tally = good();
    let finding = Finding {
        wrong: Wrong::Value,
        procedure: "some-form".into(),
        field: Some("plate (snca.plate)".into()),
        detail: "another text than the register has".into(),
        disclosure: None,
    };
    tally.verified(1, Verified { findings: vec![finding], ..Verified::default() });
    tally
}

fn outcome(tally: Tally, ended: Ended) -> Outcome {
    let results = Results { tally, ..Results::default() };
    Outcome { results, honesty: Honesty::default(), took: Duration::from_secs(1), ended }
}

#[track_caller]
fn check(tally: &Tally, ended: Ended, code: u8, says: &str) {
    let outcome = outcome(tally.clone(), ended);
    let conclusion = conclusion(&outcome);
    assert_eq!(verdict(&outcome).code(), code, "{conclusion}");
    assert!(conclusion.contains(says), "{conclusion}");
}

#[test]
fn a_verdict_follows_from_what_was_seen() {
    let mut unanswered = good();
    unanswered.failed(Error::Timeout);
    let mut refused = good();
    let problem = Some("overloaded".into());
    refused.answered(Answered { status: 503, problem }, Duration::from_micros(1));
    check(&good(), Ended::Done, 0, "holds: 1 answers");
    check(&wrong(), Ended::Done, 1, "1 wrong answers");
    check(&refused, Ended::Done, 1, "1 unexpected statuses");
    check(&unanswered, Ended::Done, 1, "1 requests without an answer, of 2");
    check(&Tally::default(), Ended::Done, 3, "nothing was answered");
}

#[test]
fn a_run_cut_short_shows_only_what_was_wrong() {
    check(&good(), Ended::Interrupted, 3, "a partial result, interrupted");
    check(&good(), Ended::TargetClosed, 3, "the target closed after 1 answers");
    check(&wrong(), Ended::Interrupted, 1, "a partial result, interrupted");
    check(&wrong(), Ended::TargetClosed, 1, "a partial result, the target went away");
}

#[test]
fn a_report_says_that_the_loop_is_closed_and_explains_what_is_wrong() {
    let heading = Heading {
        target: "http://127.0.0.1:1".into(),
        law: "closed: one after the other".into(),
        connections: 2,
        threads: 1,
        asked: "1 procedures about 1 people".into(),
        by_hand: 2,
        not_asked: vec![("couple-form".into(), Uncastable::Role("partner".into()))],
        country: "--population 10 --seed 1".into(),
    };
    let text = text(&heading, &outcome(wrong(), Ended::Done));
    for part in [
        "loop       closed:",
        "2 connections on 1 thread\n",
        "not asked  2 procedures that are not prefilled\n",
        "not asked  couple-form: who has the role `partner` is not known here\n",
        "answered   1 of 1 sent, 1/s over 1.0 s",
        "p50 300 us",
        "statuses   200 1\n",
        "complete   100.00 % of the bundles",
        "wrong      wrong value 1\n",
        "request 1: some-form plate (snca.plate): wrong value: another text",
        "hint       is the target's country another one? It must be --population 10 --seed 1",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn what_registers_mark_as_unavailable_stands_apart_from_faults() {
    let gaps = |gaps: &[Gap]| {
        let mut tally = Tally::default();
        tally.verified(0, Verified { gaps: gaps.to_vec(), ..Verified::default() });
        super::gaps(&tally)
    };
    let told = gaps(&[Gap::Told, Gap::Empty, Gap::Told]);
    assert_eq!(told, "empty 1, told unavailable by its register 2");
    let faults = gaps(&[Gap::Told, Gap::Unavailable("error"), Gap::Unavailable("timeout")]);
    assert_eq!(faults, "told unavailable by its register 1; unavailable: error 1, timeout 1");
}
