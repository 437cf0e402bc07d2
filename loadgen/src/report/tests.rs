//! Verdicts.

use super::*;
use crate::honesty::Honesty;
use crate::results::{Channel, Ending, Results, Sample};
use crate::run::Outcome;
use crate::tally::Answered;
use crate::target::Error;
use crate::verify::{Finding, Gap, Verified, Wrong};

fn sample(ending: Ending, verified: Option<Verified>) -> Sample {
    Sample {
        number: 1,
        intended: Duration::ZERO,
        sent: Duration::ZERO,
        ended: Duration::from_micros(300),
        lag: None,
        group: 0,
        channel: Channel::FrontOffice,
        ending,
        cache: None,
        verified,
        compared: true,
    }
}

fn answered(status: u16) -> Answered {
    Answered { status, problem: None }
}

fn results(samples: &[Sample]) -> Results {
    let mut results = Results::new(vec!["some-form".into()]);
    samples.iter().for_each(|sample| results.record(sample));
    results
}

fn good() -> Sample {
    let verified = Verified { complete: true, filled: 11, ..Verified::default() };
    sample(Ending::Answered(answered(200)), Some(verified))
}

fn wrong() -> Sample {
    let finding = Finding {
        wrong: Wrong::Value,
        procedure: "some-form".into(),
        field: Some("plate (snca.plate)".into()),
        detail: "another text than the register has".into(),
        disclosure: None,
    };
    let verified = Verified { complete: true, findings: vec![finding], ..Verified::default() };
    sample(Ending::Answered(answered(200)), Some(verified))
}

fn document(samples: &[Sample], ended: Ended, levels: &[&str]) -> Document {
    let levels: Vec<Slo> = levels.iter().map(|level| level.parse().unwrap()).collect();
    let took = Duration::from_secs(1);
    let outcome = Outcome {
        results: results(samples),
        honesty: Honesty::default(),
        took,
        ended,
        began_ms: 0,
    };
    Document::new(&Heading::default(), &outcome, &levels)
}

#[track_caller]
fn check(samples: &[Sample], ended: Ended, code: u8, says: &str) {
    check_levels(samples, ended, &[], code, says);
}

#[track_caller]
fn check_levels(samples: &[Sample], ended: Ended, levels: &[&str], code: u8, says: &str) {
    let document = document(samples, ended, levels);
    let conclusion = conclusion(&document);
    assert_eq!(verdict(&document).code(), code, "{conclusion}");
    assert!(conclusion.contains(says), "{conclusion}");
}

fn unanswered() -> Sample {
    sample(Ending::Failed(Error::Timeout), None)
}

fn refused() -> Sample {
    let problem = Some("overloaded".into());
    sample(Ending::Unexpected(Answered { status: 503, problem }), None)
}

#[test]
fn a_verdict_follows_from_what_was_seen() {
    check(&[good()], Ended::Done, 0, "holds: 1 answers");
    check(&[good(), wrong()], Ended::Done, 3, "void: 1 wrong answers of 2 (wrong value 1)");
    check(&[wrong(), refused()], Ended::Done, 3, "void: 1 wrong answers of 2");
    check(&[good(), refused()], Ended::Done, 1, "1 unexpected statuses");
    check(&[good(), unanswered()], Ended::Done, 1, "1 requests without an answer, of 2");
    check(&[], Ended::Done, 3, "nothing was answered");
}

#[test]
fn a_run_cut_short_shows_only_what_was_wrong() {
    check(&[good()], Ended::Interrupted, 3, "a partial result, interrupted");
    check(&[good()], Ended::TargetClosed, 3, "the target closed after 1 answers");
    check(
        &[wrong()],
        Ended::Interrupted,
        3,
        "void: 1 wrong answers of 1 (wrong value 1); a partial",
    );
    check(&[wrong()], Ended::TargetClosed, 3, "a partial result, the target went away");
    check(&[refused()], Ended::Interrupted, 1, "1 unexpected statuses");
}

