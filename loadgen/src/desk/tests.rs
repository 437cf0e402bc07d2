//! Visits as requests.

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::clock;

/// A calendar that shows noon of this day and runs so fast.
fn calendar(day: &str, scale: f64) -> Calendar {
    let shown = format!("{day}T12:00:00Z").parse().expect("a moment");
    Calendar::new(shown, clock::now(), scale)
}

fn desk() -> Desk {
    let described = json!({"id": "housing-aid", "version": 1, "organisation": "housing-ministry",
        "roles": [{"id": "applicant", "is": "natural", "minorsOnly": false}], "notices": [],
        "fields": [{"name": "familyName", "role": "applicant", "sources": ["rnpp.familyName"],
            "backOffice": true},
            {"name": "plate", "role": "applicant", "sources": ["snca.plate"]}]});
    let form = Form::new(serde_json::from_value(described).unwrap()).unwrap();
    let country = Country::new(1, 500).unwrap();
    Desk::new(country, vec![Arc::new(form)], 1, calendar("2026-01-01", 1.0))
}

fn ask(kind: Kind, subject: u64) -> (Ask, Value) {
    let visit = Visit { at: Duration::ZERO, kind, procedure: 0, subject, case: 0xabc };
    let ask = desk().ask(&Event { number: 0, at: Duration::ZERO, visit: Some(visit) });
    let body = serde_json::from_slice(&ask.message.body).unwrap_or_default();
    (ask, body)
}

#[test]
fn a_consent_and_the_reading_that_follows_it_are_about_one_case() {
    let (consent, given) = ask(Kind::Consent, 3);
    let (read, asked) = ask(Kind::BackOffice, 3);
    assert_eq!(given["case"], asked["case"]);
    assert_eq!(given["fields"], json!(["familyName"]));
    assert_eq!(given["expires"], "2030-01-01");
    assert_eq!(asked["channel"], "back-office");
    assert!(asked.get("presence").is_none());
    assert_eq!((consent.channel, read.channel), (Channel::Citizen, Channel::BackOffice));
    let applicant = asked["subjects"]["applicant"].as_str().unwrap();
    assert!(consent.message.head.contains(&format!("demo-person-{applicant}\r\n")));
    assert!(read.message.head.contains("demo-org-housing-ministry\r\n"));
}

#[test]
fn who_changes_what_they_allow_is_never_compared_with_the_truth() {
    let country = Country::new(1, 500).unwrap();
    for subject in 0..500 {
        let (change, _) = ask(Kind::Preference, subject);
        let index = (0..500).find(|index| {
            let name = country.person(*index).matricule().to_string();
            change.message.head.contains(&format!("demo-person-{name}\r\n"))
        });
        let (open, _) = ask(Kind::Open, index.expect("somebody"));
        assert!(matches!(open.expects, Expects::Shape(_)), "{subject}");
    }
    let compared =
        (0..500).filter(|it| matches!(ask(Kind::Open, *it).0.expects, Expects::Truth(_)));
    assert_eq!(compared.count(), 500 - 500 / RESTLESS as usize);
}

#[tokio::test(start_paused = true)]
async fn a_child_who_has_come_of_age_in_the_targets_calendar_is_not_held_against_the_truth() {
    let described = json!({"id": "school", "version": 1, "organisation": "education",
        "roles": [{"id": "applicant", "is": "natural", "minorsOnly": false},
            {"id": "child", "is": "natural", "minorsOnly": true}], "notices": [],
        "fields": [{"name": "name", "role": "child", "sources": ["rnpp.givenName"]}]});
    let form = Form::new(serde_json::from_value(described).unwrap()).unwrap();
    let country = Country::new(1, 4_000).unwrap();
    // A target that has run for a while: a year passes there in two minutes.
    let desk = Desk::new(country, vec![Arc::new(form)], 1, calendar("2031-01-01", 262_800.0));
    let asks: Vec<_> = (0..4_000)
        .step_by(7)
        .map(|subject| {
            let visit =
                Visit { at: Duration::ZERO, kind: Kind::Open, procedure: 0, subject, case: 0 };
            desk.ask(&Event { number: 0, at: Duration::ZERO, visit: Some(visit) })
        })
        .collect();
    let held = |day: &str| {
        asks.iter()
            .filter(|ask| {
                let Expects::Truth(expected) = &ask.expects else { return false };
                let body: Value = serde_json::from_slice(&ask.message.body).unwrap();
                let child = country.person_of(body["subjects"]["child"].as_str().unwrap()).unwrap();
                let is_minor = child.adult_since().to_string().as_str() > day;
                assert_eq!(expected.holds(), is_minor, "{} on {day}", child.adult_since());
                is_minor
            })
            .count()
    };
    let first = held("2031-01-01");
    // Nobody knows how far a target is behind; here it is by four years.
    tokio::time::advance(Duration::from_secs(4 * 120)).await;
    let last = held("2034-12-31");
    assert!(first > last && last > 100, "{first} {last}");
}

#[test]
fn an_invalid_request_has_a_wrong_check_digit_and_must_not_be_answered() {
    let (invalid, body) = ask(Kind::Invalid, 7);
    let matricule = body["subjects"]["applicant"].as_str().unwrap();
    assert!(Country::new(1, 500).unwrap().person_of(matricule).is_none());
    let Expects::Json(statuses) = invalid.expects else { panic!("no bundle may come") };
    assert!(statuses.iter().all(|status| (400..500).contains(status)));
}

#[test]
fn every_kind_of_visit_has_its_group() {
    let groups = desk().groups();
    for kind in Kind::ALL {
        let (ask, _) = ask(kind, 5);
        let group = &groups[usize::from(ask.group)];
        let of_form = matches!(kind, Kind::Open | Kind::Resume | Kind::BackOffice);
        assert_eq!(*group, if of_form { "housing-aid".to_owned() } else { format!("({kind})") });
    }
}
