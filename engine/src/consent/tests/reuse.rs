//! Reuse consents: for exactly one use, until they end.

use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::catalogue::tests::demo;
use crate::consent::{
    Change, Consent, Grant, Parties, Request, STANDING_MAX, Standing, Terms, decide,
};
use crate::model::{Channel, CivilMs, Language};

const NOW: CivilMs = 1_750_000_000_000;
const FORM: &str = "housing-aid";
const CASE: &str = "2026-0001";

fn terms(number: u8) -> Terms {
    let procedure = demo().procedure(demo().find_procedure(FORM).unwrap());
    Terms {
        id: [number; 16],
        organisation: "housing-ministry".into(),
        case: CASE.into(),
        procedure: FORM.into(),
        purpose: procedure.purpose.clone(),
        fields: vec!["taxableIncomeEuros".into()],
        expires: NOW + 10,
    }
}

fn given(all: &[Terms]) -> Consent {
    let give = |consent: Consent, terms: &Terms| {
        consent.after(&Change::Give(terms.clone()), NOW).expect("it changes something")
    };
    all.iter().fold(Consent::default(), give)
}

fn request(catalogue: &Catalogue) -> Request {
    Request {
        procedure: catalogue.find_procedure(FORM).unwrap(),
        organisation: catalogue.find_organisation("housing-ministry").unwrap(),
        channel: Channel::BackOffice,
        subjects: [Some("1893120105732".parse().unwrap()), None, None, None],
        fields: None,
        presence: None,
        case: Some(CASE.into()),
        language: Language::default(),
    }
}

fn granted(consent: &Consent, now: CivilMs) -> Grant {
    let mut parties = Parties::default();
    parties.consents[0] = Some(Arc::new(consent.clone()));
    decide(demo(), &request(demo()), parties, now).unwrap()
}

/// The fields that a grant allows, by name.
fn fields(consent: &Consent, now: CivilMs) -> Vec<String> {
    let procedure = demo().procedure(request(demo()).procedure);
    let of = |index: usize| &procedure.fields[procedure.candidates[index].field].name;
    granted(consent, now).allowed().iter().map(|index| of(index).to_string()).collect()
}

/// What a consent gives whose terms were changed before it was given.
#[track_caller]
fn check(change: impl FnOnce(&mut Terms), expected: &[&str]) {
    let mut terms = terms(1);
    change(&mut terms);
    assert_eq!(fields(&given(&[terms]), NOW), expected);
}

#[test]
fn a_reuse_consent_gives_its_fields_for_its_use_and_for_no_other() {
    check(|_| {}, &["taxableIncomeEuros"]);
    check(|terms| terms.organisation = "cae".into(), &[]);
    check(|terms| terms.case = "2026-0002".into(), &[]);
    check(|terms| terms.procedure = "student-aid".into(), &[]);
    check(|terms| terms.purpose = "Something else".into(), &[]);
    check(|terms| terms.fields = Vec::new(), &[]);
    check(|terms| terms.fields = vec!["gone-since".into()], &[]);
    assert_eq!(fields(&Consent::default(), NOW), [""; 0]);
}

#[test]
fn a_field_that_no_back_office_may_have_is_not_given_by_a_consent_either() {
    let procedure = demo().procedure(demo().find_procedure(FORM).unwrap());
    let kept = procedure.fields.iter().find(|field| !field.back_office && !field.by_hand());
    let kept = kept.expect("the form has such a field").name.clone();
    check(|terms| terms.fields = vec![kept], &[]);
}

#[test]
fn it_ends_with_its_time_and_with_its_withdrawal() {
    let consent = given(&[terms(1)]);
    assert_eq!(fields(&consent, NOW + 9), ["taxableIncomeEuros"]);
    assert_eq!(fields(&consent, NOW + 10), [""; 0]);
    let withdrawn = consent.after(&Change::Withdraw { id: [1; 16] }, NOW + 3).unwrap();
    assert_eq!(fields(&withdrawn, NOW + 4), [""; 0]);
    assert_eq!((consent.version, withdrawn.version), (1, 2));
    let standing = |consent: &Consent, now| consent.find_reuse(&[1; 16]).unwrap().standing(now);
    assert_eq!(standing(&consent, NOW + 9), Standing::Given);
    assert_eq!(standing(&consent, NOW + 10), Standing::Expired);
    assert_eq!(standing(&withdrawn, NOW + 99), Standing::Withdrawn);
}

#[test]
fn a_grant_holds_as_long_as_all_consents_that_it_used() {
    let long = Terms { expires: NOW + 50, fields: vec!["familyName".into()], ..terms(2) };
    let unused = Terms { expires: NOW + 1, case: "another".into(), ..terms(3) };
    let consent = given(&[terms(1), long, unused]);
    assert_eq!(granted(&consent, NOW).valid_until(), NOW + 10);
    assert_eq!(granted(&consent, NOW + 10).valid_until(), NOW + 50);
    assert_eq!(fields(&consent, NOW + 10), ["familyName"]);
}

#[test]
fn what_changes_nothing_counts_no_version() {
    let consent = given(&[terms(1)]);
    let change = |change: Change| consent.after(&change, NOW + 5);
    assert_eq!(change(Change::Give(terms(1))), None, "it was given already");
    assert_eq!(change(Change::Withdraw { id: [2; 16] }), None, "there is none");
    assert_eq!(change(Change::Give(Terms { expires: NOW + 5, ..terms(2) })), None, "it is over");
    let withdrawn = change(Change::Withdraw { id: [1; 16] }).unwrap();
    assert_eq!(withdrawn.after(&Change::Withdraw { id: [1; 16] }, NOW + 6), None);
}

#[test]
fn so_many_stand_at_most_and_ended_ones_make_room() {
    let all: Vec<_> = (0..STANDING_MAX).map(|number| terms(number as u8)).collect();
    let full = given(&all);
    let further = Change::Give(Terms { expires: NOW + 99, ..terms(200) });
    assert_eq!(full.after(&further, NOW), None);
    let withdrawn = full.after(&Change::Withdraw { id: [7; 16] }, NOW).unwrap();
    let next = withdrawn.after(&further, NOW).unwrap();
    assert_eq!(next.reuse().len(), STANDING_MAX);
    assert!(next.find_reuse(&[7; 16]).is_none() && next.find_reuse(&[200; 16]).is_some());
    // All of them have expired, and the oldest goes.
    let later = full.after(&further, NOW + 10).unwrap();
    assert!(later.find_reuse(&[0; 16]).is_none() && later.find_reuse(&[1; 16]).is_some());
}

#[test]
fn a_state_of_the_first_format_is_read_and_what_is_no_state_is_not() {
    // Version 3, No to `rnpp` since 10 under epoch 3.
    let first = b"\x03\x01\x04rnpp\x00\x14\x03";
    let read = Consent::decode(first).unwrap();
    assert_eq!((read.version, read.allows("rnpp"), read.epoch("rnpp")), (3, false, 3));
    assert_eq!(read.preference("rnpp").unwrap().since, 10);
    assert_eq!(Consent::decode(&read.encode()), Some(read));
    let consent = given(&[terms(1), terms(2)]);
    assert_eq!(Consent::decode(&consent.encode()), Some(consent));
    for wrong in [&b""[..], b"\x00", b"\x00\x03\x01\x00\x00", b"\x00\x02\x01", b"\x03\x02"] {
        assert_eq!(Consent::decode(wrong), None, "{wrong:?}");
    }
}
