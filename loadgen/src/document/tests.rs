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
