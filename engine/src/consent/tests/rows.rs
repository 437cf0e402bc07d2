//! Every way in which one field ends, and what is told of registers.

use serde_json::{Value, json};

use super::released::{Answers, Scene, answer};
use crate::model::{AnswerBuilder, AttributeMask, Call, Channel, Unavailable};

/// What the first field says, where the call to its only register ended so.
#[track_caller]
fn check(call: Call, expected: &Value) {
    let scene = Scene::new(&[&["x.a1"]]);
    assert_eq!(scene.bundle(&[("x", call)])["fields"]["f0"], *expected);
}

#[test]
fn a_value_comes_with_its_source_its_date_and_its_age() {
    let filled = json!({"status": "filled", "value": "v", "source": "x", "ageSeconds": 60});
    check(answer(&[(1, "\"v\"")]).call(), &filled);
    let numbered = json!({"status": "filled", "value": 12, "source": "x", "ageSeconds": 60});
    check(answer(&[(0, "\"other\""), (1, "12")]).call(), &numbered);
    let dated = json!({
        "status": "filled", "value": "v", "source": "x",
        "lastUpdated": "2026-01-01", "ageSeconds": 60,
    });
    check(answer(&[(1, "\"v\"")]).updated("2026-01-01").call(), &dated);
    let disputed = json!({
        "status": "filled", "value": "v", "source": "x", "ageSeconds": 60, "underReview": true,
    });
    check(answer(&[(1, "\"v\"")]).disputed(1).call(), &disputed);
    let other_disputed = json!({"status": "filled", "value": "v", "source": "x", "ageSeconds": 60});
    check(answer(&[(1, "\"v\"")]).disputed(0).call(), &other_disputed);
}

#[test]
fn an_answer_without_the_value_says_why() {
    let empty = json!({"status": "empty", "source": "x"});
    let because = |reason| json!({"status": "unavailable", "source": "x", "reason": reason});
    check(answer(&[(0, "\"other\"")]).call(), &empty);
    let unknown = AnswerBuilder::not_found(AttributeMask::first(4), 0);
    check(Call::Answered(unknown), &empty);
    check(Call::NoKey, &empty);
    check(answer(&[]).invalid(1).call(), &because("invalid"));
    check(answer(&[]).unavailable(1).call(), &because("error"));
    // Asked under an earlier grant, which did not need this attribute.
    check(answer(&[(0, "\"other\"")]).asked(AttributeMask::only(0)).call(), &because("timeout"));
}

#[test]
fn a_call_that_failed_or_did_not_end_says_how() {
    let because = |reason: &str| json!({"status": "unavailable", "source": "x", "reason": reason});
    check(Call::Open, &because("timeout"));
    for reason in Unavailable::ALL {
        check(Call::failed(reason), &because(reason.as_str()));
    }
    let hinted = Call::Failed { reason: Unavailable::Maintenance, retry_after: Some(30) };
    let mut told = because("maintenance");
    told["retryAfterSeconds"] = json!(30);
    check(hinted, &told);
}

#[test]
fn an_old_value_stands_in_for_a_register_that_is_down_and_an_old_nothing_does_not() {
    let stale = |answer: Answers| answer.stale(Unavailable::Timeout);
    let old = json!({"status": "stale", "value": "v", "source": "x", "ageSeconds": 60});
    check(stale(answer(&[(1, "\"v\"")])), &old);
    let down = json!({"status": "unavailable", "source": "x", "reason": "timeout"});
    check(stale(answer(&[])), &down);
    check(stale(answer(&[]).invalid(1)), &down);
}

#[test]
fn a_relation_that_does_not_hold_withholds_and_the_back_office_learns_no_reason() {
    check(Call::RoleUnproven, &json!({"status": "withheld", "source": "x", "reason": "role"}));
    let mut scene = Scene::new(&[&["x.a1"]]);
    scene.asked.channel = Channel::BackOffice;
    let seen = scene.bundle(&[("x", Call::RoleUnproven)]);
    assert_eq!(seen["fields"]["f0"], json!({"status": "withheld", "reason": "notAvailableToYou"}));
}

#[test]
fn a_refusal_names_the_register_that_was_refused() {
    let mut scene = Scene::new(&[&["x.a1"], &["y.a0"], &["z.a0"]]);
    scene.refuse("x");
    let held = |source| json!({"status": "withheld", "source": source, "reason": "preference"});
    let bundle = scene.bundle(&[("y", answer(&[(0, "1")]).call())]);
    assert_eq!(bundle["fields"]["f0"], held("x"));
    assert_eq!(bundle["fields"]["f1"]["status"], "filled");
    assert_eq!(bundle["fields"]["f2"], held("x"), "z is keyed by x");
    assert_eq!(bundle["sources"], json!({"y": {"outcome": "answered"}}));
    assert_eq!(bundle["complete"], false);
    let mut scene = Scene::new(&[&["z.a0"]]);
    scene.refuse("z");
    assert_eq!(scene.bundle(&[])["fields"]["f0"], held("z"));
}

