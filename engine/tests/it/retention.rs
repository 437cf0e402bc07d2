//! What is older than its time goes by itself, from a running engine's files.

use engine::demo::Options;
use serde_json::json;

use crate::support::{
    api, audit, bundle, data_folder, demo_with, eventually, form, options, somebody,
};

/// Two years are two thirds of a second.
const SCALE: u32 = 100_000_000;

#[test]
fn a_running_engine_cuts_what_is_older_than_two_years_and_keeps_consents() {
    let data = data_folder();
    let scaled = Options { data: Some(data.path().to_owned()), time_scale: SCALE, ..options() };
    let demo = demo_with(&scaled);
    let somebody = somebody(demo.country);
    api(&demo).prefer(&somebody, "snca", false).ok();
    bundle(api(&demo), &form("criminal-record-extract", &somebody));
    let list = || api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    eventually("nothing of the list is left", || {
        let list = list();
        list["totalUsages"] == 0 && list["usages"] == json!([]) && list["keptFrom"].is_string()
    });
    let held = api(&demo).mine(&somebody, "/v1/me/export").ok();
    assert_eq!(held["history"], json!([]));
    assert!(held["accesses"]["keptFrom"].is_string(), "{held}");
    let consents = held["consents"]["preferences"].as_array().unwrap();
    assert!(consents.iter().any(|it| it["register"] == "snca" && it["allow"] == false));
    eventually("the entries are deleted", || {
        let report = audit(data.path());
        report.cut > 0 && report.disclosures == 0
    });
    let outer = tempfile::tempdir().unwrap();
    let copied = engine::backup::backup(data.path(), &outer.path().join("copy")).unwrap();
    assert!(copied.cut > 0);
    drop(demo);
    let again = demo_with(&scaled);
    let consents = api(&again).mine(&somebody, "/v1/me/consents").ok();
    let preferences = consents["preferences"].as_array().unwrap();
    assert!(preferences.iter().any(|it| it["register"] == "snca" && it["allow"] == false));
    drop(again);
    assert!(audit(data.path()).cut > 0);
}
