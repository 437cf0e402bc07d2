//! Markers in every personal datum, and no trace of them in logs, metrics,
//! problems or panics: the program as it runs, everything logged.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use engine::identity::{Citizen, Directory, Operator, Presence};
use engine::logs;
use fixtures::Country;
use serde_json::{Value, json};

use crate::support::{Api, Custom, Reply, eventually, family, form, owner, with};

const PEOPLE: u64 = 1_000;
/// Short values, such as a house number, stand everywhere by chance.
const TELLING: usize = 6;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// Says to a copy of this test that it is the program that panics.
const INSIDE: &str = "PREFILL_CANARY_INSIDE";

/// What must not be told, and what was told.
#[derive(Default)]
struct Canary {
    markers: BTreeSet<String>,
    told: Vec<(&'static str, String)>,
}

impl Canary {
    fn marker(&mut self, text: impl Into<String>) -> String {
        let text = text.into();
        self.markers.insert(text.clone());
        text
    }

    /// Every value of a bundle is a marker.
    fn values(&mut self, bundle: &Value) {
        let mut texts = Vec::new();
        let fields = bundle["fields"].as_object().expect("fields");
        fields.values().for_each(|field| texts_in(&field["value"], &mut texts));
        assert!(texts.len() >= 3, "{bundle}");
        self.markers.extend(texts);
    }

    /// A problem, which is told to somebody who may log it.
    #[track_caller]
    fn problem(&mut self, reply: &Reply) {
        assert!(reply.status >= 400, "{}", reply.text());
        self.told.push(("a problem", reply.text()));
    }

    #[track_caller]
    fn check(&self) {
        for (place, text) in &self.told {
            for marker in &self.markers {
                assert!(!text.contains(marker), "{place} has {marker}:\n{text}");
            }
        }
    }
}

fn texts_in(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) if text.chars().count() >= TELLING => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts_in(value, into)),
        Value::Object(members) => members.values().for_each(|value| texts_in(value, into)),
        _ => {}
    }
}

/// The program, with everything logged into a file; killed where a test fails.
struct Program {
    child: Child,
    out: BufReader<ChildStdout>,
    api: Api,
    registers: Vec<Api>,
}

impl Program {
    fn start(format: &str, log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a new file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .args(["demo", "--listen", "127.0.0.1:0", "--registers-port", "0", "--log", format])
            .args(["--registers", "instant", "--population", &PEOPLE.to_string()])
            .env("RUST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the engine starts");
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        let mut welcome = String::new();
        while !welcome.ends_with("Ctrl-C stops it.\n") {
            let read = out.read_line(&mut welcome).expect("it prints");
            assert!(read > 0, "it ended after\n{welcome}");
        }
        let addresses = |text: &str| {
            let words = text.split([' ', '\n']).map(|word| word.trim_start_matches("http://"));
            words.filter_map(|word| word.parse().ok()).map(Api).collect::<Vec<_>>()
        };
        let head = welcome.split("  ledger").next().expect("a part");
        let mut all = addresses(head).into_iter();
        let api = all.next().expect("the API's address");
        Self { child, out, api, registers: all.collect() }
    }

    fn all_registers(&self, control: &Value) {
        for register in &self.registers {
            let body = control.to_string();
            let reply = register.elsewhere("PUT", "/_control", body.as_bytes());
            assert!(reply.status < 300, "{}", reply.text());
        }
    }

