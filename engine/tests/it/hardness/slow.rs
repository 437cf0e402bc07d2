//! Clients that take their time, and many that do nothing.

use std::net::TcpListener;
use std::time::Duration;

use engine::clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Raw, works_on};
use crate::restart::Engine;
use crate::support::{Api, Custom, bundle, data_folder, eventually, form, somebody};

const SOON: Duration = Duration::from_millis(100);
/// How long a connection may be idle by default.
const HEAD_MAX: Duration = Duration::from_secs(30);
const NEVER: Duration = Duration::from_secs(3600);

#[test]
fn a_head_that_does_not_end_ends_its_connection() {
    let engine = Custom::listening(|listen| listen.limits.head = SOON);
    for begun in ["", "G", "PRI * HTTP/2.0\r\n", "GET /healthz HTTP/1.1\r\nhost: it\r\nx: "] {
        let mut line = Raw::connect(engine.api());
        line.send(begun.as_bytes());
        line.has_ended();
    }
    works_on(&engine);
}

#[test]
fn a_connection_without_a_next_request_ends() {
    let engine = Custom::listening(|listen| listen.limits.head = SOON);
    let mut line = Raw::connect(engine.api());
    line.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
    assert_eq!(line.reply().status, 200);
    line.has_ended();
    works_on(&engine);
}

#[test]
fn a_handshake_that_does_not_end_ends_its_connection() {
    let known = crate::support::certificate();
    let tls = engine::http::Tls::from_pem(known.certificate.as_bytes(), known.key.as_bytes());
    let tls = std::sync::Arc::new(tls.unwrap());
    let engine = Custom::listening(|listen| {
        listen.tls = Some(tls);
        listen.limits.handshake = SOON;
    });
    let mut line = Raw::connect(engine.api());
    line.send(&[0x16, 3, 1]);
    line.has_ended();
    crate::support::at_once(async {
        let (stream, _) = known.connect(engine.api().0, "h2").await.unwrap();
        let mut client = crate::support::Modern::over(stream).await.unwrap();
        assert_eq!(client.get("/healthz").await.unwrap().status(), 200);
    });
}

#[test]
fn bodies_that_do_not_come_hold_nobody_up() {
    let engine = Custom::listening(|_| {});
    let begun =
        b"POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer demo-org-justice\r\n\
        content-length: 1000\r\n\r\n{";
    let lines: Vec<_> = (0..200)
        .map(|_| {
            let mut line = Raw::connect(engine.api());
            line.send(begun);
            line
        })
        .collect();
    eventually("they are taken", || engine.engine.under_way() == 200);
    works_on(&engine);
    drop(lines);
    eventually("they are gone", || engine.engine.under_way() == 0);
}

#[test]
fn a_client_that_takes_no_answer_ends_its_connection() {
    let engine = Custom::listening(|listen| listen.limits.stall = SOON);
    let mut line = Raw::connect(engine.api());
    let asked = b"GET /v1/procedures?limit=1000 HTTP/1.1\r\nhost: it\r\n\r\n".repeat(1_000);
    line.send(&asked);
    eventually("it is taken", || engine.engine.under_way() == 1);
    // Answers of all that would be far more than the kernel holds for it.
    eventually("it is cut", || engine.engine.under_way() == 0);
    let answered = line.rest().windows(12).filter(|it| it == b"HTTP/1.1 200").count();
    assert!(answered < 1_000, "{answered} answers were taken");
    works_on(&engine);
}

#[test]
fn ten_thousand_idle_connections_hold_nobody_up() {
    // The engine is a process of its own: this one has to open ten thousand files, too.
    let files = getrlimit(Resource::Nofile);
    if files.maximum.is_some_and(|most| most < 14_000) {
        println!("skipped: this machine lets nobody open ten thousand files and some more");
        return;
    }
    let raised = Rlimit { current: files.maximum, maximum: files.maximum };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum is allowed");
    let data = data_folder();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = Api(socket.local_addr().unwrap());
    let engine = Engine::start(&socket, data.path());
    assert_eq!(api.get("/healthz").status, 200);
    let mut lines: Vec<_> = (0..10_000).map(|_| (clock::monotonic(), Raw::connect(api))).collect();
    let somebody = somebody(fixtures::Country::new(1, 1_000).unwrap());
    bundle(api, &form("criminal-record-extract", &somebody));
    // They are held: each has its answer, but for those that a busy machine took so long to
    // open that they may have been idle for too long by now.
    let mut asked = 0;
    for (opened, line) in lines.iter_mut().rev().step_by(10) {
        if clock::monotonic() - *opened < Duration::from_secs(20) {
            line.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
            assert_eq!(line.reply().status, 200);
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
    bundle(api, &form("criminal-record-extract", &somebody));
    drop(lines);
    engine.stop();
}

#[test]
fn where_few_files_may_be_open_idle_connections_leave_enough_of_them() {
    let data = data_folder();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = Api(socket.local_addr().unwrap());
    let files = 512;
    let engine = Engine::start_with_files(files, &socket, data.path());
    assert_eq!(api.get("/healthz").status, 200);
    let began = clock::monotonic();
    // More than files, and nobody of them ever says anything.
    let idle: Vec<_> = (0..600).map(|_| Raw::connect(api)).collect();
    let somebody = somebody(fixtures::Country::new(1, 1_000).unwrap());
    bundle(api, &form("criminal-record-extract", &somebody));
    let took = began.elapsed();
    assert!(took < HEAD_MAX, "{took:?}: it waited until their time was over");
    let metrics = api.get("/metrics").text();
    let open = metrics.lines().find_map(|line| line.strip_prefix("prefill_http_connections "));
    let open: f64 = open.expect("it is counted").parse().expect("a number");
    assert!(open <= f64::from(files) * 0.75, "{open} of {files} files");
    drop(idle);
    engine.stop();
}

#[test]
fn who_takes_no_metrics_keeps_nobody_from_them() {
    let engine = Custom::listening(|listen| {
        listen.limits.stall = SOON;
        listen.admin = Some(([127, 0, 0, 1], 0).into());
    });
    let admin = Api(engine.engine.admin().expect("it has one"));
    let asked = b"GET /metrics HTTP/1.1\r\nhost: it\r\n\r\n".repeat(2_000);
    // As many as it takes at a time.
    let lines: Vec<_> = (0..64)
        .map(|_| {
            let mut line = Raw::connect(admin);
            line.send_what_fits(&asked);
            line
        })
        .collect();
    assert_eq!(admin.get("/readyz").status, 200);
    drop(lines);
}

#[test]
fn where_all_places_are_taken_the_one_idle_for_longest_makes_room() {
    let engine = Custom::listening(|listen| {
        listen.limits.head = NEVER;
        listen.limits.connections = 4;
    });
    // As many as all cores of any machine have places, and more.
    let idle: Vec<_> = (0..1_000).map(|_| Raw::connect(engine.api())).collect();
    works_on(&engine);
    // Also those that have begun, and one that is used stays.
    let mut used = Raw::connect(engine.api());
    used.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
    assert_eq!(used.reply().status, 200);
    drop(idle);
    works_on(&engine);
}
