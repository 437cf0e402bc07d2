//! The production command: its configuration, its identities, its two listeners.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::config::{self, Config, Error};
use engine::engine::Running;
use engine::entropy::Entropy;
use engine::identity::Keys;
use engine::ledger::{self, hex};
use engine::space::MasterKey;
use engine::store;
use fixtures::{Country, Fleet, Profile};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Api, POPULATION, Reply, audit, form, somebody, with};

/// The example, with what it names around it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    signer: Ed25519KeyPair,
    pub(crate) key: String,
    pub(crate) fleet: Fleet,
    pub(crate) country: Country,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let country = Country::new(1, POPULATION).unwrap();
        let fleet = Fleet::start(country, Profile::Instant, None).unwrap();
        for (path, text) in fixtures::catalogue::files() {
            let file = folder.path().join("catalogue").join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        fs::create_dir(folder.path().join("secrets")).unwrap();
        MasterKey::create(&folder.path().join("secrets/master.key"), &Entropy::system()).unwrap();
        let signer = signer();
        fs::write(folder.path().join("jwks.json"), jwks(&signer)).unwrap();
        let (key, digest) = Keys::generate(&Entropy::system());
        let place = Self { folder, signer, key, fleet, country };
        let mut text = example();
        let start = text.find("key-sha256 = \"").unwrap() + "key-sha256 = \"".len();
        text.replace_range(start..start + 64, &hex(&digest));
        text =
            text.replace("127.0.0.1:8443", "127.0.0.1:0").replace("127.0.0.1:9090", "127.0.0.1:0");
        text = text.replace("disk-floor-mib = 1024", "disk-floor-mib = 0");
        for (authority, port) in fixtures::Authority::ALL.into_iter().zip(18_081_u16..) {
            let address = place.fleet.address(authority.name()).to_string();
            text = text.replace(&format!("127.0.0.1:{port}"), &address);
        }
        fs::write(place.config(), text).unwrap();
        place
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.folder.path().join("engine.toml")
    }

    pub(crate) fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(self.config(), text.replacen(from, to, 1)).unwrap();
    }

    fn load(&self) -> Result<Config, Error> {
        config::load(&self.config())
    }

    pub(crate) fn start(&self) -> Running {
        engine::serve::start(self.load().unwrap_or_else(|error| panic!("{error:?}"))).unwrap()
    }

    /// A token of a kind, about somebody, with further claims.
    pub(crate) fn token(&self, kind: &str, claims: Value) -> String {
        let header = json!({"alg": "EdDSA", "kid": "k", "typ": format!("prefill-{kind}+jwt")});
        let now = jiff::Timestamp::now().as_second();
        let common = json!({"iss": "https://login.example", "aud": "prefill", "exp": now + 300});
        let claims = with(common, claims);
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = self.signer.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn presence(&self, matricule: &str, procedure: &str) -> String {
        let bound = json!({
            "sub": matricule, "organisation": "justice", "procedure": procedure, "jti": "a-token",
        });
        self.token("presence", bound)
    }
}

/// A key set of one key.
pub(crate) fn jwks(signer: &Ed25519KeyPair) -> String {
    let x = URL_SAFE_NO_PAD.encode(signer.public_key());
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x}]}).to_string()
}

pub(crate) fn signer() -> Ed25519KeyPair {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()
}

fn example() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/engine.toml"))
        .unwrap()
}

fn ask(api: Api, token: &str, form: &Value) -> Reply {
    api.send("POST", "/v1/prefill", Some(token), form.to_string().as_bytes()).reply()
}

#[test]
fn the_example_serves_who_is_known_and_records_it() {
    let place = Place::new();
    let engine = place.start();
    let api = Api(engine.address());
    let somebody = somebody(place.country);
    let presence = place.presence(&somebody, "criminal-record-extract");
    let asked = with(form("criminal-record-extract", &somebody), json!({"presence": presence}));
    let bundle = ask(api, &place.key, &asked).ok();
    assert_eq!(bundle["complete"], true, "{bundle}");
    let signed = place.token("operator", json!({"organisation": "justice"}));
    assert_eq!(ask(api, &signed, &asked).status, 200);
    // The demonstration's tokens are nobody's here, and no token serves as another.
    for wrong in ["demo-org-justice", &presence, &place.token("citizen", json!({"sub": somebody}))]
    {
        assert_eq!(ask(api, wrong, &asked).status, 401);
    }
    let unbound = with(asked.clone(), json!({"presence": format!("demo-person-{somebody}")}));
    assert_eq!(ask(api, &place.key, &unbound).json()["type"], "no-presence");
    let other = place.presence(&somebody, "student-aid");
    let other = with(asked, json!({"presence": other}));
    assert_eq!(ask(api, &place.key, &other).json()["type"], "no-presence");

    let citizen = place.token("citizen", json!({"sub": somebody}));
    let list = api.send("GET", "/v1/me/accesses", Some(&citizen), b"").reply().ok();
    assert_eq!(list["totalUsages"], 2);
    assert_eq!(list["usages"][1]["disclosure"], bundle["disclosure"]);
    drop(engine);
    assert_eq!(audit(&place.folder.path().join("data")).disclosures, 2);
}

