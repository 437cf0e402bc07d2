//! A request that is repeated under its key: one disclosure, and consent checked
//! again each time.

use fixtures::Mode;
use serde_json::{Value, json};

use crate::support::{
    Api, Pending, Reply, api, audit, calls, data_folder, demo, demo_in, eventually, family, form,
    set, somebody, with,
};

const FORM: &str = "criminal-record-extract";

fn send(api: Api, operator: &str, key: &str, form: &Value) -> Pending {
    let body = form.to_string();
    let length = body.len();
    api.raw(
        format!(
            "POST /v1/prefill HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
             authorization: Bearer demo-org-{operator}\r\nidempotency-key: {key}\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .as_bytes(),
    )
}

fn ask(api: Api, key: &str, form: &Value) -> Reply {
    send(api, "justice", key, form).reply()
}

fn uses(api: Api, matricule: &str) -> u64 {
    api.mine(matricule, "/v1/me/accesses").ok()["totalUsages"].as_u64().unwrap()
}

#[test]
fn a_repeated_key_is_one_disclosure() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let form = form(FORM, &somebody);
    let first = ask(api, "\"k1\"", &form);
    let asked = calls(&demo.fleet, "rnpp");
    // Bare or quoted, and however long the client waits: the same request.
    let again = ask(api, "k1", &with(form.clone(), json!({"deadlineMs": 5_000})));
    assert_eq!((first.status, &first.body), (200, &again.body), "{}", first.text());
    assert_eq!(again.header("cache-control"), Some("no-store"));
    assert_eq!((uses(api, &somebody), calls(&demo.fleet, "rnpp")), (1, asked));
    // Another key, no key, and another operator's same key are other requests.
    let elsewhere = with(form.clone(), json!({"organisation": "justice"}));
    let others = [
        ask(api, "k2", &form),
        api.ask("justice", &form).reply(),
        send(api, "demo-platform", "k1", &elsewhere).reply(),
    ];
    for other in others {
        assert_ne!(other.ok()["disclosure"], first.json()["disclosure"]);
    }
    assert_eq!(uses(api, &somebody), 4);
    assert_eq!(audit(data.path()).disclosures, 4);
}

#[test]
fn another_request_under_the_same_key_is_refused() {
    let demo = demo();
    let (api, (parent, child)) = (api(&demo), family(demo.country));
    assert_eq!(ask(api, "k", &form(FORM, &parent)).status, 200);
    let others = [
        form(FORM, &child),
        with(form(FORM, &parent), json!({"fields": ["familyName"]})),
        with(form(FORM, &parent), json!({"maxAgeSeconds": 0})),
        with(form(FORM, &parent), json!({"language": "fr"})),
    ];
    for other in others {
        let refused = ask(api, "k", &other);
        assert_eq!(refused.status, 422, "{other}: {}", refused.text());
        assert_eq!(refused.json()["type"], "invalid-value");
        assert_eq!(refused.json()["member"], "Idempotency-Key");
    }
    assert_eq!(uses(api, &parent), 1);
}

#[test]
fn a_no_ends_what_a_key_repeats() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let form = form(FORM, &somebody);
    let first = ask(api, "k", &form).ok();
    assert_eq!(first["fields"]["familyName"]["status"], "filled");
    api.prefer(&somebody, "rnpp", false).ok();
    let refused = ask(api, "k", &form).ok();
    assert_eq!(refused["fields"]["familyName"]["status"], "withheld");
    assert_ne!(refused["disclosure"], first["disclosure"]);
    // From here on, the key stands for what was disclosed under the No.
    assert_eq!(ask(api, "k", &form).ok(), refused);
    // A Yes makes it neither the first nor the second again.
    api.prefer(&somebody, "rnpp", true).ok();
    let third = ask(api, "k", &form).ok();
    assert_eq!(third["fields"]["familyName"]["status"], "filled");
    assert_eq!(uses(api, &somebody), 3);
}

#[test]
fn a_repeat_whose_first_is_still_under_way_waits_for_it() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let form = with(form(FORM, &somebody), json!({"deadlineMs": 20_000}));
    set(&demo.fleet, "rnpp", Mode::Hang);
    let before = calls(&demo.fleet, "rnpp");
    let first = send(api, "justice", "k", &form);
    eventually("the register is asked", || calls(&demo.fleet, "rnpp") > before);
    let second = send(api, "justice", "k", &form);
    let (first, second) = (first.reply().ok(), second.reply().ok());
    assert_eq!(first, second);
    assert_eq!(uses(api, &somebody), 1);
}

#[test]
fn whoever_hung_up_finds_their_disclosure_under_its_key() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let form = with(form(FORM, &somebody), json!({"deadlineMs": 20_000}));
    set(&demo.fleet, "rnpp", Mode::Hang);
    let before = calls(&demo.fleet, "rnpp");
    let first = send(api, "justice", "k", &form);
    eventually("the register is asked", || calls(&demo.fleet, "rnpp") > before);
    first.hang_up();
    eventually("it is recorded all the same", || uses(api, &somebody) == 1);
    set(&demo.fleet, "rnpp", Mode::Ok);
    let again = ask(api, "k", &form).ok();
    assert_eq!(again["fields"]["familyName"]["reason"], "timeout");
    let list = api.mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!(list["totalUsages"], 1);
    assert_eq!(list["usages"][0]["disclosure"], again["disclosure"]);
}

#[test]
fn a_key_is_no_way_around_presence_and_no_bad_key_is_taken() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let form = form(FORM, &somebody);
    assert_eq!(ask(api, "k", &form).status, 200);
    let absent = with(form.clone(), json!({"presence": null}));
    assert_eq!(ask(api, "k", &absent).json()["type"], "invalid-value");
    assert_eq!(ask(api, "other", &absent).json()["type"], "no-presence");
    for key in ["\"\"".to_owned(), "k".repeat(65), "\"open".to_owned()] {
        let refused = ask(api, &key, &form);
        assert_eq!(
            (refused.status, refused.json()["member"].clone()),
            (422, "Idempotency-Key".into())
        );
    }
    assert_eq!(ask(api, &"k".repeat(64), &form).status, 200);
}
