//! `serve` as a process: what a SIGHUP exchanges, what it leaves, what it loses
//! (nothing), and how it ends.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use engine::entropy::Entropy;
use engine::identity::Keys;
use engine::ledger::hex;
use fixtures::registers::Control;
use fixtures::{Country, Fleet, Profile};
use serde_json::{Value, json};

use crate::batch::Job;
use crate::hardness::Raw;
use crate::serve::{Place, jwks, signer};
use crate::support::{
    Api, Certificate, POPULATION, Reply, at_once, audit, calls, certificate, eventually, form,
    somebody, with,
};

const FORM: &str = "criminal-record-extract";
const ADMINISTRATIONS: &str = "catalogue/organisations/administrations.toml";

/// A running `serve`; killed where a test fails.
struct Served {
    place: Place,
    child: Child,
    api: Api,
    admin: Api,
}

impl Served {
    fn start() -> Self {
        Self::over(Place::new(), "info")
    }

    fn over(place: Place, level: &str) -> Self {
        let [log, out] =
            ["log", "out"].map(|name| fs::File::create(place.folder.path().join(name)).unwrap());
        let ready = place.folder.path().join("ready");
        let child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .arg("serve")
            .args(["--config".into(), place.config(), "--ready-file".into(), ready.clone()])
            .env("RUST_LOG", level)
            .env_remove("LISTEN_FDS")
            .stdout(out)
            .stderr(log)
            .spawn()
            .unwrap();
        let mut served =
            Self { place, child, api: Api(([0; 4], 0).into()), admin: Api(([0; 4], 0).into()) };
        eventually("it is ready", || ready.exists() || served.child.try_wait().unwrap().is_some());
        let text = fs::read_to_string(ready).unwrap_or_else(|_| panic!("{}", served.log()));
        let mut at = text.lines().map(|line| line.split("://").nth(1).unwrap());
        let mut next = || Api(at.next().unwrap().parse().unwrap());
        (served.api, served.admin) = (next(), next());
        served
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.folder.path().join("log")).unwrap()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn reloads(&self, outcome: &str) -> u64 {
        self.metric(&format!("prefill_reloads_total{{outcome=\"{outcome}\"}} "))
    }

    fn metric(&self, line: &str) -> u64 {
        let metrics = self.admin.elsewhere("GET", "/metrics", b"").text();
        let found = metrics.lines().find_map(|it| it.strip_prefix(line));
        found.unwrap_or_else(|| panic!("{metrics}")).trim_end_matches(".0").parse().unwrap()
    }

    /// Has it read its configuration again, which must come out so.
    #[track_caller]
    fn reload(&self, outcome: &str) {
        let read = || ["applied", "refused"].map(|it| self.reloads(it));
        let before = read();
        self.signal("-HUP");
        eventually("the configuration is read", || read() != before);
        let expected = [u64::from(outcome == "applied"), u64::from(outcome == "refused")];
        assert_eq!(read(), [before[0] + expected[0], before[1] + expected[1]], "{}", self.log());
    }

    fn file(&self, path: &str) -> PathBuf {
        self.place.folder.path().join(path)
    }

    fn edit(&self, path: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        fs::write(self.file(path), text.replacen(from, to, 1)).unwrap();
    }

    fn form(&self) -> Value {
        let somebody = somebody(self.place.country);
        let presence = self.place.presence(&somebody, FORM);
        with(form(FORM, &somebody), json!({"presence": presence}))
    }

    fn ask_as(&self, key: &str, form: &Value) -> Reply {
        self.api.send("POST", "/v1/prefill", Some(key), form.to_string().as_bytes()).reply()
    }

    #[track_caller]
    fn bundle(&self) -> Value {
        self.ask_as(&self.place.key, &self.form()).ok()
    }

    /// Ends it as an operating system does, and audits what it leaves.
    fn end(mut self) -> u64 {
        self.signal("-TERM");
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.log());
        audit(&self.file("data")).disclosures
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Ended already, where all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Requests over and over; those that have an answer are counted.
struct Load<'a> {
    served: &'a Served,
    form: String,
    answered: AtomicUsize,
    over: AtomicBool,
}

impl<'a> Load<'a> {
    fn on(served: &'a Served) -> Self {
        let form = served.form().to_string();
        Self { served, form, answered: AtomicUsize::new(0), over: AtomicBool::new(false) }
    }

    fn post(&self, line: &mut Raw) -> bool {
        let (key, length) = (&self.served.place.key, self.form.len());
        let request = format!(
            "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nauthorization: Bearer {key}\r\n\
             content-length: {length}\r\n\r\n{}",
            self.form
        );
        assert!(line.send(request.as_bytes()), "the connection is open");
        let reply = line.reply();
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        self.answered.fetch_add(1, Relaxed);
        reply.header("connection") != Some("close")
    }

