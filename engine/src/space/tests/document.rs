//! What a document keeps, how it is written, and what an answer shows of it.

use super::*;
use crate::space::document::Document;

const DAY: i64 = 86_400_000;

fn document() -> Document {
    let mut document = Document::default();
    document.set(attribute("iban"), "LU280019400644750000".to_owned(), NOW);
    document.set(attribute("email"), "a \"quote\"@example.lu".to_owned(), NOW - DAY);
    document.set(attribute("mobile"), "+352621123456".to_owned(), NOW - 2 * DAY);
    document
}

#[test]
fn a_document_is_read_as_it_was_written() {
    let document = document();
    assert!(Document::decode(&document.encoded()) == Some(document));
    assert!(Document::decode(&Document::default().encoded()) == Some(Document::default()));
}

#[test]
fn the_format_of_a_document_does_not_change() {
    let mut document = Document::default();
    document.set(attribute("mobile"), "+1".to_owned(), 1);
    document.set(attribute("email"), "a@b".to_owned(), 64);
    assert_eq!(*document.encoded(), b"\x01\x02\x00\x03a@b\x80\x01\x01\x02+1\x02");
}

#[test]
fn what_is_no_document_is_not_read_as_one() {
    let whole = document().encoded();
    for length in 0..whole.len() {
        assert!(Document::decode(&whole[..length]).is_none());
    }
    let other_format = [&[2], &whole[1..]].concat();
    assert!(Document::decode(&other_format).is_none());
    let twice = b"\x01\x02\x00\x01a\x00\x00\x01b\x00";
    assert!(Document::decode(twice).is_none());
}

#[test]
fn an_answer_has_the_values_asked_for_and_the_day_of_each_change() {
    let (document, all) = (document(), AttributeMask::first(12));
    let answer = document.answer(all, NOW);
    assert!(answer.found);
    assert_eq!((answer.asked, answer.since), (all, NOW));
    assert_eq!(answer.value(0), Some(&br#""a \"quote\"@example.lu""#[..]));
    assert_eq!(answer.last_updated(0).as_deref(), Some("2026-05-31"));
    assert_eq!(answer.last_updated(1).as_deref(), Some("2026-05-30"));
    assert_eq!(answer.last_updated(2).as_deref(), Some("2026-06-01"));
    assert_eq!(answer.value(3), None);
    let one = document.answer(AttributeMask::only(1), NOW);
    assert_eq!(one.value(1), Some(&br#""+352621123456""#[..]));
    assert_eq!([one.value(0), one.value(2)], [None, None]);
}

#[test]
fn whoever_added_nothing_is_answered_all_the_same() {
    let answer = Document::default().answer(AttributeMask::first(12), NOW);
    assert!(answer.found);
    assert!((0..12).all(|index| answer.value(index).is_none()));
}

#[test]
fn a_value_takes_the_place_of_the_one_before_and_is_removed_once() {
    let mut document = document();
    document.set(attribute("email"), "b@example.lu".to_owned(), NOW);
    assert_eq!(
        document.answer(AttributeMask::only(0), NOW).value(0),
        Some(&br#""b@example.lu""#[..])
    );
    assert!(document.remove(attribute("email")));
    assert!(!document.remove(attribute("email")));
    assert!(document.remove(attribute("iban")) && document.remove(attribute("mobile")));
    assert!(document.is_empty());
}
