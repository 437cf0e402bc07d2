//! An engine on its way out: it says so, loses nothing, and ends in time.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use engine::drain::{Pauses, Phase};
use fixtures::Mode;
use serde_json::json;

use crate::batch::Job;
use crate::hardness::Raw;
use crate::support::{
    Custom, Modern, at_once, bundle, calls, eventually, form, set, somebody, with,
};

/// Long enough to be seen by clients that ask all the time.
const PAUSES: Pauses = Pauses {
    leaving: Duration::from_millis(300),
    closing: Duration::from_millis(300),
    limit: Duration::from_secs(15),
};

fn on_its_own<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().expect("a runtime").block_on(work)
}

/// Asks over one connection after the other, as a balancer does: a further one only
/// to an engine that is ready.
fn ask_until_told(engine: &Custom, answered: &AtomicUsize) {
    let somebody = somebody(engine.country);
    let form = form("criminal-record-extract", &somebody).to_string();
    loop {
        let mut ready = Raw::connect(engine.api());
        ready.send(b"GET /readyz HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
        match ready.reply().status {
            200 => {}
            status => return assert_eq!(status, 503),
        }
        let mut line = Raw::connect(engine.api());
        loop {
            line.post("justice", &form);
            let reply = line.reply();
            assert_eq!(reply.status, 200);
            answered.fetch_add(1, Ordering::Relaxed);
            if reply.header("connection") == Some("close") {
                line.has_ended();
                break;
            }
        }
    }
}

/// The same over HTTP/2, until the engine says that it goes.
fn ask_over_two_until_told(engine: &Custom, answered: &AtomicUsize) {
    let form = form("criminal-record-extract", &somebody(engine.country));
    at_once(async {
        let mut client = Modern::connect(engine.api().0).await.unwrap();
        loop {
            match client.ask("justice", &form).await {
                Ok(reply) => {
                    assert_eq!(reply.status(), 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                // It was never sent.
                Err(error) if error.is_canceled() || error.is_closed() => return,
                Err(error) => panic!("a request is lost: {error:?}"),
            }
        }
    });
}

#[test]
fn a_drain_under_load_loses_no_request() {
    let engine = Custom::listening(|_| {});
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ask_until_told(&engine, &answered));
            scope.spawn(|| ask_over_two_until_told(&engine, &answered));
        }
        eventually("the load is there", || answered.load(Ordering::Relaxed) > 100);
        assert_eq!(on_its_own(engine.engine.drain(PAUSES)), 0);
    });
    assert_eq!(engine.engine.under_way(), 0);
}

#[test]
fn what_has_begun_is_answered_and_ends_its_connection() {
    let engine = Custom::listening(|_| {});
    let somebody = somebody(engine.country);
    set(&engine.fleet, "rnpp", Mode::Hang);
    let slow = with(form("criminal-record-extract", &somebody), json!({"deadlineMs": 1_000}));
    let mut line = Raw::connect(engine.api());
    line.post("justice", &slow.to_string());
    eventually("the register is asked", || calls(&engine.fleet, "rnpp") > 0);
    let short = Pauses { leaving: Duration::from_millis(10), ..PAUSES };
    assert_eq!(on_its_own(engine.engine.drain(short)), 0);
    let reply = line.reply();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("connection"), Some("close"));
    line.has_ended();
}

#[test]
fn an_engine_that_leaves_is_alive_but_not_ready() {
    let engine = Custom::listening(|_| {});
    assert_eq!(engine.engine.phase(), Phase::Serving);
    assert_eq!(engine.api().get("/readyz").status, 200);
    let slowly = Pauses { leaving: Duration::from_secs(60), ..PAUSES };
    std::thread::scope(|scope| {
        let (told, stop) = tokio::sync::oneshot::channel::<()>();
        let drain = engine.engine.drain(slowly);
        scope.spawn(|| {
            on_its_own(async {
                tokio::select! {
                    _ = drain => panic!("it waits for its balancer"),
                    _ = stop => {}
                }
            });
        });
        eventually("it leaves", || engine.engine.phase() == Phase::Leaving);
        let ready = engine.api().get("/readyz");
        assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("not-ready")));
        assert!(ready.json()["reasons"]["drain"].is_string());
        assert_eq!(engine.api().get("/healthz").status, 200);
        bundle(engine.api(), &form("criminal-record-extract", &somebody(engine.country)));
        told.send(()).unwrap();
    });
}

