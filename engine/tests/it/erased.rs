//! Somebody who is erased is in no file any more, and the chain stands.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use engine::demo::Demo;
use fixtures::Person;
use serde_json::{Value, json};

use crate::support::{
    Api, api, audit, bundle, data_folder, demo_in, eventually, form, refuses, somebody,
};

const VALUE: &str = "canary.of.somebody@example.lu";

fn erase(data: &Path, arguments: &[&str], identifier: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
        .args(["erase", "--data", data.to_str().unwrap()])
        .args(arguments)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().expect("piped");
    // Whoever is refused at once does not read it.
    let _ = input.write_all(identifier.as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, said: &str) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(said), "no `{said}` in {text}");
}

/// The files of a directory in which a text stands.
fn holding(data: &Path, text: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.filter(holds).collect()
}

/// An adult who refuses nothing from the start.
fn someone_else(demo: &Demo) -> String {
    let adult = |it: &Person| it.affiliation().is_some() && !refuses(demo.country, it);
    let mut all = demo.country.people().filter(adult).map(|it| it.matricule().to_string());
    let somebody = somebody(demo.country);
    all.find(|it| *it != somebody).expect("there are thousands")
}

/// Somebody who used all that there is.
fn live(api: Api, matricule: &str) {
    let token = format!("demo-person-{matricule}");
    let put = json!({"value": VALUE}).to_string();
    api.send("PUT", "/v1/me/data/email", Some(&token), put.as_bytes()).reply().ok();
    api.prefer(matricule, "snca", false).ok();
    let consent = json!({
        "organisation": "housing-ministry", "case": "2026-0001", "procedure": "housing-aid",
        "fields": ["familyName"], "expires": "2028-12-31",
    });
    let body = consent.to_string();
    let given = api.send("POST", "/v1/me/consents/reuse", Some(&token), body.as_bytes()).reply();
    assert_eq!(given.status, 201);
    bundle(api, &form("criminal-record-extract", matricule));
    let absent =
        json!({"procedure": "criminal-record-extract", "subjects": {"applicant": matricule}});
    assert_eq!(api.ask("justice", &absent).reply().status, 403);
    eventually("the denial is recorded", || {
        api.mine(matricule, "/v1/me/export").ok()["entries"]["others"] == 3
    });
}

#[test]
fn an_export_is_everything_held_about_its_citizen_and_nobody_else() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let another = someone_else(&demo);
    live(api, &another);
    live(api, &somebody);
    let reply = api.mine(&somebody, "/v1/me/export");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let held = reply.ok();
    assert_eq!(held["subject"], somebody);
    assert_eq!(held["entries"], json!({"disclosures": 1, "others": 3}));
    assert_eq!(held["consents"], api.mine(&somebody, "/v1/me/consents").ok());
    assert_eq!(held["accesses"], api.mine(&somebody, "/v1/me/accesses").ok());
    let own = &held["ownData"];
    assert_eq!((&own[0]["attribute"], &own[0]["value"]), (&json!("email"), &json!(VALUE)));
    let history = held["history"].as_array().unwrap();
    let of = |kind: &str| history.iter().find(|it| it["kind"] == kind).unwrap();
    assert_eq!(history.len(), 3);
    assert_eq!(of("preference")["register"], "snca");
    assert_eq!(
        (&of("preference")["allow"], &of("preference")["consentVersion"]),
        (&json!(false), &json!(1))
    );
    assert_eq!(of("reuse-consent")["case"], "2026-0001");
    assert_eq!(of("reuse-consent")["id"], held["consents"]["reuse"][0]["id"]);
    assert_eq!(
        (&of("denial")["organisation"], &of("denial")["reason"]),
        (&json!("justice"), &json!("no-presence"))
    );
    // Whoever never was here is told so.
    let nobody = demo.country.people().nth(9).unwrap().matricule().to_string();
    let nothing = api.mine(&nobody, "/v1/me/export").ok();
    assert_eq!(nothing["entries"], json!({"disclosures": 0, "others": 0}));
    assert_eq!((&nothing["history"], &nothing["ownData"]), (&json!([]), &json!([])));
}

#[test]
fn whoever_is_erased_is_in_no_file_and_the_chain_stands() {
    let data = data_folder();
    let key = format!("{}.key", data.path().display());
    let master = ["--master-key", &*key];
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let another = someone_else(&demo);
    live(api(&demo), &another);
    live(api(&demo), &somebody);
    check(&erase(data.path(), &master, &somebody), 3, "another process has the ledger open");
    drop(demo);
    let before = audit(data.path());
    assert!(!holding(data.path(), &somebody).is_empty(), "the search can find it");

    check(&erase(data.path(), &master, "1974030542024"), 2, "no identifier");
    check(&erase(data.path(), &[], &somebody), 3, "name the file of its master key");
    assert_eq!(audit(data.path()), before, "nothing was done");
    let output = erase(data.path(), &master, &format!("{somebody}\n"));
    check(&output, 0, "erased, as entry");
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(!String::from_utf8_lossy(&told).contains(&somebody));

    for canary in [&*somebody, VALUE] {
        assert_eq!(holding(data.path(), canary), [""; 0].map(PathBuf::from), "{canary}");
    }
    assert!(!holding(data.path(), &another).is_empty());
    let after = audit(data.path());
    assert_eq!(after.erasures, 1);
    assert_eq!((after.disclosures, after.changes), (before.disclosures, before.changes));
    check(&erase(data.path(), &master, &somebody), 0, "knows nobody");

    let demo = demo_in(data.path());
    let nothing = api(&demo).mine(&somebody, "/v1/me/export").ok();
    assert_eq!(nothing["entries"], json!({"disclosures": 0, "others": 0}));
    assert_eq!(
        (&nothing["consents"]["consentVersion"], &nothing["ownData"]),
        (&json!(0), &json!([]))
    );
    let theirs = api(&demo).mine(&another, "/v1/me/export").ok();
    assert_eq!(
        (&theirs["entries"]["others"], &theirs["ownData"][0]["value"]),
        (&json!(3), &json!(VALUE))
    );
    bundle(api(&demo), &form("criminal-record-extract", &somebody));
    let anew = api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!((&anew["totalUsages"], &anew["next"]), (&json!(1), &Value::Null));
    drop(demo);
    audit(data.path());
}

#[test]
fn a_case_that_an_organisation_named_by_the_identifier_is_told() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let case = json!({
        "procedure": "residence-certificate", "subjects": {"applicant": somebody},
        "channel": "back-office", "case": somebody,
    });
    bundle(api(&demo), &case);
    drop(demo);
    let key = format!("{}.key", data.path().display());
    let output = erase(data.path(), &["--master-key", &key], &somebody);
    check(&output, 1, "ledger.db still has the identifier in it");
    audit(data.path());
}
