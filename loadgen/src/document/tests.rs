//! A document is what was measured, and documents merge.

use proptest::prelude::*;

use super::*;
use crate::results::Sample;
use crate::results::tests::samples;

pub(crate) fn document(samples: &[Sample]) -> Document {
    let mut results = Results::new((0..3).map(|group| format!("form-{group}")).collect());
    let mut honesty = Honesty::default();
    for sample in samples {
        results.record(sample);
        honesty.due(sample.intended);
        honesty.sent(sample.sent.saturating_sub(sample.intended), Duration::from_micros(5));
    }
    honesty.due_last = Duration::from_secs(2_000);
    let took = Duration::from_secs(2);
    let outcome =
        Outcome { results, honesty, took, ended: Ended::Done, began_ms: 1_750_000_000_000 };
    let levels = ["p99 < 50ms", "rate >= 0.99"].map(|level| level.parse().expect("a level"));
    Document::new(&Heading::default(), &outcome, &levels)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_document_reads_what_it_writes(samples in samples()) {
        let document = document(&samples);
        let read = Document::parse("a.json", &document.json()).expect("its own text");
        prop_assert_eq!(read, document);
    }

    #[test]
    fn what_processes_wrote_merges_into_what_one_would_have(
        samples in samples(),
        cut in 0usize..60,
    ) {
        let (first, second) = samples.split_at(cut.min(samples.len()));
        let read = |samples| Document::parse("a.json", &document(samples).json()).expect("its own");
        let mut merged = read(first);
        merged.merge(read(second)).expect("the same bounds");
        let mut whole = document(&samples);
        // A merged document says that it is one.
        whole.runs = 2;
        if !second.is_empty() || first.is_empty() {
            whole.generator.delay_last = merged.generator.delay_last;
        }
        prop_assert_eq!(merged, whole);
    }
}

#[track_caller]
fn check_refused(text: &str, why: &str) {
    let error = Document::parse("a.json", text).expect_err("no document").to_string();
    assert!(error.starts_with("a.json: ") && error.contains(why), "{error}");
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    let text = document(&[]).json();
    check_refused("", "line 1 column 0");
    check_refused("{}", "missing field `schema`");
    check_refused(&text.replace("loadgen/4", "loadgen/3"), "another version");
    check_refused(&text.replace("\"stepMs\":1000", "\"stepMs\":1500"), "intervals");
    check_refused(&text.replace("p99 < 50ms", "p99 < 50"), "levels");
    check_refused(&text.replace("\"digits\":3", "\"digits\":5"), "at most three digits");
    check_refused(&text.replace("\"runs\":1", "\"runs\":1,\"more\":1"), "unknown field `more`");
}

/// Runs of so many seconds, with when they began, held against each other.
fn alike(runs: &[(u64, u64)]) -> Result<(), String> {
    let run = |(began, took): &(u64, u64)| {
        let mut run = document(&[]);
        (run.began_ms, run.took_us) = (began * 1_000, took * 1_000_000);
        run
    };
    let runs: Vec<_> = runs.iter().map(run).collect();
    Document::check_alike(&runs).map_err(|error| error.to_string())
}

#[test]
fn runs_that_hardly_met_are_not_one_load_in_whatever_order() {
    assert_eq!(alike(&[(100, 10), (101, 10), (100, 11)]), Ok(()));
    // The longer one holds all of the shorter one.
    assert_eq!(alike(&[(100, 100), (150, 10)]), Ok(()));
    for (runs, says) in [
        (&[(100, 10), (109, 10)][..], "side by side for 1.0 s only, of the 10.0 s of the shorter"),
        (&[(100, 10), (108, 100)], "side by side for 2.0 s only, of the 10.0 s"),
        (&[(100, 10), (112, 10)], "one began 2.0 s after the other had ended"),
        (&[(100, 10), (101, 10), (102, 10)], "side by side for 8.0 s only"),
    ] {
        let mut runs = runs.to_vec();
        for _ in 0..runs.len() {
            runs.rotate_left(1);
            let said = alike(&runs).expect_err("unlike");
            assert!(said.contains(says), "{runs:?}: {said}");
        }
        runs.reverse();
        assert!(alike(&runs).is_err(), "{runs:?}");
    }
}

#[test]
fn runs_that_were_merged_took_from_the_first_beginning_to_the_last_end() {
    for (first, second) in [((100, 10), (101, 10)), ((101, 10), (100, 10))] {
        let run = |(began, took): (u64, u64)| {
            let mut run = document(&[]);
            (run.began_ms, run.took_us) = (began * 1_000, took * 1_000_000);
            run
        };
        let mut merged = run(first);
        merged.merge(run(second)).expect("the same bounds");
        assert_eq!((merged.began_ms, merged.took()), (100_000, Duration::from_secs(11)));
    }
}

#[test]
fn the_same_run_does_not_count_twice() {
    let said = alike(&[(100, 10), (100, 11), (100, 10)]).expect_err("twice");
    assert!(said.contains("twice"), "{said}");
}