    /// Over one connection, as long as it is wanted.
    fn stay(&self) {
        let mut line = Raw::connect(self.served.api);
        while !self.over.load(Relaxed) {
            assert!(self.post(&mut line), "the engine stays");
        }
    }

    /// Over one connection after the other, as a balancer does: a further one only to
    /// an engine that is ready.
    fn until_told(&self) {
        loop {
            let mut ready = Raw::connect(self.served.api);
            ready.send(b"GET /readyz HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n");
            match ready.reply().status {
                200 => {}
                status => return assert_eq!(status, 503),
            }
            let mut line = Raw::connect(self.served.api);
            while self.post(&mut line) {}
        }
    }

    fn goes_on(&self) {
        let before = self.answered.load(Relaxed);
        eventually("further answers", || self.answered.load(Relaxed) > before + 20);
    }
}

/// Ends the load also where the test fails, so that it fails at once.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn a_reload_under_load_loses_no_request_and_the_audit_holds() {
    let served = Served::start();
    let load = Load::on(&served);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| load.stay());
        }
        let _over = Over(&load.over);
        load.goes_on();
        for turn in 0..5 {
            served.edit(
                ADMINISTRATIONS,
                "[[organisation]]",
                &format!("# {turn}\n[[organisation]]"),
            );
            served.reload("applied");
            load.goes_on();
        }
    });
    let report = audit(&served.file("data"));
    assert_eq!(report.catalogues, 6, "each catalogue has its entry");
    let answered = load.answered.load(Relaxed);
    assert_eq!(served.end(), answered as u64);
}

#[test]
fn a_configuration_with_mistakes_changes_nothing_and_each_is_logged() {
    let served = Served::start();
    served.bundle();
    let head = served.api.get("/v1/ledger/head").ok();
    let digest = |served: &Served| {
        let metrics = served.admin.elsewhere("GET", "/metrics", b"").text();
        let line = metrics.lines().find(|line| line.starts_with("prefill_catalogue_info"));
        line.unwrap().to_owned()
    };
    let before = digest(&served);
    served.edit(ADMINISTRATIONS, "\"rnpp.birthName\"", "\"rnpp.birthNam\"");
    served.edit("engine.toml", "cache-mib = 64", "cache-mb = 64");
    served.edit("engine.toml", "key-sha256 = \"", "key-sha256 = \"x");
    served.reload("refused");
    let log = served.log();
    for mistake in ["rnpp.birthNam", "unknown key `cache-mb`", "64 hexadecimal digits"] {
        assert!(log.contains(mistake), "{mistake} is not in\n{log}");
    }
    assert_eq!((served.reloads("applied"), digest(&served)), (0, before));
    assert_eq!(served.api.get("/v1/ledger/head").ok(), head);
    assert_eq!(served.bundle()["complete"], true);
    assert_eq!(served.end(), 2);
}

/// Gives to the police what justice may have of addresses: a source that nobody may
/// have is a mistake.
fn take_addresses(served: &Served) {
    let all = "\"rnpp.placeOfBirth\", \"rnpp.citizenship\",";
    served.edit(ADMINISTRATIONS, &format!("{all} \"caclr.*\","), all);
    let given = format!(
        "[[organisation.authority]]\nprocedures = [\"{FORM}\"]\nattributes = [\"caclr.*\"]\n"
    );
    let next = "[[organisation]]\nid = \"acd\"";
    served.edit(ADMINISTRATIONS, next, &format!("{given}\n{next}"));
    served.reload("applied");
}

#[test]
fn an_organisation_that_loses_authority_has_none_at_the_next_request() {
    let served = Served::start();
    let before = served.bundle();
    assert_eq!(before["fields"]["postCode"]["status"], "filled");
    take_addresses(&served);
    let after = served.bundle();
    let post_code = &after["fields"]["postCode"];
    assert_eq!(
        (&post_code["status"], &post_code["reason"]),
        (&json!("withheld"), &json!("authority"))
    );
    assert_eq!(after["fields"]["familyName"], before["fields"]["familyName"]);
    let log = served.log();
    for line in [
        &format!("- justice loses in {FORM} (front-office): caclr."),
        &format!("+ police gains in {FORM} (front-office): caclr."),
    ] {
        assert!(log.contains(line), "{line} is not in\n{log}");
    }
    assert_eq!(served.end(), 2);
}

