//! What citizens add themselves: kept in one form, shown to them and to the forms
//! that ask for it, and unreadable in the files.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use engine::demo::{Demo, Options};
use fixtures::{Mode, Truth};
use serde_json::{Value, json};

use crate::support::{
    Api, Data, LOCKED, Reply, api, bundle, data_folder, demo, demo_in, eventually, form, options,
    refuses, set, somebody, with,
};

/// One whose own data is asked for by a form with an e-mail address.
const FORM: (&str, &str) = ("student-aid", "higher-education-ministry");

fn put(api: Api, matricule: &str, attribute: &str, value: &str) -> Reply {
    send(api, "PUT", matricule, attribute, json!({"value": value}).to_string().as_bytes())
}

fn delete(api: Api, matricule: &str, attribute: &str) -> Reply {
    send(api, "DELETE", matricule, attribute, b"")
}

fn send(api: Api, method: &str, matricule: &str, attribute: &str, body: &[u8]) -> Reply {
    let target = format!("/v1/me/data/{attribute}");
    api.send(method, &target, Some(&format!("demo-person-{matricule}")), body).reply()
}

/// A field of the citizen's own view.
#[track_caller]
fn mine(api: Api, matricule: &str, field: &str) -> Value {
    let reply = api.mine(matricule, "/v1/me/data");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.ok()["fields"][field].clone()
}

fn others(demo: &Demo) -> String {
    demo.country.people().nth(7).expect("people").matricule().to_string()
}

#[test]
fn a_value_is_kept_in_one_form_and_shown_to_its_citizen() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    assert_eq!(mine(api, &somebody, "mobile")["status"], "empty");
    let reply = put(api, &somebody, "mobile", " +352 621 123 456 ");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let told = reply.ok();
    let day = told["lastUpdated"].as_str().expect("a day").to_owned();
    assert_eq!(day.parse::<jiff::civil::Date>().expect("an ISO date").to_string(), day);
    let expected = json!({"attribute": "mobile", "value": "+352621123456", "lastUpdated": day});
    assert_eq!(told, expected);
    let shown = mine(api, &somebody, "mobile");
    assert_eq!(shown["status"], "filled");
    assert_eq!([&shown["value"], &shown["source"]], ["+352621123456", "space"]);
    assert_eq!(shown["lastUpdated"], *day);
    assert_eq!(mine(api, &others(&demo), "mobile")["status"], "empty");
}

#[test]
fn a_value_fills_the_forms_that_ask_for_it() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    put(api, &somebody, "email", "marie@Example.LU").ok();
    let form = json!({
        "procedure": FORM.0, "fields": ["email"], "subjects": {"applicant": somebody},
        "presence": format!("demo-person-{somebody}"),
    });
    let email = api.ask(FORM.1, &form).reply().ok()["fields"]["email"].clone();
    assert_eq!([&email["value"], &email["source"]], ["marie@example.lu", "space"]);
    put(api, &somebody, "email", "other@example.lu").ok();
    let email = api.ask(FORM.1, &form).reply().ok()["fields"]["email"].clone();
    assert_eq!(email["value"], "other@example.lu");
}

/// The account of two forms: of one from the register of health insurance, else
/// one's own; of the other the other way round.
#[test]
fn own_data_stands_before_or_after_a_register_as_the_form_says() {
    const REGISTER_FIRST: &str = "income-tax-return";
    const OWN_FIRST: &str = "cost-of-living-allowance";
    const OWN: &str = "LU280019400644750000";
    let demo = demo();
    let (api, country) = (api(&demo), demo.country);
    let iban = |matricule: &str| country.truth(matricule, "cns.reimbursementIban");
    let known = somebody(country);
    let theirs = iban(&known).value().expect("an account").to_json();
    let unknown = country
        .people()
        .filter(|person| person.date_of_birth().civil().0 < 1990 && !refuses(country, person));
    let unknown = unknown.map(|person| person.matricule().to_string());
    let unknown = unknown.filter(|it| iban(it) == Truth::UnknownSubject);
    let unknown = unknown.take(1).last().expect("somebody without insurance");
    let filled = |procedure: &str, matricule: &str| {
        let form =
            with(form(procedure, matricule), json!({"fields": ["iban"], "maxAgeSeconds": 0}));
        let iban = bundle(api, &form)["fields"]["iban"].take();
        (iban["value"].clone(), iban["source"].clone(), iban["status"].clone())
    };
    let is = |value: &Value, source: &str| (value.clone(), json!(source), json!("filled"));
    let own = Value::from(OWN);
    for procedure in [REGISTER_FIRST, OWN_FIRST] {
        assert_eq!(
            filled(procedure, &known),
            is(&theirs, "cns"),
            "{procedure}: nothing of one's own"
        );
        let (value, _, status) = filled(procedure, &unknown);
        assert_eq!((value, status == "filled"), (Value::Null, false), "{procedure}: nobody knows");
    }
    for matricule in [&known, &unknown] {
        put(api, matricule, "iban", OWN).ok();
        assert_eq!(filled(OWN_FIRST, matricule), is(&own, "space"));
    }
    assert_eq!(filled(REGISTER_FIRST, &known), is(&theirs, "cns"));
    assert_eq!(filled(REGISTER_FIRST, &unknown), is(&own, "space"), "the register knows nobody");
    set(&demo.fleet, "cns", Mode::Error);
    assert_eq!(filled(OWN_FIRST, &known), is(&own, "space"));
    // What the register said before it failed is a value of the first source still.
    assert_eq!(filled(REGISTER_FIRST, &known), (theirs, json!("cns"), json!("stale")));
    assert_eq!(filled(REGISTER_FIRST, &unknown), is(&own, "space"), "the register fails");
}

