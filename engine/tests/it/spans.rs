//! Spans of a request: who is whose part, what they say, and that it is nothing of
//! anybody. Over OTLP, too, where that is built.

use std::sync::{Arc, Mutex};

use engine::trace::{Span, Spans};
use fixtures::Mode;
use serde_json::json;

use crate::support::{Api, Custom, form, set, somebody, with};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Keeps what it is told.
struct Kept {
    spans: Mutex<Vec<Span>>,
    share: f64,
}

impl Kept {
    fn new(share: f64) -> Arc<Self> {
        Arc::new(Self { spans: Mutex::default(), share })
    }

    fn taken(&self) -> Vec<Span> {
        std::mem::take(&mut self.spans.lock().unwrap())
    }
}

impl Spans for Kept {
    fn share(&self) -> f64 {
        self.share
    }

    fn take(&self, spans: Vec<Span>) {
        self.spans.lock().unwrap().extend(spans);
    }
}

/// Asks within a trace, if one is given.
fn ask(api: Api, form: &serde_json::Value, parent: Option<&str>) -> u16 {
    let parent = parent.map(|parent| format!("traceparent: {parent}"));
    let mut headers = vec!["authorization: Bearer demo-org-snca"];
    headers.extend(parent.as_deref());
    let body = form.to_string();
    api.send_with("POST", "/v1/prefill", &headers, body.as_bytes()).reply().status
}

fn fact<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    span.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
}

#[test]
fn a_request_is_a_tree_of_its_steps_and_calls_in_its_callers_trace() {
    let kept = Kept::new(0.0);
    let custom = Custom::collected_by(kept.clone());
    let somebody = somebody(custom.country);
    set(&custom.fleet, "snca", Mode::Error);
    let form = form("plate-reservation", &somebody);
    assert_eq!(ask(custom.api(), &form, Some(PARENT)), 200);
    let spans = kept.taken();
    let names: Vec<_> = spans.iter().map(|span| span.name).collect();
    assert_eq!(names[..4], ["prefill", "resolve", "release", "record"]);
    assert!(names[4..].iter().all(|name| *name == "call") && names.len() > 5, "{names:?}");
    let root = &spans[0];
    assert!(spans.iter().all(|span| span.context.id() == "0af7651916cd43dd8448eb211c80319c"));
    assert_eq!(root.parent, Some([0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]));
    for (place, span) in spans.iter().enumerate().skip(1) {
        let parent = if span.name == "call" { &spans[1] } else { root };
        assert_eq!(span.parent, Some(parent.context.parts().1), "{}", span.name);
        assert!(root.began <= span.began && span.ended <= root.ended, "{}", span.name);
        let twice = spans[..place].iter().any(|it| it.context.parts().1 == span.context.parts().1);
        assert!(!twice, "two spans of one id");
    }
    assert_eq!(fact(root, "prefill.procedure"), Some("plate-reservation"));
    let failed = spans.iter().find(|span| fact(span, "prefill.register") == Some("snca")).unwrap();
    assert_eq!((failed.failed, fact(failed, "prefill.outcome")), (true, Some("error")));
    // Of nobody.
    let text = format!("{spans:?}");
    assert!(!text.contains(&somebody) && !text.contains("demo-person"), "{text}");
}

#[test]
fn what_is_collected_is_the_callers_choice_or_else_a_share() {
    let none = Kept::new(0.0);
    let custom = Custom::collected_by(none.clone());
    let form = form("plate-reservation", &somebody(custom.country));
    assert_eq!(ask(custom.api(), &form, None), 200);
    let unwanted = PARENT.replace("-01", "-00");
    assert_eq!(ask(custom.api(), &form, Some(&unwanted)), 200);
    assert!(none.taken().is_empty());
    assert_eq!(ask(custom.api(), &form, Some(PARENT)), 200);
    assert!(!none.taken().is_empty());

    let all = Kept::new(1.0);
    let custom = Custom::collected_by(all.clone());
    assert_eq!(ask(custom.api(), &form, None), 200);
    let spans = all.taken();
    assert_eq!(spans[0].parent, None);
    let absent = with(form.clone(), json!({"presence": null}));
    assert_eq!(ask(custom.api(), &absent, None), 403);
    let refused = all.taken();
    assert_eq!((refused.len(), fact(&refused[0], "error.type")), (1, Some("no-presence")));
    assert!(refused[0].failed);
}

#[cfg(feature = "otlp")]
mod over_otlp {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use engine::otlp::Otlp;

    use super::*;

    /// Takes one export, and answers it.
    fn collect(listener: &TcpListener) -> Vec<u8> {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = Vec::new();
        let mut part = [0; 64 * 1024];
        loop {
            let count = stream.read(&mut part).unwrap();
            read.extend_from_slice(&part[..count]);
            let Some(end) = read.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            assert!(head.starts_with("post /v1/traces "), "{head}");
            assert!(head.contains("content-type: application/x-protobuf"), "{head}");
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if read.len() >= end + 4 + length {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                return read[end + 4..].to_vec();
            }
        }
    }

    #[test]
    fn spans_arrive_at_a_collector_and_say_nothing_of_anybody() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let custom = Custom::collected_by(Arc::new(Otlp::start(&endpoint, 1.0).unwrap()));
        let somebody = somebody(custom.country);
        let form = form("plate-reservation", &somebody);
        assert_eq!(ask(custom.api(), &form, Some(PARENT)), 200);
        let collector = std::thread::spawn(move || collect(&listener));
        // What waits goes out at the end.
        drop(custom);
        let body = collector.join().unwrap();
        let holds = |wanted: &[u8]| body.windows(wanted.len()).any(|it| it == wanted);
        let trace = [
            0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80,
            0x31, 0x9c,
        ];
        assert!(holds(&trace) && holds(&[0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]));
        for word in ["service.name", "prefill", "resolve", "record", "call", "snca"] {
            assert!(holds(word.as_bytes()), "{word}");
        }
        assert!(!holds(somebody.as_bytes()) && !holds(b"demo-person"));
    }
}
