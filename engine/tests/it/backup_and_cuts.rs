//! A backup of a ledger whose entries were cut, and the expected head beside cuts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use engine::backup::{Error, backup, restore};
use engine::clock::Civil;
use engine::entropy::Entropy;
use engine::ledger::{self, Keeper, Ledger, Report};
use engine::store::{Head, Sqlite, Storage as _, Time};
use serde_json::json;

use crate::support::{
    CATALOGUE, Custom, api, audit, bundle, data_folder, demo_in, eventually, form, somebody,
};

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// A ledger of three years ago, in which somebody refused a register.
struct Old {
    somebody: String,
    /// Where it ended after its first bundle, and at its end.
    heads: [Head; 2],
}

fn head(data: &Path) -> Head {
    audit(data).head.expect("entries")
}

fn three_years_ago(data: &Path) -> Old {
    let then = Arc::new(AtomicI64::new(Civil::system().now() - 3 * YEAR_MS));
    let engine = Custom::start_in(data, Civil::manual(then));
    let somebody = somebody(engine.country);
    let asked = form("criminal-record-extract", &somebody);
    bundle(engine.api(), &asked);
    let first = head(data);
    engine.api().prefer(&somebody, "snca", false).ok();
    bundle(engine.api(), &asked);
    drop(engine);
    Old { somebody, heads: [first, head(data)] }
}

/// How far a cut comes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Whole,
    /// The engine ends after the first slice of entries.
    OneSlice,
}

/// Cuts what is beyond retention, as a running engine does.
fn cut(data: &Path, how: Cut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sqlite = Sqlite::open(data, [1; 16], Time::Real, ledger::subjects_of).unwrap();
        let (storage, mut watching) = (sqlite.reader().unwrap(), sqlite.reader().unwrap());
        let (civil, entropy) = (Civil::system(), Entropy::system());
        let opened =
            Ledger::open(Box::new(sqlite), civil.clone(), entropy, &CATALOGUE, Arc::default());
        let opened = opened.unwrap();
        let writing = tokio::spawn(opened.writer.run());
        let kept = ledger::RETENTION_DEFAULT;
        let mut keeper = Keeper::new(storage, opened.ledger, civil, kept).in_slices_of(2);
        let swept = async {
            while how == Cut::Whole || first(&mut *watching) == 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            cut = keeper.look() => assert!(cut.unwrap().is_some()),
            () = swept => {}
        }
        writing.abort();
    });
}

fn first(storage: &mut dyn engine::store::Read) -> u64 {
    storage.entries(0, 1).unwrap()[0].sequence
}

fn first_in(data: &Path) -> u64 {
    first(&mut engine::store::open_read_only(data, ledger::subjects_of).unwrap())
}

/// What an audit against an old head finds.
fn audit_from(data: &Path, from: &Head) -> Report {
    let mut storage = engine::store::open_read_only(data, ledger::subjects_of).unwrap();
    ledger::audit(&mut storage, Some(from)).unwrap()
}

/// Starts an engine, which knows what was refused and lists nothing of before the cut.
#[track_caller]
fn goes_on(data: &Path, old: &Old) {
    let demo = demo_in(data);
    let consents = api(&demo).mine(&old.somebody, "/v1/me/consents").ok();
    let preferences = consents["preferences"].as_array().unwrap();
    assert!(preferences.iter().any(|it| it["register"] == "snca" && it["allow"] == false));
    eventually("what is cut is deleted", || first_in(data) == old.heads[1].sequence + 1);
    bundle(api(&demo), &form("criminal-record-extract", &old.somebody));
    let list = api(&demo).mine(&old.somebody, "/v1/me/accesses").ok();
    assert_eq!(list["totalUsages"], 1);
    assert!(list["keptFrom"].is_string());
    drop(demo);
    assert_eq!(audit(data).cut, old.heads[1].sequence);
}

#[test]
fn a_ledger_that_was_cut_is_restored_to_an_engine_that_goes_on() {
    for how in [Cut::Whole, Cut::OneSlice] {
        let (data, outer) = (data_folder(), tempfile::tempdir().unwrap());
        let old = three_years_ago(data.path());
        cut(data.path(), how);
        let cut = old.heads[1].sequence;
        let left = if how == Cut::Whole { cut + 1 } else { 3 };
        assert_eq!(first_in(data.path()), left);
        let (copy, restored) = (outer.path().join("copy"), outer.path().join("restored"));
        let report = backup(data.path(), &copy).unwrap();
        assert_eq!((report.cut, report.head), (cut, Some(head(data.path()))));
        assert_eq!(restore(&copy, &restored, report.head.as_ref(), false).unwrap(), report);
        assert_eq!(first_in(&restored), left, "it is as it was");
        goes_on(&restored, &old);
        assert!(audit_from(&restored, &report.head.unwrap()).disclosures == 1);
    }
}

#[test]
fn a_backup_of_before_a_cut_is_behind_its_head_and_cuts_anew_where_it_is_restored() {
    let (data, outer) = (data_folder(), tempfile::tempdir().unwrap());
    let old = three_years_ago(data.path());
    let copy = outer.path().join("copy");
    backup(data.path(), &copy).unwrap();
    cut(data.path(), Cut::Whole);
    let known = head(data.path());
    let restored = outer.path().join("restored");
    let refused = restore(&copy, &restored, Some(&known), false).unwrap_err();
    let Error::Behind { found, expected } = refused else { panic!("{refused}") };
    assert_eq!((found, expected), (old.heads[1].sequence, known.sequence));
    assert!(!restored.exists());
    let report = restore(&copy, &restored, Some(&known), true).unwrap();
    assert_eq!((report.cut, report.disclosures), (0, 2));
    goes_on(&restored, &old);
    assert_eq!(audit_from(&restored, &old.heads[1]).cut, old.heads[1].sequence);
}

#[test]
fn whether_a_backup_is_behind_a_head_of_before_its_cut_cannot_be_told() {
    let (data, outer) = (data_folder(), tempfile::tempdir().unwrap());
    let old = three_years_ago(data.path());
    cut(data.path(), Cut::Whole);
    let copy = outer.path().join("copy");
    backup(data.path(), &copy).unwrap();
    let restored = outer.path().join("restored");
    let [first, last] = old.heads;
    for roll_back in [false, true] {
        let refused = restore(&copy, &restored, Some(&first), roll_back).unwrap_err();
        assert!(matches!(&refused, Error::Untold(_)), "{refused}");
        assert!(refused.to_string().contains("beyond retention"), "{refused}");
        // At the cut itself, the chain's hash is known.
        let other = Head { hash: [1; 32], ..last };
        let refused = restore(&copy, &restored, Some(&other), roll_back).unwrap_err();
        assert!(matches!(&refused, Error::Violated(it) if it.sequence == last.sequence));
        assert!(!restored.exists());
    }
    let report = restore(&copy, &restored, Some(&last), false).unwrap();
    assert_eq!((report.cut, report.disclosures), (last.sequence, 0));
    let list = { api(&demo_in(&restored)).mine(&old.somebody, "/v1/me/accesses").ok() };
    assert_eq!((&list["totalUsages"], &list["usages"]), (&json!(0), &json!([])));
}
