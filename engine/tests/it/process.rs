//! The program as people run it: one engine for each port and directory, the
//! commands it prints, its exit codes.

mod checked;

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use engine::demo::{Demo, Options};
use serde_json::{Value, json};

use crate::support::{
    Api, CHANGES_AT_FIRST, Data, LOCKED, api, audit, bundle, curls, data_folder, demo, demo_in,
    demo_with, eventually, form, options, somebody,
};

fn engine() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env_remove("RUST_LOG");
    command
}

fn run(arguments: &[&str]) -> Output {
    engine().args(arguments).output().expect("the engine runs")
}

#[track_caller]
fn check(output: &Output, code: i32, said: &str) {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    assert!(out.contains(said) || err.contains(said), "no `{said}` in\n{out}{err}");
}

/// A data directory with a few entries, whose engine has ended.
fn ledger() -> Data {
    let data = data_folder();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let form = form("criminal-record-extract", &somebody);
    bundle(api(&demo), &form);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    bundle(api(&demo), &form);
    data
}

fn path(data: &impl AsRef<Path>) -> &str {
    data.as_ref().to_str().expect("a path in UTF-8")
}

/// `engine demo` as a process of its own; killed where a test fails.
struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut child = engine()
            .args(["demo", "--listen", "127.0.0.1:0", "--registers-port", "0"])
            .args(["--registers", "instant", "--population", "1000"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the engine starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    /// What it prints before it waits.
    fn welcome(&mut self) -> String {
        let mut text = String::new();
        while !text.ends_with("Ctrl-C stops it.\n") {
            let read = self.out.read_line(&mut text).expect("it prints");
            assert!(read > 0, "it ended after\n{text}");
        }
        text
    }

    /// Ends it as an operating system does; its exit code and what it still said.
    fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(killed.success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("it closes its output");
        (self.child.wait().expect("it ends").code(), rest)
    }
}

/// The cores' threads of a process.
fn cores(process: &mut Process) -> usize {
    process.welcome();
    let threads = std::fs::read_dir(format!("/proc/{}/task", process.child.id())).unwrap();
    let names = threads.map(|it| std::fs::read_to_string(it.unwrap().path().join("comm")).unwrap());
    names.filter(|name| name.starts_with("core-")).count()
}

#[test]
fn an_engine_works_on_the_cores_that_it_may_use_or_on_as_many_as_it_is_told() {
    // Who is started by a thread may use what that thread may.
    let bound = std::thread::spawn(|| {
        let mut allowed = rustix::thread::sched_getaffinity(None).unwrap();
        let first = (0..1_024).find(|core| allowed.is_set(*core)).unwrap();
        allowed.clear();
        allowed.set(first);
        rustix::thread::sched_setaffinity(None, &allowed).unwrap();
        cores(&mut Process::start(&[]))
    });
    assert_eq!(bound.join().unwrap(), 1);
    assert_eq!(cores(&mut Process::start(&["--cores", "64"])), 64);
}

#[test]
fn an_engine_on_sixty_four_cores_answers_on_each() {
    let demo = demo_with(&Options { cores: std::num::NonZeroUsize::new(64), ..options() });
    let somebody = somebody(demo.country);
    // The system hands connections to cores by chance.
    for _ in 0..500 {
        bundle(api(&demo), &form("criminal-record-extract", &somebody));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_second_engine_on_a_port_is_refused_and_told_which() {
    let first = demo();
    let taken = Options { listen: first.engine.address(), ..options() };
    let refused = Demo::start(&taken).err().map(|error| format!("{error:#}")).unwrap();
    assert!(refused.contains(&first.engine.address().to_string()), "{refused}");
    assert!(refused.contains("cannot listen"), "{refused}");
    assert_eq!(api(&first).get("/healthz").status, 200);
}

#[test]
fn a_second_engine_on_a_directory_is_refused_and_told_which() {
    let data = data_folder();
    let first = demo_in(data.path());
    let taken = Options { data: Some(data.path().to_owned()), ..options() };
    let refused = Demo::start(&taken).err().map(|error| format!("{error:#}")).unwrap();
    assert!(refused.contains(&data.path().display().to_string()), "{refused}");
    assert!(refused.contains(LOCKED), "{refused}");
    bundle(api(&first), &form("criminal-record-extract", &somebody(first.country)));
    drop(first);
    drop(demo_in(data.path()));
}

#[test]
fn registers_on_a_taken_port_are_refused_and_told_which() {
    let first = demo();
    let port = first.fleet.address("rnpp").port();
    let taken = Options { registers_port: port, ..options() };
    let refused = Demo::start(&taken).err().map(|error| format!("{error:#}")).unwrap();
    assert!(refused.contains(&port.to_string()) && refused.contains("rnpp"), "{refused}");
}

#[test]
fn the_audit_tells_whether_a_bundle_that_somebody_holds_left() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let form = form("criminal-record-extract", &somebody(demo.country));
    let left: Vec<_> = (0..5).map(|_| api(&demo).ask("justice", &form).reply().body).collect();
    drop(demo);
    let file = data.path().join("bundle.json");
    let audited = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        run(&["audit", "--data", path(&data), "--bundle", file.to_str().unwrap()])
    };
    for (bytes, entry) in left.iter().zip(1..) {
        let entry = format!("entry {}: criminal-record-extract", entry + 1 + CHANGES_AT_FIRST);
        let output = audited(bytes);
        check(&output, 0, &entry);
        check(&output, 0, "for justice, asked by justice, front-office");
    }
    let mut altered = left[2].clone();
    altered.push(b'\n');
    check(&audited(&altered), 1, "altered: these are not the bytes");
    let unknown = br#"{"disclosure":"01a20957-21ea-7e08-b9e6-2375ab191532"}"#;
    check(&audited(unknown), 1, "unknown: no bundle of this id");
    check(&audited(b"{}"), 1, "no bundle: the file names no disclosure");
    std::fs::remove_file(&file).unwrap();
    let nowhere = ["audit", "--data", path(&data), "--bundle", file.to_str().unwrap()];
    check(&run(&nowhere), 3, "bundle.json");
}

#[test]
fn a_disk_that_fills_is_told_before_anything_fails() {
    let options = Options { disk_floor_mib: 1 << 40, ..options() };
    let demo = Demo::start(&options).unwrap();
    let ready = api(&demo).get("/readyz");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("not-ready")));
    let reason = ready.json()["reasons"]["disk"].as_str().unwrap_or_default().to_owned();
    assert!(reason.ends_with("MiB are free, and 1099511627776 must be"), "{reason}");
    // It still records, and so still answers: whoever routes to it decides.
    assert_eq!(api(&demo).get("/healthz").ok()["status"], "ok");
    bundle(api(&demo), &form("criminal-record-extract", &somebody(demo.country)));
}

