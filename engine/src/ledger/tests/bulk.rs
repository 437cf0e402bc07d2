//! Disclosures of bulk jobs: after whoever waits, never for long, and many to a sync.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use super::*;
use crate::clock;
use crate::ledger::queue::{BULK_LEAST, BULK_MAX};
use support::{Started, WAIT};

type Waiting = Pin<Box<dyn Future<Output = Result<Disclosed<Bundle>, Refused>>>>;

/// So many that wait, about as many subjects.
fn in_bulk(setup: &Setup, ledger: &Started, count: usize) -> Vec<Waiting> {
    let one = |index| {
        let (port, until) = (ledger.port.clone(), clock::monotonic() + WAIT);
        let (bundle, facts) = (setup.bundle(index), setup.facts(&[(index, 0)]));
        posted(async move { port.disclose_in_bulk(bundle, facts, until).await })
    };
    (1000..).take(count).map(one).collect()
}

/// Goes as far as to the queue.
fn posted(
    disclosure: impl Future<Output = Result<Disclosed<Bundle>, Refused>> + 'static,
) -> Waiting {
    let mut disclosure: Waiting = Box::pin(disclosure);
    assert!(disclosure.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    disclosure
}

/// The digests of disclosures, in the order of the ledger.
fn recorded(setup: &Setup) -> Vec<[u8; 32]> {
    let disclosure = |entry: &Entry| match &entry.event {
        Event::Disclosure(disclosure) => Some(disclosure.digest),
        _ => None,
    };
    setup.entries().iter().filter_map(disclosure).collect()
}

fn digest(bundle: &Bundle) -> [u8; 32] {
    Sha256::digest(&bundle.body).into()
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_by_themselves_goes_before_whatever_a_job_has_waiting() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let jobs = in_bulk(&setup, &ledger, 4 * BULK_MAX);
    let somebody = posted({
        let (ledger, setup) = (ledger.clone(), setup.clone());
        async move { ledger.disclose(setup.bundle(1), setup.facts(&[(1, 0)])).await }
    });
    tokio::spawn(writer.run());
    let own = digest(somebody.await.unwrap().get());
    assert_eq!(recorded(&setup).first(), Some(&own));
    for disclosure in jobs {
        disclosure.await.unwrap();
    }
    assert_eq!(recorded(&setup).len(), 1 + 4 * BULK_MAX);
}

#[tokio::test(start_paused = true)]
async fn few_of_a_job_wait_for_a_moment_for_others_and_many_do_not() {
    for (count, waits) in [(1, true), (BULK_LEAST - 1, true), (BULK_LEAST, false)] {
        let setup = Setup::new();
        let ledger = setup.start();
        tokio::task::yield_now().await;
        let began = clock::monotonic();
        for disclosure in in_bulk(&setup, &ledger, count) {
            disclosure.await.unwrap();
        }
        let waited = clock::monotonic() - began;
        assert_eq!(!waited.is_zero(), waits, "{count} took {waited:?}");
        assert!(waited < Duration::from_millis(3), "{count} took {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_is_not_kept_out_by_whoever_floods_the_ledger() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let job = in_bulk(&setup, &ledger, 1).remove(0);
    let flood: Vec<Waiting> = (0..4 * queue::BATCH_MAX as u64)
        .map(|index| {
            let (ledger, setup) = (ledger.clone(), setup.clone());
            posted(async move {
                ledger.disclose(setup.bundle(5000 + index), setup.facts(&[(5000 + index, 0)])).await
            })
        })
        .collect();
    tokio::spawn(writer.run());
    let own = digest(job.await.unwrap().get());
    let place = recorded(&setup).iter().position(|digest| *digest == own);
    assert_eq!(place, Some(queue::BATCH_MAX), "after the first batch of others, in that batch");
    drop(flood);
}

#[tokio::test(start_paused = true)]
async fn what_a_job_has_waiting_is_written_by_a_ledger_that_ends() {
    let setup = Setup::new();
    let (ledger, writer) = setup.open();
    let jobs = in_bulk(&setup, &ledger, 3);
    drop((ledger, jobs));
    writer.run().await;
    assert_eq!(recorded(&setup).len(), 3);
}
