//! What is sent for a template, what is wrong with one, and where.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::results::Ending;
use crate::schedule::Kind;
use crate::target::Reply;
use crate::verify::Wrong;

fn country() -> Country {
    Country::new(1, 400).unwrap()
}

fn example() -> Template {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/template.toml");
    Template::open(&path, country(), 400).unwrap_or_else(|error| panic!("{error}"))
}

fn ask(template: &Template, number: u64) -> Ask {
    template.ask(&Event { number, at: Duration::ZERO, visit: None })
}

#[test]
fn placeholders_take_their_values_in_turn_and_stay_where_they_stand() {
    let (template, country) = (example(), country());
    // Three of the first, one of the second, and again.
    let groups: Vec<_> = (0..6).map(|number| ask(&template, number).group).collect();
    assert_eq!(groups, [0, 0, 0, 1, 0, 0]);
    let Ask { message, channel, .. } = ask(&template, 5);
    // The fifth of its kind; the second row for the third time, but one.
    let person = country.person(4);
    assert_eq!((message.method, channel), ("POST", Channel::Other));
    assert_eq!(message.path, format!("/orders/1004?by={}", person.family_name()));
    let head = "authorization: Bearer first-token\r\ncontent-type: application/json\r\n";
    assert_eq!(message.head, head);
    let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(body["who"], person.matricule().to_string());
    assert_eq!(body["n"], 5);
    let quoted = ask(&template, 1).message;
    let body: serde_json::Value = serde_json::from_slice(&quoted.body).unwrap();
    assert_eq!(body["colour"], "green, or \"verdant\"");
    // Of 1,000 numbers the first comes again.
    let again = ask(&template, 1_333 * 4 + 1).message;
    assert!(again.path.starts_with("/orders/1000?"), "{}", again.path);
    let look = ask(&template, 3).message;
    assert_eq!((look.method, &*look.path, look.body.len()), ("GET", "/orders", 0));
}

#[test]
fn a_visit_says_which_request_and_whose_turn_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    let text = "rows = 'r.csv'\n[counters]\nn = { from = 5 }\n\
        [[request]]\nname = 'a'\npath = '/a/{{subject}}/{{case}}/{{person.matricule}}'\n\
        [[request]]\nname = 'b'\nweight = 3\npath = '/b/{{number}}/{{n}}/{{subject}}/{{row.a}}'\n";
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("r.csv"), "a\nx\ny\nz\n").unwrap();
    let open = || Template::open(&path, country(), 10).unwrap();
    assert_eq!(open().shares(), [("a".to_owned(), 1.0), ("b".to_owned(), 3.0)]);
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let template = open().counted_by(&names(&["b", "a"])).unwrap();
    assert_eq!(template.groups(), ["b", "a"]);
    let asked = |number, procedure, subject| {
        let visit = Visit { at: Duration::ZERO, kind: Kind::Open, procedure, subject, case: 77 };
        let event = Event { number, at: Duration::ZERO, visit: Some(visit) };
        template.ask(&event).message.path
    };
    assert_eq!(asked(3, 0, 10), "/b/3/8/10/y");
    // In turns where there are fewer people.
    let person = country().person(9).matricule();
    assert_eq!(asked(4, 1, 409), format!("/a/9/77/{person}"));
    assert_eq!(open().counted_by(&names(&["b"])).unwrap().groups(), ["b"]);
    assert_eq!(open().counted_by(&names(&["b", "c"])).unwrap_err(), "c");
    // Without visits, ten people are spread over the 400.
    let turn = ask(&open(), 4 * 3).message.path;
    let person = country().person(3 * 40).matricule();
    assert_eq!(turn, format!("/a/120/12/{person}"));
}

/// What is found wrong with an answer to the first request, and whether its
/// status may come.
fn judge(status: u16, body: &str) -> (Vec<Wrong>, bool) {
    let reply = Reply { status, is_html: false, cache: None, body: body.to_owned().into() };
    let judged = ask(&example(), 0).expects.judge(&reply);
    let findings = judged.verified.map(|it| it.findings).unwrap_or_default();
    let wrong = findings.iter().map(|finding| finding.wrong).collect();
    (wrong, matches!(judged.ending, Ending::Answered(_)))
}

