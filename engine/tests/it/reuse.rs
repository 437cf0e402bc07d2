//! Reuse consents over the API: they give what they name, to whom they name, in
//! the case they name, until they end.

use engine::demo::{Demo, Options};
use serde_json::{Value, json};

use crate::support::{
    Api, Reply, api, audit, bundle, data_folder, demo, demo_in, demo_with, eventually, options,
    somebody, with,
};

const FIELDS: [&str; 2] = ["familyName", "dateOfBirth"];

fn consent() -> Value {
    json!({
        "organisation": "housing-ministry", "case": "2026-0001", "procedure": "housing-aid",
        "fields": FIELDS, "expires": "2028-12-31",
    })
}

fn give(api: Api, matricule: &str, consent: &Value) -> Reply {
    let token = format!("demo-person-{matricule}");
    let body = consent.to_string();
    api.send("POST", "/v1/me/consents/reuse", Some(&token), body.as_bytes()).reply()
}

/// Gives a consent that must be taken; its id.
#[track_caller]
fn given(api: Api, matricule: &str, consent: &Value) -> String {
    let reply = give(api, matricule, consent);
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["id"].as_str().expect("an id").to_owned()
}

fn withdraw(api: Api, matricule: &str, id: &str) -> Reply {
    let target = format!("/v1/me/consents/reuse/{id}");
    api.send("DELETE", &target, Some(&format!("demo-person-{matricule}")), b"").reply()
}

/// A look at a case by the back office.
fn case(matricule: &str) -> Value {
    json!({
        "procedure": "housing-aid", "subjects": {"applicant": matricule},
        "channel": "back-office", "case": "2026-0001",
    })
}

fn another(demo: &Demo) -> String {
    demo.country.people().nth(7).expect("people").matricule().to_string()
}

/// A bundle without what differs between any two.
fn compared(mut bundle: Value) -> Value {
    bundle["disclosure"].take();
    bundle
}

/// The names of the filled fields.
fn filled(bundle: &Value) -> Vec<&str> {
    let fields = bundle["fields"].as_object().expect("fields").iter();
    fields.filter(|(_, field)| field["status"] == "filled").map(|(name, _)| &**name).collect()
}

#[test]
fn a_consent_gives_its_fields_in_its_case_and_nothing_else_to_anybody() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let nothing = compared(bundle(api, &case(&somebody)));
    assert_eq!(filled(&nothing), [""; 0]);
    given(api, &somebody, &consent());
    let read = bundle(api, &case(&somebody));
    assert_eq!(filled(&read), ["dateOfBirth", "familyName"]);
    assert_eq!(read["sources"], json!({"rnpp": {"outcome": "answered"}}));
    // In another case, and about somebody else, all is as before.
    let other = with(case(&somebody), json!({"case": "2026-0002"}));
    assert_eq!(compared(bundle(api, &other)), nothing);
    assert_eq!(compared(bundle(api, &case(&another(&demo)))), nothing);
    // A No withholds what the consent gives, and tells of neither.
    assert_eq!(api.prefer(&somebody, "rnpp", false).status, 200);
    assert_eq!(compared(bundle(api, &case(&somebody))), nothing);
}

#[test]
fn a_withdrawal_is_in_force_when_it_is_acknowledged_and_leaves_no_trace_to_the_case() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let nothing = compared(bundle(api, &case(&somebody)));
    let id = given(api, &somebody, &consent());
    assert_eq!(filled(&bundle(api, &case(&somebody))).len(), 2);
    assert_eq!(withdraw(api, &somebody, &id).status, 204);
    assert_eq!(compared(bundle(api, &case(&somebody))), nothing);
    // Twice is once; and what was never given is not there.
    assert_eq!(withdraw(api, &somebody, &id).status, 204);
    for wrong in ["01a20957-21ea-7e08-b9e6-2375ab191532", "x"] {
        assert_eq!(withdraw(api, &somebody, wrong).status, 404, "{wrong}");
    }
    assert_eq!(withdraw(api, &another(&demo), &id).status, 404);
    drop(demo);
    assert_eq!(audit(data.path()).changes, 2 + crate::support::CHANGES_AT_FIRST);
}

#[test]
fn citizens_see_what_they_gave_and_what_became_of_it_also_after_a_restart() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let somebody = somebody(demo.country);
    let first = given(api(&demo), &somebody, &consent());
    let second = given(api(&demo), &somebody, &with(consent(), json!({"case": "b"})));
    assert_eq!(withdraw(api(&demo), &somebody, &first).status, 204);
    let listed = api(&demo).mine(&somebody, "/v1/me/consents").ok();
    let states = |listed: &Value| {
        let all = listed["reuse"].as_array().expect("a list").iter();
        all.map(|it| (it["id"].clone(), it["state"].clone())).collect::<Vec<_>>()
    };
    let expected = [(json!(first), json!("withdrawn")), (json!(second), json!("given"))];
    assert_eq!(states(&listed), expected);
    let one = &listed["reuse"][1];
    assert_eq!(one["fields"], json!(FIELDS));
    assert_eq!((&one["organisation"], &one["case"]), (&json!("housing-ministry"), &json!("b")));
    assert_eq!(one["expires"], "2029-01-01T00:00:00.000Z", "the last day is part of it");
    assert_eq!(one["withdrawn"], Value::Null);
    assert!(listed["reuse"][0]["withdrawn"].is_string());
    let by_law = listed["byLaw"].as_array().expect("a list");
    let residence = by_law.iter().find(|it| it["procedure"] == "residence-certificate");
    let residence = residence.expect("the law names it");
    assert_eq!(residence["organisation"], "commune-luxembourg");
    assert!(residence["fields"].as_array().unwrap().contains(&json!("familyName")));
    drop(demo);
    let again = demo_in(data.path());
    assert_eq!(states(&api(&again).mine(&somebody, "/v1/me/consents").ok()), expected);
    let read = with(case(&somebody), json!({"case": "b"}));
    assert_eq!(filled(&bundle(api(&again), &read)).len(), 2);
}