#[test]
fn a_level_that_does_not_hold_is_a_violation_and_one_without_a_measure_is_void() {
    let done = Ended::Done;
    check_levels(&[good()], done, &["p99 < 1ms", "rate >= 1/s"], 0, "holds");
    check_levels(&[good()], done, &["p99 < 1ms", "max < 299us"], 1, "max < 299us: 300 us");
    check_levels(&[good()], done, &["rate >= 99%"], 3, "rate >= 99%: nothing was measured");
    check_levels(&[good()], done, &["p50[other] < 1s"], 3, "nothing was measured");
    check_levels(&[good()], Ended::Interrupted, &["max < 299us"], 3, "a partial result");
}

#[test]
fn a_level_on_errors_judges_failures_and_never_a_wrong_answer() {
    let done = Ended::Done;
    let failed = [good(), good(), unanswered(), refused()];
    check_levels(&failed, done, &["errors <= 50%"], 0, "holds");
    check_levels(&failed, done, &["errors < 50%"], 1, "errors < 50%: 50.000 %");
    check_levels(&failed, done, &["errors[some-form] <= 50%"], 1, "without an answer");
    check_levels(&[good(), wrong()], done, &["errors <= 50%"], 3, "1 wrong answers");
}

#[test]
fn a_target_that_was_behind_holds_and_is_told() {
    let waited = |seconds| {
        let mut document = document(&[good()], Ended::Done, &[]);
        let lag = Duration::from_micros(20);
        document.generator.due(Duration::from_secs(9));
        document.generator.sent(lag, Duration::from_secs(seconds));
        assert_eq!(verdict(&document), Verdict::Holds, "{}", text(&document));
        assert!(text(&document).contains("\nservice    p50 300 us"), "{}", text(&document));
        conclusion(&document)
    };
    assert_eq!(waited(0), "holds: 1 answers, each verified");
    let behind = waited(75);
    assert!(behind.ends_with("; the target was up to 75.0 s behind"), "{behind}");
}

#[test]
fn a_generator_that_stood_still_does_not_say_that_its_target_was_behind() {
    let mut document = document(&[good()], Ended::Done, &[]);
    document.generator.due(Duration::from_secs(9));
    for _ in 0..1_000 {
        document.generator.sent(Duration::from_micros(20), Duration::from_micros(20));
    }
    let (stall, waited) = (Duration::from_secs(4), Duration::from_micros(4_000_300));
    document.generator.sent(stall, waited);
    assert_eq!(conclusion(&document), "holds: 1 answers, each verified");
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
        not_asked: vec![(
            "couple-form".into(),
            "who has the role `partner` is not known here".into(),
        )],
        country: "--population 10 --seed 1".into(),
    };
    let document = Document { heading, ..document(&[wrong()], Ended::Done, &["p99 < 1s"]) };
    let text = text(&document);
    assert!(text.starts_with("void: "), "{text}");
    for part in [
        "loop       closed:",
        "2 connections on 1 thread\n",
        "not asked  2 procedures that are not prefilled\n",
        "not asked  couple-form: who has the role `partner` is not known here\n",
        "answered   1 of 1 sent, 1/s over 1.0 s",
        "p50 300 us",
        "level      holds: p99 < 1s (measured: 300 us)\n",
        "send lag   none: nothing was due at a time of its own\n",
        "statuses   200 1\n",
        "complete   100.00 % of the bundles",
        "filled     0 of 0 fields (none)\n",
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
        let verified = Verified { gaps: gaps.to_vec(), ..Verified::default() };
        let sample = sample(Ending::Answered(answered(200)), Some(verified));
        super::gaps(&document(&[sample], Ended::Done, &[]).counts)
    };
    let told = gaps(&[Gap::Told, Gap::Empty, Gap::Told]);
    assert_eq!(told, "empty 1, told unavailable by its register 2");
    let some = sample(
        Ending::Answered(answered(200)),
        Some(Verified {
            filled: 3,
            gaps: vec![Gap::Empty, Gap::Unavailable("timeout"), Gap::Told],
            ..Verified::default()
        }),
    );
    let shape = Sample { compared: false, ..some.clone() };
    let counts = document(&[some, shape], Ended::Done, &[]).counts;
    assert_eq!(filled(&counts), "6 of 12 fields (50.00 %)");
    let faults = gaps(&[Gap::Told, Gap::Unavailable("error"), Gap::Unavailable("timeout")]);
    assert_eq!(faults, "told unavailable by its register 1; unavailable: error 1, timeout 1");
}
