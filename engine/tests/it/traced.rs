//! A caller's trace goes on to the registers, and what is malformed does not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::support::{Custom, form, owner, somebody};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const PROCEDURE: &str = "criminal-record-extract";

/// A register that knows nobody and shows the heads of its requests.
fn register() -> (std::net::SocketAddr, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (heads, seen) = sync_channel(8);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("a handle")).lines();
            let lines = lines.map(|line| line.expect("text"));
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let answer =
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(answer).expect("it listens");
            if heads.send(head).is_err() {
                return;
            }
        }
    });
    (address, seen)
}

/// The trace headers that a register gets when a caller sends these.
#[track_caller]
fn passed_on(headers: &str) -> Vec<(String, String)> {
    let (address, seen) = register();
    let custom = Custom::start(&[], &[("rnpp", address)]);
    let body = form(PROCEDURE, &somebody(custom.country)).to_string();
    let (organisation, length) = (owner(PROCEDURE), body.len());
    let request = format!(
        "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
         authorization: Bearer demo-org-{organisation}\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    );
    custom.api().raw(request.as_bytes()).reply().ok();
    let head = seen.recv().expect("it was asked");
    let lines = head.iter().filter_map(|line| line.split_once(": "));
    let ours = lines.filter(|(name, _)| name.starts_with("trace"));
    ours.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_request_that_can_be_repeated_passes_its_trace_on_too() {
    let got = passed_on(&format!("traceparent: 00-{TRACE}-{CALLER}-01\r\nidempotency-key: k\r\n"));
    assert!(
        got.iter().any(|(name, value)| name == "traceparent" && value.contains(TRACE)),
        "{got:?}"
    );
}

#[test]
fn a_register_is_told_the_callers_trace_under_a_span_of_ours() {
    let sent =
        format!("traceparent: 00-{TRACE}-{CALLER}-01\r\ntracestate: a=b\r\ntracestate: c=d\r\n");
    let got = passed_on(&sent);
    let [(parent, value), (state, passed)] = &got[..] else { panic!("{got:?}") };
    assert_eq!([&**parent, &**state, &**passed], ["traceparent", "tracestate", "a=b,c=d"]);
    let parts: Vec<_> = value.split('-').collect();
    assert_eq!([parts[0], parts[1], parts[3]], ["00", TRACE, "01"]);
    assert!(parts[2].len() == 16 && parts[2] != CALLER, "{value}");
}

#[test]
fn what_is_malformed_or_absent_is_not_passed_on() {
    let good = format!("traceparent: 00-{TRACE}-{CALLER}-01\r\n");
    for sent in ["", "traceparent: 1971101731218\r\n", "tracestate: a=b\r\n", &good.repeat(2)] {
        assert_eq!(passed_on(sent), [], "{sent}");
    }
    let bad_state = passed_on(&format!("{good}tracestate: who is 1971101731218\r\n"));
    assert_eq!(bad_state.len(), 1, "{bad_state:?}");
}