#[test]
fn a_key_that_is_taken_away_is_nobodys_and_a_new_one_is_somebodys() {
    let served = Served::start();
    served.bundle();
    let (key, digest) = Keys::generate(&Entropy::system());
    let form = served.form();
    assert_eq!(served.ask_as(&key, &form).status, 401);
    let asked = calls(&served.place.fleet, "rnpp");
    let text = fs::read_to_string(served.place.config()).unwrap();
    let start = text.find("key-sha256 = \"").unwrap() + "key-sha256 = \"".len();
    let old = text[start..start + 64].to_owned();
    served.edit("engine.toml", &old, &hex(&digest));
    served.reload("applied");
    assert_eq!(served.ask_as(&served.place.key, &form).status, 401);
    served.ask_as(&key, &form).ok();
    assert_eq!(calls(&served.place.fleet, "rnpp"), asked, "kept answers serve on");
    let log = served.log();
    assert!(log.contains(&format!("- operator justice {}", &old[..8])), "{log}");
    assert!(log.contains(&format!("+ operator justice {}", &hex(&digest)[..8])), "{log}");
    assert!(!log.contains(&old) && !log.contains(&key), "a whole digest, or a key");
    assert_eq!(served.end(), 2);
}

#[test]
fn a_register_that_has_moved_is_asked_where_it_is_now() {
    let served = Served::start();
    assert_eq!(served.bundle()["fields"]["familyName"]["status"], "filled");
    // Another country, where nobody of that number lives.
    let elsewhere = Country::new(2, POPULATION).unwrap();
    let fleet = Fleet::start(elsewhere, Profile::Instant, None).unwrap();
    let (from, to) = (served.place.fleet.address("rnpp"), fleet.address("rnpp"));
    served.edit("engine.toml", &from.to_string(), &to.to_string());
    served.reload("applied");
    // Nobody has asked since, and its connections are closed all the same.
    eventually("the old one is left", || {
        served.metric("prefill_register_connections{register=\"rnpp\"} ") == 0
    });
    // What the old one said is kept for nobody.
    assert_eq!(served.bundle()["fields"]["familyName"]["status"], "empty");
    assert_eq!(calls(&fleet, "rnpp"), 1);
    assert!(served.log().contains("~ register.rnpp"), "{}", served.log());
    assert_eq!(served.end(), 2);
}

#[test]
fn what_takes_a_restart_is_named_and_limits_do_not() {
    let served = Served::start();
    served.edit("engine.toml", "listen = \"127.0.0.1:0\"", "listen = \"127.0.0.2:0\"");
    served.edit("engine.toml", "data = \"data\"", "data = \"other\"");
    served.edit("engine.toml", "cache-mib = 64", "cache-mib = 65");
    served.edit("engine.toml", "disk-floor-mib = 0", "disk-floor-mib = 4294967295");
    served.edit("engine.toml", "connections = 8192", "connections = 8191");
    for _ in 0..2 {
        served.reload("applied");
    }
    let log = served.log();
    for name in ["listen", "data", "cache-mib"] {
        let line = format!("! {name} differs and stays as it is until a restart");
        assert_eq!(log.matches(&line).count(), 2, "{line} is not twice in\n{log}");
    }
    for line in ["~ limits", "~ disk-floor-mib"] {
        assert_eq!(log.matches(line).count(), 1, "{line} is not once in\n{log}");
    }
    eventually("the floor is looked at", || served.api.get("/readyz").status == 503);
    let short = "less is free on the disk than must be";
    eventually("it is told", || served.log().contains(short));
    served.bundle();
    served.edit("engine.toml", "disk-floor-mib = 4294967295", "disk-floor-mib = 0");
    served.reload("applied");
    let enough = "enough is free on the disk again";
    eventually("that it is over is told", || served.log().contains(enough));
    assert_eq!(served.log().matches(short).count(), 1, "{}", served.log());
    assert!(!served.file("other").exists());
    assert_eq!(served.end(), 1);
}

#[test]
fn a_serve_that_is_told_to_end_loses_no_request() {
    let served = Served::start();
    let load = Load::on(&served);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| load.until_told());
        }
        load.goes_on();
        served.signal("-TERM");
    });
    let answered = load.answered.load(Relaxed);
    assert_eq!(served.end(), answered as u64);
}

#[test]
fn where_it_listens_is_told_however_little_is_logged() {
    let served = Served::over(Place::new(), "error");
    let (api, admin) = (served.api.0, served.admin.0);
    let expected =
        format!("Prefill serves at http://{api}, its admin listener is http://{admin}\n");
    assert_eq!(fs::read_to_string(served.file("out")).unwrap(), expected);
    assert_eq!(served.log(), "");
    served.end();
}

#[test]
fn each_line_of_a_bulk_job_is_decided_under_what_holds_then() {
    let served = Served::start();
    let mut job = Job::by(&served.place.key, TcpStream::connect(served.api.0).unwrap());
    let status =
        |line: Option<Value>| line.unwrap()["bundle"]["fields"]["postCode"]["status"].clone();
    job.line(&served.form());
    assert_eq!((job.status(), status(job.answer())), (200, json!("filled")));
    take_addresses(&served);
    job.line(&served.form());
    assert_eq!(status(job.answer()), "withheld");
    job.end();
    assert!(job.answer().is_none());
    assert_eq!(served.end(), 2);
}