#[test]
fn connections_that_wait_for_a_request_do_not_hold_an_engine_up() {
    let engine = Custom::listening(|_| {});
    let mut used = Raw::connect(engine.api());
    used.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
    assert_eq!(used.reply().status, 200);
    let mut unused = Raw::connect(engine.api());
    at_once(async {
        let mut two = Modern::connect(engine.api().0).await.unwrap();
        assert_eq!(two.get("/healthz").await.unwrap().status(), 200);
        eventually("all are accepted", || engine.engine.under_way() == 3);
        let short = Pauses { leaving: Duration::from_millis(1), ..PAUSES };
        assert_eq!(engine.engine.drain(short).await, 0);
        assert!(two.get("/healthz").await.is_err());
    });
    used.has_ended();
    unused.has_ended();
}

#[test]
fn what_is_not_done_at_the_limit_is_cut_and_counted() {
    let engine = Custom::listening(|_| {});
    let somebody = somebody(engine.country);
    set(&engine.fleet, "rnpp", Mode::Hang);
    let slow = with(form("criminal-record-extract", &somebody), json!({"deadlineMs": 30_000}));
    let mut line = Raw::connect(engine.api());
    line.post("justice", &slow.to_string());
    eventually("the register is asked", || calls(&engine.fleet, "rnpp") > 0);
    let pauses = Pauses {
        leaving: Duration::from_millis(1),
        closing: Duration::from_millis(1),
        limit: Duration::from_millis(100),
    };
    assert_eq!(on_its_own(engine.engine.drain(pauses)), 1);
    drop(engine);
    line.has_ended();
}

#[test]
fn a_job_whose_sender_never_stops_is_answered_as_far_as_it_was_begun() {
    let engine = Custom::listening(|_| {});
    let line = form("criminal-record-extract", &somebody(engine.country));
    let mut job = Job::on(TcpStream::connect(engine.api().0).unwrap());
    job.line(&line);
    assert_eq!(job.status(), 200);
    let mut answers = vec![job.answer().unwrap()];
    std::thread::scope(|scope| {
        let mut sender = job.sender();
        let lines = format!("{line}\n").repeat(64);
        let piece = format!("{:x}\r\n{lines}\r\n", lines.len());
        // Longer than a drain, and yet not for ever.
        scope.spawn(move || (0..20_000).all(|_| sender.write_all(piece.as_bytes()).is_ok()));
        let drain = scope.spawn(|| on_its_own(engine.engine.drain(PAUSES)));
        // To the end of the body, which is whole.
        answers.extend(job.rest());
        drop(job);
        assert_eq!(drain.join().unwrap(), 0, "the job was cut");
    });
    let (last, begun) = answers.split_last().unwrap();
    for (index, answer) in begun.iter().enumerate() {
        assert_eq!((&answer["index"], &answer["status"]), (&json!(index), &json!(200)));
    }
    assert_eq!((&last["index"], &last["status"]), (&json!(begun.len()), &json!(503)), "{last}");
    assert_eq!(last["problem"]["type"], "overloaded");
}

#[test]
fn a_job_that_has_a_pause_is_told_where_it_was_left() {
    let engine = Custom::listening(|_| {});
    let line = form("criminal-record-extract", &somebody(engine.country));
    let mut jobs = [(); 2].map(|()| Job::on(TcpStream::connect(engine.api().0).unwrap()));
    for job in &mut jobs {
        job.line(&line);
        assert_eq!(job.status(), 200);
        assert_eq!(job.answer().unwrap()["status"], 200);
    }
    let [mut pauses, mut begins] = jobs;
    // Half a line is none.
    begins.send(br#"{"procedure":"#);
    let short = Pauses { leaving: Duration::from_millis(10), ..PAUSES };
    assert_eq!(on_its_own(engine.engine.drain(short)), 0, "a job was cut");
    for job in [&mut pauses, &mut begins] {
        let [left] = &job.rest()[..] else { panic!("one answer") };
        assert_eq!((&left["index"], &left["status"]), (&json!(1), &json!(503)), "{left}");
    }
}

#[test]
fn a_handle_is_refused_after_the_drain_and_answered_before_its_end() {
    let engine = Custom::listening(|_| {});
    let handle = Arc::new(engine.engine.handle().clone());
    let subject = somebody(engine.country).parse().unwrap();
    let kept = on_its_own(async {
        let asked = handle.prefer(subject, "rnpp", false);
        let short = Pauses { leaving: Duration::from_millis(1), ..PAUSES };
        let (kept, cut) = tokio::join!(asked, engine.engine.drain(short));
        assert_eq!(cut, 0);
        kept
    });
    assert!(kept.is_ok());
    let refused = on_its_own(handle.prefer(subject, "rnpp", true)).unwrap_err();
    assert_eq!(refused, engine::prefill::Rejection::Overloaded);
}
