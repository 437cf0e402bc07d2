//! Power loss between any two storage operations, and after each the audit.

use std::collections::HashSet;

use super::super::*;
use super::retention::{keeper, later};
use super::support::{Setup, subject};
use crate::ledger::writer::tests::TOLD;
use crate::store::CrashAt;

/// What a client was told before the lights went out.
#[derive(Default)]
struct Told {
    disclosed: HashSet<[u8; 16]>,
    versions: Vec<(u64, u64)>,
}

/// A busy day: new subjects, changes of consent, several subjects at once.
async fn day(setup: &Setup) -> Result<Told, OpenError> {
    let (ledger, writer) = setup.try_open()?;
    tokio::spawn(writer.run());
    let mut told = Told::default();
    // Somebody who never says anything.
    let bundle = setup.bundle(50);
    let id = bundle.disclosure.into_bytes();
    if ledger.disclose(bundle, setup.facts(&[(50, 0)])).await.is_ok() {
        told.disclosed.insert(id);
    }
    for step in 0..6_u64 {
        let who = step % 3;
        let version = ledger.port.published().consent(subject(who)).version;
        let facts = setup.facts(&[(who, version)]);
        let bundle = setup.bundle(step);
        let id = bundle.disclosure.into_bytes();
        let change = ledger.prefer((step + 1) % 3, "snca", step % 2 == 1);
        let (disclosed, changed) = tokio::join!(ledger.disclose(bundle, facts), change);
        if disclosed.is_ok() {
            told.disclosed.insert(id);
        }
        if let Ok(consent) = changed {
            told.versions.push(((step + 1) % 3, consent.into_inner().version));
        }
    }
    Ok(told)
}