#[test]
fn a_value_is_removed_and_removing_it_again_does_no_harm() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    put(api, &somebody, "email", "marie@example.lu").ok();
    put(api, &somebody, "mobile", "+352621123456").ok();
    for _ in 0..2 {
        let reply = delete(api, &somebody, "email");
        assert_eq!((reply.status, &reply.body[..]), (204, &b""[..]), "{}", reply.text());
        assert_eq!(mine(api, &somebody, "email")["status"], "empty");
    }
    assert_eq!(mine(api, &somebody, "mobile")["value"], "+352621123456");
    assert_eq!(delete(api, &others(&demo), "email").status, 204);
}

#[test]
fn a_value_that_is_none_is_refused_and_not_repeated() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    put(api, &somebody, "email", "marie@example.lu").ok();
    for (attribute, value) in [
        ("email", "marker@wrong"),
        ("mobile", "0621marker"),
        ("emergencyContactPhone", "+0352marker"),
        ("iban", "LU28MARKER"),
        ("bankHolder", "mar\nker"),
        ("preferredLanguage", "marker"),
        ("correspondenceAdminUnitL1", "MARKER"),
        ("correspondencePostCode", "far too long for a marker"),
    ] {
        let reply = put(api, &somebody, attribute, value);
        let problem = reply.json();
        assert_eq!(reply.status, 422, "{problem}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!([&problem["type"], &problem["member"]], ["invalid-value", "value"]);
        assert!(problem["detail"].as_str().expect("a text").starts_with("value: "), "{problem}");
        assert!(!reply.text().contains(value), "{problem}");
    }
    assert_eq!(mine(api, &somebody, "email")["value"], "marie@example.lu");
    assert_eq!(mine(api, &somebody, "mobile")["status"], "empty");
}

#[test]
fn a_body_that_is_not_one_value_is_malformed() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    for body in [
        "",
        "{}",
        "\"a@example.lu\"",
        "{\"value\":1}",
        "{\"value\":null}",
        "{\"value\":\"a@example.lu\",\"since\":1}",
        "{\"value\":\"a@example.lu\",\"value\":\"b@example.lu\"}",
    ] {
        let reply = send(api, "PUT", &somebody, "email", body.as_bytes());
        assert_eq!((reply.status, &reply.json()["type"]), (400, &json!("malformed")), "{body}");
    }
    let long = format!("{{\"value\":\"{}\"}}", "a".repeat(65 * 1024));
    assert_eq!(send(api, "PUT", &somebody, "email", long.as_bytes()).status, 413);
    assert_eq!(mine(api, &somebody, "email")["status"], "empty");
}

#[test]
fn an_attribute_that_is_none_is_answered_with_those_that_are() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    for attribute in ["Email", "familyName", "rnpp.familyName", ""] {
        for reply in [put(api, &somebody, attribute, "x"), delete(api, &somebody, attribute)] {
            let problem = reply.json();
            assert_eq!(reply.status, 404, "{problem}");
            let detail = problem["detail"].as_str().expect("a text");
            assert!(detail.contains("email, mobile, iban"), "{detail}");
        }
    }
}

#[test]
fn nobody_but_the_citizen_writes_or_reads_it() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    put(api, &somebody, "email", "marie@example.lu").ok();
    let body = br#"{"value":"stranger@example.lu"}"#;
    for token in [None, Some("demo-org-justice"), Some("demo-org-ctie"), Some("x")] {
        for (method, target) in
            [("PUT", "/v1/me/data/email"), ("DELETE", "/v1/me/data/email"), ("GET", "/v1/me/data")]
        {
            let reply = api.send(method, target, token, body).reply();
            assert_eq!((reply.status, &reply.json()["type"]), (401, &json!("unauthenticated")));
        }
    }
    put(api, &others(&demo), "email", "other@example.lu").ok();
    assert_eq!(mine(api, &somebody, "email")["value"], "marie@example.lu");
}

#[test]
fn the_paths_of_own_data_say_which_methods_they_take() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let token = format!("demo-person-{somebody}");
    for (method, target, allowed) in [
        ("PUT", "/v1/me/data", "GET"),
        ("DELETE", "/v1/me/data", "GET"),
        ("GET", "/v1/me/data/email", "PUT, DELETE"),
        ("POST", "/v1/me/data/email", "PUT, DELETE"),
    ] {
        let reply = api.send(method, target, Some(&token), b"").reply();
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, Some(allowed)),
            "{method} {target}"
        );
    }
    let queried = api.mine(&somebody, "/v1/me/data?firm=B1");
    assert_eq!(queried.json()["type"], "invalid-value");
    assert!(api.get("/metrics").text().contains("route=\"own-data\""));
}

