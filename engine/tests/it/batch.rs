//! Bulk jobs: lines in, lines out, both streamed.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{panic, thread};

use fixtures::Mode;
use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::{
    Api, api, audit, calls, data_folder, demo, demo_in, eventually, form, refuses, set, somebody,
    with,
};

const FORM: &str = "criminal-record-extract";
const PATIENCE: Duration = Duration::from_secs(30);

/// A job whose lines are sent one by one.
pub(crate) struct Job {
    out: TcpStream,
    read: BufReader<TcpStream>,
    /// Answers that came in one piece with others.
    there: VecDeque<Value>,
}

impl Job {
    fn begin(api: Api) -> Self {
        Self::on(TcpStream::connect(api.0).unwrap())
    }

    pub(crate) fn on(out: TcpStream) -> Self {
        Self::by("demo-org-justice", out)
    }

    /// A job of whose token this is.
    pub(crate) fn by(token: &str, mut out: TcpStream) -> Self {
        out.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /v1/prefill/batch HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
             authorization: Bearer {token}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        out.write_all(head.as_bytes()).unwrap();
        let read = BufReader::new(out.try_clone().unwrap());
        Self { out, read, there: VecDeque::new() }
    }

    /// Another hand to send by, while answers are read.
    pub(crate) fn sender(&self) -> TcpStream {
        self.out.try_clone().unwrap()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        write!(self.out, "{:x}\r\n", bytes.len()).unwrap();
        self.out.write_all(bytes).unwrap();
        self.out.write_all(b"\r\n").unwrap();
    }

    pub(crate) fn line(&mut self, form: &Value) {
        self.send(format!("{form}\n").as_bytes());
    }

    pub(crate) fn end(&mut self) {
        self.out.write_all(b"0\r\n\r\n").unwrap();
    }

    /// The status of the whole; the rest of its head is read.
    pub(crate) fn status(&mut self) -> u16 {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.read.read_exact(&mut byte).unwrap();
            head.extend_from_slice(&byte);
        }
        String::from_utf8(head).unwrap()[9..12].parse().unwrap()
    }

    /// The next answer. A chunk has whole ones.
    pub(crate) fn answer(&mut self) -> Option<Value> {
        if let Some(answer) = self.there.pop_front() {
            return Some(answer);
        }
        let mut size = String::new();
        self.read.read_line(&mut size).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        let mut chunk = vec![0; size + 2];
        self.read.read_exact(&mut chunk).unwrap();
        assert!(size == 0 || chunk.ends_with(b"\n\r\n"));
        let lines = chunk[..size].split_inclusive(|byte| *byte == b'\n');
        self.there = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
        self.there.pop_front()
    }

    /// All further answers, in the order of their lines.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        let mut answers: Vec<_> = std::iter::from_fn(|| self.answer()).collect();
        answers.sort_by_key(|answer| answer["index"].as_u64());
        answers
    }
}

#[test]
fn each_line_has_its_answer_and_each_bundle_its_entry() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let people: Vec<_> =
        demo.country.people().filter(|it| !refuses(demo.country, it)).take(300).collect();
    let mut job = Job::begin(api(&demo));
    for person in &people {
        job.line(&form(FORM, &person.matricule().to_string()));
    }
    job.end();
    assert_eq!(job.status(), 200);
    let answers = job.rest();
    assert_eq!(answers.len(), people.len());
    for (index, (person, answer)) in people.iter().zip(&answers).enumerate() {
        assert_eq!((&answer["index"], &answer["status"]), (&json!(index), &json!(200)), "{answer}");
        assert_eq!(answer["bundle"]["fields"]["givenName"]["value"], person.given_name());
    }
    assert_eq!(audit(data.path()).disclosures, 300);
    // What was disclosed is what a single request gets.
    let somebody = people[7].matricule().to_string();
    let single = api(&demo).ask("justice", &form(FORM, &somebody)).reply().ok();
    assert_eq!(answers[7]["bundle"]["fields"], single["fields"]);
    let list = api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!(list["usages"][1]["disclosure"], answers[7]["bundle"]["disclosure"]);
}