#[test]
fn an_answer_is_held_against_what_the_template_says() {
    let right = r#"{"order": {"id": "1000", "open": true}, "said": "thanks"}"#;
    assert_eq!(judge(201, right), (vec![], true));
    // A number that is written so is the same.
    assert_eq!(judge(200, &right.replace("\"1000\"", "1000")), (vec![], true));
    assert_eq!(judge(202, right), (vec![], false));
    assert_eq!(judge(200, &right.replace("thanks", "no")), (vec![Wrong::Text], true));
    for wrong in ["\"1001\"", "[1000]", "null"] {
        assert_eq!(judge(200, &right.replace("\"1000\"", wrong)), (vec![Wrong::Json], true));
    }
    assert_eq!(judge(200, &right.replace("true", "\"true\"")), (vec![Wrong::Json], true));
    assert_eq!(judge(200, r#"{"said": "thanks"}"#), (vec![Wrong::Json, Wrong::Json], true));
    assert_eq!(judge(200, "thanks"), (vec![Wrong::Json], true));
}

/// The mistake in a template, without its path.
fn mistake(text: &str, rows: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("t.toml");
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("r.csv"), rows).unwrap();
    let error = Template::open(&path, country(), 10).expect_err(text).to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_mistake_is_said_with_its_place() {
    const ROWS: &str = "a,b\n1,2\n";
    for (text, expected) in [
        ("", "t.toml, line 1, column 1: there is no [[request]]"),
        ("[[request]]\npath = \"orders\"", "t.toml, line 2, column 8: a path begins with `/`"),
        ("[[request]]\npath = \"/a b\"", "line 2, column 8: a path begins with `/`"),
        (
            "[[request]]\npath = '/{{it}}'",
            "line 2, column 10: no placeholder `it`; there is number",
        ),
        ("[[request]]\npath = '/{{number}}/{{numb}}'", "line 2, column 21: no placeholder `numb`"),
        ("[[request]]\npath = '/{{number'", "line 2, column 10: `{{` without `}}`"),
        ("[[request]]\npath = '/{{row.a}}'", "`row.a`: the template names no file of `rows`"),
        ("rows = 'r.csv'\n[[request]]\npath = '/{{row.c}}'", "no column `c`; there is a, b"),
        ("rows = 'no.csv'\n[[request]]\npath = '/'", "no.csv: No such file"),
        (
            "[[request]]\npath = '/'\nbody = '''\n{\"a\": 1,\n \"b\": \"{{wrong}}\"}'''",
            "line 5, column 8: no placeholder `wrong`",
        ),
        ("[[request]]\npath = '/'\nmethod = 'get'", "line 3, column 10: no method `get`"),
        (
            "[[request]]\npath = '/'\nmethod = 'GET'\nbody = 'x'",
            "line 4, column 8: a GET has no body",
        ),
        ("[[request]]\npath = '/'\nheaders = { Host = 'x' }", "`Host` is written by the generator"),
        ("[[request]]\npath = '/'\nheaders = { 'a b' = 'x' }", "`a b` is no name of a header"),
        ("[[request]]\npath = '/'\nheaders = { a = \"x\\r\\nb: y\" }", "a control character in a"),
        ("[[request]]\npath = '/'\nstatus = []", "statuses are from 200 to 599"),
        ("[[request]]\npath = '/'\nstatus = [20]", "line 3, column 10: statuses are from"),
        ("[[request]]\npath = '/'\nweight = 0", "line 3, column 10: a weight is from 1 on"),
        ("[[request]]\npath = '/'\njson = { id = 1 }", "`id` is no JSON pointer"),
        ("[counters]\nc = { from = 2, to = 1 }\n", "line 2, column 5: the counter `c` ends before"),
        ("[[request]]\npath = '/'\npaht = '/'", "line 3, column 1"),
        ("[[request]]\npath = ", "line 2, column 8"),
    ] {
        let said = mistake(text, ROWS);
        assert!(said.contains(expected), "{said}\n{expected}");
    }
}

#[test]
fn a_row_that_is_none_is_said_with_its_line() {
    let text = "rows = 'r.csv'\n[[request]]\npath = '/'";
    for (rows, expected) in [
        ("", "r.csv, line 1: there is no header"),
        ("a,b\n", "r.csv, line 1: there is no row below the header"),
        ("a,b\n1,2\n\n3\n", "r.csv, line 4: 1 values for 2 columns"),
        ("a,b\n\"1,2\n", "r.csv, line 2: a quote that does not end on its line"),
        ("a,b\n\"1\"x,2\n", "r.csv, line 2: text after a quoted value"),
        ("a,b\n1,\u{b}2\n", "r.csv, line 2: a control character"),
    ] {
        assert_eq!(mistake(text, rows), expected);
    }
}

#[test]
fn values_in_forms_and_queries_are_escaped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    let text = "rows = 'r.csv'\n[[request]]\npath = '/?q={{row.a}}'\nbody = 'a={{row.a}}&b=c'\n\
                headers = { Content-Type = 'application/x-www-form-urlencoded' }";
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("r.csv"), "a\n\"x&y=1/é \"\n").unwrap();
    let message = ask(&Template::open(&path, country(), 10).unwrap(), 0).message;
    assert_eq!(message.path, "/?q=x%26y%3D1%2F%C3%A9%20");
    assert_eq!(message.body, "a=x%26y%3D1%2F%C3%A9%20&b=c");
}
