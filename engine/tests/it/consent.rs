//! A citizen's No: in force once it is acknowledged, also for what is under way.

use engine::demo::Demo;
use fixtures::Mode;
use serde_json::{Value, json};

use crate::support::{
    CATALOGUE, Custom, api, bundle, calls, data_folder, demo, demo_in, eventually, form, set,
    somebody, statuses, with,
};

const OF_RNPP: [&str; 4] = ["familyName", "givenName", "dateOfBirth", "civilStatus"];
const OF_CACLR: [&str; 5] =
    ["thoroughfare", "locatorDesignator", "postCode", "postName", "adminUnitL1"];
const OF_CCSS: [&str; 4] = ["employer", "occupation", "weeklyHours", "affiliatedSince"];

/// Checks that nothing of the register of persons is in a bundle, nor what only
/// its answer leads to, and that the citizen's No is the reason.
#[track_caller]
fn check_withheld(bundle: &Value) {
    let gap = json!({"status": "withheld", "source": "rnpp", "reason": "preference"});
    for name in OF_RNPP.iter().chain(&OF_CACLR) {
        assert_eq!(bundle["fields"][name], gap, "{name}");
    }
    assert_eq!(bundle["sources"], json!({"ccss": {"outcome": "answered"}}));
    assert_eq!(bundle["complete"], false);
    statuses(bundle, &OF_CCSS, "filled");
}

/// Waits until the register of persons has been called so often.
#[track_caller]
fn called(demo: &Demo, count: u64) {
    eventually("the call reaches the register", || calls(&demo.fleet, "rnpp") == count);
}

#[test]
fn a_no_withholds_and_the_register_is_not_called() {
    let demo = demo();
    let somebody = somebody(demo.country);
    assert_eq!(api(&demo).prefer(&somebody, "rnpp", false).status, 200);
    check_withheld(&bundle(api(&demo), &form("tax-card-change", &somebody)));
    assert_eq!((calls(&demo.fleet, "rnpp"), calls(&demo.fleet, "caclr")), (0, 0));
}

#[test]
fn a_no_is_the_citizens_own_and_touches_nobody_else() {
    let demo = demo();
    let refuser = somebody(demo.country);
    let other = demo.country.example_adult().spouse();
    let other = other.unwrap_or_else(|| demo.country.person(0)).matricule().to_string();
    assert_ne!(refuser, other);
    assert_eq!(api(&demo).prefer(&refuser, "rnpp", false).status, 200);
    let bundle = bundle(api(&demo), &form("criminal-record-extract", &other));
    statuses(&bundle, &["familyName", "postCode"], "filled");
}

#[test]
fn a_yes_afterwards_fills_again_with_a_call_of_its_own() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let form = form("tax-card-change", &somebody);
    let before = bundle(api(&demo), &form);
    bundle(api(&demo), &form);
    assert_eq!(calls(&demo.fleet, "rnpp"), 1, "the second bundle came from what was kept");
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    check_withheld(&bundle(api(&demo), &form));
    api(&demo).prefer(&somebody, "rnpp", true).ok();
    let after = bundle(api(&demo), &form);
    assert_eq!(after["fields"], before["fields"]);
    assert_eq!(calls(&demo.fleet, "rnpp"), 2, "what was kept before the No is never used");
}

#[test]
fn a_no_during_a_slow_call_takes_effect_in_that_very_response() {
    let demo = demo();
    let somebody = somebody(demo.country);
    set(&demo.fleet, "rnpp", Mode::Hang);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    let pending = api(&demo).ask("acd", &form);
    called(&demo, 1);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    set(&demo.fleet, "rnpp", Mode::Ok);
    check_withheld(&pending.reply().ok());
    assert_eq!(calls(&demo.fleet, "rnpp"), 1);
}