#[test]
fn a_bad_line_is_an_answer_and_not_the_end() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let good = form(FORM, &somebody);
    let mut job = Job::begin(api);
    job.line(&good);
    job.send(b"{\"procedure\":\n\n[1]\n\xff\xfe\n");
    job.line(&with(good.clone(), json!({"fields": ["x".repeat(70_000)]})));
    job.line(&with(good.clone(), json!({"presence": null})));
    job.line(&with(good.clone(), json!({"procedure": "no-such-form"})));
    job.line(&with(good.clone(), json!({"subjects": {"applicant": "1971101731219"}})));
    job.line(&with(good.clone(), json!({"deadlineMs": 1})));
    job.send(good.to_string().as_bytes());
    job.end();
    assert_eq!(job.status(), 200);
    let answers = job.rest();
    let told: Vec<_> = answers
        .iter()
        .map(|it| {
            (
                it["index"].as_u64().unwrap(),
                it["status"].as_u64().unwrap(),
                it["problem"]["type"].as_str(),
            )
        })
        .collect();
    let expected = [
        (0, 200, None),
        (1, 400, Some("malformed")),
        (3, 400, Some("malformed")),
        (4, 400, Some("malformed")),
        (5, 413, Some("too-large")),
        (6, 403, Some("no-presence")),
        (7, 404, Some("unknown-procedure")),
        (8, 422, Some("invalid-identifier")),
        (9, 422, Some("invalid-value")),
        (10, 200, None),
    ];
    assert_eq!(told, expected);
    // A problem is the one that a single request is answered with.
    let absent = with(good, json!({"presence": null}));
    assert_eq!(answers[5]["problem"], api.ask("justice", &absent).reply().json());
}

#[test]
fn answers_come_while_the_request_is_still_being_sent() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let mut job = Job::begin(api(&demo));
    // Also the head comes before the first line.
    assert_eq!(job.status(), 200);
    for index in 0..3 {
        job.line(&form(FORM, &somebody));
        assert_eq!(job.answer().unwrap()["index"], index);
    }
    job.end();
    assert_eq!(job.answer(), None);
}

#[test]
fn a_line_that_waits_for_a_register_holds_up_no_other() {
    let demo = demo();
    let mut people = demo.country.people().filter(|it| !refuses(demo.country, it));
    let (slow, fast) = (people.next().unwrap(), people.next().unwrap());
    let [slow, fast] = [slow, fast].map(|it| it.matricule().to_string());
    // Those of the second are kept from here on.
    api(&demo).ask("justice", &form(FORM, &fast)).reply().ok();
    set(&demo.fleet, "rnpp", Mode::Hang);
    let mut job = Job::begin(api(&demo));
    job.line(&with(form(FORM, &slow), json!({"deadlineMs": 3_000})));
    job.line(&form(FORM, &fast));
    job.end();
    assert_eq!(job.status(), 200);
    assert_eq!(job.answer().unwrap()["index"], 1);
    assert_eq!(job.answer().unwrap()["index"], 0);
    assert_eq!(job.answer(), None);
}

#[test]
fn of_a_jobs_lines_few_are_fetched_at_a_time_and_what_is_kept_goes_by() {
    let demo = demo();
    let people = demo.country.people().filter(|it| !refuses(demo.country, it));
    let mut people: Vec<_> = people.take(41).map(|it| it.matricule().to_string()).collect();
    let kept = people.pop().unwrap();
    api(&demo).ask("justice", &form(FORM, &kept)).reply().ok();
    let before = calls(&demo.fleet, "rnpp");
    set(&demo.fleet, "rnpp", Mode::Hang);
    let mut job = Job::begin(api(&demo));
    for somebody in &people {
        job.line(&with(form(FORM, somebody), json!({"deadlineMs": 20_000})));
    }
    for _ in 0..20 {
        job.line(&form(FORM, &kept));
    }
    assert_eq!(job.status(), 200);
    for _ in 0..20 {
        assert!(job.answer().unwrap()["index"].as_u64().unwrap() >= 40);
    }
    eventually("some are asked about", || calls(&demo.fleet, "rnpp") == before + 16);
    // Another job's lines that are kept go by, too.
    let mut other = Job::begin(api(&demo));
    other.line(&form(FORM, &kept));
    assert_eq!(other.status(), 200);
    assert_eq!(other.answer().unwrap()["index"], 0);
    assert_eq!(calls(&demo.fleet, "rnpp"), before + 16);
}

