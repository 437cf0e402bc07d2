//! What a stall costs, exactly: generator and target live in one thread, whose
//! clock moves only when nobody has anything left to do, and then by whole
//! milliseconds. Each test computes what must come out from the schedule and
//! the stall alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hdrhistogram::Histogram;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use super::*;
use crate::connection::Dial;
use crate::tally::Tally;

/// Nothing is answered between these two moments.
const STALL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));
/// What an answer takes otherwise.
const SERVICE: Duration = Duration::from_millis(1);
const SECONDS: u64 = 6;

/// When the answer has come to a request that is sent at this moment.
fn answered(sent: Duration) -> Duration {
    let is_stalled = (STALL.0..STALL.1).contains(&sent);
    let begun = if is_stalled { STALL.1 } else { sent };
    begun + SERVICE
}

async fn serve(mut stream: DuplexStream, began: tokio::time::Instant) {
    let mut request = [0; 4_096];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        tokio::time::sleep_until(began + answered(began.elapsed())).await;
        let said = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        if said.is_err() {
            return;
        }
    }
}

/// The real run, but for its threads.
async fn run_within(law: &str, connections: usize) -> (Results, Honesty) {
    let (sender, mut listener) = mpsc::channel(1);
    let mut load = load("http://nowhere".parse().unwrap(), law, SECONDS, connections);
    load.keeping.dial = Dial::Memory(sender);
    let began = clock::now();
    let accepting = tokio::spawn(async move {
        while let Some(stream) = listener.recv().await {
            tokio::spawn(serve(stream, began.into()));
        }
    });
    let (board, next, ended) = (Board::new(&load), AtomicU64::new(0), watch::Sender::new(None));
    let shared = Arc::new(Shared { load, board, began, next, ended });
    let honesty = LocalSet::new().run_until(pool::work(shared.clone(), 0)).await.unwrap();
    accepting.abort();
    (shared.board.take(), honesty)
}

/// 500 a second, each with the first of so many connections that is free.
fn of_open_loop(connections: usize) -> Vec<Duration> {
    let mut free: BinaryHeap<_> = vec![Reverse(Duration::ZERO); connections].into();
    let due = (0..500 * SECONDS).map(|number| Duration::from_millis(2 * number));
    due.map(|due| {
        let Reverse(free_at) = free.pop().expect("as many as connections");
        let ended = answered(due.max(free_at));
        free.push(Reverse(ended));
        ended - due
    })
    .collect()
}

/// Each connection sends when it has its answer.
fn of_closed_loop(connections: usize) -> Vec<Duration> {
    let (mut at, mut latencies) = (Duration::ZERO, Vec::new());
    while at < Duration::from_secs(SECONDS) {
        latencies.push(answered(at) - at);
        at = answered(at);
    }
    latencies.repeat(connections)
}

fn counted(latencies: &[Duration]) -> Histogram<u64> {
    let mut counted = Tally::default().latency;
    latencies.iter().for_each(|it| counted.record(it.as_micros() as u64).unwrap());
    counted
}

/// Holds a percentile in milliseconds against one that was computed by hand; at
/// two seconds, a histogram of three digits tells two milliseconds apart.
#[track_caller]
fn check(latencies: &Histogram<u64>, quantile: f64, expected: f64) {
    let seen = latencies.value_at_quantile(quantile) as f64 / 1e3;
    assert!((seen - expected).abs() < 2.0, "p{quantile}: {seen} ms, expected {expected}");
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_sees_exactly_what_a_stall_cost() {
    let (results, honesty) = run_within("500/s", 2_000).await;
    assert_eq!(results.tally.latency, counted(&of_open_loop(2_000)));
    // A third of the requests was due during the stall: the first waited for two
    // seconds, each later one two milliseconds less.
    for (quantile, expected) in
        [(0.5, 1.0), (0.666, 1.0), (0.75, 501.0), (0.9, 1_401.0), (0.999, 1_995.0), (1.0, 2_001.0)]
    {
        check(&results.tally.latency, quantile, expected);
    }
    assert_eq!((results.tally.sent, honesty.lag.max()), (3_000, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stall_costs_an_open_loop_exactly_as_much_when_connections_run_out() {
    for connections in [1, 3, 10] {
        let (results, honesty) = run_within("500/s", connections).await;
        assert_eq!(results.tally.latency, counted(&of_open_loop(connections)), "{connections}");
        // All of the delay was waiting for a connection, and none of it is ours.
        assert!(honesty.delay.value_at_quantile(0.9) > 1_000_000_000, "{connections}");
        assert_eq!(honesty.lag.max(), 1, "{connections}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_does_not_see_a_stall() {
    let (results, _) = run_within("closed", 4).await;
    assert_eq!(results.tally.latency, counted(&of_closed_loop(4)));
    // Four of 16,000 requests met it: it looks fine, and is wrong.
    assert_eq!(results.tally.sent, 4 * (2_000 + 1 + 1_999));
    check(&results.tally.latency, 0.999, 1.0);
    check(&counted(&of_open_loop(2_000)), 0.999, 1_995.0);
}