#[test]
fn metrics_and_reasons_are_told_at_the_admin_listener_alone() {
    let place = Place::new();
    place.edit("disk-floor-mib = 0", "disk-floor-mib = 4294967295");
    let engine = place.start();
    let (public, admin) = (Api(engine.address()), Api(engine.admin().expect("it has one")));
    assert_eq!(public.get("/metrics").status, 404);
    let ready = public.get("/readyz");
    assert_eq!((ready.status, &ready.json()["reasons"]), (503, &Value::Null));
    let ready = admin.get("/readyz");
    assert_eq!(ready.status, 503);
    assert!(ready.json()["reasons"]["disk"].is_string());
    assert_eq!(admin.get("/healthz").ok()["status"], "ok");
    assert!(admin.get("/metrics").text().contains("prefill_"));
    assert_eq!(admin.get("/status").ok()["closed"], Value::Null);
    assert_eq!(public.elsewhere("GET", "/status", b"").status, 404);
    assert_eq!(admin.elsewhere("GET", "/v1/procedures", b"").status, 404);
    assert_eq!(admin.send("POST", "/metrics", None, b"").reply().status, 405);
}

/// What is wrong with the example once a line of it is changed.
#[track_caller]
fn check(place: &Place, from: &str, to: &str, expected: &[&str]) {
    let before = fs::read_to_string(place.config()).unwrap();
    place.edit(from, to);
    let found = place.load();
    fs::write(place.config(), before).unwrap();
    let Err(Error::Mistakes(mistakes)) = found else { panic!("{to} is taken") };
    let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains("engine.toml:") && line.contains(expected), "{line} for {expected}");
    }
}

#[test]
fn each_mistake_of_a_configuration_is_told_with_its_line_and_what_to_write() {
    let place = Place::new();
    let check = |from: &str, to: &str, expected: &[&str]| check(&place, from, to, expected);
    check("listen = \"127.0.0.1:0\"", "listen = \"here\"", &["must be an address and a port"]);
    check("listen = \"127.0.0.1:0\"", "listen = \"0.0.0.0:0\"", &["in plaintext"]);
    check("cache-mib = 64", "cache-mb = 64", &["unknown key `cache-mb`"]);
    check("data = \"data\"", "", &["`data` is missing"]);
    check("catalogue = \"catalogue\"", "catalogue = \"nowhere\"", &["No such file"]);
    check("\"secrets/master.key\"", "\"secrets/none.key\"", &["No such file"]);
    check(
        "{ file = \"secrets/master.key\" }",
        "{ env = \"NO_SUCH_KEY\" }",
        &["has no `NO_SUCH_KEY`"],
    );
    check("{ file = \"secrets/master.key\" }", "{}", &["needs either `file` or `env`"]);
    check("{ file = \"secrets/master.key\" }", "{ file = \"jwks.json\" }", &["everybody may read"]);
    check(
        "organisation = \"justice\"",
        "organisation = \"justise\"",
        &["no organisation `justise`"],
    );
    check("key-sha256 = \"", "key-sha256 = \"x", &["64 hexadecimal digits"]);
    check("audience = \"prefill\"", "", &["`audience` is missing"]);
    check("lifetime-max = \"15m\"", "lifetime-max = \"2d\"", &["at most 1d"]);
    let loose = "type = \"jwt\"\nlifetime-max = \"2d\"";
    check(
        "lifetime-max = \"15m\"",
        loose,
        &["must begin with \"prefill-presence+jwt\"", "at most 1d"],
    );
    check("[register.snca]", "[register.snka]", &["where is `snca`?", "no register `snka`"]);
    check("url = \"http://", "url = \"ftp://", &["must be http:// or https://"]);
    check("url = \"http://127.0.0.1", "url = \"http://register.example", &["in the clear"]);
    check("handshake = \"10s\"", "handshake = \"soon\"", &["must be a whole number and ms"]);
    let several = "listen = \"here\"\nmore = 1";
    check("listen = \"127.0.0.1:0\"", several, &["address and a port", "unknown key `more`"]);
}

