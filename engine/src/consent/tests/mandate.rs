//! Mandates: withdrawn by either side, restored by the one who withdrew, and never
//! again filled from what was fetched before.

use std::sync::Arc;

use crate::catalogue::tests::demo;
use crate::consent::{Change, Consent, Grant, MANDATES_MAX, Parties, Request, decide};
use crate::identity::Presence;
use crate::model::{Channel, CivilMs, Language, Subject, Withheld};

const NOW: CivilMs = 1_750_000_000_000;
const PERSON: u64 = 7;
const COMPANY: u64 = 9;

fn said(consent: &Consent, other: u64, allow: bool) -> Option<Consent> {
    consent.after(&Change::Mandate { other, allow }, 10)
}

fn withdrew(other: u64) -> Consent {
    said(&Consent::default(), other, false).unwrap()
}

/// What is decided on a company's form for somebody who acts for it.
fn granted(person: &Consent, company: &Consent) -> Grant {
    let applicant: Subject = "1893120105732".parse().unwrap();
    let request = Request {
        procedure: demo().find_procedure("company-name-change").unwrap(),
        organisation: demo().find_organisation("lbr").unwrap(),
        channel: Channel::FrontOffice,
        subjects: [Some(applicant), Some("B123456".parse().unwrap()), None, None],
        fields: None,
        presence: Some(Presence {
            subject: applicant,
            token: "t".into(),
            organisation: None,
            procedure: None,
            valid_until: CivilMs::MAX,
        }),
        case: None,
        language: Language::default(),
    };
    let [person, company] = [person, company].map(|known| Some(Arc::new(known.clone())));
    let parties = Parties {
        consents: [person, company, None, None],
        numbers: [Some(PERSON), Some(COMPANY), None, None],
    };
    decide(demo(), &request, parties, NOW).unwrap()
}

/// Whether everything of the company is withheld for its role, and nothing else is.
#[track_caller]
fn check(person: &Consent, company: &Consent, withheld: bool) {
    let grant = granted(person, company);
    let form = demo().procedure(demo().find_procedure("company-name-change").unwrap());
    for (index, candidate) in form.candidates.iter().enumerate() {
        let expected = (withheld && candidate.role == 1).then_some(Withheld::Role);
        assert_eq!(grant.withheld(index), expected, "{candidate:?}");
    }
    // Nobody is asked about the company, nor whether the mandate stands.
    let calls = grant.plan(demo()).calls();
    assert_eq!(calls.iter().any(|call| form.calls[call].role == 1), !withheld);
    let mandates = demo().find_register("mandates").unwrap();
    assert_eq!(calls.iter().any(|call| form.calls[call].register == mandates), !withheld);
}

#[test]
fn a_mandate_that_either_side_withdrew_gives_nothing_of_the_company() {
    let nothing = Consent::default();
    check(&nothing, &nothing, false);
    check(&withdrew(COMPANY), &nothing, true);
    check(&nothing, &withdrew(PERSON), true);
    check(&withdrew(COMPANY), &withdrew(PERSON), true);
    // Another's mandate, and another company's, are theirs.
    check(&withdrew(COMPANY + 1), &withdrew(PERSON + 1), false);
    check(&withdrew(PERSON), &withdrew(COMPANY), false);
}

#[test]
fn neither_side_undoes_what_the_other_withdrew() {
    let restored = said(&withdrew(COMPANY), COMPANY, true).unwrap();
    check(&restored, &Consent::default(), false);
    check(&restored, &withdrew(PERSON), true);
}

#[test]
fn each_change_counts_a_version_and_saying_the_same_again_is_none() {
    let first = withdrew(COMPANY);
    assert_eq!((first.version, said(&first, COMPANY, false)), (1, None));
    assert_eq!(said(&Consent::default(), COMPANY, true), None, "it was not withdrawn");
    let restored = said(&first, COMPANY, true).unwrap();
    assert_eq!((restored.version, said(&restored, COMPANY, true)), (2, None));
    assert!(first.withdrew(COMPANY) && !restored.withdrew(COMPANY));
    let again = said(&restored, COMPANY, false).unwrap();
    assert_eq!((again.version, again.mandates().len()), (3, 1));
}

#[test]
fn what_was_fetched_before_a_withdrawal_is_not_used_once_the_mandate_is_restored() {
    let nothing = Consent::default();
    let epochs = |person: &Consent, company: &Consent| {
        let grant = granted(person, company);
        [grant.epoch(0, "mandates"), grant.epoch(1, "rcs")]
    };
    let before = epochs(&nothing, &nothing);
    assert_eq!(before, [0, 0]);
    let restored = |other| said(&withdrew(other), other, true).unwrap();
    let by_person = epochs(&restored(COMPANY), &nothing);
    let by_company = epochs(&nothing, &restored(PERSON));
    let both = epochs(&restored(COMPANY), &restored(PERSON));
    let all = [before, by_person, by_company, both];
    for (index, one) in all.iter().enumerate() {
        for other in &all[index + 1..] {
            assert!(one[0] != other[0] && one[1] != other[1], "{all:?}");
        }
    }
    // A Yes or No to a register still begins an epoch of its own.
    let no = restored(COMPANY).with_preference("mandates", false, 0).unwrap();
    let yes = no.with_preference("mandates", true, 0).unwrap();
    assert_ne!(epochs(&yes, &nothing)[0], by_person[0]);
}

#[test]
fn so_many_are_withdrawn_at_most_and_restored_ones_make_room() {
    let withdraw = |consent: Consent, other| said(&consent, other, false).unwrap();
    let full = (0..MANDATES_MAX as u64).fold(Consent::default(), withdraw);
    assert!(!full.takes_mandates());
    assert_eq!(said(&full, 200, false), None);
    let restored = said(&full, 3, true).unwrap();
    assert!(restored.takes_mandates());
    let next = said(&restored, 200, false).unwrap();
    assert!(next.withdrew(200) && next.mandates().iter().all(|known| known.other != 3));
    assert_eq!(next.mandates().len(), MANDATES_MAX);
}

#[test]
fn the_format_of_a_state_does_not_change_and_the_one_before_is_read() {
    let state = said(&withdrew(COMPANY), 300, false).unwrap();
    let golden = b"\x00\x03\x02\x00\x00\x02\x09\x00\x14\xac\x02\x00\x14\x02";
    assert_eq!(state.encode(), golden);
    assert_eq!(Consent::decode(golden), Some(state));
    // Version 3, No to `rnpp` since 10 under epoch 3, a reuse consent that stands.
    let mut second = b"\x00\x02\x03\x01\x04rnpp\x00\x14\x03\x01".to_vec();
    second.extend([1; 16]);
    second.extend(b"\x01o\x01c\x01p\x01u\x01\x01f\x0e\x02\x00");
    let read = Consent::decode(&second).unwrap();
    assert_eq!((read.version, read.epoch("rnpp"), read.reuse().len()), (3, 3, 1));
    assert!(read.reuse()[0].stands(6) && read.mandates().is_empty());
    assert_eq!(Consent::decode(&read.encode()), Some(read));
}