#[test]
fn a_reader_that_does_not_read_stops_the_job() {
    let demo = demo();
    let line = format!("{}\n", form(FORM, &somebody(demo.country)));
    // A small window for the answers, so that it is soon full.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&api(&demo).0.into()).unwrap();
    let mut job = Job::on(socket.into());
    job.out.set_write_timeout(Some(Duration::from_secs(3))).unwrap();
    let chunk = format!("{:x}\r\n{line}\r\n", line.len()).repeat(100);
    let sent = (0..).find(|_| match job.out.write_all(chunk.as_bytes()) {
        Ok(()) => false,
        Err(error) => {
            let full = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(full, "{error}");
            true
        }
    });
    // The sender waits, and nothing more is composed: the window is full.
    let sequence = || api(&demo).get("/v1/ledger/head").ok()["sequence"].as_u64().unwrap();
    let stopped = sequence();
    assert!(stopped < 100 * sent.unwrap() as u64, "{stopped} of {sent:?}00");
    // A citizen's own request goes on, and is the only further entry.
    api(&demo).ask("justice", &serde_json::from_str(&line).unwrap()).reply().ok();
    assert_eq!(sequence(), stopped + 1);
    // Whoever reads again sets the job going again.
    assert_eq!(job.status(), 200);
    for _ in 0..stopped {
        assert_eq!(job.answer().unwrap()["status"], 200);
    }
    assert!(sequence() > stopped + 1);
}

#[test]
fn what_is_under_way_ends_when_its_reader_hangs_up() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    set(&demo.fleet, "rnpp", Mode::Hang);
    let before = calls(&demo.fleet, "rnpp");
    let mut job = Job::begin(api);
    assert_eq!(job.status(), 200);
    job.line(&with(form(FORM, &somebody), json!({"deadlineMs": 20_000})));
    eventually("the register is asked", || calls(&demo.fleet, "rnpp") > before);
    job.out.shutdown(Shutdown::Both).unwrap();
    // It was asked about them, which their list must say.
    eventually("it is recorded", || {
        api.mine(&somebody, "/v1/me/accesses").ok()["totalUsages"] == 1
    });
}

#[test]
fn lines_of_jobs_that_hung_up_count_until_they_have_ended() {
    let demo = demo();
    let people = demo.country.people().filter(|it| !refuses(demo.country, it));
    let mut people = people.map(|it| it.matricule().to_string());
    set(&demo.fleet, "rnpp", Mode::Hang);
    // Sixteen are fetched at a time, and none for longer than its register may take: the
    // first job has lines for some while, and those of the others come after them.
    for count in std::iter::once(60).chain(std::iter::repeat_n(1, 63)) {
        let mut job = Job::begin(api(&demo));
        for somebody in people.by_ref().take(count) {
            job.line(&with(form(FORM, &somebody), json!({"deadlineMs": 30_000})));
        }
        job.line(&json!({}));
        assert_eq!(job.status(), 200);
        // Those before it have been read as well.
        assert_eq!(job.answer().unwrap()["index"], count);
        // Without a word, as a process that is killed.
        SockRef::from(&job.out).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let open = || gauge(api(&demo), "prefill_http_connections");
    eventually("the engine knows that all have gone", || open() == 1.0);
    assert_eq!(Job::begin(api(&demo)).status(), 503);
}

/// What a metric without labels says.
pub(crate) fn gauge(api: Api, name: &str) -> f64 {
    let text = api.get("/metrics").text();
    let line =
        text.lines().find(|line| line.strip_prefix(name).is_some_and(|it| it.starts_with(' ')));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn bulk_gives_way_to_whoever_asks_by_themselves_whatever_they_ask() {
    let data = data_folder();
    // A new one records what some people refuse, as if they had asked for it themselves.
    let somebody = somebody(demo_in(data.path()).country);
    let no_way = |api: Api| gauge(api, "prefill_bulk_gives_way") == 0.0;
    let theirs: [fn(Api, &str); 6] = [
        |api, who| drop(api.ask("justice", &form(FORM, who)).reply().ok()),
        |api, who| {
            let (path, token) = ("/v1/prefill/explain", Some("demo-org-justice"));
            let body = form(FORM, who).to_string();
            drop(api.send("POST", path, token, body.as_bytes()).reply().ok());
        },
        |api, who| drop(api.mine(who, "/v1/me/data").ok()),
        |api, who| drop(api.mine(who, "/v1/me/accesses").ok()),
        |api, who| drop(api.mine(who, "/v1/me/consents?company=B1")),
        |api, who| drop(api.prefer(who, "rnpp", false)),
    ];
    for ask in theirs {
        let demo = demo_in(data.path());
        assert!(no_way(api(&demo)));
        ask(api(&demo), &somebody);
        assert!(!no_way(api(&demo)));
    }
    // Nobody waits for these.
    let demo = demo_in(data.path());
    for path in ["/healthz", "/readyz", "/v1/procedures", "/docs", "/v1/ledger/head"] {
        assert_eq!(api(&demo).get(path).status, 200, "{path}");
    }
    assert_eq!(api(&demo).send("POST", "/v1/prefill", Some("stranger"), b"{}").reply().status, 401);
    let mut job = Job::begin(api(&demo));
    job.line(&form(FORM, &somebody));
    job.end();
    assert_eq!((job.status(), job.rest().len()), (200, 1));
    assert!(no_way(api(&demo)));
}

/// How often a composing thread has panicked, from the first call on.
fn composing_panics() -> usize {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panicked| {
            let composing = thread::current().name().is_some_and(|it| it.starts_with("bulk-"));
            COUNT.fetch_add(usize::from(composing), Ordering::SeqCst);
            others(panicked);
        }));
    });
    COUNT.load(Ordering::SeqCst)
}