#[test]
fn an_attribute_without_authority_is_withheld_for_that() {
    let mut scene = Scene::new(&[&["x.a1"], &["y.a0"]]);
    scene.authorise(&["y.a0"]);
    let bundle = scene.bundle(&[("x", answer(&[(1, "\"secret\"")]).call())]);
    let withheld = json!({"status": "withheld", "source": "x", "reason": "authority"});
    assert_eq!(bundle["fields"]["f0"], withheld);
    assert_eq!(bundle["sources"], json!({}), "a register that was not needed is not told of");
}

#[test]
fn the_first_source_with_a_value_fills_a_field() {
    let scene = Scene::new(&[&["x.a1", "y.a0"], &["y.a0", "x.a1"], &["x.a1"]]);
    let (x, y) = (answer(&[(1, "\"of x\"")]), answer(&[(0, "\"of y\"")]));
    let both = scene.bundle(&[("x", x.clone().call()), ("y", y.clone().call())]);
    assert_eq!(both["fields"]["f0"]["value"], "of x");
    assert_eq!(both["fields"]["f1"]["value"], "of y");
    let one = scene.bundle(&[("x", answer(&[]).call()), ("y", y.clone().call())]);
    assert_eq!(one["fields"]["f0"]["value"], "of y");
    // An old value is a value: the order of sources is the catalogue's wish.
    let old = scene.bundle(&[("x", x.stale(Unavailable::Error)), ("y", y.call())]);
    assert_eq!(old["fields"]["f0"]["status"], "stale");
    assert_eq!(old["fields"]["f1"]["value"], "of y");
}

/// A field of two sources without a value tells the one that leaves most hope.
#[test]
fn of_several_gaps_the_most_hopeful_is_told_and_of_equals_the_first() {
    let scene = Scene::new(&[&["x.a1", "y.a0"]]);
    let told = |x: &Call, y: &Call| {
        let field = &scene.bundle(&[("x", x.clone()), ("y", y.clone())])["fields"]["f0"];
        let text = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", text("status"), text("reason"), text("source"))
    };
    let (down, closed) = (Call::failed(Unavailable::Error), Call::failed(Unavailable::Maintenance));
    let (none, held) = (answer(&[]).call(), Call::RoleUnproven);
    assert_eq!(told(&down, &closed), "unavailable error x");
    assert_eq!(told(&none, &down), "unavailable error y");
    assert_eq!(told(&held, &down), "unavailable error y");
    assert_eq!(told(&held, &none), "empty  y");
    assert_eq!(told(&none, &held), "empty  x");
    assert_eq!(told(&held, &held), "withheld role x");
}

#[test]
fn sources_tell_the_outcome_of_each_register_that_was_asked() {
    let scene = Scene::new(&[&["x.a1"], &["y.a0"], &["z.a0"]]);
    let unknown = Call::Answered(AnswerBuilder::not_found(AttributeMask::first(4), 0));
    let key_missing = Call::failed(Unavailable::KeyMissing);
    let bundle = scene.bundle(&[("x", answer(&[]).call()), ("y", unknown), ("z", key_missing)]);
    let told = json!({"x": {"outcome": "answered"}, "y": {"outcome": "notFound"}});
    assert_eq!(bundle["sources"], told);
    let stale = answer(&[(1, "1")]).stale(Unavailable::Overloaded);
    let bundle = scene.bundle(&[("x", stale), ("y", Call::Open), ("z", Call::NoKey)]);
    assert_eq!(bundle["sources"], json!({"x": {"outcome": "overloaded"}}));
}

#[test]
fn a_bundle_is_complete_where_every_field_is_filled_or_known_to_be_empty() {
    let scene = Scene::new(&[&["x.a1"], &["y.a0"]]);
    let full = answer(&[(1, "1")]);
    let complete = |x: Call, y: Call| scene.bundle(&[("x", x), ("y", y)])["complete"].clone();
    assert_eq!(complete(full.clone().call(), answer(&[]).call()), true);
    assert_eq!(complete(full.clone().call(), Call::NoKey), true);
    assert_eq!(complete(full.clone().call(), Call::Open), false);
    assert_eq!(complete(full.clone().stale(Unavailable::Error), answer(&[]).call()), false);
    assert_eq!(complete(full.call(), Call::RoleUnproven), false);
}