#[test]
fn a_receipt_names_what_the_standard_names() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let id = given(api, &somebody, &consent());
    let target = format!("/v1/me/consents/reuse/{id}/receipt");
    let reply = api.mine(&somebody, &target);
    let named = format!("attachment; filename=\"consent-receipt-{id}.json\"");
    assert_eq!(reply.header("content-disposition"), Some(&*named));
    let receipt = reply.ok();
    assert_eq!(receipt["record_id"], id);
    assert_eq!(receipt["pii_principal_id"], somebody);
    let purpose = &receipt["pii_processing"][0]["purposes"][0];
    assert_eq!(purpose["recipient"], "housing-ministry");
    let fields: Vec<_> = FIELDS.iter().map(|field| json!({"pii_type": field})).collect();
    assert_eq!(purpose["pii_information"], json!(fields));
    let events = receipt["events"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["event_state"], "consent given");
    assert!(events[0]["validity_duration"].as_str().unwrap().starts_with("PT"));
    assert_eq!(withdraw(api, &somebody, &id).status, 204);
    let receipt = api.mine(&somebody, &target).ok();
    assert_eq!(receipt["events"][1]["event_state"], "consent withdrawn");
    assert_eq!(api.mine(&another(&demo), &target).status, 404);
}

#[test]
fn a_consent_ends_by_ledger_time() {
    let data = data_folder();
    let scaled = Options { data: Some(data.path().to_owned()), time_scale: 1_000_000, ..options() };
    let demo = demo_with(&scaled);
    let (api, somebody) = (api(&demo), somebody(demo.country));
    // Two or three seconds of this calendar.
    let soon = jiff::Timestamp::now() + jiff::Span::new().hours(30 * 24);
    let id = given(api, &somebody, &with(consent(), json!({"expires": soon.to_string()})));
    let read = || filled_count(&demo, &somebody);
    assert_eq!(read(), 2);
    eventually("the consent expires", || read() == 0);
    let listed = api.mine(&somebody, "/v1/me/consents").ok();
    assert_eq!(
        (&listed["reuse"][0]["id"], &listed["reuse"][0]["state"]),
        (&json!(id), &json!("expired"))
    );
    drop(demo);
    // No disclosure stands outside of its time.
    audit(data.path());
}

fn filled_count(demo: &Demo, matricule: &str) -> usize {
    let reply = api(demo).ask("housing-ministry", &case(matricule)).reply();
    // Beyond ten empty looks a second.
    if reply.status == 429 { usize::MAX } else { filled(&reply.ok()).len() }
}

#[test]
fn what_gives_nobody_anything_is_refused_with_its_reason() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let check = |change: Value, status: u16, member: &str, detail: &str| {
        let reply = give(api, &somebody, &with(consent(), change));
        assert_eq!(reply.status, status, "{}", reply.text());
        let problem = reply.json();
        assert_eq!(problem["member"].as_str().unwrap_or_default(), member, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    };
    check(json!({"organisation": "nobody"}), 422, "organisation", "no such organisation");
    check(json!({"organisation": "snca"}), 422, "fields", "may re-read no field");
    check(json!({"procedure": "nothing"}), 404, "", "no procedure `nothing`");
    check(json!({"procedure": "my-data"}), 404, "", "no procedure `my-data`");
    check(json!({"procedure": "residence-certificate"}), 422, "procedure", "needs no consent");
    check(json!({"case": "a b"}), 422, "case", "must be 1 to 64");
    check(json!({"fields": []}), 422, "fields", "at least one field");
    check(json!({"fields": ["shoeSize"]}), 422, "fields", "`shoeSize` is none of those");
    check(json!({"expires": "2020-01-01"}), 422, "expires", "in the future");
    check(json!({"expires": "2199-01-01"}), 422, "expires", "within five years");
    check(json!({"expires": "soon"}), 422, "expires", "RFC 3339");
    check(json!({"more": 1}), 400, "", "unknown field `more`");
    let listed = api.mine(&somebody, "/v1/me/consents").ok();
    assert_eq!((&listed["reuse"], &listed["consentVersion"]), (&json!([]), &json!(0)));
    // Neither an operator nor nobody consents for a citizen.
    for token in [None, Some("demo-org-justice")] {
        let body = consent().to_string();
        let reply = api.send("POST", "/v1/me/consents/reuse", token, body.as_bytes()).reply();
        assert_eq!(reply.status, 401);
    }
}
