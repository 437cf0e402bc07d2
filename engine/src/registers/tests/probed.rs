//! What a probe tells, and what it never does.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{Group, Outcome, Probe, Report, probe};
use super::network::{Network, Peer};
use crate::catalogue::{Register, Source};

const KEY: &str = "1893120105732";

/// A register with every type, asked key by key.
fn described(answer: &str) -> Register {
    let text = format!(
        r#"id = "people"
label = {{ fr = "a", de = "b", en = "c", lb = "d" }}
key = "subject"
[request]
path = "/people/{{key}}?fields={{fields}}"
headers = {{ x-for = "{{organisation}}" }}
[answer]
about = "/id"
{answer}
[[attribute]]
id = "name"
type = "text"
at = "/name"
review = "/doubt"
[[attribute]]
id = "born"
type = "date"
at = "/born"
[[attribute]]
id = "since"
type = "partial-date"
at = "/since"
year = "/sinceYear"
[[attribute]]
id = "hours"
type = "integer"
at = "/hours"
[[attribute]]
id = "works"
type = "boolean"
at = "/works"
[[attribute]]
id = "children"
type = "texts"
at = "/children"
each = "/id"
"#
    );
    Register::compile(&Source { path: "people.toml".to_owned(), text }).unwrap()
}

async fn told(register: &Register, status: &str, body: &str) -> Report {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    let network = Arc::new(Network::to(Peer::Says(head + body)));
    let group =
        Group { attributes: register.all(), organisation: "city".into(), procedure: "move".into() };
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let call = Probe { register, address, connect: network.clone(), key: KEY.into(), group };
    let report = probe(&call).await;
    assert!(network.opened() <= 1, "one call");
    let text = report.lines.join("\n");
    for secret in [KEY, "Zoë", "1980-02-29", "2018050112345", "98765"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    report
}

fn person() -> Value {
    json!({
        "id": KEY, "name": "Zoë 1", "doubt": true, "born": "1980-02-29", "sinceYear": 2011,
        "hours": 98765, "works": true, "children": [{"id": "2018050112345", "age": 3}],
        "more": {"deep": ["x"]}, "2018050112345": 1,
    })
}

/// The lines after a heading, without their indent.
fn below(report: &Report, heading: &str) -> Vec<String> {
    let lines = report.lines.iter().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.starts_with(' ')).map(|line| line.trim().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn it_tells_the_request_with_another_key_and_what_came_back() {
    let report = told(&described(""), "200 OK", &person().to_string()).await;
    assert_eq!(report.outcome, Outcome::Conforms);
    let request = [
        "GET /people/KEY?fields=name,born,since,hours,works,children HTTP/1.1",
        "host: 127.0.0.1:1",
        "accept: application/json",
        "x-for: city",
    ];
    assert_eq!(below(&report, "request"), request);
    let bytes = person().to_string().len();
    let response = [format!("200 OK, 0 ms, {bytes} bytes"), "it is about the key: /id".to_owned()];
    assert_eq!(below(&report, "response"), response);
}

#[tokio::test(start_paused = true)]
async fn it_tells_values_by_their_looks_and_names_what_is_not_used() {
    let report = told(&described(""), "200 OK", &person().to_string()).await;
    let attributes = [
        "name (text) at /name: filled: a text of 5: digits, letters, spaces, under review",
        "born (date) at /born: filled: YYYY-MM-DD",
        "since (partial-date) at /sinceYear: filled: YYYY",
        "hours (integer) at /hours: filled: 5 digits",
        "works (boolean) at /works: filled: true or false",
        "children (texts) at /children/*/id: filled: a list of 1",
    ];
    assert_eq!(below(&report, "attributes"), attributes);
    let unused = ["/(a text of 13: digits)", "/children/*/age", "/more"];
    assert_eq!(below(&report, "not used by the description"), unused);
}

#[tokio::test(start_paused = true)]
async fn it_tells_what_is_there_instead_of_what_the_description_says() {
    let wrong = json!({
        "id": KEY, "name": 98765, "born": "29.02.1980", "since": "98765", "hours": 1.5,
        "works": "Zoë", "children": [{"matricule": "2018050112345"}],
    });
    let report = told(&described(""), "200 OK", &wrong.to_string()).await;
    assert_eq!(report.outcome, Outcome::DoesNotConform);
    let says = |found: &str, wanted: &str| {
        format!("does not conform: found {found}; the description says {wanted}")
    };
    let expected = [
        format!("name (text) at /name: {}", says("5 digits", "a text")),
        format!(
            "born (date) at /born: {}",
            says("a text like \"99.99.9999\"", "a date, YYYY-MM-DD")
        ),
        format!(
            "since (partial-date) at /since: {}",
            says("a text like \"99999\"", "a date: YYYY-MM-DD, YYYY-MM or YYYY")
        ),
        format!(
            "hours (integer) at /hours: {}",
            says("a number that is not whole, or too large", "a whole number")
        ),
        format!("works (boolean) at /works: {}", says("a text of 3: letters", "true or false")),
        format!(
            "children (texts) at /children/*/id: {}",
            says("an item without /id", "there is one")
        ),
    ];
    assert_eq!(below(&report, "attributes"), expected);
}

#[tokio::test(start_paused = true)]
async fn it_tells_an_answer_about_somebody_else_or_none() {
    for (id, found) in [(json!("2018050112345"), "a text of 13: digits"), (json!(7), "1 digit")] {
        let report = told(&described(""), "200 OK", &json!({"id": id}).to_string()).await;
        assert_eq!(report.outcome, Outcome::DoesNotConform);
        let why = format!("`about`: /id is not the key asked for, but {found}");
        assert_eq!(below(&report, "response")[1], why);
    }
    let report = told(&described(""), "200 OK", "{\"name\":\"Zoë\"}").await;
    assert_eq!(below(&report, "response")[1], "`about`: there is nothing at /id");
    for body in ["", "<html>", "[[["] {
        let report = told(&described(""), "200 OK", body).await;
        assert_eq!(report.outcome, Outcome::DoesNotConform, "{body}");
        let why = "the body is no JSON, or nests deeper than 64 levels";
        assert_eq!(below(&report, "response")[1], why);
    }
}

#[tokio::test(start_paused = true)]
async fn it_tells_errors_by_their_codes_and_what_they_mean() {
    let register = &described(
        "[answer.errors]\nat = \"/errors\"\ncode = \"/code\"\nretry = \"/in\"\nnot-found = [\"404-1\"]\nmaintenance = [\"M\"]",
    );
    let rows = [
        (
            "404 No",
            json!([{"code": "404-1"}]),
            Outcome::Conforms,
            "not found: the register says that it does not know the key",
        ),
        (
            "200 OK",
            json!([{"code": "404-1"}]),
            Outcome::Conforms,
            "not found: every error says that the key is unknown",
        ),
        (
            "503 No",
            json!([{"code": "M", "in": 9}]),
            Outcome::NoAnswer,
            "a failure: maintenance, to be tried in 9 s",
        ),
        ("200 OK", json!([{"code": "M"}]), Outcome::NoAnswer, "a failure: maintenance"),
    ];
    for (status, errors, outcome, why) in rows {
        let body = json!({ "errors": errors }).to_string();
        let report = told(register, status, &body).await;
        assert_eq!(report.outcome, outcome, "{status} {body}");
        let said = below(&report, "response");
        let code = errors[0]["code"].as_str().unwrap();
        assert_eq!(said[1], format!("an error: {code}"), "{said:?}");
        assert_eq!(said.last().unwrap(), why, "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_tells_a_code_that_the_description_does_not_list_by_its_looks() {
    let list = "[answer.errors]\nat = \"/errors\"\ncode = \"/code\"\nnot-found = [\"404-1\"]";
    let rows = [
        ("2018050112345", "(a text of 13: digits)"),
        ("B523212", "(a text of 7: digits, letters)"),
        ("Useldinger", "(a text of 10: letters)"),
        ("X.Y", "(a text of 3: letters, other)"),
        (KEY, "(a text of 13: digits)"),
    ];
    for (code, shape) in rows {
        let body = json!({"errors": [{ "code": code }]}).to_string();
        let report = told(&described(list), "400 No", &body).await;
        assert_eq!(below(&report, "response")[1], format!("an error: {shape}"));
        assert_eq!(below(&report, "response").last().unwrap(), "a failure: error");
        assert!(!report.lines.concat().contains(code), "{code}");
    }
    // Also a code that is listed, where it is the key.
    let body = json!({"errors": [{ "code": KEY }]}).to_string();
    let report = told(&described(&list.replace("404-1", KEY)), "400 No", &body).await;
    assert_eq!(below(&report, "response")[1], "an error: KEY");
}

#[tokio::test(start_paused = true)]
async fn it_names_only_members_whose_names_look_like_a_schemas() {
    let body = json!({
        "id": KEY, "B523212": 1, "Useldinger": 1, "zoé": 1, "l12345": 1, "zoe@example.lu": 1,
        "zoe.useldinger": 1, "": 1, "@context": 1, "_links": 1, "line2": 1, "given-name": 1,
        "useldange": 1, "commune": "Useldange", KEY: 1,
    });
    let report = told(&described(""), "200 OK", &body.to_string()).await;
    let unused = below(&report, "not used by the description");
    let (masked, named): (Vec<_>, Vec<_>) =
        unused.iter().map(String::as_str).partition(|name| name.starts_with("/("));
    assert_eq!(named, ["/@context", "/_links", "/commune", "/given-name", "/line2"]);
    let shapes = [
        "/(a text of 0)",
        "/(a text of 10: letters)",
        "/(a text of 13: digits)",
        "/(a text of 14: letters, other)",
        "/(a text of 3: letters)",
        "/(a text of 6: digits, letters)",
        "/(a text of 7: digits, letters)",
        "/(a text of 9: letters)",
    ];
    assert_eq!(masked, shapes);
}

#[tokio::test(start_paused = true)]
async fn it_tells_where_there_is_no_answer() {
    let report = told(&described(""), "404 Not Found", "").await;
    assert_eq!(report.outcome, Outcome::NoAnswer);
    let only = "a 404 is \"not found\" only where the description says so";
    assert_eq!(below(&report, "response").last().unwrap(), only);
    let report = told(&described("not-found = 404"), "404 Not Found", "").await;
    assert_eq!(report.outcome, Outcome::Conforms);
    // Where a body tells of errors, their codes say what a 404 means.
    let errors = "not-found = 404\n[answer.errors]\nat = \"/errors\"\ncode = \"/code\"";
    for (body, outcome) in [
        ("{\"errors\":[{\"code\":\"route\"}]}", Outcome::NoAnswer),
        ("{\"errors\":[]}", Outcome::Conforms),
        ("", Outcome::Conforms),
    ] {
        let report = told(&described(errors), "404 Not Found", body).await;
        assert_eq!(report.outcome, outcome, "{body}");
    }
    let cut = told(&described(""), "200 OK\r\ncontent-length: 99", "{}").await;
    assert_ne!(cut.outcome, Outcome::Conforms);
}

#[tokio::test(start_paused = true)]
async fn it_names_members_of_leaves_that_the_description_does_not_read() {
    let leaf = "[answer.leaf]\nvalue = [\"value\"]\nunavailable = \"away\"\nupdated = \"on\"";
    let leaf = &described(leaf);
    let body = json!({
        "id": KEY, "name": {"value": "Zoë", "source": "1", "on": "1980-02-29"},
        "born": {"away": true}, "since": {"value": null}, "hours": 7,
        "children": [{"id": {"value": "2018050112345", "source": "2"}}],
    });
    let report = told(leaf, "200 OK", &body.to_string()).await;
    let said = below(&report, "attributes");
    assert_eq!(said[1], "born (date) at /born: unavailable");
    assert_eq!(said[2], "since (partial-date) at /since: empty");
    let wrong =
        "does not conform: found 1 digit; the description says a leaf, an object around the value";
    assert_eq!(said[3], format!("hours (integer) at /hours: {wrong}"));
    assert_eq!(said[4], "works (boolean) at /works: empty");
    let unused = below(&report, "not used by the description");
    assert_eq!(unused, ["/children/*/id/source", "/hours", "/name/source"]);
}

/// A short key stands by chance in much of what a probe says itself.
#[tokio::test(start_paused = true)]
async fn a_key_of_one_digit_changes_nothing_of_the_probes_own_words() {
    let register = &described("updated = \"/1/on\"");
    let body = json!({ "id": "1", "hours": 1, "children": [{"id": "1"}], "n": {"1": 1} });
    let body = body.to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let connect = Arc::new(Network::to(Peer::Says(head + &body)));
    let group =
        Group { attributes: register.all(), organisation: "1".into(), procedure: "move".into() };
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let report = probe(&Probe { register, address, connect, key: "1".into(), group }).await;
    let request = [
        "GET /people/KEY?fields=name,born,since,hours,works,children HTTP/1.1",
        "host: 127.0.0.1:1",
        "accept: application/json",
        "x-for: KEY",
    ];
    assert_eq!(below(&report, "request"), request);
    assert_eq!(below(&report, "response")[0], format!("200 OK, 0 ms, {} bytes", body.len()));
    let attributes = below(&report, "attributes");
    assert_eq!(attributes[3], "hours (integer) at /hours: filled: 1 digit");
    assert_eq!(attributes[5], "children (texts) at /children/*/id: filled: a list of 1");
}