#[test]
fn an_engine_that_is_dropped_under_a_job_panics_nowhere_and_leaves_another_its_own() {
    let before = composing_panics();
    let stays = demo();
    let line = form(FORM, &somebody(stays.country));
    let mut kept = Job::begin(api(&stays));
    for _ in 0..10 {
        let goes = demo();
        let mut cut = Job::begin(api(&goes));
        cut.line(&line);
        assert_eq!((cut.status(), cut.answer().unwrap()["status"].clone()), (200, 200.into()));
        thread::scope(|scope| {
            let mut out = cut.sender();
            let lines = format!("{line}\n").repeat(64);
            let piece = format!("{:x}\r\n{lines}\r\n", lines.len());
            // Until nobody reads them any more.
            scope.spawn(move || while out.write_all(piece.as_bytes()).is_ok() {});
            (0..50).for_each(|_| drop(cut.answer().unwrap()));
            let left = scope.spawn(move || {
                let mut left = Vec::new();
                let _reset = cut.read.read_to_end(&mut left);
                left
            });
            drop(goes);
            // Whoever reads it sees that it is not whole.
            assert!(!left.join().unwrap().ends_with(b"0\r\n\r\n"));
        });
        kept.line(&line);
    }
    kept.end();
    assert_eq!(kept.status(), 200);
    let answers = kept.rest();
    assert!(answers.len() == 10 && answers.iter().all(|it| it["status"] == 200), "{answers:?}");
    assert_eq!(composing_panics(), before);
}

#[test]
fn so_many_jobs_at_a_time_and_no_more() {
    let demo = demo();
    let mut jobs: Vec<_> = (0..64).map(|_| Job::begin(api(&demo))).collect();
    jobs.iter_mut().for_each(|job| assert_eq!(job.status(), 200));
    assert_eq!(Job::begin(api(&demo)).status(), 503);
    drop(jobs.pop());
    eventually("a place is free", || Job::begin(api(&demo)).status() == 200);
}

#[test]
fn a_job_needs_an_operator_and_takes_no_key() {
    let demo = demo();
    let refused = api(&demo).send("POST", "/v1/prefill/batch", None, b"").reply();
    assert_eq!((refused.status, refused.json()["type"].clone()), (401, "unauthenticated".into()));
    let head = "POST /v1/prefill/batch HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
                authorization: Bearer demo-org-justice\r\nidempotency-key: k\r\ncontent-length: 0\r\n\r\n";
    let refused = api(&demo).raw(head.as_bytes()).reply();
    assert_eq!((refused.status, refused.json()["member"].clone()), (422, "Idempotency-Key".into()));
}

#[test]
fn who_waits_for_100_continue_gets_it_before_the_answer() {
    let demo = demo();
    let line = format!("{}\n", form(FORM, &somebody(demo.country)));
    let mut out = TcpStream::connect(api(&demo).0).unwrap();
    out.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        out,
        "POST /v1/prefill/batch HTTP/1.1\r\nhost: it\r\nconnection: close\r\nexpect: 100-continue\r\n\
         authorization: Bearer demo-org-justice\r\ncontent-length: {}\r\n\r\n",
        line.len()
    )
    .unwrap();
    let mut read = BufReader::new(out.try_clone().unwrap());
    let mut first = String::new();
    read.read_line(&mut first).unwrap();
    assert_eq!(first, "HTTP/1.1 100 Continue\r\n");
    out.write_all(line.as_bytes()).unwrap();
    let mut rest = String::new();
    read.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("HTTP/1.1 200 OK") && rest.contains("\"index\":0"), "{rest}");
}
