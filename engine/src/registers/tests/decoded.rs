//! Answers that no honest register gives, and the corners of those that do.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Failure, decode};
use super::{country, described};
use crate::catalogue::{Register, Source};
use crate::model::{Answer, AttributeMask, Unavailable};

const ADULT: &str = "1893120105732";

type Decoded = Result<Vec<Result<Answer, Failure>>, Failure>;

fn read(register: &str, keys: &[&str], body: &str) -> Decoded {
    let catalogue = country();
    let register = described(&catalogue, register);
    decode(register, keys, register.all(), 0, &mut body.as_bytes().to_vec())
}

/// The one answer about the adult.
fn one(register: &str, body: &Value) -> Result<Answer, Failure> {
    read(register, &[ADULT], &body.to_string()).unwrap().remove(0)
}

/// One attribute of an answer: its value, or what is said in its place.
fn attribute(register: &str, name: &str, body: &Value) -> String {
    let index = described(&country(), register).find(name).unwrap();
    let answer = one(register, body).unwrap();
    match answer.value(index) {
        Some(value) => String::from_utf8(value.to_vec()).unwrap(),
        None if answer.invalid.contains(index) => "invalid".to_owned(),
        None if answer.unavailable.contains(index) => "unavailable".to_owned(),
        None => "nothing".to_owned(),
    }
}

fn invalid() -> Failure {
    Unavailable::Invalid.into()
}

#[test]
fn an_answer_about_somebody_else_or_about_nobody_is_dropped() {
    let about = |who: Value| json!({"person": {"matricule": who, "name": {"family": "Secret"}}});
    assert!(one("rnpp", &about(json!(ADULT))).unwrap().found);
    for who in [json!("1893120105733"), json!(1_893_120_105_732_i64), json!(null), json!("")] {
        assert_eq!(one("rnpp", &about(who)).unwrap_err(), invalid());
    }
    assert_eq!(one("rnpp", &json!({"name": "Secret"})).unwrap_err(), invalid());
    let leaf = json!({"matricule": {"value": "other"}, "employer": {"value": "Secret"}});
    assert_eq!(one("ccss", &leaf).unwrap_err(), invalid());
}

#[test]
fn a_body_that_is_no_json_of_that_shape_is_invalid_as_a_whole() {
    for body in ["", " ", "{", "null,", "<html>", "{\"person\":", "\u{0}", "{\"a\":1}}", "{'a':1}"]
    {
        assert_eq!(read("rnpp", &[ADULT], body).unwrap_err(), invalid(), "{body:?}");
    }
    for body in ["{}", "[]", "7", "{\"holders\":{}}", "{\"holders\":null}"] {
        assert_eq!(read("snca", &[ADULT], body).unwrap_err(), invalid(), "{body:?}");
    }
    for body in ["[]", "7", "null", "\"text\"", "{}"] {
        assert_eq!(read("rnpp", &[ADULT], body).unwrap().remove(0).unwrap_err(), invalid());
    }
    let catalogue = country();
    let rnpp = described(&catalogue, "rnpp");
    let not_utf8 = decode(rnpp, &[ADULT], rnpp.all(), 0, &mut b"{\"a\":\"\xff\"}".to_vec());
    assert_eq!(not_utf8.unwrap_err(), invalid());
}

/// In objects of many members, too, of which readers may look up by other ways.
#[test]
fn of_members_with_one_name_the_first_counts() {
    let about = |first: &str, then: &str| {
        let others: Vec<_> = (0..38).map(|other| format!("\"x{other}\":{other}")).collect();
        let (before, between) = others.split_at(19);
        let (before, between) = (before.join(","), between.join(","));
        let named = |who| format!("\"matricule\":\"{who}\"");
        let members = [before, named(first), between, named(then)].join(",");
        let body = format!("{{\"person\":{{{members}}}}}");
        read("rnpp", &[ADULT], &body).unwrap().remove(0)
    };
    assert!(about(ADULT, "1893120105733").unwrap().found);
    assert_eq!(about("1893120105733", ADULT).unwrap_err(), invalid());
}

