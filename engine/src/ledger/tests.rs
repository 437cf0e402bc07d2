//! The ledger's promises: order, durability, refusal, fail stop, audit.

mod bulk;
mod crash;
mod forgotten;
mod joined;
mod looked_up;
mod mandates;
mod proof;
mod read;
mod retention;
mod superseded;
mod support;

use std::future::Future as _;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::time::Duration;

use super::*;
use crate::metrics::{Format, State};
use support::{Setup, TODAY, subject};

#[tokio::test(start_paused = true)]
async fn a_disclosure_is_durable_when_it_comes_back() {
    let setup = Setup::new();
    let ledger = setup.start();
    let bundle = setup.bundle(1);
    let disclosed = ledger.disclose(bundle, setup.facts(&[(1, 0)])).await.unwrap();
    let entries = setup.entries();
    let Event::Disclosure(entry) = &entries.last().unwrap().event else { panic!("no disclosure") };
    assert_eq!(entry.digest, <[u8; 32]>::from(Sha256::digest(&disclosed.into_inner().body)));
    assert_eq!(entry.subjects, [SubjectVersion { subject: 1, version: 0 }]);
    assert_eq!(ledger.port.published().head().sequence, entries.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_in_force_when_it_is_acknowledged() {
    let setup = Setup::new();
    let ledger = setup.start();
    let seen = ledger.prefer(1, "rnpp", false).await.unwrap().into_inner();
    assert_eq!((seen.version, seen.allows("rnpp"), seen.epoch("rnpp")), (1, false, 1));
    assert_eq!(ledger.port.published().consent(subject(1)), seen);
    let refused = ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)])).await;
    assert_eq!(refused.unwrap_err(), Refused::Stale);
    ledger.disclose(setup.bundle(2), setup.facts(&[(1, 1)])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_overtakes_the_disclosures_that_wait_with_it() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let disclosure = ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)]));
    let other = ledger.disclose(setup.bundle(2), setup.facts(&[(2, 0)]));
    let change = ledger.prefer(1, "rnpp", false);
    // All three wait before the writer takes its first batch.
    let all = async { tokio::join!(disclosure, other, change) };
    let started = async {
        tokio::task::yield_now().await;
        tokio::spawn(writer.run());
    };
    let ((refused, disclosed, changed), ()) = tokio::join!(all, started);
    assert_eq!(refused.unwrap_err(), Refused::Stale);
    assert!(disclosed.is_ok() && changed.is_ok());
    let kinds: Vec<_> = setup.entries().into_iter().map(|entry| entry.event).collect();
    assert!(matches!(kinds[..], [Event::Catalogue(_), Event::Change(_), Event::Disclosure(_)]));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_changes_nothing_is_no_entry() {
    let setup = Setup::new();
    let ledger = setup.start();
    ledger.prefer(1, "rnpp", true).await.unwrap();
    ledger.prefer(1, "rnpp", false).await.unwrap();
    let again = ledger.prefer(1, "rnpp", false).await.unwrap().into_inner();
    assert_eq!(again.version, 1);
    let changes =
        setup.entries().into_iter().filter(|entry| matches!(entry.event, Event::Change(_)));
    assert_eq!(changes.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_subject_of_a_disclosure_is_checked() {
    let setup = Setup::new();
    let ledger = setup.start();
    ledger.prefer(4, "rnpp", false).await.unwrap();
    let all = setup.facts(&[(1, 0), (2, 0), (3, 0), (4, 0)]);
    assert_eq!(ledger.disclose(setup.bundle(1), all).await.unwrap_err(), Refused::Stale);
    let all = setup.facts(&[(1, 0), (2, 0), (3, 0), (4, 1)]);
    ledger.disclose(setup.bundle(2), all).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_grant_ends_at_its_moment_by_ledger_time() {
    let setup = Setup::new();
    let ledger = setup.start();
    let until = |at| Facts { valid_until: at, ..setup.facts(&[(1, 0)]) };
    let late = ledger.disclose(setup.bundle(1), until(TODAY)).await;
    assert_eq!(late.unwrap_err(), Refused::Expired);
    ledger.disclose(setup.bundle(2), until(TODAY + 1)).await.unwrap();
    // Ledger time does not go back, so what is over stays over.
    setup.clock.fetch_sub(1_000, Ordering::Relaxed);
    let late = ledger.disclose(setup.bundle(3), until(TODAY)).await;
    assert_eq!(late.unwrap_err(), Refused::Expired);
}

#[tokio::test(start_paused = true)]
async fn ledger_time_never_goes_back_even_over_a_restart() {
    let setup = Setup::new();
    let ledger = setup.start();
    setup.clock.fetch_add(60_000, Ordering::Relaxed);
    ledger.prefer(1, "rnpp", false).await.unwrap();
    setup.clock.store(TODAY - 5_000, Ordering::Relaxed);
    ledger.prefer(1, "rnpp", true).await.unwrap();
    drop(ledger);
    let ledger = setup.restart().start();
    ledger.prefer(1, "rnpp", false).await.unwrap();
    let stamps: Vec<_> = setup.entries().iter().map(|entry| entry.stamp - TODAY).collect();
    assert_eq!(stamps, [0, 60_000, 60_000, 60_000, 60_000]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_forward_closes_the_ledger() {
    let setup = Setup::new();
    let ledger = setup.start();
    setup.clock.fetch_add(4 * 60_000, Ordering::Relaxed);
    ledger.prefer(1, "rnpp", false).await.unwrap();
    setup.clock.fetch_add(6 * 60_000, Ordering::Relaxed);
    let refused = ledger.prefer(1, "rnpp", true).await.unwrap_err();
    assert_eq!(refused, Refused::Closed(Latch::ClockJump(360)));
    setup.clock.fetch_sub(6 * 60_000, Ordering::Relaxed);
    let refused = ledger.disclose(setup.bundle(1), setup.facts(&[(1, 1)])).await.unwrap_err();
    assert!(matches!(refused, Refused::Closed(_)), "it stays closed");
    // The time that really passed is no jump.
    let ledger = setup.restart().start();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    setup.clock.fetch_add(3_600_000, Ordering::Relaxed);
    ledger.prefer(1, "rnpp", true).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_write_closes_the_ledger_and_nothing_more_is_disclosed() {
    let setup = Setup::new();
    let ledger = setup.start();
    setup.disk().crash_at(store::CrashAt { operation: 1, commit_survives: false });
    let refused = ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)])).await.unwrap_err();
    assert_eq!(refused, Refused::Closed(Latch::WriteFailed));
    assert_eq!(ledger.port.published().latch(), Some(Latch::WriteFailed));
    let refused = ledger.prefer(1, "rnpp", false).await.unwrap_err();
    assert_eq!(refused, Refused::Closed(Latch::WriteFailed));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_to_commit_is_never_published() {
    // Subject, state, entry, commit: whichever of them fails.
    for operation in 1..=4 {
        let setup = Setup::new();
        let ledger = setup.start();
        let before = ledger.port.published().head();
        setup.disk().crash_at(store::CrashAt { operation, commit_survives: true });
        let refused = ledger.prefer(1, "rnpp", false).await.unwrap_err();
        assert_eq!(refused, Refused::Closed(Latch::WriteFailed));
        let published = ledger.port.published();
        assert!(published.consent(subject(1)).allows("rnpp"), "operation {operation}");
        assert_eq!((published.number(subject(1)), published.head()), (None, before));
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_together_is_committed_together() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let mut waiting = Vec::new();
    for index in 0..queue::BATCH_MAX as u64 + 10 {
        let (ledger, setup) = (ledger.clone(), setup.clone());
        waiting.push(tokio::spawn(async move {
            ledger.disclose(setup.bundle(index), setup.facts(&[(index, 0)])).await
        }));
    }
    tokio::task::yield_now().await;
    tokio::spawn(writer.run());
    for disclosed in waiting {
        disclosed.await.unwrap().unwrap();
    }
    let metrics = setup.metrics.text(State::default(), Format::Text);
    assert!(metrics.contains("prefill_ledger_batch_entries_count 2\n"), "{metrics}");
    assert!(metrics.contains("prefill_ledger_batch_entries_sum 522.0\n"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_disclosures_but_not_a_no() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let (mut refused, mut waiting) = (0, Vec::new());
    for index in 0..20_000 {
        let mut disclosure = Box::pin({
            let (ledger, setup) = (ledger.clone(), setup.clone());
            async move { ledger.disclose(setup.bundle(index), setup.facts(&[(index, 0)])).await }
        });
        let mut context = Context::from_waker(Waker::noop());
        match disclosure.as_mut().poll(&mut context) {
            std::task::Poll::Ready(result) => {
                assert_eq!(result.unwrap_err(), Refused::Full);
                refused += 1;
            }
            std::task::Poll::Pending => waiting.push(disclosure),
        }
    }
    assert_eq!(refused, 20_000 - 16 * queue::BATCH_MAX);
    let (changed, _) = tokio::join!(ledger.prefer(1, "rnpp", false), async {
        tokio::spawn(writer.run());
    });
    assert!(changed.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_takes_too_long_is_told_as_not_known() {
    let setup = Setup::new();
    let (ledger, _idle_writer) = setup.open();
    let began = tokio::time::Instant::now();
    let late = ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)])).await.unwrap_err();
    assert_eq!(late, Refused::TooLate);
    assert_eq!(began.elapsed(), support::WAIT);
}

#[tokio::test(start_paused = true)]
async fn a_restart_finds_consent_numbers_and_head_again() {
    let setup = Setup::new();
    let ledger = setup.start();
    ledger.prefer(7, "rnpp", false).await.unwrap();
    ledger.disclose(setup.bundle(1), setup.facts(&[(8, 0)])).await.unwrap();
    let before = (ledger.port.published().number(subject(7)), ledger.port.published().head());
    drop(ledger);
    let ledger = setup.restart().start();
    let published = ledger.port.published();
    assert_eq!(published.number(subject(7)), before.0);
    assert_eq!(published.head().sequence, before.1.sequence + 1, "the start itself is an entry");
    assert!(!published.consent(subject(7)).allows("rnpp"));
    ledger.disclose(setup.bundle(2), setup.facts(&[(9, 0)])).await.unwrap();
    let numbers = [7, 8, 9].map(|index| ledger.port.published().number(subject(index)).unwrap());
    assert_eq!(numbers, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn the_writer_ends_when_nobody_is_left_and_writes_what_waits() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    ledger.port.deny(Denied {
        about: setup.about(),
        subjects: Vec::new(),
        reason: "no-authority",
        count: 1,
    });
    drop(ledger);
    writer.run().await;
    assert!(matches!(setup.entries().last().unwrap().event, Event::Denial(_)));
}

#[test]
fn a_head_is_read_back_as_it_was_written() {
    let head = Head { stream: [7; 16], sequence: 42, hash: [9; 32], stamp: 0 };
    assert_eq!(parse_head(&head_text(&head)), Ok(head));
    for wrong in
        ["", "a:b:c", "00:1:00", &head_text(&head)[1..], &format!("{}:1", head_text(&head))]
    {
        assert!(parse_head(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_format_of_entries_does_not_change() {
    let change = Change {
        subject: SubjectVersion { subject: 300, version: 2 },
        what: consent::Change::Preference { register: "rnpp".into(), allow: false },
    };
    let entry = Entry { stream: [1; 16], sequence: 5, stamp: -1, event: Event::Change(change) };
    let golden = "0201010101010101010101010101010101050102ac020200\
                  04726e707000";
    assert_eq!(hex(&entry.encode()), golden);
    assert_eq!(Entry::decode(&entry.encode()), Ok(entry.clone()));
    let mut other = entry.encode();
    other[0] = 3;
    assert_eq!(Entry::decode(&other), Err(Undecodable));
}

fn snapshot() -> Event {
    let (upto, before, kept_ms, numbers) = (6, -4, 4, 300);
    let [catalogues, erased, consents, uses] = [[0xd1; 32]; 4];
    let facts = Digests { catalogues, erased, consents, uses };
    Event::Snapshot(Snapshot { upto, hash: [0xca; 32], before, kept_ms, numbers, facts })
}

/// One entry of each kind, with every member set. These bytes are in ledgers:
/// whoever changes them needs a new format byte and a reader of the old one.
#[test]
fn the_format_of_every_kind_of_entry_does_not_change() {
    let about = About {
        catalogue: [0xca; 32],
        operator: crate::model::OrganisationId(1),
        organisation: crate::model::OrganisationId(2),
        procedure: crate::model::ProcedureId(3),
        version: 4,
        channel: crate::model::Channel::BackOffice,
        case: Some("c".into()),
        presence: Some("p".into()),
        idempotency: Some("i".into()),
    };
    let disclosure = Disclosure {
        id: [0x1d; 16],
        about: about.clone(),
        subjects: vec![SubjectVersion { subject: 5, version: 6 }],
        valid_until: 7,
        called: vec![crate::model::RegisterSet::only(3)],
        fields: vec![(8, crate::model::RegisterId(9))],
        complete: true,
        digest: [0xd1; 32],
    };
    let terms = consent::Terms {
        id: [0x1d; 16],
        organisation: "o".into(),
        case: "c".into(),
        procedure: "p".into(),
        purpose: "u".into(),
        fields: vec!["f".into()],
        expires: 7,
    };
    let changed =
        |what| Event::Change(Change { subject: SubjectVersion { subject: 5, version: 6 }, what });
    let by_mandate = Event::ByMandate(ByMandate {
        by: SubjectVersion { subject: 300, version: 7 },
        change: Change {
            subject: SubjectVersion { subject: 5, version: 6 },
            what: consent::Change::Mandate { other: 9, allow: true },
        },
    });
    let denial = Denial { about, subjects: vec![5], reason: "r".into(), count: 10 };
    let [ca, id, d1] = [("ca", 32), ("1d", 16), ("d1", 32)].map(|(byte, count)| byte.repeat(count));
    let about = format!("{ca}0102030401010163010170010169");
    let golden = [
        (Event::Catalogue([0xca; 32]), format!("00{ca}")),
        (Event::Disclosure(disclosure), format!("01{id}{about}0105060e010801080901{d1}")),
        (changed(consent::Change::Give(terms)), format!("02050601{id}016f0163017001750101660e")),
        (changed(consent::Change::Withdraw { id: [0x1d; 16] }), format!("02050602{id}")),
        (changed(consent::Change::Mandate { other: 300, allow: false }), "02050603ac0200".into()),
        (Event::Denial(denial), format!("03{about}010501720a")),
        (Event::Erasure(5), "0405".to_owned()),
        (by_mandate, "05ac02070506030901".into()),
        (snapshot(), format!("0606{ca}0708ac02{d1}{d1}{d1}{d1}")),
        (Event::Forgotten(vec![5, 300]), "070205ac02".to_owned()),
    ];
    for (event, expected) in golden {
        let entry = Entry { stream: [0; 16], sequence: 0, stamp: 0, event };
        let head = format!("02{}0000", "00".repeat(16));
        assert_eq!(hex(&entry.encode()), head + &expected);
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
}

/// Bodies of the format before registers were told by subject.
#[test]
fn the_first_format_is_read_for_ever() {
    let head = [&[1][..], &[0; 16], &[0, 0]].concat();
    let about = [&[0xca; 32][..], &[1, 2, 3, 4, 1, 1, 1, b'c', 1, 1, b'p', 1, 1, b'i']].concat();
    let rest = [&[2, 5, 6, 7, 8, 7, 8, 1, 8, 9, 1][..], &[0xd1; 32]].concat();
    let body = [&head[..], &[1], &[0x1d; 16], &about, &rest].concat();
    let Event::Disclosure(read) = Entry::decode(&body).unwrap().event else { panic!("another") };
    let subjects = [(5, 6), (7, 8)].map(|(subject, version)| SubjectVersion { subject, version });
    assert_eq!(read.subjects, subjects);
    assert_eq!(read.called, [crate::model::RegisterSet::only(3); 2]);
    assert_eq!(read.fields, [(8, crate::model::RegisterId(9))]);
    let mut told = Vec::new();
    subjects_of(&body, &mut |number| told.push(number));
    assert_eq!(told, [5, 7]);
    let erasure = [&head[..], &[4, 5]].concat();
    assert_eq!(Entry::decode(&erasure).unwrap().event, Event::Erasure(5));
    // Of a later format, nothing is read.
    assert!(Entry::decode(&[&[3], &erasure[1..]].concat()).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_is_gone_closes_the_ledger() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let task = tokio::spawn(writer.run());
    tokio::task::yield_now().await;
    task.abort();
    assert!(task.await.is_err());
    let refused = ledger.prefer(1, "rnpp", false).await.unwrap_err();
    assert_eq!(refused, Refused::Closed(Latch::Stopped));
}

#[tokio::test(start_paused = true)]
async fn one_slow_commit_is_forgotten_after_a_minute() {
    let setup = Setup::new();
    let (ledger, mut writer) = setup.open();
    let published = ledger.port.published();
    writer.measure(crate::clock::monotonic() - Duration::from_secs(3), 1);
    assert_eq!(published.reserve(), Duration::from_secs(3));
    tokio::time::advance(Duration::from_secs(61)).await;
    writer.measure(crate::clock::monotonic(), 1);
    assert_eq!(published.reserve(), RESERVE_MIN);
}
