//! A blocking client over raw sockets: it shows what was on the wire, and sends
//! also what no client library would.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use super::described;

/// Longer than any answer may take; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The API of one engine.
#[derive(Clone, Copy)]
pub(crate) struct Api(pub(crate) SocketAddr);

/// A request that has been sent and whose answer has not been read whole.
pub(crate) struct Pending {
    stream: TcpStream,
    read: Vec<u8>,
    /// The engine, the method and the target, where the request was one of ours.
    asked: Option<(Api, String, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Api {
    /// Sends bytes as they are.
    pub(crate) fn raw(self, bytes: &[u8]) -> Pending {
        let mut stream = TcpStream::connect(self.0).expect("the engine listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time above zero");
        // An engine that refuses may close before everything is written.
        let _ = stream.write_all(bytes);
        Pending { stream, read: Vec::new(), asked: None }
    }

    /// Sends a request with a bearer token, where there is one.
    pub(crate) fn send(
        self,
        method: &str,
        target: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> Pending {
        let token = token.map(|token| format!("authorization: Bearer {token}"));
        self.send_with(method, target, token.as_deref().as_slice(), body)
    }

    /// Sends a request with these headers.
    pub(crate) fn send_with(
        self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Pending {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let length = body.len();
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        let asked = Some((self, method.to_owned(), target.to_owned()));
        Pending { asked, ..self.raw(&bytes) }
    }

    /// Asks something that is not the API, and so stands in no description of it.
    pub(crate) fn elsewhere(self, method: &str, target: &str, body: &[u8]) -> Reply {
        Pending { asked: None, ..self.send(method, target, None, body) }.reply()
    }

    /// Reads something public.
    pub(crate) fn get(self, target: &str) -> Reply {
        self.send("GET", target, None, b"").reply()
    }

    /// Reads something of a citizen's own.
    pub(crate) fn mine(self, matricule: &str, target: &str) -> Reply {
        self.send("GET", target, Some(&format!("demo-person-{matricule}")), b"").reply()
    }

    /// A citizen's Yes or No.
    pub(crate) fn prefer(self, matricule: &str, register: &str, allow: bool) -> Reply {
        let target = format!("/v1/me/consents/preferences/{register}");
        let body = format!("{{\"allow\":{allow}}}");
        self.send("PUT", &target, Some(&format!("demo-person-{matricule}")), body.as_bytes())
            .reply()
    }

    /// Asks for a bundle and does not wait.
    pub(crate) fn ask(self, operator: &str, form: &Value) -> Pending {
        let token = format!("demo-org-{operator}");
        self.send("POST", "/v1/prefill", Some(&token), form.to_string().as_bytes())
    }
}

impl Pending {
    /// Reads the first byte of the answer, and no other.
    pub(crate) fn first_byte(&mut self) -> u8 {
        let mut byte = [0];
        self.stream.read_exact(&mut byte).expect("an answer begins");
        self.read.extend_from_slice(&byte);
        byte[0]
    }

    /// Reads the answer to its end.
    #[track_caller]
    pub(crate) fn reply(mut self) -> Reply {
        if let Err(error) = self.stream.read_to_end(&mut self.read) {
            // Whoever closes with something unread resets; the answer came before.
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
        }
        let end = self.read.windows(4).position(|it| it == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(self.read[..end].to_vec()).expect("headers are text");
        let mut reply = Reply {
            status: head[9..12].parse().expect("a status"),
            body: self.read[end + 4..].to_vec(),
            head,
        };
        let length =
            reply.header("content-length").map(|length| length.parse().expect("it is well-formed"));
        let chunked = reply.header("transfer-encoding") == Some("chunked");
        // RFC 9110, section 8.6: no length where there can be no body.
        let expected = Some(reply.body.len()).filter(|_| reply.status != 204 && !chunked);
        assert_eq!(length, expected, "{}", reply.head);
        if chunked {
            reply.body = joined(&reply.body);
        }
        if let Some((api, method, target)) = self.asked.take() {
            described::check(api, &method, &target, &reply);
        }
        reply
    }

    /// Hangs up.
    pub(crate) fn hang_up(self) {
        self.stream.shutdown(Shutdown::Both).expect("it was open");
    }
}

/// A body without the sizes of its chunks (RFC 9112, section 7.1).
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.windows(2).position(|it| it == b"\r\n").expect("a size ends");
        let size = str::from_utf8(&chunks[..end]).expect("a size is digits");
        let size = usize::from_str_radix(size, 16).expect("a size is digits");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunks[end + 2..end + 2 + size]);
        chunks = &chunks[end + 2 + size + 2..];
    }
}

impl Reply {
    /// The body, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json"));
        self.json()
    }

    /// The body, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; names are sent in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(it, _)| *it == name).map(|it| it.1).next()
    }
}
