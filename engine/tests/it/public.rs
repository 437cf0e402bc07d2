//! What everybody may read: the catalogue, the ledger's head, health, metrics.

use engine::ledger;
use engine::store;
use fixtures::Authority;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    CATALOGUE, api, audit, bundle, data_folder, demo, demo_in, form, owner, set, somebody,
};

fn texts<'a>(list: &'a Value, member: &str) -> Vec<&'a str> {
    let rows = list.as_array().expect("a list").iter();
    rows.map(|row| row[member].as_str().expect("a text")).collect()
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_procedures_are_listed_by_name_with_their_owners() {
    let demo = demo();
    let list = api(&demo).get("/v1/procedures?limit=1000").ok();
    assert_eq!(members(&list), ["next", "procedures"]);
    assert_eq!(list["next"], Value::Null);
    assert_eq!(texts(&list["procedures"], "id"), forms());
    let rows = list["procedures"].as_array().unwrap();
    assert_eq!(rows.iter().filter(|row| row["prefilled"] == true).count(), 85);
    assert!(rows.iter().any(|row| row["professionalOnly"] == true));
    for row in rows {
        let named = ["id", "label", "organisation", "prefilled", "professionalOnly", "version"];
        assert_eq!(members(row), named);
        assert_eq!(row["organisation"], owner(row["id"].as_str().unwrap()));
        assert_eq!(members(&row["label"]), ["de", "en", "fr", "lb"]);
        assert!(row["version"].as_u64().is_some_and(|version| version > 0));
    }
}

/// Every procedure but the citizens' own view, by name.
fn forms() -> Vec<&'static str> {
    let procedures = CATALOGUE.procedures().iter().filter(|procedure| !procedure.own_view);
    let mut names: Vec<_> = procedures.map(|procedure| &*procedure.name).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 250);
    names
}

