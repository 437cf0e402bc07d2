//! Explanations: what was decided, without any value, and no more than a bundle says.

use serde_json::{Value, json};

use crate::support::{
    Api, Custom, api, audit, bundle, data_folder, demo, demo_in, family, form, owner, set,
    somebody, with,
};
use fixtures::Mode;

fn ask(api: Api, operator: &str, form: &Value) -> crate::support::Reply {
    let token = format!("demo-org-{operator}");
    api.send("POST", "/v1/prefill/explain", Some(&token), form.to_string().as_bytes()).reply()
}

#[track_caller]
fn explained(api: Api, form: &Value) -> Value {
    let reply = ask(api, owner(form["procedure"].as_str().expect("a procedure")), form);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.ok()
}

/// One of the explained fields.
fn field<'a>(explained: &'a Value, name: &str) -> &'a Value {
    let fields = explained["fields"].as_array().expect("fields");
    fields.iter().find(|it| it["name"] == name).expect("a field of that name")
}

/// Every text of a bundle's values.
fn values(bundle: &Value) -> Vec<String> {
    let fields = bundle["fields"].as_object().expect("fields").values();
    let texts = fields.filter_map(|it| it["value"].as_str()).filter(|it| it.len() > 4);
    texts.map(str::to_owned).collect()
}

/// The status and the reason of each field, by its name.
fn ends(list: impl Iterator<Item = (String, Value)>) -> Vec<(String, Value, Value)> {
    let mut ends: Vec<_> =
        list.map(|(name, it)| (name, it["status"].clone(), it["reason"].clone())).collect();
    ends.sort_by(|a, b| a.0.cmp(&b.0));
    ends
}

/// Holds an explanation against the bundle of the same request.
#[track_caller]
fn agree(explained: &Value, bundle: &Value) {
    let fields = explained["fields"].as_array().expect("fields").iter();
    let said = fields.map(|it| (it["name"].as_str().expect("a name").to_owned(), it.clone()));
    let shown = bundle["fields"].as_object().expect("fields").clone();
    assert_eq!(ends(said), ends(shown.into_iter()));
    assert_eq!(explained["complete"], bundle["complete"]);
}

#[test]
fn an_explanation_says_of_each_field_how_it_ends_and_no_value() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let (api, somebody) = (api(&demo), somebody(demo.country));
    set(&demo.fleet, "snca", Mode::Error);
    let own = b"{\"value\":\"maria@example.lu\"}";
    let token = format!("demo-person-{somebody}");
    assert_eq!(api.send("PUT", "/v1/me/data/email", Some(&token), own).reply().status, 200);
    for procedure in ["plate-reservation", "criminal-record-extract", "student-aid"] {
        let form = form(procedure, &somebody);
        let explained = explained(api, &form);
        let bundle = bundle(api, &form);
        agree(&explained, &bundle);
        let text = explained.to_string();
        for value in values(&bundle) {
            assert!(!text.contains(&value), "{procedure}: {value}");
        }
        assert!(!text.contains(&somebody));
        let calls = explained["calls"].as_array().expect("calls");
        let called = calls.iter().map(|it| (it["register"].as_str(), &it["outcome"]));
        for (register, outcome) in called {
            let register = register.expect("a name");
            assert_eq!(bundle["sources"][register]["outcome"], *outcome, "{register}");
        }
        assert_eq!(calls.len(), bundle["sources"].as_object().expect("sources").len());
    }
    // It stands in the citizen's list, with no field, and the ledger holds it.
    let list = api.mine(&somebody, "/v1/me/accesses").ok();
    let fields = |place: usize| list["usages"][place]["fields"].as_array().expect("fields").len();
    assert_eq!((fields(1), fields(3), fields(5)), (0, 0, 0));
    assert!(fields(0) > 0);
    assert_ne!(list["usages"][1]["registers"], json!([]));
    drop(demo);
    assert_eq!(audit(data.path()).disclosures, 6);
}

#[test]
fn a_candidate_says_what_was_decided_and_where_its_key_is_from() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    assert_eq!(api.prefer(&somebody, "snca", false).status, 200);
    let plate = explained(api, &form("plate-reservation", &somebody));
    let refused = &field(&plate, "model")["candidates"][0];
    assert_eq!(
        (&refused["status"], &refused["reason"]),
        (&json!("withheld"), &json!("preference"))
    );
    assert!(plate["calls"].as_array().expect("calls").iter().all(|it| it["register"] != "snca"));
    let record = explained(api, &form("criminal-record-extract", &somebody));
    let code = &field(&record, "postCode")["candidates"][0];
    assert_eq!(code["attribute"], "caclr.postCode");
    assert_eq!((&code["chosen"], &code["status"]), (&json!(true), &json!("filled")));
    assert!(code["key"].as_str().is_some_and(|key| key.starts_with("rnpp.")), "{code}");
    assert_eq!(field(&record, "familyName")["candidates"][0]["key"], Value::Null);
    let again = explained(api, &form("criminal-record-extract", &somebody));
    assert!(again["calls"].as_array().expect("calls").iter().all(|it| it["how"] == "kept"));
}

