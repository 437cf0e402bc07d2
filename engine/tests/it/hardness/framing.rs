//! Where a request ends: whoever could read it in two ways is refused, or ends.

use super::{Raw, refused, works_on};
use crate::support::Custom;

const POST: &str =
    "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer demo-org-acd\r\n";
/// What a smuggler wants to have answered.
const HIDDEN: &str = "GET /v1/registers HTTP/1.1\r\nhost: it\r\n\r\n";

/// A request with these lines and this body, with another hidden behind it.
fn framed(lines: &str, body: &str) -> Vec<u8> {
    format!("{POST}{lines}\r\n{body}{HIDDEN}").into_bytes()
}

#[test]
fn conflicting_lengths_are_refused() {
    let engine = Custom::listening(|_| {});
    refused(&engine, &framed("content-length: 2\r\ncontent-length: 44\r\n", "{}"), &[400]);
    refused(&engine, &framed("content-length: 44\r\ncontent-length: 2\r\n", "{}"), &[400]);
    works_on(&engine);
}

#[test]
fn a_repeated_length_counts_once() {
    let engine = Custom::listening(|_| {});
    let mut line = Raw::connect(engine.api());
    line.send(&framed("content-length: 2\r\ncontent-length: 2\r\n", "{}"));
    // Both requests are whole, and each has its answer.
    assert_eq!(line.reply().status, 400);
    assert_eq!(line.reply().status, 200);
    works_on(&engine);
}

#[test]
fn a_length_that_is_no_number_is_refused() {
    let engine = Custom::listening(|_| {});
    let lengths = ["+2", "-2", "2, 2", "0x2", "2 2", "", "two", "2.0", "99999999999999999999"];
    for length in lengths {
        refused(&engine, &framed(&format!("content-length: {length}\r\n"), "{}"), &[400, 413, 431]);
    }
    works_on(&engine);
}

#[test]
fn a_length_beside_chunks_hides_nothing() {
    let engine = Custom::listening(|_| {});
    // One reader sees two bytes and a request behind them, the other one chunk.
    for lines in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        refused(&engine, &framed(lines, "2\r\n{}\r\n0\r\n\r\n"), &[400]);
    }
    works_on(&engine);
}

#[test]
fn transfer_codings_that_are_not_just_chunks_are_refused() {
    let engine = Custom::listening(|_| {});
    for coding in [
        "chunked, identity",
        "identity",
        "gzip, chunked",
        "chunked, chunked",
        "xchunked",
        "\"chunked\"",
        "chunked;q=1",
        "",
    ] {
        let lines = format!("transfer-encoding: {coding}\r\n");
        refused(&engine, &framed(&lines, "2\r\n{}\r\n0\r\n\r\n"), &[400]);
    }
    let twice = "transfer-encoding: identity\r\ntransfer-encoding: chunked\r\n";
    refused(&engine, &framed(twice, "2\r\n{}\r\n0\r\n\r\n"), &[400]);
    let old = format!("POST /v1/prefill HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n{HIDDEN}");
    refused_as_old(&engine, &old);
    refused(&engine, &framed("transfer-encoding : chunked\r\n", "0\r\n\r\n"), &[400]);
    works_on(&engine);
}

/// HTTP/1.0 knows no chunks.
fn refused_as_old(engine: &Custom, request: &str) {
    let mut line = Raw::connect(engine.api());
    line.send(request.as_bytes());
    let all = String::from_utf8_lossy(&line.rest()).into_owned();
    assert_eq!(all.matches("HTTP/1.").count(), 1, "{all}");
    assert_eq!(&all[9..12], "400", "{all}");
}

#[test]
fn chunks_that_are_not_well_formed_are_refused() {
    let engine = Custom::listening(|_| {});
    for body in [
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
        "1\r\n{}\r\n0\r\n\r\n",
        "3\r\n{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2;a\nb\r\n{}\r\n0\r\n\r\n",
    ] {
        refused(&engine, &framed("transfer-encoding: chunked\r\n", body), &[400]);
    }
    let extended = format!("2;{}\r\n{{}}\r\n0\r\n\r\n", "x".repeat(100_000));
    refused(&engine, &framed("transfer-encoding: chunked\r\n", &extended), &[400]);
    works_on(&engine);
}

#[test]
fn trailers_change_nothing_and_are_bounded() {
    let engine = Custom::listening(|_| {});
    let trailed = |trailers: &str| {
        let lines = "transfer-encoding: chunked\r\nconnection: close\r\n";
        framed(lines, &format!("2\r\n{{}}\r\n0\r\n{trailers}\r\n"))
    };
    refused(&engine, &trailed("authorization: Bearer demo-org-justice\r\n"), &[400]);
    refused(&engine, &trailed("content-length: 44\r\n"), &[400]);
    let many: String = (0..10_000).map(|number| format!("x{number}: y\r\n")).collect();
    refused(&engine, &trailed(&many), &[400]);
    works_on(&engine);
}

#[test]
fn a_bare_line_feed_ends_a_line_and_never_hides_one() {
    let engine = Custom::listening(|_| {});
    // RFC 9112, section 2.2, allows it; what follows is a header of its own.
    let fed = "GET /healthz HTTP/1.1\nhost: it\nx: y\nconnection: close\n\n";
    refused(&engine, format!("{fed}{HIDDEN}").as_bytes(), &[200]);
    let hidden = framed("x: y\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n", "{}");
    refused(&engine, &hidden, &[400]);
    for lone in ["x: a\rb\r\n", "x: a\0b\r\n", "x\r: a\r\n"] {
        refused(&engine, &framed(lone, ""), &[400]);
    }
    works_on(&engine);
}

#[test]
fn folded_lines_are_refused() {
    let engine = Custom::listening(|_| {});
    for folded in [
        "x: a\r\n b\r\n",
        "x: a\r\n\tb\r\n",
        "transfer-encoding:\r\n chunked\r\n",
        " x: a\r\n",
        "content-length: 2\r\n 0\r\n",
    ] {
        refused(&engine, &framed(folded, ""), &[400]);
    }
    works_on(&engine);
}
