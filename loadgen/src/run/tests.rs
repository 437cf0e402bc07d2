//! Runs against targets that misbehave in time.

mod stall;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::ask::{Ask, Expects};
use crate::results::Channel;
use crate::schedule::{self, Law};
use crate::target::{Error, Message};

/// Asks for `/`, again and again.
struct Root;

impl Script for Root {
    fn groups(&self) -> Vec<String> {
        vec!["root".into()]
    }

    fn ask(&self, _: &Event) -> Ask {
        let (message, channel) = (Message::get("/"), Channel::Other);
        Ask { message, expects: Expects::Success, group: 0, channel }
    }
}

/// Answers at once, but nothing at all between these two moments after its
/// first request.
async fn stalling(from: Duration, until: Duration) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let first = Arc::new(Mutex::new(None));
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, first.clone(), from, until));
            }
        });
    });
    target
}

async fn answer(
    mut stream: tokio::net::TcpStream,
    first: Arc<Mutex<Option<Instant>>>,
    from: Duration,
    until: Duration,
) {
    let mut request = [0; 4_096];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        let now = clock::now();
        let first = *first.lock().unwrap().get_or_insert(now);
        if now - first >= from && now - first < until {
            tokio::time::sleep_until((first + until).into()).await;
        }
        let said = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        if said.is_err() {
            return;
        }
    }
}

fn load(target: Target, law: &str, seconds: u64, connections: usize) -> Load {
    let (law, duration): (Law, _) = (law.parse().unwrap(), Duration::from_secs(seconds));
    let pace = match law {
        Law::Closed => Pace::Closed(duration, None),
        law => Pace::Open(Arc::new(move || Box::new(schedule::events(&law, duration, None, 1)))),
    };
    let (script, keeping) = (Arc::new(Root), Keeping::default());
    Load { target, script, pace, connections, keeping, streams: 1, threads: 1, cpus: vec![] }
}

async fn outcome(load: Load) -> Outcome {
    let board = Board::new(&load);
    run(load, board).await.expect("threads and timers")
}

fn latency(outcome: &Outcome, quantile: f64) -> f64 {
    outcome.results.tally.latency.value_at_quantile(quantile) as f64 / 1e6
}

/// 500 requests a second for six seconds; whatever is due in the two seconds of
/// the stall is answered at its end. A third of all latencies therefore lies
/// evenly between nothing and two seconds, and the others are nothing.
fn expected(quantile: f64) -> f64 {
    (quantile - 2.0 / 3.0).max(0.0) * 6.0
}

/// No latency is less than the stall cost. It may be more, as far as a busy
/// machine held up the generator, which says so itself, or the target.
#[track_caller]
fn check(outcome: &Outcome, quantile: f64) {
    let (seen, expected) = (latency(outcome, quantile), expected(quantile));
    let held_up = 0.2 + outcome.honesty.lag.max() as f64 / 1e9;
    assert!(
        seen > expected - 0.05 && seen < expected + held_up,
        "p{quantile}: {seen} s, expected {expected} s, and {held_up} s more at most"
    );
}

const STALL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));

#[tokio::test]
async fn over_the_network_an_open_loop_sees_what_a_stall_cost() {
    let target = stalling(STALL.0, STALL.1).await;
    let outcome = outcome(load(target, "500/s", 6, 10)).await;
    for quantile in [0.5, 0.7, 0.8, 0.9, 0.99] {
        check(&outcome, quantile);
    }
    // Nearly all of it was waiting for a connection, and none of it is ours.
    let at = |lags: &hdrhistogram::Histogram<u64>| lags.value_at_quantile(0.9) as f64 / 1e9;
    let (delay, lag) = (at(&outcome.honesty.delay), at(&outcome.honesty.lag));
    assert!(delay > expected(0.9) - 0.05 && lag < delay / 4.0, "{delay} {lag}");
}

#[tokio::test]
async fn requests_in_flight_and_their_times_agree() {
    let target = stalling(Duration::from_millis(300), Duration::from_millis(700)).await;
    let honesty = outcome(load(target, "poisson 400/s", 1, 1_000)).await.honesty;
    assert!(honesty.in_service > 1.0, "{}", honesty.in_service);
    let off = (honesty.in_flight / honesty.in_service - 1.0).abs();
    assert!(off < 0.05, "{} {}", honesty.in_flight, honesty.in_service);
}

#[tokio::test]
async fn threads_share_a_schedule_and_send_each_of_its_requests_once() {
    let target = stalling(Duration::ZERO, Duration::ZERO).await;
    let mut load = load(target, "poisson 1000/s", 1, 10);
    load.threads = 3;
    let Pace::Open(events) = &load.pace else { unreachable!("a law with a rate") };
    let due = events().count() as u64;
    let outcome = outcome(load).await;
    assert_eq!((outcome.results.tally.sent, outcome.honesty.due), (due, due));
}

#[tokio::test]
async fn a_target_that_resets_is_told_from_one_that_closes() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            // Closing with the request unread resets the connection.
            stream.peek(&mut [0; 1]).unwrap();
        }
    });
    let outcome = outcome(load(target, "100/s", 1, 1)).await;
    assert_eq!(outcome.ended, Ended::TargetClosed);
    let errors: Vec<_> = outcome.results.tally.errors.keys().copied().collect();
    assert_eq!(errors, [Error::Reset]);
}

/// Tells on which processors its requests are made.
struct Affinity(Mutex<Vec<Vec<usize>>>);

impl Script for Affinity {
    fn groups(&self) -> Vec<String> {
        Root.groups()
    }

    fn ask(&self, event: &Event) -> Ask {
        let allowed = rustix::thread::sched_getaffinity(None).unwrap();
        let all = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
        self.0.lock().unwrap().push(all.collect());
        Root.ask(event)
    }
}

#[tokio::test]
async fn threads_are_pinned_to_the_processors_that_are_named() {
    let target = stalling(Duration::ZERO, Duration::ZERO).await;
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let last = (0..rustix::thread::CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu)).unwrap();
    let script = Arc::new(Affinity(Mutex::default()));
    let load = Load { script: script.clone(), cpus: vec![last], ..load(target, "100/s", 1, 1) };
    outcome(load.clone()).await;
    let seen = script.0.lock().unwrap().clone();
    assert!(seen.len() == 100 && seen.iter().all(|it| *it == [last]), "{seen:?}");
    let nowhere = Load { cpus: vec![rustix::thread::CpuSet::MAX_CPU], ..load };
    let board = Board::new(&nowhere);
    assert!(run(nowhere, board).await.unwrap_err().to_string().contains("there is no processor"));
}