#[test]
fn a_register_asked_before_a_no_is_in_the_list_of_accesses_and_not_in_the_bundle() {
    let demo = demo();
    let somebody = somebody(demo.country);
    set(&demo.fleet, "rnpp", Mode::Hang);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    let pending = api(&demo).ask("acd", &form);
    called(&demo, 1);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    set(&demo.fleet, "rnpp", Mode::Ok);
    assert_eq!(pending.reply().ok()["sources"], json!({"ccss": {"outcome": "answered"}}));
    let list = api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    let registers = list["usages"][0]["registers"].as_array().unwrap();
    for register in ["rnpp", "ccss"] {
        assert!(registers.contains(&json!(register)), "{register} in {registers:?}");
    }
}

#[test]
fn what_took_its_key_from_an_answer_before_a_no_is_fetched_again_after_the_yes() {
    // What is kept of the address register would serve, as its key is the same.
    let unkept = ("registers/caclr.toml", "ttl = \"24h\"", "ttl = \"0s\"");
    let custom = Custom::start(&[unkept], &[]);
    let somebody = somebody(custom.country);
    set(&custom.fleet, "ccss", Mode::Hang);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    let pending = custom.api().ask("acd", &form);
    eventually("the calls reach the registers", || {
        ["ccss", "caclr"].iter().all(|register| calls(&custom.fleet, register) == 1)
    });
    custom.api().prefer(&somebody, "rnpp", false).ok();
    custom.api().prefer(&somebody, "rnpp", true).ok();
    set(&custom.fleet, "ccss", Mode::Ok);
    let bundle = pending.reply().ok();
    statuses(&bundle, &OF_RNPP, "filled");
    statuses(&bundle, &OF_CACLR, "filled");
    let count = |register| calls(&custom.fleet, register);
    assert_eq!(["rnpp", "caclr", "ccss"].map(count), [2, 2, 1]);
}

#[test]
fn a_yes_during_a_slow_call_is_fetched_for_in_that_very_response() {
    let demo = demo();
    let somebody = somebody(demo.country);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    set(&demo.fleet, "ccss", Mode::Hang);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    let pending = api(&demo).ask("acd", &form);
    eventually("the call reaches the register", || calls(&demo.fleet, "ccss") == 1);
    api(&demo).prefer(&somebody, "rnpp", true).ok();
    set(&demo.fleet, "ccss", Mode::Ok);
    let bundle = pending.reply().ok();
    statuses(&bundle, &OF_RNPP, "filled");
    statuses(&bundle, &OF_CACLR, "filled");
    assert_eq!(calls(&demo.fleet, "ccss"), 1, "what was resolved stays resolved");
}

#[test]
fn a_fill_after_a_purge_never_shows() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    set(&demo.fleet, "rnpp", Mode::Hang);
    let pending = api(&demo).ask("acd", &form);
    called(&demo, 1);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    api(&demo).prefer(&somebody, "rnpp", true).ok();
    // The answer to the call from before the No now comes in, and is kept under
    // an epoch that is over: not even the request that waited for it shows it.
    set(&demo.fleet, "rnpp", Mode::Ok);
    statuses(&pending.reply().ok(), &OF_RNPP, "filled");
    assert_eq!(calls(&demo.fleet, "rnpp"), 2, "it was fetched again after the Yes");
    bundle(api(&demo), &form);
    assert_eq!(calls(&demo.fleet, "rnpp"), 2, "and that is kept");
}

#[test]
fn where_consent_changes_whenever_something_was_fetched_nothing_of_it_shows() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    set(&demo.fleet, "ccss", Mode::Hang);
    let pending = api(&demo).ask("acd", &form);
    // Each is asked again, and answers after the next change only.
    let (ccss, rnpp) = (("ccss", "rnpp"), ("rnpp", "ccss"));
    for ((open, next), count) in [(ccss, 1), (rnpp, 2), (ccss, 2), (rnpp, 3)] {
        eventually("the call reaches the register", || calls(&demo.fleet, open) == count);
        api(&demo).prefer(&somebody, next, false).ok();
        api(&demo).prefer(&somebody, next, true).ok();
        set(&demo.fleet, next, Mode::Hang);
        set(&demo.fleet, open, Mode::Ok);
    }
    let reply = pending.reply();
    assert_eq!((reply.status, &reply.json()["type"]), (503, &json!("consent-changing")));
}

