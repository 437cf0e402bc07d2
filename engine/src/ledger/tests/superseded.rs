//! A change of catalogue in the ledger: its place, and what may follow it.

use std::sync::atomic::Ordering;

use super::super::*;
use super::support::{Setup, TODAY, subject};
use crate::store::{Memory, Row};

const LATE: CivilMs = SUPERSEDED_MAX.as_millis() as CivilMs;

/// The same catalogue with another digest.
fn another(setup: &Setup, mark: &str) -> Arc<Catalogue> {
    let text = format!("{}# {mark}\n", setup.catalogue().text());
    Arc::new(Catalogue::from_text(&text).unwrap())
}

fn under(setup: &Setup, catalogue: &Catalogue, index: u64) -> Facts {
    let mut facts = setup.facts(&[(index, 0)]);
    facts.about.catalogue = *catalogue.digest();
    facts
}

#[tokio::test(start_paused = true)]
async fn what_began_under_a_catalogue_may_end_under_it_and_nothing_later() {
    let setup = Setup::new();
    let ledger = setup.start();
    let (first, second) = (setup.catalogue(), another(&setup, "second"));
    let early = ledger.disclose(setup.bundle(1), under(&setup, &second, 1)).await;
    assert_eq!(early.unwrap_err(), Refused::Superseded, "it does not hold yet");
    ledger.port.ledger.supersede(second.clone()).await.unwrap();
    ledger.port.ledger.supersede(second.clone()).await.unwrap();
    ledger.disclose(setup.bundle(2), under(&setup, &second, 2)).await.unwrap();
    setup.clock.fetch_add(LATE, Ordering::Relaxed);
    ledger.disclose(setup.bundle(3), under(&setup, first, 3)).await.unwrap();
    setup.clock.fetch_add(1, Ordering::Relaxed);
    let late = ledger.disclose(setup.bundle(4), under(&setup, first, 4)).await;
    assert_eq!(late.unwrap_err(), Refused::Superseded);
    // The one before holds again.
    ledger.port.ledger.supersede(another(&setup, "third")).await.unwrap();
    let again = Arc::new(Catalogue::from_text(first.text()).unwrap());
    ledger.port.ledger.supersede(again).await.unwrap();
    ledger.disclose(setup.bundle(5), under(&setup, first, 5)).await.unwrap();
    ledger.disclose(setup.bundle(6), under(&setup, &second, 6)).await.unwrap();
    let report = audit(&mut setup.disk(), None).unwrap();
    assert_eq!((report.disclosures, report.catalogues), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_catalogue_overtakes_the_disclosures_that_wait_with_it() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let first = setup.catalogue();
    let disclosure = ledger.disclose(setup.bundle(1), under(&setup, first, 1));
    let superseded = ledger.port.ledger.supersede(another(&setup, "second"));
    let both = async { tokio::join!(disclosure, superseded) };
    let started = async {
        tokio::task::yield_now().await;
        tokio::spawn(writer.run());
    };
    let ((disclosed, superseded), ()) = tokio::join!(both, started);
    assert!(disclosed.is_ok() && superseded.is_ok());
    let kinds: Vec<_> = setup.entries().into_iter().map(|entry| entry.event).collect();
    assert!(matches!(kinds[..], [Event::Catalogue(_), Event::Catalogue(_), Event::Disclosure(_)]));
    audit(&mut setup.disk(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_catalogue_that_is_not_recorded_does_not_come_into_force() {
    let setup = Setup::new();
    let ledger = setup.start();
    setup.disk().crash_at(store::CrashAt { operation: 1, commit_survives: false });
    let refused = ledger.port.ledger.supersede(another(&setup, "second")).await;
    assert_eq!(refused.unwrap_err(), Refused::Closed(Latch::WriteFailed));
    assert_eq!(setup.restart().entries().len(), 1);
}

/// A ledger as a writer without the rule would write it: each event under its
/// catalogue, at so many milliseconds.
fn forged(catalogues: &[&Catalogue], events: &[(CivilMs, Event)]) -> Memory {
    let stream = [3; 16];
    let mut memory = Memory::new(stream, subjects_of);
    let mut head = Head { stream, sequence: 0, hash: chain::genesis(&stream), stamp: 0 };
    for known in catalogues {
        memory.put_text(known.digest(), known.text().as_bytes()).unwrap();
    }
    memory.put_subject(1, &subject(1).to_string()).unwrap();
    for (after, event) in events {
        let (sequence, stamp) = (head.sequence + 1, TODAY + after);
        let body = Entry { stream, sequence, stamp, event: event.clone() }.encode();
        let row = Row { sequence, salt: [9; 16], body };
        memory.append(&row).unwrap();
        head = Head { sequence, stamp, hash: chain::next(&head.hash, &row), ..head };
    }
    memory.commit(&head).unwrap();
    memory
}

#[test]
fn the_audit_takes_a_disclosure_under_a_superseded_catalogue_as_long_as_a_request_may_last() {
    let setup = Setup::new();
    let (first, second, third) =
        (setup.catalogue(), another(&setup, "second"), another(&setup, "third"));
    let enters = |catalogue: &Catalogue| Event::Catalogue(*catalogue.digest());
    let leaves = |catalogue: &Catalogue| {
        Event::Disclosure(Disclosure {
            id: [1; 16],
            about: under(&setup, catalogue, 1).about,
            subjects: vec![SubjectVersion { subject: 1, version: 0 }],
            valid_until: CivilMs::MAX,
            called: vec![crate::model::RegisterSet::EMPTY],
            fields: Vec::new(),
            complete: true,
            digest: [0; 32],
        })
    };
    let check = |events: &[(CivilMs, Event)], violated: Option<u64>| {
        let memory = forged(&[first, &second, &third], events);
        match (audit(&mut memory.disk(), None), violated) {
            (Ok(_), None) => {}
            (Err(AuditError::Violated(found)), Some(sequence)) => {
                assert_eq!(found.sequence, sequence, "{found}");
                assert!(found.what.contains("not in force"), "{found}");
            }
            (found, _) => panic!("{found:?}"),
        }
    };
    let began = [(0, enters(first)), (10, enters(&second))];
    let with = |more: &[(CivilMs, Event)]| [&began[..], more].concat();
    check(&with(&[(10, leaves(first)), (10, leaves(&second))]), None);
    check(&with(&[(10 + LATE, leaves(first)), (10 + LATE, leaves(&second))]), None);
    check(&with(&[(11 + LATE, leaves(&second)), (11 + LATE, leaves(first))]), Some(4));
    check(&with(&[(10, leaves(&third))]), Some(3));
    // Each counts from when it was superseded itself.
    let third_enters = (20 + LATE, enters(&third));
    check(&with(&[third_enters.clone(), (20 + LATE, leaves(&second))]), None);
    check(&with(&[third_enters.clone(), (20 + LATE, leaves(first))]), Some(4));
    check(&with(&[third_enters, (20 + 2 * LATE, leaves(&second))]), None);
    // One that holds again holds.
    check(&with(&[(20, enters(first)), (20 + 9 * LATE, leaves(first))]), None);
}
