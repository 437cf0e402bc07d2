//! Requests that are denied as a whole, and how long the others hold.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::catalogue::tests::demo;
use crate::clock;
use crate::consent::{Consent, Denied, Grant, Parties, Request, decide};
use crate::identity::Presence;
use crate::model::{Channel, CivilMs, Language, Subject};

const NOW: CivilMs = 1_750_000_000_000;
const ADULT: &str = "1893120105732";

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

fn presence(of: &str) -> Presence {
    Presence {
        subject: subject(of),
        token: "t".into(),
        organisation: None,
        procedure: None,
        valid_until: NOW + 1,
    }
}

/// A request of the demonstration that is granted: each test spoils it.
fn request(catalogue: &Catalogue, organisation: &str, procedure: &str) -> Request {
    Request {
        procedure: catalogue.find_procedure(procedure).unwrap(),
        organisation: catalogue.find_organisation(organisation).unwrap(),
        channel: Channel::FrontOffice,
        subjects: [Some(subject(ADULT)), None, None, None],
        fields: None,
        presence: Some(presence(ADULT)),
        case: None,
        language: Language::default(),
    }
}

#[track_caller]
fn check(organisation: &str, spoil: impl FnOnce(&mut Request), expected: Result<(), Denied>) {
    let catalogue = demo();
    let mut request = request(catalogue, organisation, "criminal-record-extract");
    spoil(&mut request);
    let nobody = Parties::default();
    assert_eq!(decide(catalogue, &request, nobody, NOW).map(drop), expected);
}

#[test]
fn an_organisation_without_any_authority_is_denied() {
    check("justice", |_| {}, Ok(()));
    check("acd", |_| {}, Err(Denied::NoAuthority));
    check("demo-platform", |_| {}, Err(Denied::NoAuthority));
    let no_presence = |request: &mut Request| request.presence = None;
    check("acd", no_presence, Err(Denied::NoAuthority));
}

#[test]
fn citizens_see_their_own_view_and_no_organisation_does() {
    let catalogue = demo();
    let view = catalogue.own_view().unwrap().id;
    let own = |request: &mut Request| request.channel = Channel::Own;
    check("justice", own, Err(Denied::NoAuthority));
    check("justice", |request| request.procedure = view, Err(Denied::NoAuthority));
    let both = |request: &mut Request| {
        own(request);
        request.procedure = view;
    };
    check("justice", both, Ok(()));
}

#[test]
fn a_front_office_needs_a_presence_of_the_applicant_for_this_use_now() {
    let spoil = |change: fn(&mut Presence)| {
        move |request: &mut Request| change(request.presence.as_mut().unwrap())
    };
    check("justice", |request| request.presence = None, Err(Denied::NoPresence));
    check("justice", |request| request.subjects[0] = None, Err(Denied::NoPresence));
    check("justice", spoil(|token| token.valid_until = NOW), Err(Denied::NoPresence));
    check("justice", spoil(|token| token.subject = subject("B123456")), Err(Denied::NoPresence));
    check(
        "justice",
        spoil(|token| token.organisation = Some("acd".into())),
        Err(Denied::NoPresence),
    );
    check("justice", spoil(|token| token.organisation = Some("justice".into())), Ok(()));
    check("justice", spoil(|token| token.procedure = Some("x".into())), Err(Denied::NoPresence));
    let bound = spoil(|token| token.procedure = Some("criminal-record-extract".into()));
    check("justice", bound, Ok(()));
}

#[test]
fn a_back_office_needs_a_case_and_no_presence() {
    let channel = |case: Option<&str>| {
        let case = case.map(Box::from);
        move |request: &mut Request| {
            request.channel = Channel::BackOffice;
            request.presence = None;
            request.case = case;
        }
    };
    check("justice", channel(None), Err(Denied::NoReuseConsent));
    check("justice", channel(Some("c-1")), Ok(()));
}

/// A parental leave for a child of that birth, decided at `now`.
fn for_child(birth: (i32, u32, u32), now: CivilMs) -> (Grant, usize) {
    let catalogue = demo();
    let day = fixtures::Day::new(birth.0, birth.1, birth.2).unwrap();
    let child = fixtures::Matricule::from_parts(day, 7).unwrap().to_string();
    let mut request = request(catalogue, "cae", "parental-leave");
    request.subjects[1] = Some(subject(&child));
    let long = Presence { valid_until: CivilMs::MAX, ..presence(ADULT) };
    request.presence = Some(long);
    let procedure = catalogue.procedure(request.procedure);
    let field = procedure.find_field("childGivenName").unwrap();
    let candidate = procedure.fields[field].candidates.start;
    let consents = request.subjects.map(|subject| subject.map(|_| Arc::<Consent>::default()));
    let parties = Parties { consents, ..Parties::default() };
    (decide(catalogue, &request, parties, now).unwrap(), candidate)
}

fn midnight(year: i16, month: i8, day: i8) -> CivilMs {
    clock::start_of(jiff::civil::date(year, month, day))
}

/// A child is a minor until `birthday`, and the grant says so.
#[track_caller]
fn of_age_at(birth: (i32, u32, u32), birthday: CivilMs) {
    let (before, child) = for_child(birth, birthday - 1);
    assert!(before.allowed().contains(child));
    assert_eq!(before.valid_until(), birthday);
    let (after, child) = for_child(birth, birthday);
    assert!(!after.allowed().contains(child));
    assert_eq!(after.withheld(child), Some(crate::model::Withheld::Role));
    assert_eq!(after.valid_until(), CivilMs::MAX);
    assert!(!after.allowed().is_empty(), "the applicant's own fields stay");
}

#[test]
fn a_child_becomes_of_age_at_the_start_of_the_eighteenth_birthday() {
    of_age_at((2010, 2, 3), midnight(2028, 2, 3));
    of_age_at((2007, 12, 31), midnight(2025, 12, 31));
    // Without a 29 February in that year, the day before is the last: nobody
    // is taken for a minor after it.
    of_age_at((2008, 2, 29), midnight(2026, 2, 28));
}

#[test]
fn a_grant_holds_as_long_as_the_presence_it_used() {
    let catalogue = demo();
    let request = request(catalogue, "justice", "criminal-record-extract");
    let grant = decide(catalogue, &request, Parties::default(), NOW).unwrap();
    assert_eq!(grant.valid_until(), NOW + 1);
    let view = catalogue.own_view().unwrap().id;
    let own = Request { channel: Channel::Own, presence: None, procedure: view, ..request };
    let grant = decide(catalogue, &own, Parties::default(), NOW).unwrap();
    assert_eq!(grant.valid_until(), CivilMs::MAX);
}

#[test]
fn a_grant_names_the_versions_and_epochs_that_it_was_decided_on() {
    let catalogue = demo();
    let request = request(catalogue, "justice", "criminal-record-extract");
    let consent = Consent::default().with_preference("caclr", false, 0).unwrap();
    let consent = consent.with_preference("caclr", true, 0).unwrap();
    let consents = [Some(Arc::new(consent)), None, None, None];
    let parties = Parties { consents, ..Parties::default() };
    let grant = decide(catalogue, &request, parties, NOW).unwrap();
    assert_eq!(grant.versions(), [Some(2), None, None, None]);
    assert_eq!(
        (grant.epoch(0, "caclr"), grant.epoch(0, "rnpp"), grant.epoch(1, "caclr")),
        (1, 0, 0)
    );
}