    /// No dump of its memory can be written (`getrlimit(2)`).
    fn check_limits(&self) {
        let limits = format!("/proc/{}/limits", self.child.id());
        let limits = std::fs::read_to_string(limits).expect("its limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size"));
        let words: Vec<_> = core.expect("a line").split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{limits}");
    }

    /// Ends it; what it still said.
    fn end(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("it closes its output");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        rest
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Ended already, where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks for what the country has, with all that may be wrong.
fn sing(canary: &mut Canary, program: &Program) {
    let api = program.api;
    let country = Country::new(1, PEOPLE).expect("a population within bounds");
    let (parent, child) = family(country);
    let (parent, child) = (canary.marker(parent), canary.marker(child));
    for (attribute, value) in [
        ("email", "canary.k3v9@example.org"),
        ("mobile", "+352621903417"),
        ("iban", "LU280019400644750000"),
    ] {
        let value = canary.marker(value);
        let body = json!({"value": value}).to_string();
        let token = format!("demo-person-{parent}");
        let target = format!("/v1/me/data/{attribute}");
        api.send("PUT", &target, Some(&token), body.as_bytes()).reply().ok();
    }
    let own = api.mine(&parent, "/v1/me/data").ok();
    canary.values(&own);
    let case = canary.marker("canary-case-8841");
    let whole = with(form("criminal-record-extract", &child), json!({"case": case}));
    let bundle = api.ask(owner("criminal-record-extract"), &whole).reply().ok();
    canary.values(&bundle);
    api.prefer(&parent, "snca", false).ok();
    api.mine(&parent, "/v1/me/accesses").ok();
    api.mine(&parent, "/v1/me/consents").ok();
    for mode in [
        "hang",
        "error",
        "maintenance",
        "garbage",
        "truncated",
        "reset",
        "wrongSubject",
        "deep",
        "wrongTypes",
    ] {
        program.all_registers(&json!({"mode": mode}));
        let form = with(
            form("vehicle-registration", &child),
            json!({"deadlineMs": 300, "maxAgeSeconds": 0}),
        );
        api.ask(owner("vehicle-registration"), &form).reply().ok();
    }
    program.all_registers(&json!({"mode": "ok"}));
    wrong(canary, api, &parent, &child);
}

/// Requests that are wrong in every way, with data in every place.
fn wrong(canary: &mut Canary, api: Api, parent: &str, child: &str) {
    let marker = canary.marker("Zwiebelfisch");
    let address = canary.marker("12 rue du Canari");
    let whole = form("criminal-record-extract", parent);
    let organisation = owner("criminal-record-extract");
    let mut ask = |body: &Value| canary.problem(&api.ask(organisation, body).reply());
    for member in ["procedure", "channel", "language", "fields", "subjects", "deadlineMs"] {
        ask(&with(whole.clone(), json!({ member: address })));
        ask(&with(whole.clone(), json!({ member: parent })));
    }
    for member in [child, &address, "x` at line 1"] {
        ask(&with(whole.clone(), json!({ member: parent })));
        ask(&with(whole.clone(), json!({"subjects": { member: parent }})));
        ask(&with(whole.clone(), json!({"fields": [member]})));
    }
    ask(&with(whole.clone(), json!({"subjects": {"applicant": format!("{parent}0")}})));
    ask(&with(whole.clone(), json!({"subjects": {"applicant": address}})));
    ask(&with(whole.clone(), json!({"presence": format!("demo-person-{child}")})));
    ask(&with(whole.clone(), json!({"presence": marker})));
    ask(&with(whole.clone(), json!({"case": format!("{address}!")})));
    let token = format!("demo-org-{organisation}");
    for body in [
        format!("{{\"procedure\":\"{address}"),
        format!("{{\"subjects\":{{\"applicant\":{parent}}}}}"),
        format!("{{\"presence\":\"{marker}\",\"presence\":\"{marker}\"}}"),
        parent.to_owned(),
    ] {
        canary.problem(&api.send("POST", "/v1/prefill", Some(&token), body.as_bytes()).reply());
    }
    for token in [&format!("demo-org-{parent}"), &marker, &format!("demo-person-{parent}0")] {
        canary.problem(&api.ask(token.trim_start_matches("demo-org-"), &whole).reply());
        canary.problem(&api.send("POST", "/v1/prefill", Some(token), b"{}").reply());
        canary.problem(&api.send("GET", "/v1/me/data", Some(token), b"").reply());
    }
    let mine = format!("demo-person-{parent}");
    for target in [
        format!("/v1/procedures/{parent}"),
        format!("/v1/me/data/{parent}"),
        format!("/v1/me/accesses?{parent}=1"),
        format!("/v1/me/accesses?limit={parent}"),
        format!("/v1/me/accesses?from={parent}"),
        format!("/{parent}/{marker}"),
    ] {
        canary.problem(&api.send("GET", &target, Some(&mine), b"").reply());
    }
    for (attribute, value) in [("iban", parent), ("email", &address), ("mobile", &marker)] {
        let body = json!({"value": value}).to_string();
        let target = format!("/v1/me/data/{attribute}");
        canary.problem(&api.send("PUT", &target, Some(&mine), body.as_bytes()).reply());
    }
    api.raw(format!("GET /{parent} HTTP/1.1\r\n{marker}\r\n\r\n").as_bytes()).hang_up();
}

/// Asks within a trace, while a register fails; the disclosure's id.
fn traced(program: &Program) -> String {
    program.all_registers(&json!({"mode": "error"}));
    let parent = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00");
    let headers = ["authorization: Bearer demo-org-snca", &parent];
    let (somebody, _) = family(Country::new(1, PEOPLE).expect("a population within bounds"));
    let asked = with(form("plate-reservation", &somebody), json!({"maxAgeSeconds": 0}));
    let body = asked.to_string();
    let reply = program.api.send_with("POST", "/v1/prefill", &headers, body.as_bytes()).reply();
    reply.json()["disclosure"].as_str().expect("a bundle has its id").to_owned()
}

/// Every line about a request has its disclosure's id, and its trace's where it has
/// one.
#[track_caller]
fn check_ids(format: &str, log: &str, disclosure: &str) {
    let about =
        |line: &&str| ["a request is answered", "fills nothing"].iter().any(|it| line.contains(it));
    let (mut all, mut ours) = (0, 0);
    for line in log.lines().filter(about) {
        let (has_id, is_ours) = match format {
            "json" => {
                let line: Value = serde_json::from_str(line).expect("each line is JSON");
                let is_ours = line["disclosure"] == disclosure;
                assert!(!is_ours || line["trace"] == TRACE, "{line}");
                (line["disclosure"].is_string(), is_ours)
            }
            _ => {
                let is_ours = line.contains(disclosure);
                assert!(!is_ours || line.contains(TRACE), "{line}");
                (line.contains("disclosure"), is_ours)
            }
        };
        assert!(has_id, "a line of no request: {line}");
        all += 1;
        ours += usize::from(is_ours);
    }
    assert!(ours >= 2, "of a request and a register that failed it: {ours} lines");
    assert!(all > ours, "other requests are logged, too");
}

#[track_caller]
fn check_log(format: &str) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let log = folder.path().join("log");
    let program = Program::start(format, &log);
    let mut canary = Canary::default();
    sing(&mut canary, &program);
    let traced = traced(&program);
    program.check_limits();
    canary.told.push(("a scrape", program.api.get("/metrics").text()));
    canary.told.push(("standard output", program.end()));
    let log = std::fs::read_to_string(log).expect("a log in UTF-8");
    assert!(log.contains("the ledger's head"), "it logs:\n{log}");
    assert!(!log.contains('\u{1b}'), "colours are for terminals:\n{log}");
    check_ids(format, &log, &traced);
    if format == "json" {
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
        }
    }
    canary.told.push(("the log", log));
    assert!(canary.markers.len() >= 15, "{:?}", canary.markers);
    canary.check();
}