#[test]
fn a_second_start_finds_the_ledger_of_the_first() {
    let data = ledger();
    let before = audit(data.path());
    let demo = demo_in(data.path());
    let list = api(&demo).mine(&somebody(demo.country), "/v1/me/accesses").ok();
    assert_eq!(list["totalUsages"], 2);
    let head = api(&demo).get("/v1/ledger/head").ok();
    assert_eq!(head["stream"], engine::ledger::hex(&before.head.unwrap().stream));
    assert!(head["sequence"].as_u64() >= before.head.map(|head| head.sequence));
}

#[test]
fn the_commands_that_a_demonstration_prints_work_as_they_stand() {
    let mut process = Process::start(&[]);
    let welcome = process.welcome();
    let commands = curls(&welcome);
    assert_eq!(commands.len(), 3, "{welcome}");
    let replies: Vec<Value> = commands.iter().map(|curl| curl.send().reply().ok()).collect();
    let [bundle, list, consents] = &replies[..] else { panic!("three") };
    assert_eq!(bundle["complete"], true);
    assert_eq!(list["usages"][0]["disclosure"], bundle["disclosure"]);
    assert_eq!(consents["consentVersion"], 1);
    let withheld = commands[0].send().reply().ok();
    let gap = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
    assert_eq!(withheld["fields"]["familyName"], gap);
    assert_eq!(process.terminate(), (Some(0), String::new()));
}

#[test]
fn a_demonstration_is_ready_when_its_file_is_there_and_ends_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let (file, data) = (folder.path().join("ready"), folder.path().join("data"));
    let arguments = ["--ready-file", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let process = Process::start(&arguments);
    let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
    eventually("the ready file is written", || read(&file).ends_with('\n'));
    let url = read(&file);
    let address: SocketAddr = url.trim().strip_prefix("http://").unwrap().parse().unwrap();
    assert_eq!(Api(address).get("/readyz").status, 200);
    let country = fixtures::Country::new(1, 1_000).unwrap();
    bundle(Api(address), &form("criminal-record-extract", &somebody(country)));
    // The ledger is whole while the engine runs, and after it was told to end.
    let data = data.to_str().unwrap();
    check(&run(&["audit", "--data", data]), 0, "1 disclosures");
    assert_eq!(process.terminate().0, Some(0));
    check(&run(&["audit", "--data", data]), 0, "1 disclosures");
}

#[test]
fn a_temporary_ledger_is_gone_at_the_end() {
    let mut process = Process::start(&[]);
    let welcome = process.welcome();
    let line = welcome.lines().find(|line| line.trim_start().starts_with("ledger")).unwrap();
    let data = PathBuf::from(line.split_whitespace().nth(1).unwrap());
    assert!(data.join("ledger.db").exists(), "{line}");
    assert_eq!(process.terminate().0, Some(0));
    assert!(!data.exists(), "{line}");
}

