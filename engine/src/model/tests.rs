//! Identifiers and answers.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<&str, &str>) {
    let seen = text.parse::<Subject>().map(|subject| subject.to_string());
    let seen = seen.as_deref().map_err(|invalid| invalid.check());
    assert_eq!(seen, expected, "{text}");
}

#[test]
fn identifiers_say_which_check_they_fail() {
    check("1893120105732", Ok("1893120105732"));
    check("1893120105733", Err("verhoeff"));
    check("1893120105731", Err("verhoeff"));
    check("1893120105722", Err("luhn"));
    check("1893130105732", Err("date"));
    check("0219122302387", Err("date"));
    check("189312010573", Err("format"));
    check("18931201057320", Err("format"));
    check("189312010573x", Err("format"));
    check("", Err("format"));
    check("B123456", Ok("B123456"));
    check("B0123", Err("format"));
    check("B12345678", Err("format"));
    check("eidas:LU/FR/1", Err("scheme"));
}

#[test]
fn a_debug_text_never_shows_an_identifier() {
    for text in ["1893120105732", "B123456"] {
        let subject: Subject = text.parse().unwrap();
        assert!(!format!("{subject:?}").contains(&text[1..]));
    }
}

#[test]
fn an_answer_gives_back_each_value_and_nothing_else() {
    let mut builder = AnswerBuilder::default();
    builder.value(1, Some("2025-05-05"), |text| text.extend_from_slice(b"\"a\""));
    builder.value(4, None, |text| text.extend_from_slice(b"12"));
    builder.under_review(4);
    let answer = builder.found(AttributeMask::first(6), 7, Some("2026-01-02"));
    let values: Vec<_> = (0..6).map(|index| answer.value(index)).collect();
    assert_eq!(values, [None, Some(&b"\"a\""[..]), None, None, Some(&b"12"[..]), None]);
    assert_eq!(answer.last_updated(1).as_deref(), Some("2025-05-05"));
    assert_eq!(answer.last_updated(4).as_deref(), Some("2026-01-02"));
    assert!(answer.under_review.contains(4) && !answer.under_review.contains(1));
    assert_eq!(AnswerBuilder::not_found(AttributeMask::first(2), 0).last_updated(0), None);
}

#[test]
fn a_day_comes_back_as_it_was_and_nothing_else_is_one() {
    for text in ["2026-01-31", "0001-12-01", "9999-10-09"] {
        assert_eq!(packed::Day::of(text).as_deref(), Some(text));
    }
    for text in
        ["", "2026-1-31", "2026/01/31", "20260131xx", "2026-01-3a", "-026-01-31", "2026-16-01"]
    {
        assert!(packed::Day::of(text).is_none(), "{text}");
    }
}

#[test]
fn no_two_subjects_have_one_number() {
    let subjects = ["1893120105732", "B123456", "B123457", "A123456", "F1"];
    let numbers: std::collections::HashSet<u64> =
        subjects.iter().map(|text| text.parse::<Subject>().unwrap().dense()).collect();
    assert_eq!(numbers.len(), subjects.len());
    assert!(numbers.iter().all(|number| *number < 1 << 47));
}

#[test]
fn a_set_lists_its_members_in_order() {
    let set: FieldSet = [5, 0, 127].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 127]);
    assert_eq!(FieldSet::first(128), FieldSet(u128::MAX));
    assert!(FieldSet::first(3).covers(FieldSet::only(2)));
    assert!(!FieldSet::first(3).covers(FieldSet::only(3)));
}

#[test]
fn a_register_that_was_asked_stays_so_when_its_call_is_opened_again() {
    let mut resolution = Resolution::empty(2);
    resolution.open(0, 1);
    resolution.open(1, 1);
    assert!(!resolution.asked(0), "it was opened and has not ended");
    resolution.set(0, Call::failed(Unavailable::Timeout));
    resolution.set(1, Call::failed(Unavailable::KeyMissing));
    for index in 0..2 {
        assert_eq!(resolution.asked(index), index == 0);
        resolution.open(index, 2);
        resolution.set(index, Call::failed(Unavailable::KeyMissing));
        assert_eq!(resolution.asked(index), index == 0);
    }
}