#[test]
fn the_list_of_procedures_pages_without_gap_or_repeat() {
    let demo = demo();
    for limit in [7, 50, 83, 125, 249, 250] {
        let mut paged = Vec::new();
        let mut after = String::new();
        loop {
            let page = api(&demo).get(&format!("/v1/procedures?limit={limit}{after}")).ok();
            let ids = texts(&page["procedures"], "id");
            assert!((1..=limit).contains(&ids.len()));
            paged.extend(ids.into_iter().map(str::to_owned));
            assert!(paged.len() <= forms().len(), "it repeats: {paged:?}");
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(paged, forms(), "{limit} at a time");
    }
    let beyond = api(&demo).get("/v1/procedures?after=zzz").ok();
    assert_eq!(beyond, json!({"procedures": [], "next": null}));
}

#[test]
fn a_procedure_tells_its_fields_and_where_they_come_from() {
    let demo = demo();
    let leave = api(&demo).get("/v1/procedures/parental-leave").ok();
    let named = [
        "backOfficeConsent",
        "deadlineMs",
        "fields",
        "id",
        "label",
        "legalBasis",
        "notices",
        "organisation",
        "prefilled",
        "professionalOnly",
        "purpose",
        "roles",
        "steps",
        "version",
    ];
    assert_eq!(members(&leave), named);
    assert_eq!(
        leave["roles"],
        json!([
            {"id": "applicant", "is": "natural", "minorsOnly": false},
            {"id": "child", "is": "natural", "minorsOnly": true},
        ])
    );
    assert_eq!(leave["purpose"], "Grant parental leave to an employed parent");
    assert_eq!(leave["legalBasis"], "Law of 3 November 2016 on the reform of parental leave");
    let fields = leave["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 21);
    let hours = fields.iter().find(|field| field["name"] == "weeklyHours").unwrap();
    assert_eq!(
        *hours,
        json!({
            "name": "weeklyHours", "type": "integer", "step": "employment", "role": "applicant",
            "label": {"fr": "Heures de travail par semaine", "de": "Wochenarbeitszeit in Stunden",
                      "en": "Working hours per week", "lb": "Aarbechtsstonnen an der Woch"},
            "sources": ["ccss.weeklyHours"], "required": false, "editable": true,
            "backOffice": true, "maxAgeSeconds": 3600, "hint": hours["hint"],
        })
    );
    assert_eq!(members(&hours["hint"]), ["de", "en", "fr", "lb"]);
    assert_eq!(leave["deadlineMs"], 2_000);
    assert_eq!(leave["backOfficeConsent"], "reuse-consent");
    let notice = &leave["notices"][0];
    assert_eq!(members(notice), ["code", "text"]);
    let steps = texts(&leave["steps"], "id");
    assert!(fields.iter().all(|field| steps.contains(&field["step"].as_str().unwrap())));
    let extended = api(&demo).get("/v1/procedures/identity-card").ok();
    let by_hand = extended["fields"].as_array().unwrap().iter();
    assert!(by_hand.clone().any(|field| field["sources"] == json!([])), "filled by hand");
    let extract = api(&demo).get("/v1/procedures/criminal-record-extract").ok();
    let birth_name = &extract["fields"].as_array().unwrap()[2];
    assert_eq!(birth_name["sources"], json!(["rnpp.birthName", "rnpp.familyName"]));
}

#[test]
fn registers_and_organisations_are_listed() {
    let demo = demo();
    let registers = api(&demo).get("/v1/registers").ok();
    let rows = &registers["registers"];
    let mut ids = texts(rows, "id");
    ids.sort_unstable();
    let mut names = Authority::ALL.map(Authority::name);
    names.sort_unstable();
    assert_eq!(ids, names);
    for row in rows.as_array().unwrap() {
        assert_eq!(members(row), ["attributes", "id", "label", "preference", "ttlSeconds"]);
        for attribute in row["attributes"].as_array().unwrap() {
            let name = format!("{}.{}", row["id"].as_str().unwrap(), attribute.as_str().unwrap());
            assert!(fixtures::truth::ATTRIBUTES.contains(&&*name), "{name}");
        }
    }
    let organisations = api(&demo).get("/v1/organisations").ok();
    let mut ids = texts(&organisations["organisations"], "id");
    ids.sort_unstable();
    assert_eq!(ids.len(), 121);
    for known in ["acd", "cae", "commune-luxembourg", "demo-platform", "justice", "snca"] {
        assert!(ids.contains(&known), "{known}");
    }
}

#[test]
fn the_head_moves_with_each_entry_and_an_audit_takes_it() {
    let data = data_folder();
    let demo = demo_in(data.path());
    let first = api(&demo).get("/v1/ledger/head").ok();
    assert_eq!(members(&first), ["hash", "head", "sequence", "stamp", "stream"]);
    let text = |member: &str| first[member].as_str().unwrap();
    let whole = format!("{}:{}:{}", text("stream"), first["sequence"], text("hash"));
    assert_eq!(text("head"), whole);
    bundle(api(&demo), &form("criminal-record-extract", &somebody(demo.country)));
    let second = api(&demo).get("/v1/ledger/head").ok();
    assert_eq!(second["stream"], first["stream"]);
    assert_eq!(second["sequence"].as_u64(), first["sequence"].as_u64().map(|it| it + 1));
    assert_ne!(second["hash"], first["hash"]);
    let mut storage = store::open_read_only(data.path(), ledger::subjects_of).unwrap();
    for head in [first, second] {
        let expected = ledger::parse_head(head["head"].as_str().unwrap()).unwrap();
        assert!(ledger::audit(&mut storage, Some(&expected)).is_ok());
    }
    assert_eq!(audit(data.path()).disclosures, 1);
}

#[test]
fn health_and_readiness_are_told() {
    let demo = demo();
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let before = Timestamp::now() - SignedDuration::from_millis(1);
        let told = api(&demo).get(path).ok();
        assert_eq!(members(&told), ["now", "status", "timeScale"]);
        assert_eq!((&told["status"], &told["timeScale"]), (&json!(status), &json!(1)));
        let now: Timestamp = told["now"].as_str().unwrap().parse().unwrap();
        assert!((before..=Timestamp::now()).contains(&now), "{now}");
    }
}

#[test]
fn the_status_tells_the_head_the_last_sync_and_what_waits() {
    let demo = demo();
    bundle(api(&demo), &form("criminal-record-extract", &somebody(demo.country)));
    let head = api(&demo).get("/v1/ledger/head").ok();
    let status = api(&demo).get("/status").ok();
    assert_eq!(status["head"], head);
    assert_eq!(status["queue"], json!({"changes": 0, "others": 0}));
    assert_eq!((&status["closed"], &status["leaving"]), (&Value::Null, &json!(false)));
    assert!(status["lastSync"]["milliseconds"].as_f64().unwrap() > 0.0);
    assert!(status["lastSync"]["at"].as_str().unwrap() >= head["stamp"].as_str().unwrap());
    assert_eq!(status["lastStall"], Value::Null);
}

#[test]
fn public_answers_need_no_token_and_take_any() {
    let demo = demo();
    for target in ["/v1/procedures", "/v1/registers", "/v1/organisations", "/v1/ledger/head"] {
        let without = api(&demo).get(target).ok();
        let with = api(&demo).send("GET", target, Some("nobody"), b"").reply().ok();
        assert_eq!(without, with, "{target}");
    }
}

#[test]
fn metrics_parse_and_name_nobody() {
    let demo = demo();
    let somebody = somebody(demo.country);
    let procedures = [
        "criminal-record-extract",
        "plate-reservation",
        "residence-certificate",
        "tax-card-change",
        "vehicle-registration",
    ];
    for procedure in procedures {
        bundle(api(&demo), &form(procedure, &somebody));
        bundle(api(&demo), &form(procedure, &somebody));
    }
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    api(&demo).get(&format!("/v1/procedures/{somebody}"));
    set(&demo.fleet, "snca", fixtures::Mode::Garbage);
    bundle(api(&demo), &form("plate-reservation", &demo.country.person(0).matricule().to_string()));
    let older = api(&demo).get("/metrics");
    let content = older.header("content-type").unwrap();
    assert!(content.starts_with("text/plain; version=0.0.4"), "{content}");
    let asked = "GET /metrics HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\
                 accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n";
    let reply = api(&demo).raw(asked.as_bytes()).reply();
    assert_eq!(reply.status, 200);
    let content = reply.header("content-type").unwrap();
    assert!(content.starts_with("application/openmetrics-text; version=1.0.0"), "{content}");
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"));
    for line in text.lines() {
        check_metric(line);
    }
    assert!(!text.contains(&somebody));
    for counted in [
        "prefill_http_requests_total{route=\"prefill\",code=\"200\"} 11",
        "prefill_register_calls_total{register=\"snca\",outcome=\"invalid\"} 1",
        "prefill_ledger_refused_total{reason=\"stale\"} 0",
    ] {
        assert!(text.lines().any(|line| line == counted), "{counted} in\n{text}");
    }
}

/// A comment, or a name, labels and a number; no label holds an identifier.
#[track_caller]
fn check_metric(line: &str) {
    if let Some(comment) = line.strip_prefix("# ") {
        let kinds = ["HELP ", "TYPE ", "UNIT ", "EOF"];
        assert!(kinds.iter().any(|kind| comment.starts_with(kind)), "{line}");
        return;
    }
    let (series, value) = line.rsplit_once(' ').expect("a value");
    assert!(value.parse::<f64>().is_ok(), "{line}");
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let word = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    assert!((name.starts_with("prefill_") || name.starts_with("process_")) && word(name), "{line}");
    assert!(labels.ends_with('}'), "{line}");
    for label in labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()) {
        let (name, value) = label.split_once("=\"").expect("a label");
        assert!(word(name) && value.ends_with('"'), "{line}");
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        assert!(["le", "digest"].contains(&name) || digits < 8, "an identifier in {line}");
    }
}
