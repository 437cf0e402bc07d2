//! Heads that are too much, and requests for something else than an answer.

use std::io::ErrorKind;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::{Raw, refused, works_on};
use crate::support::{Custom, eventually};

fn get(target: &str, lines: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\n{lines}\r\n").into_bytes()
}

#[test]
fn heads_that_are_too_large_are_refused() {
    let engine = Custom::listening(|_| {});
    let long = format!("host: it\r\nx: {}\r\n", "y".repeat(100_000));
    refused(&engine, &get("/healthz", &long), &[431]);
    let many: String = (0..101).map(|number| format!("x{number}: y\r\n")).collect();
    refused(&engine, &get("/healthz", &format!("host: it\r\n{many}")), &[431]);
    let far = format!("/{}", "x".repeat(70_000));
    refused(&engine, &get(&far, "host: it\r\n"), &[414, 431]);
    works_on(&engine);
}

#[test]
fn no_upgrade_is_taken() {
    let engine = Custom::listening(|_| {});
    for upgrade in [
        "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: AAAA\r\n",
        "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\n",
        "upgrade: TLS/1.3\r\nconnection: upgrade\r\n",
    ] {
        let mut line = Raw::connect(engine.api());
        line.send(&get("/healthz", &format!("host: it\r\n{upgrade}")));
        assert_eq!(line.reply().status, 200, "{upgrade}");
        // It is what it was.
        line.send(&get("/healthz", "host: it\r\n"));
        assert_eq!(line.reply().status, 200, "{upgrade}");
    }
    let mut tunnel = Raw::connect(engine.api());
    tunnel.send(b"CONNECT it:443 HTTP/1.1\r\nhost: it:443\r\nconnection: close\r\n\r\n");
    assert_eq!(tunnel.reply().status, 404);
    works_on(&engine);
}

#[test]
fn a_target_with_a_host_is_answered_by_its_path() {
    let engine = Custom::listening(|_| {});
    for target in ["http://it/healthz", "http://other.example/healthz", "https://it:1/healthz"] {
        let mut line = Raw::connect(engine.api());
        line.send(&get(target, "host: it\r\n"));
        assert_eq!(line.reply().status, 200, "{target}");
    }
    let mut line = Raw::connect(engine.api());
    line.send(&get("http://it/v1/me/data", "host: /v1/registers\r\n"));
    assert_eq!(line.reply().status, 400);
    works_on(&engine);
}

#[test]
fn a_request_names_its_host_once() {
    let engine = Custom::listening(|_| {});
    for lines in ["", "host: it\r\nhost: it\r\n", "host: it, other\r\n", "host: a b\r\n"] {
        let lines = format!("{lines}connection: close\r\n");
        refused(&engine, &get("/healthz", &lines), &[400]);
    }
    works_on(&engine);
}

#[test]
fn requests_in_one_go_are_answered_in_their_order() {
    let engine = Custom::listening(|_| {});
    let mut line = Raw::connect(engine.api());
    let paths = ["/healthz", "/no-such-path", "/v1/registers", "/v1/me/data"];
    let all: Vec<u8> =
        paths.iter().cycle().take(200).flat_map(|path| get(path, "host: it\r\n")).collect();
    assert!(line.send(&all));
    for _ in 0..50 {
        for status in [200, 404, 200, 401] {
            assert_eq!(line.reply().status, status);
        }
    }
    works_on(&engine);
}

#[test]
fn a_body_left_unread_loses_no_answer_and_is_no_request() {
    let engine = Custom::listening(|listen| listen.limits.linger = Duration::from_secs(3600));
    // Nobody known: the body is not read, and more of it comes after the answer. Were
    // the connection closed by then, that would reset it.
    let head = "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer nobody\r\n\
        content-length: 100000000\r\n\r\n";
    let part = "GET /v1/registers HTTP/1.1\r\nhost: it\r\n\r\n".repeat(200);
    let mut line = Raw::connect(engine.api());
    line.send(format!("{head}{part}").as_bytes());
    assert_eq!(line.reply().status, 401);
    line.has_ended();
    for _ in 0..50 {
        assert!(line.send(part.as_bytes()), "it is read and thrown away");
    }
    // But not without a bound.
    assert_eq!(line.floods(part.as_bytes()), ErrorKind::WouldBlock);
    works_on(&engine);
}

#[test]
fn a_flood_after_the_last_answer_takes_no_answer_away_and_ends() {
    let engine = Custom::listening(|listen| listen.limits.linger = Duration::from_secs(12));
    // Its client has room for little, and reads only once the flood is stuck.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&engine.api().0.into()).unwrap();
    let mut line = Raw::on(socket.into());
    let asked = get("/v1/registers", "host: it\r\n").repeat(8);
    let unread = "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer nobody\r\n\
        content-length: 100000000\r\n\r\n";
    assert!(line.send(&[&asked, unread.as_bytes()].concat()));
    assert_eq!(line.floods(&[b'x'; 16 * 1024]), ErrorKind::WouldBlock);
    for status in [200; 8].into_iter().chain([401]) {
        assert_eq!(line.reply().status, status);
    }
    line.has_ended();
    eventually("it is cut", || engine.engine.under_way() == 0);
    works_on(&engine);
}

#[test]
fn a_body_that_no_path_reads_is_no_request() {
    let engine = Custom::listening(|_| {});
    let small = "GET /v1/registers HTTP/1.1\r\nhost: it\r\n\r\n";
    let mut line = Raw::connect(engine.api());
    let head = format!("host: it\r\ncontent-length: {}\r\n", small.len());
    line.send(&[&get("/healthz", &head)[..], small.as_bytes()].concat());
    assert_eq!(line.reply().status, 200);
    line.send(&get("/no-such-path", "host: it\r\nconnection: close\r\n"));
    assert_eq!(line.reply().status, 404);
    line.has_ended();
    works_on(&engine);
}