#[test]
fn nothing_personal_is_in_logs_metrics_or_problems() {
    check_log("text");
}

#[test]
fn a_log_in_json_is_one_object_a_line_and_as_silent() {
    check_log("json");
}

/// A directory that fails as badly as code can: with the token in its words.
struct Panics;

impl Directory for Panics {
    fn operator(&self, token: &str) -> Option<Operator> {
        panic!("cannot tell who {token} is")
    }

    fn citizen(&self, token: &str) -> Option<Citizen> {
        panic!("cannot tell who {token} is")
    }

    fn presence(&self, token: &str) -> Option<Presence> {
        panic!("cannot tell who {token} is")
    }
}

#[test]
fn a_panic_says_where_and_not_what_and_costs_its_connection_alone() {
    if std::env::var_os(INSIDE).is_some() {
        return panic_inside();
    }
    let name = "canary::a_panic_says_where_and_not_what_and_costs_its_connection_alone";
    let output = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("a copy of this test runs");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("a thread panicked").count(), 1, "{told}");
    assert!(told.contains("canary.rs:"), "{told}");
    assert!(!told.contains("Zwiebelfisch"), "{told}");
}

fn panic_inside() {
    logs::start(logs::Format::Json);
    let custom = Custom::start_known_by(Arc::new(Panics));
    let Api(address) = custom.api();
    let mut stream = TcpStream::connect(address).expect("the engine listens");
    let request = "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer Zwiebelfisch\r\n\
                   content-length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    // Closed, or reset.
    let _ = stream.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("Zwiebelfisch"));
    eventually("others are served", || custom.api().get("/healthz").status == 200);
}
