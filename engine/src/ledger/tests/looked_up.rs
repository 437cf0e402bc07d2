//! What was looked up for a disclosure before it had its place holds there, or is looked up
//! again.

use super::super::*;
use super::support::{Setup, Started, WAIT, subject};
use crate::ledger::entry::Draft;
use crate::ledger::keeper::chore;
use crate::ledger::queue::{Chore, Submission};

/// As a core makes it, at this moment.
fn draft(setup: &Setup, ledger: &Started, index: u64, version: u64) -> Draft {
    let (bundle, facts) = (setup.bundle(index), setup.facts(&[(index, version)]));
    Draft::of(&bundle, [0; 32], facts, ledger.port.published())
}

async fn submit(ledger: &Started, draft: Draft) -> Result<(), Refused> {
    let until = crate::clock::monotonic() + WAIT;
    ledger.port.submit(draft.size(), until, |reply| Submission::Disclosure(draft, reply)).await
}

/// Whom the newest entry names.
fn named(setup: &Setup) -> Vec<SubjectVersion> {
    match setup.entries().pop().unwrap().event {
        Event::Disclosure(disclosure) => disclosure.subjects,
        other => panic!("{other:?}"),
    }
}

/// Two subjects who have a number each.
async fn begun() -> (Setup, Started) {
    let setup = Setup::new();
    let ledger = setup.start();
    for index in [1, 2] {
        let first = draft(&setup, &ledger, index, 0);
        assert_eq!(first.held_at, None, "nobody has a number yet");
        submit(&ledger, first).await.unwrap();
    }
    (setup, ledger)
}

#[tokio::test(start_paused = true)]
async fn a_no_after_the_look_is_seen_at_the_place_in_the_order() {
    let (setup, ledger) = begun().await;
    let drafts = [1, 2].map(|index| draft(&setup, &ledger, index, 0));
    assert!(drafts.iter().all(|draft| draft.held_at.is_some()));
    ledger.prefer(1, "snca", false).await.unwrap();
    let [theirs, anothers] = drafts;
    assert_eq!(submit(&ledger, theirs).await, Err(Refused::Stale));
    submit(&ledger, anothers).await.unwrap();
    assert_eq!(named(&setup), [SubjectVersion { subject: 2, version: 0 }]);
    // Decided again, it is looked up again.
    let again = draft(&setup, &ledger, 1, 1);
    assert!(again.held_at.is_some());
    submit(&ledger, again).await.unwrap();
    assert_eq!(named(&setup), [SubjectVersion { subject: 1, version: 1 }]);
    audit(&mut setup.disk(), None).unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_is_forgotten_after_the_look_is_named_by_a_new_number() {
    let (setup, ledger) = begun().await;
    let looked_up = draft(&setup, &ledger, 1, 0);
    let handle = &ledger.port.ledger;
    chore(handle, Chore::Watch(true)).await.unwrap();
    chore(handle, Chore::Forget(vec![(1, subject(1))])).await.unwrap();
    chore(handle, Chore::Watch(false)).await.unwrap();
    assert_eq!(ledger.port.published().number(subject(1)), None);
    submit(&ledger, looked_up).await.unwrap();
    assert_eq!(named(&setup), [SubjectVersion { subject: 3, version: 0 }]);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_named_while_it_is_watched_is_not_forgotten() {
    let (setup, ledger) = begun().await;
    let handle = &ledger.port.ledger;
    chore(handle, Chore::Watch(true)).await.unwrap();
    submit(&ledger, draft(&setup, &ledger, 1, 0)).await.unwrap();
    chore(handle, Chore::Forget(vec![(1, subject(1)), (2, subject(2))])).await.unwrap();
    let number = |index| ledger.port.published().number(subject(index));
    assert_eq!((number(1), number(2)), (Some(1), None));
}
