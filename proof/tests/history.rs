//! Two hundred thousand operations at once, and not one promise broken.

use engine::ledger;
use engine::store::{Sqlite, Storage, Time};
use proof::check::{Summary, check};
use proof::run::{Incident, Plan, reopen, run};

const OPERATIONS: u64 = 200_000;

fn open(dir: &std::path::Path) -> Sqlite {
    Sqlite::open(dir, [1; 16], Time::Real, ledger::subjects_of).expect("a ledger")
}

#[test]
fn two_hundred_thousand_operations_at_once_break_no_promise() {
    let dir = tempfile::tempdir().unwrap();
    // In the middle of it, the wall clock goes back.
    let plan = Plan::new(1, OPERATIONS).with(Incident::Calendar(-2_000));
    let history = run(&plan, Box::new(open(dir.path()))).unwrap();
    let storage = open(dir.path());
    let summary = check(&history, &plan.catalogue, storage.reader().unwrap().as_mut());
    let summary = summary.unwrap_or_else(|broken| panic!("{broken}"));
    reopen(&plan, Box::new(storage)).unwrap();
    println!("{summary:?}");
    is_not_vacuous(&summary);
}

/// A history in which hardly anything happened proves nothing.
fn is_not_vacuous(summary: &Summary) {
    let Summary { operations, bundles, reread, changes, unknown, repeated, shared, .. } = summary;
    let Summary { mandates, of_companies, .. } = summary;
    assert_eq!(*operations, OPERATIONS);
    assert!(*bundles > OPERATIONS / 3, "{bundles} bundles");
    assert!(*reread > OPERATIONS / 500, "{reread} of back offices");
    assert!(*changes > OPERATIONS / 20, "{changes} changes");
    assert!(*mandates > OPERATIONS / 100, "{mandates} changes of mandates");
    assert!(*of_companies > OPERATIONS / 100, "{of_companies} bundles of companies");
    assert!(*unknown > OPERATIONS / 500, "{unknown} given up");
    assert!(*repeated > OPERATIONS / 2_000, "{repeated} repeated");
    assert!(*shared > OPERATIONS / 10, "{shared} values shared");
}
