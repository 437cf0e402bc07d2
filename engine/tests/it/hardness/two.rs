//! HTTP/2, frame by frame (RFC 9113).

use std::time::Duration;

use super::{Raw, works_on};
use crate::support::{Custom, eventually};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header in HPACK, neither indexed nor compressed.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.push(u8::try_from(text.len()).expect("a short text"));
        assert!(text.len() < 127, "a longer text has a longer length");
        field.extend(text.as_bytes());
    }
    field
}

/// `GET path`, with further headers.
fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    block.extend(header(":path", path));
    block.extend(header(":authority", "it"));
    block.extend(headers.iter().flat_map(|(name, value)| header(name, value)));
    block
}

fn request(stream: u32, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &get(path, headers))
}

/// A connection that has begun, with these settings.
fn open(engine: &Custom, settings: &[u8]) -> Raw {
    let mut line = Raw::connect(engine.api());
    assert!(line.send(&[PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()));
    line
}

/// What came until the end, as kinds of frames and their streams and payloads.
fn frames(bytes: &[u8]) -> Vec<(u8, u32, Vec<u8>)> {
    let (mut rest, mut frames) = (bytes, Vec::new());
    while let Some((head, after)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let Some((payload, after)) = after.split_at_checked(length) else { break };
        frames.push((head[3], stream, payload.to_vec()));
        rest = after;
    }
    frames
}

/// The error with which the engine ended the connection.
fn gone(bytes: &[u8]) -> Option<u8> {
    let frames = frames(bytes);
    let away = frames.iter().rev().find(|(kind, ..)| *kind == GO_AWAY)?;
    away.2.get(7).copied()
}

#[test]
fn more_streams_than_are_allowed_are_refused_alone() {
    let engine = Custom::listening(|listen| {
        listen.limits.streams = 10;
        listen.limits.idle = Duration::from_millis(200);
    });
    let mut line = open(&engine, &[]);
    // Bodies that do not come hold their streams open.
    let post = |stream| {
        let mut block = vec![0x83, 0x86];
        block.extend(header(":path", "/v1/prefill"));
        block.extend(header("authorization", "Bearer demo-org-justice"));
        frame(HEADERS, END_HEADERS, stream, &block)
    };
    let streams: Vec<u8> = (0..20).flat_map(|number| post(2 * number + 1)).collect();
    line.send(&streams);
    // Those that are allowed end; the connection serves on meanwhile.
    let resets: Vec<u8> =
        (0..10).flat_map(|it| frame(RESET, 0, 2 * it + 1, &[0, 0, 0, 8])).collect();
    line.send(&resets);
    line.send(&request(101, "/healthz", &[]));
    works_on(&engine);
    let frames = frames(&line.rest());
    let refused = frames.iter().filter(|(kind, _, code)| *kind == RESET && code == &[0, 0, 0, 7]);
    assert_eq!(refused.count(), 10);
    assert!(frames.iter().any(|(kind, stream, _)| (*kind, *stream) == (HEADERS, 101)));
}

#[test]
fn streams_that_are_opened_and_reset_end_their_connection() {
    let engine = Custom::listening(|_| {});
    let mut line = open(&engine, &[]);
    for number in 0..20_000 {
        let stream = 2 * number + 1;
        let reset = frame(RESET, 0, stream, &[0, 0, 0, 8]);
        if !line.send(&[request(stream, "/v1/registers", &[]), reset].concat()) {
            break;
        }
    }
    line.rest();
    eventually("it is cut", || engine.engine.under_way() == 0);
    works_on(&engine);
}

#[test]
fn requests_that_are_given_up_again_and_again_end_their_connection() {
    let engine = Custom::listening(|_| {});
    let mut line = open(&engine, &[]);
    let mut block = vec![0x83, 0x86];
    block.extend(header(":path", "/v1/prefill"));
    block.extend(header("authorization", "Bearer demo-org-justice"));
    // Each waits for its body when it is given up, a few at a time.
    let mut given_up = 0;
    let open_still = (0..1_000_u32).all(|turn| {
        let streams = (0..10).map(|number| 20 * turn + 2 * number + 1);
        let begun = streams.clone().flat_map(|it| frame(HEADERS, END_HEADERS, it, &block));
        let mut mark = [0; 8];
        mark[..4].copy_from_slice(&turn.to_be_bytes());
        let ping = frame(PING, 0, 0, &mark);
        line.send(&begun.chain(ping).collect::<Vec<u8>>());
        let taken = line.comes(&frame(PING, 1, 0, &mark));
        line.send(&streams.flat_map(|it| frame(RESET, 0, it, &[0, 0, 0, 8])).collect::<Vec<_>>());
        given_up += if taken { 10 } else { 0 };
        taken
    });
    assert!(!open_still && given_up >= 100, "{given_up} were given up");
    works_on(&engine);
}

#[test]
fn a_list_of_headers_that_is_too_large_is_refused() {
    let engine = Custom::listening(|listen| listen.limits.idle = Duration::from_millis(200));
    let mut line = open(&engine, &[]);
    let long = "y".repeat(100);
    let many: Vec<_> = (0..130).map(|_| ("x", &*long)).collect();
    line.send(&request(1, "/healthz", &many));
    line.send(&request(3, "/healthz", &[]));
    works_on(&engine);
    let frames = frames(&line.rest());
    // 431 in HPACK's static table is none, so it is a literal; 200 is index 8.
    let answer = |stream| frames.iter().find(|it| it.0 == HEADERS && it.1 == stream);
    assert!(answer(1).is_none_or(|(.., block)| block[0] != 0x88), "it is answered");
    assert_eq!(answer(3).map(|(.., block)| block[0]), Some(0x88));
}

#[test]
fn headers_without_an_end_end_their_connection() {
    let engine = Custom::listening(|_| {});
    let mut line = open(&engine, &[]);
    line.send(&frame(HEADERS, END_STREAM, 1, &get("/healthz", &[])));
    let part = header("x", &"y".repeat(100)).repeat(100);
    for _ in 0..10_000 {
        if !line.send(&frame(CONTINUATION, 0, 1, &part)) {
            break;
        }
    }
    line.rest();
    eventually("it is cut", || engine.engine.under_way() == 0);
    works_on(&engine);
}

#[test]
fn a_client_that_opens_no_window_ends_its_connection() {
    let engine = Custom::listening(|listen| listen.limits.idle = Duration::from_millis(200));
    // SETTINGS_INITIAL_WINDOW_SIZE: 0.
    let mut line = open(&engine, &[0, 4, 0, 0, 0, 0]);
    let asked: Vec<u8> = (0..50).flat_map(|it| request(2 * it + 1, "/v1/registers", &[])).collect();
    line.send(&asked);
    works_on(&engine);
    let frames = frames(&line.rest());
    assert_eq!(frames.iter().filter(|it| it.0 == HEADERS).count(), 50);
    assert!(!frames.iter().any(|it| it.0 == DATA && !it.2.is_empty()));
    eventually("it is cut", || engine.engine.under_way() == 0);
}

#[test]
fn a_client_that_opens_a_window_of_one_byte_ends_its_connection() {
    let engine = Custom::listening(|listen| listen.limits.idle = Duration::from_millis(200));
    let mut line = open(&engine, &[0, 4, 0, 0, 0, 1]);
    line.send(&request(1, "/v1/registers", &[]));
    let frames = frames(&line.rest());
    let data: usize = frames.iter().filter(|it| it.0 == DATA).map(|it| it.2.len()).sum();
    assert_eq!(data, 1);
    eventually("it is cut", || engine.engine.under_way() == 0);
    works_on(&engine);
}

#[test]
fn a_client_that_takes_nothing_ends_its_connection() {
    let engine = Custom::listening(|listen| listen.limits.stall = Duration::from_millis(100));
    // A window for everything, and nobody who reads.
    let mut line = open(&engine, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
    line.send(&frame(8, 0, 0, &[0x7f, 0, 0, 0]));
    eventually("it is taken", || engine.engine.under_way() == 1);
    for number in 0..100 {
        line.send(&request(2 * number + 1, "/v1/procedures?limit=1000", &[]));
    }
    eventually("it is cut", || engine.engine.under_way() == 0);
    works_on(&engine);
}

#[test]
fn a_preface_and_nothing_more_ends() {
    let engine = Custom::listening(|listen| listen.limits.idle = Duration::from_millis(100));
    let mut silent = Raw::connect(engine.api());
    silent.send(PREFACE);
    let mut settled = open(&engine, &[]);
    silent.rest();
    assert_eq!(gone(&settled.rest()), Some(0));
    works_on(&engine);
}

#[test]
fn two_names_for_one_host_are_refused() {
    let engine = Custom::listening(|listen| listen.limits.idle = Duration::from_millis(200));
    let mut line = open(&engine, &[]);
    line.send(&request(1, "/healthz", &[("host", "it")]));
    line.send(&request(3, "/healthz", &[("host", "other")]));
    let frames = frames(&line.rest());
    let status = |stream| {
        let answer = frames.iter().find(|it| it.0 == HEADERS && it.1 == stream);
        answer.expect("an answer").2[0]
    };
    // 200 and 400 in HPACK's static table.
    assert_eq!((status(1), status(3)), (0x88, 0x8c));
    works_on(&engine);
}

#[test]
fn frames_that_make_no_sense_end_their_connection() {
    let engine = Custom::listening(|_| {});
    for (what, bytes) in [
        ("a frame that is too large", frame(DATA, 0, 1, &[0; 20_000])),
        ("data of no stream", frame(DATA, 0, 1, b"x")),
        ("an even stream", request(2, "/healthz", &[])),
        ("a broken table", frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 10])),
        ("a window that overflows", frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
    ] {
        let mut line = open(&engine, &[]);
        line.send(&bytes);
        let error = gone(&line.rest());
        assert!(error.is_some_and(|error| error != 0), "{what}: {error:?}");
    }
    works_on(&engine);
}