#[test]
fn tokens_under_a_key_that_is_taken_away_are_nobodys_though_they_were_remembered() {
    let served = Served::start();
    let token = served.place.token("operator", json!({"organisation": "justice"}));
    let form = served.form();
    served.ask_as(&token, &form).ok();
    fs::write(served.file("jwks.json"), jwks(&signer())).unwrap();
    served.reload("applied");
    assert_eq!(served.ask_as(&token, &form).status, 401);
    // The presence was shown under that key as well.
    assert_eq!(served.ask_as(&served.place.key, &form).json()["type"], "no-presence");
    let log = served.log();
    for kind in ["operators", "citizens", "presence"] {
        assert!(log.contains(&format!("~ tokens.{kind} key k")), "{log}");
    }
    assert_eq!(served.end(), 1);
}

#[test]
fn a_certificate_is_exchanged_and_one_that_does_not_fit_is_not() {
    fn write(place: &Place, certificate: &Certificate, key: &Certificate) {
        let file = |name| place.folder.path().join("secrets").join(name);
        fs::write(file("server.pem"), &certificate.certificate).unwrap();
        fs::write(file("server.key"), &key.key).unwrap();
        fs::set_permissions(file("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    let place = Place::new();
    let (first, second) = (certificate(), certificate());
    write(&place, &first, &first);
    place.edit("# [tls]\n# certificate", "[tls]\ncertificate");
    place.edit("# key = \"secrets/server.key\"", "key = \"secrets/server.key\"");
    let served = Served::over(place, "info");
    let taken = || {
        at_once(async {
            let first = first.connect(served.api.0, "h2").await.is_ok();
            (first, second.connect(served.api.0, "h2").await.is_ok())
        })
    };
    assert_eq!(taken(), (true, false));
    write(&served.place, &second, &first);
    served.reload("refused");
    assert_eq!(taken(), (true, false));
    write(&served.place, &second, &second);
    served.reload("applied");
    assert_eq!(taken(), (false, true));
    served.end();
}

#[test]
fn a_request_under_way_ends_under_what_it_began_with() {
    let place = Place::new();
    let rnpp = place.folder.path().join("catalogue/registers/rnpp.toml");
    let text = fs::read_to_string(&rnpp).unwrap();
    fs::write(&rnpp, text.replacen("timeout = \"2s\"", "timeout = \"20s\"", 1)).unwrap();
    let served = Served::over(place, "info");
    // Longer than a reload takes, on a busy machine as well.
    let slow = served.place.fleet.register("rnpp");
    slow.set_control(Control { latency_ms: Some(5_000), ..slow.control() });
    let patient = with(served.form(), json!({"deadlineMs": 20_000}));
    let key = served.place.key.clone();
    let asked = served.api.send("POST", "/v1/prefill", Some(&key), patient.to_string().as_bytes());
    eventually("the register is asked", || calls(&served.place.fleet, "rnpp") == 1);
    let elsewhere = Fleet::start(Country::new(2, POPULATION).unwrap(), Profile::Instant, None);
    let (from, to) =
        (served.place.fleet.address("rnpp"), elsewhere.as_ref().unwrap().address("rnpp"));
    served.edit("engine.toml", &from.to_string(), &to.to_string());
    take_addresses(&served);
    assert_eq!(served.bundle()["fields"]["familyName"]["status"], "empty");
    let before = asked.reply().ok();
    assert_eq!(before["fields"]["familyName"]["status"], "filled");
    assert_eq!(before["fields"]["postCode"]["status"], "filled");
    // It was recorded after the one that began later.
    let citizen = served.place.token("citizen", json!({"sub": somebody(served.place.country)}));
    let list = served.api.send("GET", "/v1/me/accesses", Some(&citizen), b"").reply().ok();
    assert_eq!(list["usages"][0]["disclosure"], before["disclosure"]);
    assert_eq!(served.end(), 2);
}

#[test]
fn limits_hold_for_connections_from_then_on() {
    let served = Served::start();
    let mut before = Raw::connect(served.api);
    before.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
    assert_eq!(before.reply().status, 200);
    served.edit("engine.toml", "head = \"30s\"", "head = \"100ms\"");
    served.reload("applied");
    Raw::connect(served.api).has_ended();
    // The other has waited for longer by now, and is not told to go.
    before.send(b"GET /healthz HTTP/1.1\r\nhost: it\r\n\r\n");
    assert_eq!(before.reply().status, 200);
    served.end();
}
