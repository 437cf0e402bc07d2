//! A fake engine, which knows the truth and misbehaves.

use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::forms::{self, Honesty};

/// The value that nobody has.
pub(crate) const WRONG: &str = "Nobody-Is-Called-So";

/// The bundle with it: far from the one who refuses RNPP, who lives in one of
/// the first households, and has no family name to spoil.
const SPOILED: u64 = 300;

/// How many connections the tests open.
pub(crate) const CONNECTIONS: u64 = 3;

/// After so many in a row, a connection takes its target for gone.
const HANG_UPS: u64 = 5;

/// How the fake answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// As it should.
    Right,
    /// As it should, but closes each connection after one answer.
    OneAnswerEach,
    /// One family name is another's.
    WrongValue,
    /// Fields about companies are another company's.
    OtherCompanies,
    /// Its calendar shows another day, on which every child is of age.
    YearsAhead,
    /// What somebody refuses is shown.
    ShowsRefused,
    /// Every bundle has a notice that no procedure has.
    OddNotice,
    /// All bundles have one id.
    SameDisclosure,
    /// 503 instead of bundles.
    Overloaded,
    /// A web page for everything.
    Html,
    /// A web page instead of bundles.
    HtmlLater,
    /// 404 for everything.
    OtherApi,
    /// Accepts and hangs up.
    Closing,
    /// Hangs up after so many bundles, for good. The last of them is still on
    /// its way when other connections have been hung up on often enough.
    ClosingAfter(u64),
    /// Answers no more after so many bundles.
    HangingAfter(u64),
    /// Answers as no HTTP server does.
    NotHttp,
}

struct Shared {
    behaviour: Behaviour,
    bundles: AtomicU64,
    stopped: AtomicBool,
    hangs: SyncSender<()>,
    hung_up: (Mutex<u64>, Condvar),
}

/// Status, type and body of an answer.
pub(crate) type Said = (u16, &'static str, String);

/// A running fake; dropping it closes its port.
pub(crate) struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    hangs: Mutex<Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub(crate) fn start(behaviour: Behaviour) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (sender, receiver) = sync_channel(1);
        let shared = Arc::new(Shared {
            behaviour,
            bundles: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            hangs: sender,
            hung_up: Default::default(),
        });
        let accepting = shared.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, stream) = (accepting.clone(), stream.expect("a connection"));
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Fake { address, shared, hangs: Mutex::new(receiver), thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it says to this request, as status, type and body; nothing to hang up.
    pub(crate) fn answers(&self) -> impl Fn(&str, &str) -> Option<Said> + Clone + Send + use<> {
        let shared = self.shared.clone();
        move |line, body| shared.answer(line, body)
    }

    /// Returns once every connection waits.
    pub(crate) fn wait_until_it_hangs(&self) {
        let hangs = self.hangs.lock().expect("no panic under it");
        // Bounded, so that a run that never sends fails its test.
        hangs.recv_timeout(std::time::Duration::from_secs(30)).expect("every connection waits");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // The thread waits for a connection; this is the last one.
        drop(TcpStream::connect(self.address));
        self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    /// Serves one connection until either side ends it.
    fn serve(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
        while let Ok((line, body)) = request(&mut reader) {
            if self.behaviour == Behaviour::NotHttp {
                let _ = stream.write_all(b"SSH-2.0-fake\r\n\r\n");
                return;
            }
            let Some((status, content, body)) = self.answer(&line, &body) else { return };
            let last = self.behaviour == Behaviour::OneAnswerEach;
            let close = if last { "connection: close\r\n" } else { "" };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\n{close}content-type: {content}\r\n\
                 content-length: {length}\r\n\r\n"
            );
            // One write, so that no half of an answer waits for the other.
            let sent = stream.write_all(format!("{head}{body}").as_bytes());
            if sent.is_err() || last {
                return;
            }
        }
    }

    /// An answer, or none to hang up.
    fn answer(&self, line: &str, body: &str) -> Option<Said> {
        const JSON: &str = "application/json";
        let html = || Some((200, "text/html; charset=utf-8", "<html>hello</html>".to_owned()));
        match (self.behaviour, line) {
            (Behaviour::Closing, _) => None,
            (Behaviour::Html, _) => html(),
            (Behaviour::OtherApi, _) => Some((404, JSON, "{}".to_owned())),
            (behaviour, "GET /healthz HTTP/1.1") => {
                let mut health = json!({"status": "ok", "timeScale": 1});
                if behaviour == Behaviour::YearsAhead {
                    health["now"] = "2060-01-01T00:00:00.000Z".into();
                }
                Some((200, JSON, health.to_string()))
            }
            (_, line) if line.starts_with("GET ") => {
                let found = forms::page(line).or_else(|| forms::description(line));
                Some((200, JSON, found.expect("a path of the API").to_string()))
            }
            (Behaviour::HtmlLater, _) => html(),
            (Behaviour::Overloaded, _) => {
                Some((503, "application/problem+json", r#"{"type":"overloaded"}"#.to_owned()))
            }
            _ => self.bundle(body).map(|bundle| (200, JSON, bundle.to_string())),
        }
    }

    /// Returns once a client has been hung up on so often that it may give up.
    fn wait_until_hung_up(&self) {
        let hung_up = self.hung_up.0.lock().expect("no panic under it");
        let enough = |hung_up: &mut u64| *hung_up < HANG_UPS;
        let bound = std::time::Duration::from_secs(30);
        drop(self.hung_up.1.wait_timeout_while(hung_up, bound, enough));
    }

    fn bundle(&self, body: &str) -> Option<Value> {
        let number = self.bundles.fetch_add(1, Ordering::SeqCst);
        match self.behaviour {
            Behaviour::ClosingAfter(most) if number >= most => {
                *self.hung_up.0.lock().expect("no panic under it") += 1;
                self.hung_up.1.notify_all();
                return None;
            }
            Behaviour::ClosingAfter(most) if number + 1 == most => self.wait_until_hung_up(),
            Behaviour::HangingAfter(most) if number >= most => {
                // By then each connection has had every answer before.
                if number + 1 == most + CONNECTIONS {
                    let _ = self.hangs.try_send(());
                }
                loop {
                    std::thread::park();
                }
            }
            _ => {}
        }
        let asked: Value = serde_json::from_str(body).expect("JSON");
        let subject = asked["subjects"]["applicant"].as_str().expect("an applicant");
        assert_eq!(asked["presence"], format!("demo-person-{subject}"));
        let honesty = Honesty {
            withholds: self.behaviour != Behaviour::ShowsRefused,
            confuses_companies: self.behaviour == Behaviour::OtherCompanies,
            hides_children: self.behaviour == Behaviour::YearsAhead,
        };
        let mut bundle = forms::bundle(&asked, honesty);
        let id = if self.behaviour == Behaviour::SameDisclosure { 0 } else { number };
        bundle["disclosure"] = format!("01920000-0000-7000-8000-{id:012x}").into();
        match self.behaviour {
            Behaviour::WrongValue if number == SPOILED => {
                bundle["fields"]["familyName"]["value"] = WRONG.into();
            }
            Behaviour::OddNotice => {
                bundle["notices"] = json!([{"code": "look-there", "text": "Look there."}]);
            }
            _ => {}
        }
        Some(bundle)
    }
}

/// The first line and the body of the next request.
fn request(reader: &mut impl io::BufRead) -> io::Result<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    if reader.read_line(&mut first)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((first.trim_end().to_owned(), String::from_utf8(body).expect("text")))
}
