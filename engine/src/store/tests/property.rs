//! Random batches against the naive model, with reopening in between.

use super::fixture::{Kind, Ledger, body};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<u64>),
    Subject,
    Consent(u64, Vec<u8>),
    Text(u8, Vec<u8>),
    /// Up to this part of the entries, in tenths.
    Cut(u64),
    Sweep(usize),
    Commit,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        6 => prop::collection::vec(0..5_u64, 0..4).prop_map(Step::Append),
        1 => Just(Step::Subject),
        2 => (0..4_u64, bytes()).prop_map(|(number, state)| Step::Consent(number, state)),
        1 => (0..3_u8, bytes()).prop_map(|(digest, text)| Step::Text(digest, text)),
        1 => (1..9_u64).prop_map(Step::Cut),
        1 => (1..9_usize).prop_map(Step::Sweep),
        3 => Just(Step::Commit),
        1 => Just(Step::Reopen),
    ]
}

fn run(kind: Kind, steps: &[Step]) {
    let mut ledger = Ledger::new(kind);
    for step in steps {
        match step {
            Step::Append(subjects) => ledger.append(&body(subjects)),
            Step::Subject => ledger.put_subject(ledger.model.subjects.len() as u64, "somebody"),
            Step::Consent(number, state) => ledger.put_consent(*number, state),
            Step::Text(digest, text) => ledger.put_text(*digest, text),
            Step::Cut(tenths) => {
                ledger.commit(&[]);
                let (last, cut) = (ledger.model.head.sequence, ledger.model.cut);
                let sequence = last * tenths / 10;
                if sequence > cut.map_or(0, |cut| cut.sequence) {
                    ledger.cut(sequence);
                }
            }
            Step::Sweep(limit) => {
                ledger.commit(&[]);
                ledger.sweep(*limit);
            }
            Step::Commit => ledger.commit(&[]),
            Step::Reopen => {
                ledger.commit(&[]);
                ledger.reopen();
                ledger.check();
            }
        }
    }
    ledger.commit(&[]);
    ledger.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_storage_agrees_with_the_model(steps in prop::collection::vec(step(), 0..60)) {
        for kind in [Kind::Memory, Kind::SqliteUnindexed, Kind::SqliteBehind, Kind::SqliteIndexed] {
            run(kind, &steps);
        }
    }
}
