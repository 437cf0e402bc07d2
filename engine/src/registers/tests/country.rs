//! Every dialect of the synthetic country, asked and read, against its truth.

use fixtures::{Authority, Country, Profile, Truth, TruthValue};
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::super::exchange::{Answered, Head, Said as Response, judge, request};
use super::super::{Endpoint, Group, decode, decode::not_found};
use crate::catalogue::{Catalogue, Key, Of, Register};
use crate::model::{Answer, AttributeMask};

fn country() -> Country {
    Country::new(1, 20_000).unwrap()
}

/// A catalogue's registers: what citizens add themselves is in the house.
fn registers(catalogue: &Catalogue) -> impl Iterator<Item = &Register> {
    catalogue.registers().iter().filter(|register| register.dialect.is_some())
}

/// Subjects of every kind whom a register may know: people, or the companies
/// that they act for.
fn subjects(register: &Register) -> Vec<String> {
    let (country, every) = (country(), if register.of == Of::Legal { 7 } else { 37 });
    let people = country.people().step_by(every).map(|person| person.matricule().to_string());
    let companies = |person: String| match country.truth(&person, "mandates.companies") {
        Truth::Value(value) => texts(&value),
        _ => Vec::new(),
    };
    match register.of {
        Of::Natural => people.collect(),
        Of::Legal => people.flat_map(companies).collect(),
        Of::Any => people.flat_map(|it| companies(it.clone()).into_iter().chain([it])).collect(),
    }
}

fn texts(value: &TruthValue) -> Vec<String> {
    serde_json::from_value(value.to_json()).unwrap()
}

/// What a register is asked with about a subject: the subject, or what another
/// register says of them.
fn key(catalogue: &Catalogue, register: &Register, subject: &str) -> Option<String> {
    let Key::Attribute(other, attribute) = register.key else { return Some(subject.to_owned()) };
    let other = catalogue.register(other);
    let name = format!("{}.{}", other.name, other.attributes[attribute].name);
    match country().truth(subject, &name) {
        Truth::Value(value) | Truth::UnderReview(value) => {
            Some(value.to_json().as_str().unwrap().to_owned())
        }
        _ => None,
    }
}

/// The keys that a register is asked with about its subjects.
fn keys(catalogue: &Catalogue, register: &Register) -> Vec<String> {
    let keyed = |subject: String| key(catalogue, register, &subject);
    let keys: Vec<_> = subjects(register).into_iter().filter_map(keyed).collect();
    assert!(keys.len() > 20, "{}", register.name);
    keys
}

fn here() -> Endpoint {
    std::net::SocketAddr::from(([127, 0, 0, 1], 1)).into()
}

/// What a simulated register answers to the engine's own request.
async fn raw(register: &Register, asked: AttributeMask, keys: &[&str]) -> Response {
    let group = Group { attributes: asked, organisation: "o".into(), procedure: "p".into() };
    let keys: Vec<_> = keys.iter().map(|key| ((*key).into(), uuid::Uuid::nil())).collect();
    let head = Head::of(&here(), register).unwrap();
    let (head, body) = request(&head, register, &group, &keys).unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let authority = Authority::named(&register.name).unwrap();
    let simulated = fixtures::Register::new(authority, country(), Profile::Instant);
    let (head, body) = simulated.answer(&hyper::Request::from_parts(head, body)).into_parts();
    Response { status: head.status, headers: head.headers, body: body.to_vec() }
}

/// What a simulated register says about some keys, read by the engine.
async fn ask(register: &Register, asked: AttributeMask, keys: &[&str]) -> Vec<Answer> {
    let answers = match judge(register.http(), raw(register, asked, keys).await).unwrap() {
        Answered::NotFound => not_found(asked, 7, keys.len()),
        Answered::Body(mut body) => decode(register, keys, asked, 7, &mut body).unwrap(),
    };
    answers.into_iter().map(Result::unwrap).collect()
}

/// An attribute of an answer, in the words of truth.
#[derive(Debug, PartialEq)]
enum Said {
    Value { json: Value, under_review: bool },
    Nothing,
    Unavailable,
    UnknownSubject,
    Invalid,
}

fn said(answer: &Answer, attribute: usize) -> Said {
    if !answer.found {
        return Said::UnknownSubject;
    }
    let under_review = answer.under_review.contains(attribute);
    match answer.value(attribute) {
        Some(value) => Said::Value { json: serde_json::from_slice(value).unwrap(), under_review },
        None if answer.unavailable.contains(attribute) => Said::Unavailable,
        None if answer.invalid.contains(attribute) => Said::Invalid,
        None => Said::Nothing,
    }
}