#[test]
fn a_call_from_before_a_no_is_not_joined_after_it() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let form = with(form("tax-card-change", &somebody), json!({"deadlineMs": 20_000}));
    set(&demo.fleet, "rnpp", Mode::Hang);
    let first = api(&demo).ask("acd", &form);
    called(&demo, 1);
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    api(&demo).prefer(&somebody, "rnpp", true).ok();
    let second = api(&demo).ask("acd", &form);
    called(&demo, 2);
    set(&demo.fleet, "rnpp", Mode::Ok);
    statuses(&first.reply().ok(), &OF_RNPP, "filled");
    statuses(&second.reply().ok(), &OF_RNPP, "filled");
}

#[test]
fn saying_the_same_again_changes_nothing() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let mut versions = Vec::new();
    for allow in [true, false, false, true, true, false] {
        let said = api(&demo).prefer(&somebody, "snca", allow).ok();
        assert_eq!(api(&demo).mine(&somebody, "/v1/me/consents").ok(), said);
        versions.push(said["consentVersion"].as_u64().unwrap());
    }
    assert_eq!(versions, [0, 1, 1, 2, 2, 3]);
}

#[test]
fn every_preference_is_listed_with_its_label_and_moment() {
    let demo = demo();
    let somebody = somebody(demo.country);
    api(&demo).prefer(&somebody, "snca", false).ok();
    let consents = api(&demo).mine(&somebody, "/v1/me/consents").ok();
    let members: Vec<_> = consents.as_object().unwrap().keys().collect();
    assert_eq!(members, ["byLaw", "consentVersion", "mandates", "preferences", "reuse"]);
    assert_eq!((&consents["consentVersion"], &consents["reuse"]), (&json!(1), &json!([])));
    let preferences = consents["preferences"].as_array().unwrap();
    let mut registers: Vec<_> =
        preferences.iter().map(|it| it["register"].as_str().unwrap()).collect();
    registers.sort_unstable();
    let offered = CATALOGUE.registers().iter().filter(|register| register.preference);
    let mut offered: Vec<_> = offered.map(|register| &*register.name).collect();
    offered.sort_unstable();
    assert_eq!(registers, offered);
    assert_eq!(registers.len(), 12, "companies and mandates have none");
    for preference in preferences {
        let members: Vec<_> = preference.as_object().unwrap().keys().collect();
        assert_eq!(members, ["allow", "label", "register", "since"]);
        let refused = preference["register"] == "snca";
        assert_eq!(preference["allow"], !refused);
        assert_eq!(preference["since"].is_string(), refused);
        for language in ["fr", "de", "en", "lb"] {
            assert!(preference["label"][language].is_string(), "{preference}");
        }
    }
}

#[test]
fn a_no_outlives_a_restart() {
    let data = data_folder();
    let before = demo_in(data.path());
    let somebody = somebody(before.country);
    let said = api(&before).prefer(&somebody, "rnpp", false).ok();
    drop(before);
    let after = demo_in(data.path());
    assert_eq!(api(&after).mine(&somebody, "/v1/me/consents").ok(), said);
    check_withheld(&bundle(api(&after), &form("tax-card-change", &somebody)));
    assert_eq!(calls(&after.fleet, "rnpp"), 0);
}

#[test]
fn a_register_that_offers_no_preference_takes_none() {
    let demo = demo();
    let reply = api(&demo).prefer(&somebody(demo.country), "weather", false);
    assert_eq!(reply.status, 404);
    let edit = ("registers/ccss.toml", "preference = true", "preference = false");
    let custom = Custom::start(&[edit], &[]);
    let somebody = somebody(custom.country);
    let reply = custom.api().prefer(&somebody, "ccss", false);
    assert_eq!((reply.status, &reply.json()["type"]), (422, &json!("invalid-value")));
    let listed = custom.api().mine(&somebody, "/v1/me/consents").ok();
    assert_eq!(listed["preferences"].as_array().unwrap().len(), 11);
}
