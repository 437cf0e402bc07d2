//! Every dialect of the synthetic country, asked and read, against its truth.

use bytes::Bytes;
use fixtures::{Authority, Country, Person, Profile, Truth};

use super::super::template::{Place, fill};
use super::super::{Group, decode};
use crate::catalogue::tests::demo;
use crate::catalogue::{Method, Register};
use crate::model::{Answer, AnswerBuilder, AttributeMask};

fn country() -> Country {
    Country::new(1, 20_000).unwrap()
}

/// A spread of people of every kind.
fn sample(country: &Country) -> impl Iterator<Item = Person> + use<> {
    country.people().step_by(37)
}

/// The request that the engine would send.
fn request(register: &Register, asked: AttributeMask, keys: &[&str]) -> hyper::Request<Bytes> {
    let group = Group { attributes: asked, organisation: "o".into(), procedure: "p".into() };
    let keys: Vec<_> = keys.iter().map(|key| ((*key).into(), uuid::Uuid::nil())).collect();
    let filled = |template, place| fill(template, place, register, &group, &keys);
    let method = match register.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let uri = filled(&register.path, Place::Path);
    let mut request = hyper::Request::builder().method(method).uri(uri);
    for header in &register.headers {
        request = request.header(&*header.name, filled(&header.value, Place::Header));
    }
    let body = register.body.as_ref().map(|body| filled(body, Place::Body));
    request.body(body.unwrap_or_default().into()).unwrap()
}

/// What a simulated register says about some keys, read by the engine.
fn ask(country: Country, register: &Register, asked: AttributeMask, keys: &[&str]) -> Vec<Answer> {
    let authority = Authority::named(&register.name).unwrap();
    let simulated = fixtures::Register::new(authority, country, Profile::Instant);
    let response = simulated.answer(&request(register, asked, keys));
    if response.status() == 404 {
        return keys.iter().map(|_| AnswerBuilder::not_found(asked, 7)).collect();
    }
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().to_vec();
    let answers = decode(register, keys, asked, 7, &mut body).unwrap();
    answers.into_iter().map(Result::unwrap).collect()
}

/// An attribute of an answer, in the words of truth.
#[derive(Debug, PartialEq)]
enum Said {
    Value { json: serde_json::Value, under_review: bool },
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

/// What a register is asked with about a person.
fn key(register: &str, person: &Person) -> String {
    match register {
        "caclr" => person.address().id().to_string(),
        _ => person.matricule().to_string(),
    }
}

#[track_caller]
fn check(register: &Register, answer: &Answer, person: &Person, asked: AttributeMask) {
    let (country, subject) = (country(), person.matricule().to_string());
    for attribute in asked.iter() {
        let name = format!("{}.{}", register.name, register.attributes[attribute].name);
        let truth = true_of(&country.truth(&subject, &name));
        assert_eq!(said(answer, attribute), truth, "{name} of {subject}");
    }
}

#[test]
fn each_dialect_is_read_as_it_is_true_for_people_of_every_kind() {
    let (catalogue, country) = (demo(), country());
    for register in catalogue.registers() {
        for person in sample(&country) {
            let key = key(&register.name, &person);
            let answers = ask(country, register, register.all(), &[&key]);
            check(register, &answers[0], &person, register.all());
            assert_eq!((answers[0].asked, answers[0].since), (register.all(), 7));
        }
    }
}

#[test]
fn only_what_was_asked_for_is_read() {
    let (catalogue, country) = (demo(), country());
    let person = country.example_parent();
    for register in catalogue.registers() {
        let key = key(&register.name, &person);
        for attribute in 0..register.attributes.len() {
            let asked = AttributeMask::only(attribute);
            let answer = ask(country, register, asked, &[&key]).remove(0);
            check(register, &answer, &person, asked);
            assert_eq!(answer.asked, asked);
            let others = register.all().without(asked);
            assert!(others.iter().all(|other| answer.value(other).is_none()));
        }
    }
}

#[test]
fn an_attribute_carries_the_date_of_its_last_update() {
    let (catalogue, country) = (demo(), country());
    let person = country.example_parent();
    for register in catalogue.registers() {
        let answer = ask(country, register, register.all(), &[&key(&register.name, &person)]);
        let updated = match &*register.name {
            "caclr" => person.address().last_updated().to_string(),
            name => person.last_updated(Authority::named(name).unwrap()).to_string(),
        };
        for attribute in register.all().iter().filter(|index| answer[0].value(*index).is_some()) {
            assert_eq!(answer[0].last_updated(attribute), Some(&*updated), "{}", register.name);
        }
    }
}

#[test]
fn the_answers_of_one_call_are_given_back_in_the_order_of_its_keys() {
    let (catalogue, country) = (demo(), country());
    let snca = catalogue.register(catalogue.find_register("snca").unwrap());
    let people: Vec<Person> = sample(&country).take(20).collect();
    let keys: Vec<String> = people.iter().map(|person| person.matricule().to_string()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let answers = ask(country, snca, snca.all(), &keys);
    assert!(answers.iter().any(|answer| answer.found) && answers.iter().any(|it| !it.found));
    for (answer, person) in answers.iter().zip(&people) {
        check(snca, answer, person, snca.all());
    }
}