fn true_of(truth: &Truth) -> Said {
    match truth {
        Truth::Value(value) => Said::Value { json: value.to_json(), under_review: false },
        Truth::UnderReview(value) => Said::Value { json: value.to_json(), under_review: true },
        Truth::Nothing => Said::Nothing,
        Truth::Unavailable => Said::Unavailable,
        Truth::UnknownSubject => Said::UnknownSubject,
        Truth::UnknownAttribute => Said::Invalid,
    }
}

#[track_caller]
fn check(register: &Register, answer: &Answer, key: &str, asked: AttributeMask) {
    for attribute in asked.iter() {
        let name = format!("{}.{}", register.name, register.attributes[attribute].name);
        let truth = true_of(&country().truth_of_key(key, &name));
        assert_eq!(said(answer, attribute), truth, "{name} of {key}");
    }
}

#[tokio::test]
async fn each_dialect_is_read_as_it_is_true_for_subjects_of_every_kind() {
    let catalogue = super::country();
    for register in registers(&catalogue) {
        let mut filled = AttributeMask::EMPTY;
        for key in keys(&catalogue, register) {
            let answer = ask(register, register.all(), &[&key]).await.remove(0);
            check(register, &answer, &key, register.all());
            assert_eq!((answer.asked, answer.since), (register.all(), 7));
            filled = filled
                .union(register.all().iter().filter(|it| answer.value(*it).is_some()).collect());
        }
        assert_eq!(
            filled,
            register.all(),
            "{}: each attribute has a value somewhere",
            register.name
        );
    }
}

#[tokio::test]
async fn only_what_was_asked_for_is_read() {
    let catalogue = super::country();
    for register in registers(&catalogue) {
        for key in keys(&catalogue, register).into_iter().take(20) {
            for attribute in 0..register.attributes.len() {
                let asked = AttributeMask::only(attribute);
                let answer = ask(register, asked, &[&key]).await.remove(0);
                check(register, &answer, &key, asked);
                assert_eq!(answer.asked, asked);
                let others = register.all().without(asked);
                assert!(others.iter().all(|other| answer.value(other).is_none()));
            }
        }
    }
}

/// The date that a raw answer gives for an attribute: its leaf's, or its own.
fn updated(register: &Register, attribute: usize, raw: &Value) -> Option<String> {
    let dialect = register.http();
    let element = match &dialect.elements {
        Some(list) => raw.pointer(&format!("{list}/0")),
        None => Some(raw),
    };
    let leaf = dialect.leaf.as_ref().and_then(|leaf| leaf.updated.as_ref());
    let pointer = match leaf {
        Some(member) => format!("{}/{member}", register.attributes[attribute].at),
        None => dialect.updated.as_deref()?.to_owned(),
    };
    Some(element?.pointer(&pointer)?.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_attribute_carries_the_date_of_its_last_update() {
    let catalogue = super::country();
    for register in registers(&catalogue) {
        for key in keys(&catalogue, register).into_iter().take(20) {
            let raw = raw(register, register.all(), &[&key]).await;
            let answer = ask(register, register.all(), &[&key]).await.remove(0);
            if !answer.found {
                continue;
            }
            let raw: Value = serde_json::from_slice(&raw.body).unwrap();
            for index in register.all().iter().filter(|index| answer.value(*index).is_some()) {
                let expected = updated(register, index, &raw);
                assert_eq!(
                    answer.last_updated(index).as_deref(),
                    expected.as_deref(),
                    "{}",
                    register.name
                );
            }
        }
    }
}

#[tokio::test]
async fn the_answers_of_one_call_are_given_back_in_the_order_of_its_keys() {
    let catalogue = super::country();
    let mut batched = 0;
    for register in registers(&catalogue).filter(|register| register.http().batch > 1) {
        let all = keys(&catalogue, register);
        let some: Vec<_> = all.iter().take(register.http().batch).collect();
        let keys: Vec<&str> = some.iter().map(|key| key.as_str()).collect();
        let answers = ask(register, register.all(), &keys).await;
        assert_eq!(answers.len(), keys.len());
        for (answer, key) in answers.iter().zip(some) {
            check(register, answer, key, register.all());
        }
        batched +=
            usize::from(answers.iter().any(|it| it.found) && answers.iter().any(|it| !it.found));
    }
    assert!(batched > 0, "some call is about known and unknown keys");
}