/// How many storage operations a day makes.
async fn operations() -> u64 {
    for operation in 1.. {
        let setup = Setup::new();
        setup.disk().crash_at(CrashAt { operation, commit_survives: false });
        if day(&setup).await.is_ok_and(|told| told.versions.len() == 6) {
            return operation - 1;
        }
    }
    unreachable!("a day ends")
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_operations_loses_nothing_that_was_told() {
    let count = operations().await;
    assert!(count > 20, "a day of {count} operations shows nothing");
    for operation in 1..=count {
        for commit_survives in [false, true] {
            let setup = Setup::new();
            setup.disk().crash_at(CrashAt { operation, commit_survives });
            let told = day(&setup).await.unwrap_or_default();
            let after = setup.restart();
            let ledger = after.start();

            let report = audit(&mut after.disk(), None).unwrap();
            assert_eq!(report.head, Some(ledger.port.published().head()));
            let entries = after.entries();
            for id in &told.disclosed {
                let recorded = |entry: &Entry| matches!(&entry.event, Event::Disclosure(known) if known.id == *id);
                assert!(
                    entries.iter().any(recorded),
                    "crash at {operation}: a bundle left unrecorded"
                );
            }
            for (who, version) in &told.versions {
                let found = ledger.port.published().consent(subject(*who)).version;
                assert!(found >= *version, "crash at {operation}: an acknowledged change is lost");
            }
            // And it goes on.
            let version = ledger.port.published().consent(subject(0)).version;
            let facts = after.facts(&[(0, version)]);
            ledger.disclose(after.bundle(99), facts).await.unwrap();
            audit(&mut after.disk(), report.head.as_ref()).unwrap();
        }
    }
}

/// A day, three years, and then a cut beside what goes on.
async fn cut(setup: &Setup) -> Result<Option<u64>, Unkept> {
    let (ledger, writer) = setup.try_open().map_err(|_| Refused::Closed(Latch::Stopped))?;
    tokio::spawn(writer.run());
    let version = ledger.port.published().consent(subject(0)).version;
    let mut keeper = keeper(setup, &ledger).in_slices_of(5);
    let disclosed = ledger.disclose(setup.bundle(77), setup.facts(&[(0, version)]));
    let (cut, _) = tokio::join!(keeper.look(), disclosed);
    cut
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_any_two_steps_of_a_cut_loses_no_consent_and_the_cut_goes_on() {
    const THREE_YEARS: CivilMs = 3 * 365 * 24 * 3_600_000;
    let mut whole = false;
    let mut steps = 0;
    for operation in 1.. {
        for commit_survives in [false, true] {
            let setup = Setup::new();
            let told = day(&setup).await.unwrap();
            let setup = later(&setup, THREE_YEARS);
            setup.disk().crash_at(CrashAt { operation, commit_survives });
            whole = cut(&setup).await.is_ok();
            audit(&mut setup.disk(), None)
                .unwrap_or_else(|it| panic!("crash at {operation}: {it}"));

            let after = setup.restart();
            let ledger = after.start();
            for (who, version) in &told.versions {
                let found = ledger.port.published().consent(subject(*who)).version;
                assert!(found >= *version, "crash at {operation}: a consent is lost");
            }
            keeper(&after, &ledger).look().await.unwrap();
            let report = audit(&mut after.disk(), None).unwrap();
            assert_eq!((report.cut, report.cuts), (13, 1), "crash at {operation}");
            assert_eq!(after.entries()[0].sequence, 14, "crash at {operation}");
            assert_eq!(report.forgotten, 1, "crash at {operation}");
            assert_eq!(ledger.port.published().number(subject(50)), None);
            let version = ledger.port.published().consent(subject(0)).version;
            ledger.disclose(after.bundle(99), after.facts(&[(0, version)])).await.unwrap();
        }
        steps = operation;
        if whole {
            break;
        }
    }
    assert!(whole && steps > 15, "a cut of {steps} operations shows nothing");
}

/// Its thread alone learns of it at first.
#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_copy_of_the_log_that_is_not_synced_closes_the_ledger() {
    let setup = Setup::new();
    let folder = store::files::temporary();
    let mut storage =
        store::Sqlite::open(folder.path(), [3; 16], store::Time::Real, subjects_of).unwrap();
    // It cannot be synced.
    storage.sync_copies(Box::leak(Box::new(std::fs::File::open("/dev/null").unwrap())));
    let (clock, metrics) = (Civil::manual(setup.clock.clone()), setup.metrics.clone());
    let opened =
        Ledger::open(Box::new(storage), clock, Entropy::seeded(1), setup.catalogue(), metrics);
    let opened = opened.unwrap();
    let (port, deliver) = opened.ledger.port();
    tokio::spawn(deliver);
    tokio::spawn(opened.writer.run());
    let mut told = Ok(());
    for index in 0..100_000 {
        let until = crate::clock::monotonic() + super::support::WAIT;
        let facts = setup.facts(&[(index, 0)]);
        told = port.disclose(setup.bundle(index), facts, until).await.map(drop);
        if told.is_err() {
            break;
        }
    }
    assert_eq!(told, Err(Refused::Closed(Latch::WriteFailed)));
    assert_eq!(port.published().latch(), Some(Latch::WriteFailed));
}

/// Lets others run until this is so.
async fn soon(what: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if what() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never was");
}

/// An old head in a log shows what was cut behind it; one that was never durable would show a cut
/// that nobody made.
#[tokio::test(start_paused = true)]
async fn a_head_is_logged_only_once_it_is_durable() {
    let heads = || TOLD.get();
    // The catalogue's text, its entry, and the commit of both, which fails.
    let setup = Setup::new();
    setup.disk().crash_at(CrashAt { operation: 3, commit_survives: false });
    assert!(setup.try_open().is_err());
    assert_eq!(heads(), 0);
    let setup = setup.restart();
    let ledger = setup.start();
    assert_eq!(heads(), 1);
    let deny = || {
        let about = setup.about();
        ledger.port.deny(Denied { about, subjects: Vec::new(), reason: "quota", count: 1 });
    };
    let sequence = || ledger.port.published().head().sequence;
    // Up to the last before one that is logged.
    let last = (1 << 6) - 1;
    (sequence()..last).for_each(|_| deny());
    soon(|| sequence() == last).await;
    setup.disk().crash_at(CrashAt { operation: 2, commit_survives: false });
    deny();
    soon(|| ledger.port.published().latch().is_some()).await;
    assert_eq!((heads(), sequence()), (1, last));
    assert!(setup.restart().try_open().is_ok());
    assert_eq!(heads(), 2);
}