#[test]
fn a_demonstration_that_cannot_start_says_why() {
    let first = demo();
    let taken = first.engine.address().to_string();
    let output = run(&["demo", "--listen", &taken, "--registers-port", "0", "--population", "10"]);
    check(&output, 3, &taken);
}

#[test]
fn an_audit_of_a_whole_ledger_holds_and_prints_its_head() {
    let data = ledger();
    let output = run(&["audit", "--data", path(&data)]);
    check(&output, 0, "the chain holds: 2 disclosures, 2 changes of consent");
    let text = String::from_utf8(output.stdout).unwrap();
    let head = text.lines().find_map(|line| line.strip_prefix("head ")).unwrap();
    check(&run(&["audit", "--data", path(&data), "--expect-head", head]), 0, "the chain holds");
    let (stream, rest) = head.split_once(':').unwrap();
    let longer = format!("{stream}:9999{}", &rest[rest.find(':').unwrap()..]);
    let cut = run(&["audit", "--data", path(&data), "--expect-head", &longer]);
    check(&cut, 1, "ends before the expected head");
}

#[test]
fn an_audit_finds_one_changed_byte_of_any_entry() {
    let entries = audit(ledger().path()).head.expect("entries").sequence;
    for sequence in 1..=entries {
        let data = ledger();
        tamper(data.path(), sequence);
        check(&run(&["audit", "--data", path(&data)]), 1, "violated: entry");
    }
}

/// Flips the last bit of an entry's body, where a value stands and no length.
fn tamper(data: &Path, sequence: u64) {
    let database = rusqlite::Connection::open(data.join("ledger.db")).expect("a database");
    let key = i64::try_from(sequence).expect("a small number");
    let read = "SELECT body FROM entry WHERE sequence = ?1";
    let mut body: Vec<u8> = database.query_row(read, [key], |row| row.get(0)).expect("an entry");
    *body.last_mut().expect("a body") ^= 1;
    let write = "UPDATE entry SET body = ?2 WHERE sequence = ?1";
    let changed = database.execute(write, rusqlite::params![key, body]).expect("it is writable");
    assert_eq!(changed, 1);
}

#[test]
fn an_audit_finds_an_entry_that_is_gone() {
    let data = ledger();
    let database = rusqlite::Connection::open(data.path().join("ledger.db")).unwrap();
    assert_eq!(database.execute("DELETE FROM entry WHERE sequence = 2", []).unwrap(), 1);
    drop(database);
    check(&run(&["audit", "--data", path(&data)]), 1, "violated: entry");
}

#[test]
fn an_audit_of_what_is_no_ledger_cannot_tell() {
    let empty = tempfile::tempdir().unwrap();
    check(&run(&["audit", "--data", path(&empty)]), 3, path(&empty));
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "it made nothing");
    check(&run(&["audit", "--data", "/nonexistent/ledger"]), 3, "/nonexistent/ledger");
    std::fs::write(empty.path().join("ledger.db"), "no database").unwrap();
    check(&run(&["audit", "--data", path(&empty)]), 3, path(&empty));
}

#[test]
fn a_command_that_makes_no_sense_is_a_usage_error() {
    for arguments in [
        &[][..],
        &["dance"],
        &["demo", "--population", "many"],
        &["demo", "--population", "3"],
        &["demo", "--registers", "sometimes"],
        &["demo", "--listen", "8080"],
        &["audit"],
        &["audit", "--data", "x", "--expect-head", "x"],
        &["check"],
    ] {
        check(&run(arguments), 2, "--help");
    }
    check(&run(&["--help"]), 0, "demo");
    check(&run(&["--version"]), 0, env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_log_is_asked_for_by_the_name_of_the_module() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, log) = (folder.path().join("ready"), folder.path().join("log"));
    let mut child = engine()
        .args(["demo", "--listen", "127.0.0.1:0", "--registers-port", "0", "--ready-file"])
        .arg(&ready)
        .args(["--registers", "instant", "--population", "1000"])
        .env("RUST_LOG", "off,engine::http=debug")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .expect("the engine starts");
    let read = |file: &Path| std::fs::read_to_string(file).unwrap_or_default();
    eventually("it is ready", || read(&ready).ends_with('\n'));
    let address = read(&ready).trim().trim_start_matches("http://").to_owned();
    let mut line = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut line, b"no head\r\n\r\n").unwrap();
    eventually("the log tells", || read(&log).contains(" engine::http::server: "));
    assert!(read(&log).lines().all(|line| line.contains(" engine::http::")), "{}", read(&log));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_master_key_that_is_there_is_named_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.key");
    let arguments = ["key", "--master", file.to_str().unwrap()];
    check(&run(&arguments), 0, "data.key holds a new master key");
    let made = std::fs::read(&file).unwrap();
    check(&run(&arguments), 3, "data.key is there already, and stays as it is");
    assert_eq!(std::fs::read(&file).unwrap(), made);
    check(&run(&["key", "--master", "/nonexistent/data.key"]), 3, "/nonexistent/data.key: ");
}