/// An answer about the adult with something that nests `depth` deep in all.
fn nested(depth: usize, open: &str, close: &str) -> String {
    let inside = open.repeat(depth - 1) + &close.repeat(depth - 1);
    format!("{{\"person\":{{\"matricule\":\"{ADULT}\"}},\"x\":{inside}}}")
}

#[test]
fn json_is_refused_unread_where_it_nests_too_deep() {
    assert!(read("rnpp", &[ADULT], &nested(64, "[", "]")).unwrap().remove(0).is_ok());
    assert_eq!(read("rnpp", &[ADULT], &nested(65, "[", "]")).unwrap_err(), invalid());
    for open in ["[", "{\"a\":", "[{\"a\":"] {
        let body = open.repeat(100_000);
        assert_eq!(read("rnpp", &[ADULT], &body).unwrap_err(), invalid());
    }
    let texts = format!("\"{}\\\"{}\\\\\"", "[".repeat(100), "{".repeat(100));
    let body = format!("{{\"person\":{{\"matricule\":\"{ADULT}\"}},\"x\":{texts}}}");
    assert!(read("rnpp", &[ADULT], &body).unwrap().remove(0).is_ok(), "brackets in texts are text");
    let opened_in_text = format!("{{\"x\":\"\\\\\",\"y\":{}", "[".repeat(100));
    assert_eq!(read("rnpp", &[ADULT], &opened_in_text).unwrap_err(), invalid());
}

#[test]
fn a_value_is_read_where_it_is_of_its_type_and_marked_where_it_is_not() {
    let person = |member: &str, value: Value| {
        json!({"person": {"matricule": ADULT, "name": {"family": value.clone()},
            "birth": {"date": value.clone()}, member: value}})
    };
    let text = |value| attribute("rnpp", "familyName", &person("x", value));
    assert_eq!(text(json!("Zoë \"Z\" \\ \u{1F600}\n")), "\"Zoë \\\"Z\\\" \\\\ \u{1F600}\\n\"");
    assert_eq!(text(json!("")), "\"\"");
    assert_eq!(text(json!(null)), "nothing");
    for wrong in [json!(7), json!(true), json!(["a"]), json!({"a": 1})] {
        assert_eq!(text(wrong), "invalid");
    }
    let date = |value| attribute("rnpp", "dateOfBirth", &person("x", json!(value)));
    assert_eq!(date("1980-02-29"), "\"1980-02-29\"");
    let wrong = ["1981-02-29", "1980-2-29", "29.02.1980", "", "1980-02-29T00:00", "1980-W09-5"];
    for wrong in wrong.into_iter().chain(["19800229", "1980-02-2 ", "1980/02/29", "19800229T0"]) {
        assert_eq!(date(wrong), "invalid", "{wrong}");
    }
    let children = |value| attribute("rnpp", "children", &person("children", value));
    assert_eq!(children(json!([{"matricule": "a"}, {"matricule": "b"}])), "[\"a\",\"b\"]");
    assert_eq!(children(json!([])), "nothing");
    assert_eq!(children(json!(null)), "nothing");
    for wrong in [json!(["a"]), json!([{"matricule": 1}]), json!([null]), json!({}), json!("a")] {
        assert_eq!(children(wrong), "invalid");
    }
}

#[test]
fn what_an_answer_leaves_out_is_nothing() {
    let bare = json!({"person": {"matricule": ADULT}});
    let answer = one("rnpp", &bare).unwrap();
    assert!(answer.found);
    assert!(answer.asked.iter().all(|index| answer.value(index).is_none()));
    assert!(answer.invalid.is_empty() && answer.unavailable.is_empty());
    assert!(answer.under_review.is_empty());
}