#[test]
fn a_register_is_nowhere_else_than_its_url_says() {
    let place = Place::new();
    let url = format!("http://{}", place.fleet.address("snca"));
    let wrong = "must be http:// or https://";
    for written in [
        "http://127.0.0.1:99999",
        "http://127.0.0.1:",
        "http://127.0.0.1:0",
        "http://127.0.0.1:80/base#part",
        "http://127.0.0.1:80/base?all",
        "http://me@127.0.0.1:80",
        "http://a..b",
    ] {
        check(&place, &url, written, &[wrong]);
    }
    place.edit(&url, "HTTP://127.0.0.1:81/base/");
    let snca = place.load().unwrap_or_else(|error| panic!("{error:?}")).endpoints;
    let snca = &snca["snca"];
    assert_eq!((&*snca.authority(), &*snca.base), ("127.0.0.1:81", "/base"));
}

#[test]
fn what_a_register_is_shown_says_nothing_twice() {
    let place = Place::new();
    let secret = "{ file = \"secrets/master.key\" }";
    let check = |written: &str, expected: &[&str]| {
        let written = written.replace("SECRET", secret);
        check(&place, "[register.snca]\n", &format!("[register.snca]\n{written}\n"), expected);
    };
    check("headers = { host = SECRET }", &["the engine writes `host` itself"]);
    check("headers = { Content-Length = SECRET }", &["the engine writes `content-length` itself"]);
    check("headers = { x-key = SECRET, X-Key = SECRET }", &["`x-key` stands twice"]);
    check(
        "headers = { authorization = SECRET }\nbasic = { user = \"me\", password = SECRET }",
        &["another `authorization`"],
    );
    check("basic = { user = \"me:too\", password = SECRET }", &["a `user` has no colon"]);
}

#[test]
fn values_that_no_engine_could_work_with_are_mistakes() {
    let place = Place::new();
    let check = |from: &str, to: &str, expected: &str| check(&place, from, to, &[expected]);
    for (key, default) in [("handshake", "10s"), ("head", "30s"), ("idle", "30s"), ("stall", "20s")]
    {
        for none in ["0s", "99ms", "2h"] {
            let (from, to) = (format!("{key} = \"{default}\""), format!("{key} = \"{none}\""));
            check(&from, &to, "must be from 100ms to 1h");
        }
    }
    check("lifetime-max = \"15m\"", "lifetime-max = \"0s\"", "for less than `lifetime-max`");
    check("issuer = \"https://login.example\"", "issuer = \"\"", "`issuer` must say something");
    check("audience = \"prefill\"", "audience = \"\"", "`audience` must say something");
    place.edit("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:9090\"");
    check("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:9090\"", "a port of its own");
    check("admin = \"127.0.0.1:0\"\n", "", "a port of its own");
}

#[test]
fn data_must_be_a_folder_or_not_there_yet() {
    let place = Place::new();
    let line = fs::read_to_string(place.config()).unwrap();
    let line = line.lines().position(|line| line == "data = \"data\"").unwrap() + 1;
    let wrong = |written: &str, expected: &str| {
        let written = format!("data = \"{written}\"");
        check(&place, "data = \"data\"", &written, &[&format!("engine.toml:{line}: {expected}")]);
    };
    wrong("jwks.json", "`data` must be a folder");
    let below = place.folder.path().join("jwks.json/data");
    wrong("jwks.json/data", &below.display().to_string());
    // Which nobody has made yet.
    place.edit("data = \"data\"", "data = \"new/data\"");
    assert!(place.load().is_ok());
}

#[cfg(feature = "otlp")]
#[test]
fn spans_go_to_a_whole_url_or_it_is_a_mistake_of_its_line() {
    let place = Place::new();
    let spans = |endpoint: &str| format!("[spans]\nendpoint = \"{endpoint}\"\n[limits]");
    for wrong in [
        "http://",
        "http:///v1/traces",
        "http://127.0.0.1:4318",
        "http://127.0.0.1:4318/",
        "http://127.0.0.1:99999/v1/traces",
        "https://127.0.0.1:4318/v1/traces",
        "127.0.0.1:4318",
        "",
    ] {
        check(&place, "[limits]", &spans(wrong), &["`endpoint` must be http://, a host"]);
    }
    place.edit("[limits]", &spans("http://collector:4318/v1/traces"));
    assert!(place.load().is_ok());
}

