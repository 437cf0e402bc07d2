//! Connections and single exchanges: kept, replaced, bounded, and how they fail.

use std::time::Duration;

use fixtures::registers::Mode;

use super::super::Failure;
use super::network::{NOW, Peer, country, holders, line, line_to};
use crate::clock;
use crate::metrics::{Format, State};
use crate::model::Unavailable;

fn failure(reason: Unavailable, retry_after: Option<u32>) -> Failure {
    Failure { reason, retry_after }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_the_next_call() {
    for register in ["rnpp", "ccss", "snca"] {
        let line = line(register, "");
        for holder in holders(10) {
            line.ask(&holder).await.unwrap();
        }
        // Unknown, which a register says with a body of its own.
        line.ask("1893120105732").await.unwrap();
        line.ask(&holders(1)[0]).await.unwrap();
        assert_eq!(line.network.opened(), 1, "{register}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_that_the_register_has_closed_is_replaced() {
    let line = line("rnpp", "");
    let holder = &holders(1)[0];
    line.ask(holder).await.unwrap();
    // The close is not seen before the call is sent.
    line.network.hang_up();
    assert!(line.asking(holder).await.unwrap().unwrap().found);
    assert_eq!(line.network.opened(), 2);
    // Nor is it used where the close has been seen.
    line.network.hang_up();
    line.settle().await;
    assert!(line.ask(holder).await.unwrap().found);
    assert_eq!(line.network.opened(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_more_connections_are_open_than_allowed_and_the_rest_wait() {
    let line = line("rnpp", "connections = 2");
    line.network.behave(Mode::Ok, 100);
    let began = clock::monotonic();
    let asking: Vec<_> = holders(6).iter().map(|holder| line.asking(holder)).collect();
    line.settle().await;
    assert_eq!(line.network.opened(), 2);
    for answer in asking {
        assert!(answer.await.unwrap().unwrap().found);
    }
    assert_eq!(line.network.opened(), 2);
    assert_eq!(clock::monotonic() - began, Duration::from_millis(300));
}

#[test]
fn all_cores_together_open_no_more_connections_than_a_register_allows() {
    let share = |connections: usize, cores: usize| {
        let limits = crate::catalogue::Limits { connections, ..country_limits() };
        super::super::shared_among(limits, cores).connections
    };
    for (connections, cores) in [(64, 1), (64, 2), (64, 64), (10, 3), (1_024, 64)] {
        let all = share(connections, cores) * cores;
        assert!(all <= connections && all > connections - cores, "{connections} on {cores}");
    }
    // Fewer than cores: each of them must be able to ask.
    assert_eq!(share(3, 64), 1);
}

fn country_limits() -> crate::catalogue::Limits {
    super::described(&super::country(), "rnpp").http().limits
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_waiting_limit_end_overloaded() {
    let line = line("rnpp", "connections = 1\nwaiting = 1");
    line.network.behave(Mode::Ok, 100);
    let people = holders(3);
    let (first, second) = (line.asking(&people[0]), line.asking(&people[1]));
    line.settle().await;
    let third = line.ask(&people[2]).await;
    assert_eq!(third.unwrap_err(), failure(Unavailable::Overloaded, None));
    assert!(first.await.unwrap().unwrap().found && second.await.unwrap().unwrap().found);
    assert!(line.ask(&people[2]).await.unwrap().found);
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_leaves_their_place_to_another() {
    let line = line("rnpp", "connections = 1\nwaiting = 1");
    line.network.behave(Mode::Ok, 100);
    let people = holders(3);
    let (first, second) = (line.asking(&people[0]), line.asking(&people[1]));
    line.settle().await;
    second.abort();
    line.settle().await;
    assert!(line.ask(&people[2]).await.unwrap().found);
    assert!(first.await.unwrap().unwrap().found);
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_no_longer_than_its_registers_timeout() {
    let line = line("rnpp", "");
    line.network.behave(Mode::Hang, 0);
    let began = clock::monotonic();
    let answer = line.ask(&holders(1)[0]).await;
    assert_eq!(answer.unwrap_err(), failure(Unavailable::Timeout, None));
    assert_eq!(clock::monotonic() - began, Duration::from_secs(2));
    // Its connection may still bring the late answer: it is not used again.
    line.network.behave(Mode::Ok, 0);
    assert!(line.ask(&holders(1)[0]).await.unwrap().found);
    assert_eq!(line.network.opened(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_takes_no_longer_either() {
    let line = line("rnpp", "");
    line.network.behave(Mode::Drip, 0);
    let began = clock::monotonic();
    let answer = line.ask(&holders(1)[0]).await;
    assert_eq!(answer.unwrap_err(), failure(Unavailable::Timeout, None));
    assert_eq!(clock::monotonic() - began, Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn each_way_of_misbehaving_has_its_failure() {
    let rows = [
        (Mode::Error, failure(Unavailable::Error, None)),
        (Mode::Maintenance, failure(Unavailable::Maintenance, Some(30))),
        (Mode::Garbage, failure(Unavailable::Invalid, None)),
        (Mode::Truncated, failure(Unavailable::Invalid, None)),
        (Mode::Huge, failure(Unavailable::Invalid, None)),
        (Mode::Reset, failure(Unavailable::Error, None)),
        (Mode::WrongSubject, failure(Unavailable::Invalid, None)),
        (Mode::Deep, failure(Unavailable::Invalid, None)),
    ];
    for register in ["rnpp", "ccss", "snca"] {
        let line = line(register, "");
        for (mode, expected) in rows {
            line.network.behave(mode, 0);
            let seen = line.ask(&holders(1)[0]).await;
            assert_eq!(seen.unwrap_err(), expected, "{register}, {mode:?}");
        }
        line.network.behave(Mode::WrongTypes, 0);
        let wrong = line.ask(&holders(1)[0]).await.unwrap();
        assert!(!wrong.invalid.is_empty(), "{register}");
        line.network.behave(Mode::Ok, 0);
        assert!(line.ask(&holders(1)[0]).await.unwrap().found, "{register} is well again");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_about_somebody_else_are_counted() {
    let line = line("rnpp", "");
    line.network.behave(Mode::WrongSubject, 0);
    for holder in holders(3) {
        line.ask(&holder).await.unwrap_err();
    }
    let text = line.metrics.text(State::default(), Format::Text);
    let counted = "prefill_register_wrong_subject_total{register=\"rnpp\"} 3";
    assert!(text.contains(counted), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_its_call() {
    let line = line("rnpp", "");
    line.network.behave(Mode::Ok, 1_500);
    let answer = line.ask(&holders(1)[0]).await.unwrap();
    assert_eq!(answer.since, NOW);
}

#[tokio::test(start_paused = true)]
async fn a_register_without_an_address_fails_every_call() {
    let line = line("rnpp", "");
    let ccss = line.catalogue.find_register("ccss").unwrap();
    let mut query = line.query(&holders(1)[0], "justice");
    query.group.attributes = line.catalogue.register(ccss).all();
    let answer = line.clients.ask(ccss, query).await;
    assert_eq!(answer.unwrap_err(), failure(Unavailable::Error, None));
    assert_eq!(line.network.opened(), 0);
}

/// What comes of a response: found or not, or the failure.
async fn answer_to(register: &str, response: &str) -> Result<bool, Failure> {
    let line = line_to(register, "", Peer::Says(response.replace('\n', "\r\n")));
    let key = country().example_adult();
    let key = match register {
        "caclr" => key.address().id().to_string(),
        _ => key.matricule().to_string(),
    };
    line.ask(&key).await.map(|answer| answer.found)
}

#[tokio::test(start_paused = true)]
async fn each_status_has_its_meaning() {
    let rows = [
        ("404 Not Found\ncontent-length: 0", Ok(false)),
        ("200 OK\ncontent-length: 2\n\n{}", Err(failure(Unavailable::Invalid, None))),
        ("200 OK\ncontent-length: 0", Err(failure(Unavailable::Invalid, None))),
        ("204 No Content", Err(failure(Unavailable::Error, None))),
        ("301 Moved\nlocation: /x\ncontent-length: 0", Err(failure(Unavailable::Error, None))),
        ("400 Bad Request\ncontent-length: 0", Err(failure(Unavailable::Error, None))),
        ("401 No\ncontent-length: 0", Err(failure(Unavailable::Error, None))),
        ("429 Slow\ncontent-length: 0", Err(failure(Unavailable::Overloaded, None))),
        (
            "429 Slow\nretry-after: 7\ncontent-length: 0",
            Err(failure(Unavailable::Overloaded, Some(7))),
        ),
        ("503 No\ncontent-length: 0", Err(failure(Unavailable::Error, None))),
        (
            "503 No\nretry-after: 30\ncontent-length: 0",
            Err(failure(Unavailable::Maintenance, Some(30))),
        ),
        (
            "503 No\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\ncontent-length: 0",
            Err(failure(Unavailable::Error, None)),
        ),
        ("500 No\nretry-after: 30\ncontent-length: 0", Err(failure(Unavailable::Error, None))),
    ];
    for (response, expected) in rows {
        let (head, body) = response.split_once("\n\n").unwrap_or((response, ""));
        let response = format!("HTTP/1.1 {head}\n\n{body}");
        assert_eq!(answer_to("rnpp", &response).await, expected, "{response}");
    }
    for response in ["", "nonsense\n\n", "HTTP/1.1 200 OK\ncontent-length: x\n\n"] {
        let expected = Err(failure(Unavailable::Error, None));
        assert_eq!(answer_to("rnpp", response).await, expected, "{response:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_says_that_a_key_is_unknown_only_where_the_description_says_so() {
    let missing = "HTTP/1.1 404 Not Found\ncontent-length: 9\n\nnot found";
    for register in ["rnpp", "caclr", "ccss"] {
        assert_eq!(answer_to(register, missing).await, Ok(false), "{register}");
    }
    // It leaves unknown keys out of its list: to it, a 404 is a wrong path.
    let expected = Err(failure(Unavailable::Error, None));
    assert_eq!(answer_to("snca", missing).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_marked_response_is_a_failure_whatever_its_status() {
    for status in ["200 OK", "404 Not Found"] {
        let error = format!("HTTP/1.1 {status}\nx-road-error: Server.Down\ncontent-length: 0\n\n");
        let expected = Err(failure(Unavailable::Error, None));
        assert_eq!(answer_to("caclr", &error).await, expected, "{status}");
    }
    let plain = "HTTP/1.1 404 Not Found\ncontent-length: 0\n\n";
    assert_eq!(answer_to("caclr", plain).await, Ok(false));
}

#[tokio::test(start_paused = true)]
async fn an_answer_longer_than_allowed_is_not_read() {
    let declared = format!("HTTP/1.1 200 OK\ncontent-length: {}\n\n", 256 * 1024 + 1);
    let expected = Err(failure(Unavailable::Invalid, None));
    assert_eq!(answer_to("rnpp", &declared).await, expected);
    let chunk = "x".repeat(0x8000);
    let chunks = format!("8000\n{chunk}\n").repeat(9);
    let undeclared = format!("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n{chunks}");
    assert_eq!(answer_to("rnpp", &undeclared).await, expected);
}