#[test]
fn a_leaf_holds_a_value_or_a_code_or_says_that_it_cannot() {
    let hours = |leaf: Value| {
        let body = json!({"matricule": {"value": ADULT}, "weeklyhours": leaf});
        attribute("ccss", "weeklyHours", &body)
    };
    assert_eq!(hours(json!({"value": 40})), "40");
    assert_eq!(hours(json!({"code": -3, "desc": "minus three"})), "-3");
    assert_eq!(hours(json!({"code": 1, "value": 2})), "2", "the first named counts");
    assert_eq!(hours(json!({"unavailable": true})), "unavailable");
    assert_eq!(hours(json!({"unavailable": true, "value": 40})), "unavailable");
    assert_eq!(hours(json!({"unavailable": false, "value": 40})), "40");
    assert_eq!(hours(json!({"value": null})), "nothing");
    assert_eq!(hours(json!({"source": "1"})), "nothing");
    for wrong in [json!({"value": "40"}), json!({"value": 1.5}), json!({"value": u64::MAX})] {
        assert_eq!(hours(wrong), "invalid");
    }
    for wrong in [json!(40), json!([40]), json!(null)] {
        assert_eq!(hours(wrong), "invalid", "no leaf at all");
    }
}

#[test]
fn a_leaf_has_its_own_date_and_a_wrong_date_is_no_date() {
    let updated = |date: Value| {
        let leaf = json!({"value": 40, "lastupdated": date});
        let body = json!({"matricule": {"value": ADULT}, "weeklyhours": leaf});
        let answer = one("ccss", &body).unwrap();
        answer.last_updated(2).map(|day| day.to_string())
    };
    assert_eq!(updated(json!("2024-02-29")).as_deref(), Some("2024-02-29"));
    for wrong in
        [json!("2024-02-30"), json!("yesterday"), json!("\",\"x\":\""), json!(7), json!(null)]
    {
        assert_eq!(updated(wrong), None);
    }
    let body = json!({"person": {"matricule": ADULT}, "lastUpdated": "\"quoted\""});
    assert_eq!(one("rnpp", &body).unwrap().last_updated(0), None);
}

fn holders(elements: &[(&str, &str)]) -> String {
    let element =
        |(holder, plate): &(&str, &str)| json!({"holder": holder, "vehicle": {"plate": plate}});
    json!({"holders": elements.iter().map(element).collect::<Vec<_>>()}).to_string()
}

/// For each key its plate, or why there is none.
#[track_caller]
fn plates(keys: &[&str], body: &str, expected: &[Result<Option<&str>, Failure>]) {
    let answers = read("snca", keys, body).unwrap();
    let plates: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(answer) => {
                assert_eq!(answer.found, answer.value(0).is_some());
                Ok(answer.value(0).map(|value| std::str::from_utf8(value).unwrap()))
            }
            Err(failure) => Err(*failure),
        })
        .collect();
    assert_eq!(plates, expected);
}

#[test]
fn answers_of_a_batch_are_matched_by_key_in_any_order() {
    let (a, b) = (("a", "A 1"), ("b", "B 2"));
    let (plate_a, plate_b) = (Ok(Some("\"A 1\"")), Ok(Some("\"B 2\"")));
    plates(&["a", "b"], &holders(&[a, b]), &[plate_a, plate_b]);
    plates(&["a", "b"], &holders(&[b, a]), &[plate_a, plate_b]);
    plates(&["b", "a"], &holders(&[b, a]), &[plate_b, plate_a]);
    plates(&["a", "b"], &holders(&[b]), &[Ok(None), plate_b]);
    plates(&["a", "b"], &holders(&[]), &[Ok(None), Ok(None)]);
    // Two requests for one key may stand in one batch.
    plates(&["a", "a"], &holders(&[a]), &[plate_a, plate_a]);
}

#[test]
fn a_stranger_in_a_batch_leaves_the_unanswered_keys_in_doubt() {
    let (a, stranger) = (("a", "A 1"), ("c", "Secret"));
    let plate = Ok(Some("\"A 1\""));
    plates(&["a", "b"], &holders(&[a, stranger]), &[plate, Err(invalid())]);
    plates(&["b"], &holders(&[stranger]), &[Err(invalid())]);
    plates(&["a"], &holders(&[stranger, a]), &[plate]);
    let unnamed = json!({"holders": [{"vehicle": {"plate": "Secret"}}, 7, null]}).to_string();
    plates(&["a"], &unnamed, &[Err(invalid())]);
}

