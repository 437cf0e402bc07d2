//! What no well-behaved client sends: each case costs its own connection, and a
//! request beside it is answered.

mod framing;
mod heads;
mod slow;
mod two;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Api, Custom, PATIENCE, bundle, form, somebody};

/// After so long without a byte taken, nobody takes any more.
const STUCK: Duration = Duration::from_millis(500);

/// A connection over which anything can be sent.
pub(crate) struct Raw {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer on a connection that may stay open.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(it, _)| *it == name).map(|it| it.1).next()
    }
}

impl Raw {
    pub(crate) fn connect(api: Api) -> Self {
        Self::on(TcpStream::connect(api.0).expect("the engine listens"))
    }

    pub(crate) fn on(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, read: Vec::new() }
    }

    /// Sends, unless the other side has closed.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends as much as the other side takes within a moment.
    pub(crate) fn send_what_fits(&mut self, bytes: &[u8]) {
        self.stream.set_nonblocking(true).expect("a socket");
        // Nobody waits: what does not fit is not sent.
        let _ = self.stream.write_all(bytes);
        self.stream.set_nonblocking(false).expect("a socket");
    }

    /// Sends the same until nothing goes any more, and tells why.
    fn floods(&mut self, bytes: &[u8]) -> ErrorKind {
        self.stream.set_write_timeout(Some(STUCK)).expect("a time above zero");
        let stuck = (0..10_000).find_map(|_| self.stream.write_all(bytes).err());
        stuck.expect("there is a bound").kind()
    }

    /// Asks for a bundle, and leaves the connection open.
    pub(crate) fn post(&mut self, operator: &str, form: &str) {
        let length = form.len();
        let head = format!(
            "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer demo-org-{operator}\r\n\
             content-length: {length}\r\n\r\n{form}"
        );
        assert!(self.send(head.as_bytes()), "the connection is open");
    }

    /// One answer.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Answer {
        let end = loop {
            match self.read.windows(4).position(|it| it == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.fill() > 0, "it ended before its answer"),
            }
        };
        let head = String::from_utf8(self.read[..end].to_vec()).expect("headers are text");
        let status = head[9..12].parse().expect("a status");
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |it| it.parse().expect("a length"));
        while self.read.len() < end + 4 + length {
            assert!(self.fill() > 0, "it ended within its answer");
        }
        answer.body = self.read[end + 4..end + 4 + length].to_vec();
        self.read.drain(..end + 4 + length);
        answer
    }

    /// Nothing more comes, and the connection is at its end.
    #[track_caller]
    pub(crate) fn has_ended(&mut self) {
        assert_eq!(self.fill(), 0, "{}", String::from_utf8_lossy(&self.read));
        assert!(self.read.is_empty(), "{}", String::from_utf8_lossy(&self.read));
    }

    /// Reads until something has come, or the end; tells which.
    pub(crate) fn comes(&mut self, what: &[u8]) -> bool {
        loop {
            if self.read.windows(what.len()).any(|it| it == what) {
                return true;
            }
            if self.fill() == 0 {
                return false;
            }
        }
    }

    /// Everything that comes until the end.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.read)
    }

    /// Waits for bytes; none at the end, however that was told.
    fn fill(&mut self) -> usize {
        let mut bytes = [0; 16 * 1024];
        let length = match self.stream.read(&mut bytes) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing comes, and no end: {error}"),
        };
        self.read.extend_from_slice(&bytes[..length]);
        length
    }
}

/// Sends what is no good: the answer, of which there is exactly one, has this
/// status, and ends the connection.
#[track_caller]
pub(crate) fn refused(engine: &Custom, bytes: &[u8], statuses: &[u16]) {
    let what = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let mut line = Raw::connect(engine.api());
    line.send(bytes);
    let all = String::from_utf8_lossy(&line.rest()).into_owned();
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{what}\n{all}");
    let status: u16 = all[9..12].parse().expect("a status");
    assert!(statuses.contains(&status), "{what}\n{all}");
}

/// A request beside what went before.
#[track_caller]
pub(crate) fn works_on(engine: &Custom) {
    bundle(engine.api(), &form("criminal-record-extract", &somebody(engine.country)));
}