#[test]
fn a_citizens_look_at_their_own_data_stands_in_their_list() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    put(api, &somebody, "email", "marie@example.lu").ok();
    assert_eq!(api.mine(&somebody, "/v1/me/accesses").ok()["totalUsages"], 0);
    let view = api.mine(&somebody, "/v1/me/data").ok();
    let list = api.mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!(list["totalUsages"], 1);
    assert_eq!(list["usages"][0]["disclosure"], view["disclosure"]);
    assert_eq!(list["usages"][0]["channel"], "self");
}

#[test]
fn values_written_at_once_are_all_kept() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let values = [
        ("email", "marie@example.lu"),
        ("mobile", "+352621123456"),
        ("iban", "LU280019400644750000"),
        ("bankHolder", "Marie Weber"),
        ("preferredLanguage", "lb"),
        ("correspondencePostName", "Esch"),
        ("correspondenceAdminUnitL1", "LU"),
        ("emergencyContactName", "Jean Weber"),
    ];
    std::thread::scope(|scope| {
        for (attribute, value) in values {
            let somebody = &somebody;
            scope.spawn(move || put(api, somebody, attribute, value).ok());
        }
    });
    let view = api.mine(&somebody, "/v1/me/data").ok();
    for (attribute, value) in values {
        assert_eq!(view["fields"][attribute]["value"], value, "{attribute}");
    }
}

#[test]
fn values_are_there_after_a_restart_and_unreadable_in_the_files() {
    let data = data_folder();
    let before = demo_in(data.path());
    let somebody = somebody(before.country);
    put(api(&before), &somebody, "email", "marker.of.mine@example.lu").ok();
    put(api(&before), &somebody, "bankHolder", "Marker Holder").ok();
    // Nothing has been disclosed about them, so that no file may name them.
    for marker in [&*somebody, "marker.of.mine", "example.lu", "Marker Holder"] {
        assert_eq!(files_with(data.path(), marker.as_bytes()), <[PathBuf; 0]>::default());
    }
    drop(before);
    let after = demo_in(data.path());
    assert_eq!(mine(api(&after), &somebody, "email")["value"], "marker.of.mine@example.lu");
    drop(after);
    for marker in ["marker.of.mine", "example.lu", "Marker Holder"] {
        assert_eq!(files_with(data.path(), marker.as_bytes()), <[PathBuf; 0]>::default());
    }
}

#[test]
fn a_master_key_stands_beside_the_data_and_only_its_owner_reads_it() {
    let data = with_own_data();
    let key = key_of(&data);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(files_with(data.path(), &fs::read(&key).unwrap()[..64]), <[PathBuf; 0]>::default());
}

#[test]
fn own_data_without_its_master_key_is_refused_and_no_other_key_is_made() {
    let data = with_own_data();
    let (key, kept) = (key_of(&data), data.path().with_extension("kept"));
    fs::rename(&key, &kept).unwrap();
    let refused = refused(&data);
    assert!(refused.contains("its master key is gone"), "{refused}");
    assert!(refused.contains(&*key.file_name().unwrap().to_string_lossy()), "{refused}");
    assert!(!key.exists());
    fs::rename(&kept, &key).unwrap();
    drop(demo_in(data.path()));
}

#[test]
fn own_data_under_another_master_key_is_refused() {
    let data = with_own_data();
    let kept = fs::read(key_of(&data)).unwrap();
    fs::write(key_of(&data), "0".repeat(64)).unwrap();
    let refused_as_wrong = refused(&data);
    assert!(refused_as_wrong.contains("sealed under another master key"), "{refused_as_wrong}");
    fs::write(key_of(&data), "no key").unwrap();
    let refused_as_none = refused(&data);
    assert!(refused_as_none.contains("64 hexadecimal digits"), "{refused_as_none}");
    fs::write(key_of(&data), kept).unwrap();
    drop(demo_in(data.path()));
}

/// The directory of an engine that has ended, with somebody's own data in it.
fn with_own_data() -> Data {
    let data = data_folder();
    let demo = demo_in(data.path());
    put(api(&demo), &somebody(demo.country), "email", "marie@example.lu").ok();
    data
}

fn key_of(data: &Data) -> PathBuf {
    data.path().with_extension("key")
}

/// Why an engine does not start on this directory.
#[track_caller]
fn refused(data: &Data) -> String {
    let options = Options { data: Some(data.path().to_owned()), ..options() };
    let mut told = String::new();
    eventually("the lock of the engine before is free", || {
        let refused = Demo::start(&options).err().expect("it does not start");
        told = format!("{refused:#}");
        !told.contains(LOCKED)
    });
    told
}

/// The files of a directory in which these bytes stand.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let has = |path: &PathBuf| {
        let content = fs::read(path).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    };
    files.filter(has).collect()
}