#[test]
fn a_stranger_is_explained_nothing_of_what_a_child_refuses() {
    let demo = demo();
    let api = api(&demo);
    let (_, child) = family(demo.country);
    let stranger = demo.country.example_adult().matricule().to_string();
    let form = with(
        form("parental-leave", &stranger),
        json!({"subjects": {"applicant": stranger, "child": child}}),
    );
    let compared = |mut explained: Value| {
        for member in ["disclosure", "validUntil", "tookMs"] {
            explained[member].take();
        }
        for call in explained["calls"].as_array_mut().expect("calls") {
            call["tookMs"].take();
            call["how"].take();
        }
        explained
    };
    let before = compared(explained(api, &form));
    assert_eq!(api.prefer(&child, "rnpp", false).status, 200);
    assert_eq!(compared(explained(api, &form)), before);
}

#[test]
fn a_back_office_is_explained_no_reason_and_no_call() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let case = json!({
        "procedure": "housing-aid", "subjects": {"applicant": somebody},
        "channel": "back-office", "case": "2026-0001",
    });
    let compared = |mut explained: Value| {
        explained["disclosure"].take();
        explained["tookMs"].take();
        explained
    };
    let nothing = compared(explained(api, &case));
    assert_eq!((&nothing["calls"], &nothing["validUntil"]), (&json!([]), &Value::Null));
    let candidates = field(&nothing, "familyName")["candidates"].as_array().expect("candidates");
    assert!(candidates.iter().all(|it| it.get("status").is_none()), "{candidates:?}");
    assert_eq!(api.prefer(&somebody, "rnpp", false).status, 200);
    assert_eq!(compared(explained(api, &case)), nothing);
    // Nor where it is given something.
    assert_eq!(api.prefer(&somebody, "rnpp", true).status, 200);
    let consent = json!({
        "organisation": "housing-ministry", "case": "2026-0001", "procedure": "housing-aid",
        "fields": ["familyName"], "expires": "2028-12-31",
    });
    let token = format!("demo-person-{somebody}");
    let body = consent.to_string();
    let given = api.send("POST", "/v1/me/consents/reuse", Some(&token), body.as_bytes()).reply();
    assert_eq!(given.status, 201, "{}", given.text());
    let given = explained(api, &case);
    assert_eq!(field(&given, "familyName")["status"], "filled");
    assert_eq!((&given["calls"], &given["validUntil"]), (&json!([]), &Value::Null));
}

#[test]
fn only_a_demonstration_tells_where_answers_came_from() {
    let form = |somebody: &str| form("criminal-record-extract", somebody);
    let demo = demo();
    let known = somebody(demo.country);
    let timing = |api: Api, somebody: &str| {
        let reply = api.ask("justice", &form(somebody)).reply();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.header("server-timing").map(str::to_owned)
    };
    let first = timing(api(&demo), &known).expect("it is told");
    assert!(first.starts_with("cache;desc=miss, total;dur="), "{first}");
    let second = timing(api(&demo), &known).expect("it is told");
    assert!(second.starts_with("cache;desc=hit, total;dur="), "{second}");
    assert!(explained(api(&demo), &form(&known))["tookMs"].is_number());

    let real = Custom::start(&[], &[]);
    let known = somebody(real.country);
    assert_eq!(timing(real.api(), &known), None);
    let explained = explained(real.api(), &form(&known));
    assert_eq!(explained["tookMs"], Value::Null);
    for call in explained["calls"].as_array().expect("calls") {
        assert_eq!((&call["how"], &call["tookMs"]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn what_is_asked_for_an_explanation_is_checked_as_for_a_bundle() {
    let demo = demo();
    let (api, somebody) = (api(&demo), somebody(demo.country));
    let good = form("criminal-record-extract", &somebody);
    for (operator, form, status, kind) in [
        ("nobody", good.clone(), 401, "unauthenticated"),
        ("snca", good.clone(), 403, "no-authority"),
        ("justice", with(good.clone(), json!({"presence": null})), 403, "no-presence"),
        ("justice", with(good.clone(), json!({"procedure": "x"})), 404, "unknown-procedure"),
        ("justice", with(good.clone(), json!({"more": 1})), 400, "malformed"),
    ] {
        let reply = ask(api, operator, &form);
        assert_eq!((reply.status, &reply.json()["type"]), (status, &json!(kind)));
    }
    let headers = ["authorization: Bearer demo-org-justice", "idempotency-key: \"a\""];
    let body = good.to_string();
    let reply = api.send_with("POST", "/v1/prefill/explain", &headers, body.as_bytes()).reply();
    assert_eq!((reply.status, &reply.json()["member"]), (422, &json!("Idempotency-Key")));
}
