//! Turns, and first steps on the composing threads.

use std::thread;

use futures_util::FutureExt as _;

use super::*;

#[tokio::test(start_paused = true)]
async fn beside_whoever_asks_by_themselves_fewer_bundles_are_under_way() {
    let bulk = Bulk::default();
    let bunches = |bulk: &Bulk| -> Vec<Vec<Turn>> {
        std::iter::from_fn(|| bulk.turns(BUNCH).now_or_never()).take(1_000).collect()
    };
    assert_eq!(bunches(&bulk).len(), UNDER_WAY_MAX / BUNCH);
    bulk.give_way();
    let taken = bunches(&bulk);
    assert_eq!(taken.len(), UNDER_WAY_BESIDE / BUNCH);
    // One that was taken under many is no less of the few.
    drop(taken);
    tokio::time::advance(BESIDE + Duration::from_millis(1)).await;
    let mut many = bunches(&bulk);
    bulk.give_way();
    drop(many.pop());
    assert!(bulk.turns(BUNCH).now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_again_is_there_for_longer() {
    let bulk = Bulk::default();
    for _ in 0..30 {
        bulk.give_way();
        tokio::time::advance(BESIDE / 10).await;
        let all = (UNDER_WAY_MAX / BUNCH) as u32;
        let taken = (0..all).filter_map(|_| bulk.turns(BUNCH).now_or_never());
        assert_eq!(taken.collect::<Vec<_>>().len(), UNDER_WAY_BESIDE / BUNCH);
    }
}

#[tokio::test]
async fn a_first_step_is_made_on_a_thread_for_it_and_what_is_left_goes_on_here() {
    let bulk = Bulk::default();
    let here = || thread::current().name().unwrap_or_default().starts_with("bulk-");
    let short: Work<(bool, bool)> = Box::pin(async move { (here(), here()) });
    let long: Work<(bool, bool)> = Box::pin(async move {
        let first = here();
        // A timer of the core's own runtime, begun where none runs.
        tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await.ok();
        (first, here())
    });
    let (done, mut left) = bulk.begin(vec![long, short]).await;
    assert_eq!((done, left.len()), (vec![(true, true)], 1));
    assert_eq!(left.next().await, Some((true, false)));
}

/// What a first step may need of its core's runtime; it panics where that is gone.
fn needs_its_core() {
    assert!(tokio::time::sleep(Duration::from_secs(1)).now_or_never().is_none());
}

#[test]
fn a_core_ends_when_no_first_step_is_being_made_and_none_is_made_after_it() {
    let bulk = Arc::new(Bulk::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let core = bulk.steps_on_a_core();
    let (begun, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let slow: Work<()> = {
        let (steps, begun, made) = (bulk.steps.clone(), begun.clone(), made.clone());
        Box::pin(async move {
            begun.store(true, Ordering::SeqCst);
            while !steps.over.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            // Whoever does not wait for it is gone meanwhile.
            (0..10_000).for_each(|_| thread::yield_now());
            needs_its_core();
            made.store(true, Ordering::SeqCst);
        })
    };
    let job = bulk.clone();
    runtime.spawn(async move { drop(job.begin(vec![slow]).await) });
    runtime.block_on(async {
        while !begun.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    });
    drop(core);
    assert!(made.load(Ordering::SeqCst), "the core has ended under a step");
    drop(runtime);

    // One that goes on makes its own.
    let late: Work<Option<String>> =
        Box::pin(async { thread::current().name().map(str::to_owned) });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (done, mut left) = runtime.block_on(bulk.begin(vec![late]));
    assert_eq!((done, left.len()), (Vec::new(), 1));
    let here = thread::current().name().map(str::to_owned);
    assert_eq!(runtime.block_on(left.next()), Some(here));
}

#[tokio::test]
async fn what_is_composed_in_a_first_step_stays_on_its_thread() {
    let bulk = Arc::new(Bulk::default());
    let id = || thread::current().id();
    let within = bulk.clone();
    let work: Work<bool> = Box::pin(async move { within.compose(id).await == Some(id()) });
    let (done, left) = bulk.begin(vec![work]).await;
    assert_eq!((done, left.len()), (vec![true], 0));
    // And what was waited for goes there again.
    assert_ne!(bulk.compose(id).await, Some(id()));
}