#[test]
fn how_long_entries_are_kept_is_a_time_that_can_be_or_a_mistake_of_its_line() {
    let place = Place::new();
    let said = "retention = \"730d\"";
    let text = fs::read_to_string(place.config()).unwrap();
    let line = text.lines().position(|line| line == said).expect("the example shows it") + 1;
    let wrong = |written: &str, expected: &str| {
        let expected = format!("engine.toml:{line}: {expected}");
        check(&place, said, written, &[&expected]);
    };
    for none in ["0", "0d", "29d", "719h", "36501d", "9000000h"] {
        let written = format!("retention = \"{none}\"");
        wrong(&written, "`retention` must be from 30d to 36500d");
    }
    // The last is more than can be counted.
    for unit in ["-730d", "730", "2y", "24 months", "", "730D", "1.5d", "99999999999999999999d"] {
        let written = format!("retention = \"{unit}\"");
        let expected =
            format!("`retention` = \"{unit}\" must be a whole number and ms, s, m, h or d");
        wrong(&written, &expected);
    }
    wrong("retention = 730", "`retention` must be a text, not integer");
    wrong("retention = [\"730d\"]", "`retention` must be a text, not array");
    wrong("retain = \"730d\"", "unknown key `retain`");
    check(&place, "[ledger]\nretention = \"730d\"", "ledger = 1", &["`ledger` must be a table"]);
    let days = |written: &str| {
        place.edit(said, written);
        let config = place.load().unwrap_or_else(|error| panic!("{error:?}"));
        fs::write(place.config(), &text).unwrap();
        config.retention.as_secs() / 86_400
    };
    assert_eq!(
        ["30d", "36500d", "17520h"].map(|it| days(&format!("retention = \"{it}\""))),
        [30, 36_500, 730]
    );
    assert_eq!(days(""), 730, "two years, where nothing is said");
    let check = std::process::Command::new(env!("CARGO_BIN_EXE_engine"))
        .args(["check", "--config"])
        .arg(place.config())
        .status();
    assert!(check.unwrap().success());
}

#[test]
fn a_key_is_one_operators_in_whichever_digits_it_is_written() {
    let place = Place::new();
    let text = fs::read_to_string(place.config()).unwrap();
    let digest = text.split("key-sha256 = \"").nth(1).unwrap().split('"').next().unwrap();
    let again = digest.to_ascii_uppercase();
    assert_ne!(again, digest, "it has a letter");
    let other = format!("[[operator]]\norganisation = \"snca\"\nkey-sha256 = \"{again}\"\n");
    check(&place, "[tokens.operators]", &format!("{other}[tokens.operators]"), &["stands twice"]);
}

#[test]
fn what_secures_a_connection_in_the_clear_is_a_mistake_of_its_line() {
    let place = Place::new();
    let at = "[register.snca]\n";
    for key in ["roots", "certificate", "key"] {
        let written = format!("{at}{key} = \"server.pem\"\n");
        check(&place, at, &written, &[&format!("`{key}` is for https:// alone")]);
    }
}

#[test]
fn a_system_without_certificates_is_said_by_check_and_at_the_start() {
    let place = Place::new();
    let address = place.fleet.address("snca");
    place.edit(&format!("http://{address}"), "https://snca.example");
    for (command, code) in [("check", 1), ("serve", 2)] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_engine"))
            .args([command, "--config"])
            .arg(place.config())
            .env("SSL_CERT_FILE", "/nonexistent/certificates.pem")
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        let line = said.lines().find(|line| line.contains("ca-certificates")).expect(&said);
        assert!(line.contains("engine.toml:"), "{line}");
        assert!(said.ends_with("1 mistake\n"), "{said}");
    }
}

#[test]
fn a_production_does_not_open_what_was_written_under_scaled_time() {
    let place = Place::new();
    let data = place.folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let scaled = store::Sqlite::open(&data, [1; 16], store::Time::Scaled, ledger::subjects_of);
    drop(scaled.unwrap());
    let config = place.load().unwrap_or_else(|error| panic!("{error:?}"));
    let Err(refused) = engine::serve::start(config) else { panic!("it starts") };
    assert!(format!("{refused:#}").contains("scaled"), "{refused:#}");
}

#[test]
fn mistakes_of_configuration_and_catalogue_are_told_together() {
    let place = Place::new();
    place.edit("data = \"data\"", "");
    let file = place.folder.path().join("catalogue/procedures/moving.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("rnpp.familyName", "rnpp.familyNam", 1)).unwrap();
    let Err(Error::Mistakes(mistakes)) = place.load() else { panic!("it is taken") };
    let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert!(lines.iter().any(|line| line.contains("moving.toml:")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("`data` is missing")), "{lines:#?}");
}

#[test]
fn a_secret_that_its_group_may_read_is_taken_and_one_for_everybody_is_not() {
    let place = Place::new();
    let key = place.folder.path().join("secrets/master.key");
    let mode = |mode| fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o640);
    assert!(place.load().is_ok());
    mode(0o644);
    assert!(place.load().is_err());
}