/// A register of pointers with odd names, and of every type.
fn odd() -> Register {
    let attributes = [
        ("slash", "text", "/a~1b/m~0n"),
        ("item", "text", "/list/1"),
        ("flag", "boolean", "/flag"),
        ("plain", "texts", "/plain"),
        ("escaped", "text", "/~01"),
        ("known", "partial-date", "/known"),
    ];
    let attributes: String = attributes
        .iter()
        .map(|(name, kind, at)| {
            format!("[[attribute]]\nid = \"{name}\"\ntype = \"{kind}\"\nat = \"{at}\"\n")
        })
        .collect();
    let label = "{ fr = \"a\", de = \"b\", en = \"c\", lb = \"d\" }";
    let text = format!(
        "id = \"odd\"\nlabel = {label}\nkey = \"subject\"\n[request]\npath = \"/{{key}}\"\n\
         [answer]\nabout = \"/id\"\n{attributes}",
    );
    Register::compile(&Source { path: "odd.toml".to_owned(), text }).unwrap()
}

#[test]
fn pointers_reach_odd_names_and_places_in_lists() {
    let register = &odd();
    let body = json!({"id": "k", "a/b": {"m~n": "reached"}, "list": ["no", "yes"], "flag": false,
        "plain": ["p", "q"], "~1": "tilde"});
    let mut body = body.to_string().into_bytes();
    let answer = decode(register, &["k"], register.all(), 0, &mut body).unwrap().remove(0).unwrap();
    let values: Vec<_> = (0..5).map(|index| answer.value(index).unwrap()).collect();
    let expected: [&[u8]; 5] =
        [b"\"reached\"", b"\"yes\"", b"false", b"[\"p\",\"q\"]", b"\"tilde\""];
    assert_eq!(values, expected);
}

#[test]
fn a_partial_date_in_one_piece_is_a_day_a_month_or_a_year_of_the_calendar() {
    let register = &odd();
    let read = |known: &str| {
        let mut body = json!({"id": "k", "known": known}).to_string().into_bytes();
        let answer = decode(register, &["k"], register.all(), 0, &mut body).unwrap().remove(0);
        answer.unwrap().value(5).map(<[u8]>::to_vec)
    };
    for known in ["2020", "2020-02", "2020-02-29", "0001", "1999-12"] {
        assert_eq!(read(known), Some(format!("\"{known}\"").into_bytes()), "{known}");
    }
    let wrong = ["", "20", "202", "20200", "2020-", "2020-2", "2020-00", "2020-13", "2021-02-29"];
    for wrong in
        wrong.into_iter().chain(["20é", "202a", "2020/02", "2020-02-00", "+202", "2020-1-1"])
    {
        assert_eq!(read(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 160,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever arrives, reading it ends, and what it gives is JSON.
    #[test]
    fn no_body_breaks_the_reader(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        cut in 0..400_usize,
    ) {
        let honest = json!({"person": {"matricule": ADULT, "name": {"family": "Zoë"},
            "birth": {"date": "1980-02-29"}, "children": [{"matricule": "a"}]},
            "lastUpdated": "2025-01-01"});
        let honest = honest.to_string().into_bytes();
        let mut spliced = honest[..cut.min(honest.len())].to_vec();
        spliced.extend_from_slice(&noise);
        let catalogue = country();
        for register in catalogue.registers().iter().filter(|it| it.dialect.is_some()) {
            for body in [&noise, &spliced] {
                let decoded = decode(register, &[ADULT], register.all(), 0, &mut body.clone());
                let answers = decoded.into_iter().flatten().flatten();
                for answer in answers {
                    for value in register.all().iter().filter_map(|index| answer.value(index)) {
                        prop_assert!(serde_json::from_slice::<Value>(value).is_ok());
                    }
                }
            }
        }
    }

    #[test]
    fn every_text_comes_through_unchanged(text in any::<String>()) {
        let body = json!({"person": {"matricule": ADULT, "name": {"family": text}}});
        let mut bytes = body.to_string().into_bytes();
        let catalogue = country();
        let rnpp = described(&catalogue, "rnpp");
        let family = AttributeMask::only(0);
        let mut answers = decode(rnpp, &[ADULT], family, 0, &mut bytes).unwrap();
        let answer = answers.remove(0).unwrap();
        let value: String = serde_json::from_slice(answer.value(0).unwrap()).unwrap();
        prop_assert_eq!(value, text);
    }
}
