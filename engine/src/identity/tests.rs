//! Presence: whose, for whom, for what, until when; and the demonstration's tokens.

mod jwt;

use super::*;
use crate::catalogue::Catalogue;
use crate::catalogue::tests::demo;
use crate::model::CivilMs;

const ADULT: &str = "1893120105732";
const NOW: CivilMs = 1_000;

fn presence() -> Presence {
    Presence {
        subject: ADULT.parse().unwrap(),
        token: "t".into(),
        organisation: None,
        procedure: None,
        valid_until: NOW + 1,
    }
}

fn covers(catalogue: &Catalogue, presence: &Presence, now: CivilMs) -> bool {
    let organisation = catalogue.organisation(catalogue.find_organisation("justice").unwrap());
    let procedure = catalogue.find_procedure("criminal-record-extract").unwrap();
    presence.covers(ADULT.parse().unwrap(), organisation, catalogue.procedure(procedure), now)
}

#[test]
fn a_presence_covers_its_own_subject_and_use_until_it_ends() {
    let catalogue = demo();
    let check = |presence: Presence, expected: bool| {
        assert_eq!(covers(catalogue, &presence, NOW), expected, "{presence:?}");
    };
    check(presence(), true);
    check(Presence { valid_until: NOW, ..presence() }, false);
    check(Presence { subject: "B123456".parse().unwrap(), ..presence() }, false);
    check(Presence { organisation: Some("justice".into()), ..presence() }, true);
    check(Presence { organisation: Some("acd".into()), ..presence() }, false);
    check(Presence { procedure: Some("criminal-record-extract".into()), ..presence() }, true);
    check(Presence { procedure: Some("parental-leave".into()), ..presence() }, false);
}

#[cfg(feature = "demo")]
mod demo_tokens {
    use super::*;

    #[test]
    fn a_demo_token_says_who_holds_it() {
        let tokens = Demo::new([7; 16]);
        let operator = Operator { organisation: "justice".into() };
        assert_eq!(tokens.operator("demo-org-justice"), Some(operator));
        let subject = ADULT.parse().unwrap();
        assert_eq!(tokens.citizen("demo-person-1893120105732"), Some(Citizen { subject }));
        assert_eq!(tokens.presence("demo-person-1893120105732").unwrap().subject, subject);
    }

    #[test]
    fn no_token_is_taken_for_one_of_another_kind() {
        let tokens = Demo::new([7; 16]);
        for token in ["", "justice", "demo-person-1893120105732", "DEMO-ORG-justice"] {
            assert_eq!(tokens.operator(token), None, "{token}");
        }
        let wrong = ["", ADULT, "demo-org-justice", "demo-person-", "demo-person-B123456"];
        for token in wrong.into_iter().chain(["demo-person-1893120105733"]) {
            assert_eq!(tokens.citizen(token), None, "{token}");
            assert_eq!(tokens.presence(token), None, "{token}");
        }
    }

    #[test]
    fn the_id_of_a_presence_hides_its_holder_and_is_the_same_for_one_engine_only() {
        let id = |salt| Demo::new([salt; 16]).presence("demo-person-1893120105732").unwrap().token;
        assert_eq!(id(1), id(1));
        assert_ne!(id(1), id(2));
        assert!(!id(1).contains("1893120105732"));
        assert_eq!(id(1).len(), 16);
    }
}
