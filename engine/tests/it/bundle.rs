//! Bundles: every field filled or explained, and equal to what is true.

use fixtures::{Country, Person};
use serde_json::{Value, json};

use crate::support::{
    Api, Custom, api, bundle, demo, expected, find, form, set, somebody, with, young_child,
};

/// People of every kind: some by chance, and whoever is special.
fn sample(country: Country) -> Vec<Person> {
    let by_chance = (0..12).map(|step| country.person(step * 7_919 % country.population()));
    let special: [fn(&Person) -> bool; 7] = [
        Person::is_child,
        Person::address_under_review,
        |it| it.affiliation().is_some_and(|it| it.employer_unavailable()),
        |it| it.affiliation().is_some_and(|it| it.job().is_none()),
        |it| !it.is_child() && it.affiliation().is_none(),
        |it| !it.is_child() && it.vehicle().is_none(),
        |it| it.birth_name() != it.family_name(),
    ];
    by_chance.chain(special.map(|kind| find(country, kind))).collect()
}

/// Compares a bundle with the truth, member by member.
#[track_caller]
fn check(api: Api, country: Country, procedure: &str, subjects: &[(&str, &str)]) -> Value {
    let described = api.get(&format!("/v1/procedures/{procedure}")).ok();
    let named: serde_json::Map<_, _> =
        subjects.iter().map(|(role, id)| ((*role).to_owned(), Value::from(*id))).collect();
    let form = with(form(procedure, subjects[0].1), json!({"subjects": named}));
    let bundle = bundle(api, &form);
    assert_eq!(bundle, expected(country, &described, subjects, &bundle), "{form}");
    bundle
}

fn check_applicants(procedure: &str) {
    let demo = demo();
    for person in sample(demo.country) {
        let matricule = person.matricule().to_string();
        check(api(&demo), demo.country, procedure, &[("applicant", &matricule)]);
    }
}

#[test]
fn a_criminal_record_extract_is_filled_with_the_truth() {
    check_applicants("criminal-record-extract");
}

#[test]
fn a_plate_reservation_is_filled_with_the_truth() {
    check_applicants("plate-reservation");
}

#[test]
fn a_residence_certificate_is_filled_with_the_truth() {
    check_applicants("residence-certificate");
}

#[test]
fn a_tax_card_change_is_filled_with_the_truth() {
    check_applicants("tax-card-change");
}

#[test]
fn a_vehicle_registration_is_filled_with_the_truth() {
    check_applicants("vehicle-registration");
}

#[test]
fn a_parental_leave_is_filled_with_the_truth_about_parent_and_child() {
    let demo = demo();
    let parents = demo.country.people().filter(|it| young_child(it).is_some());
    for parent in parents.take(120).step_by(10) {
        let child = young_child(&parent).unwrap().matricule().to_string();
        let parent = parent.matricule().to_string();
        let subjects = [("applicant", &*parent), ("child", &*child)];
        check(api(&demo), demo.country, "parental-leave", &subjects);
    }
}

#[test]
fn the_sample_has_every_way_in_which_truth_ends() {
    let demo = demo();
    let mut seen = Vec::new();
    for person in sample(demo.country) {
        let matricule = person.matricule().to_string();
        for procedure in ["residence-certificate", "tax-card-change", "plate-reservation"] {
            let bundle = bundle(api(&demo), &form(procedure, &matricule));
            for (name, field) in bundle["fields"].as_object().unwrap() {
                let doubted = if field["underReview"] == true { " under review" } else { "" };
                seen.push(format!("{name} {}{doubted}", field["status"].as_str().unwrap()));
            }
        }
    }
    for kind in [
        "familyName filled",
        "residenceSince filled",
        "residenceSince filled under review",
        "employer filled",
        "employer empty",
        "employer unavailable",
        "weeklyHours empty",
        "plate filled",
        "plate empty",
    ] {
        assert!(seen.iter().any(|seen| seen == kind), "nobody has {kind}");
    }
}

#[test]
fn nobody_knows_a_stranger_and_every_field_says_so() {
    let demo = demo();
    let elsewhere = Country::new(1, 100_000).unwrap();
    let stranger = elsewhere.person(90_000).matricule().to_string();
    assert!(demo.country.person_of(&stranger).is_none());
    for procedure in ["criminal-record-extract", "tax-card-change", "vehicle-registration"] {
        let bundle = check(api(&demo), demo.country, procedure, &[("applicant", &stranger)]);
        assert_eq!(bundle["complete"], true);
        assert_eq!(bundle["sources"]["rnpp"], json!({"outcome": "notFound"}));
    }
}

#[test]
fn only_the_fields_wanted_are_fetched_and_told() {
    let demo = demo();
    let wanted = json!({"fields": ["plate", "model"]});
    let form = with(form("plate-reservation", &somebody(demo.country)), wanted);
    let bundle = bundle(api(&demo), &form);
    let names: Vec<_> = bundle["fields"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["model", "plate"]);
    assert_eq!(bundle["sources"], json!({"snca": {"outcome": "answered"}}));
    assert_eq!(demo.fleet.register("rnpp").calls(), 0);
    let log = demo.fleet.register("snca").log();
    assert_eq!(log.len(), 1);
}

#[test]
fn a_value_older_than_wanted_is_told_as_stale_while_its_register_is_down() {
    let demo = demo();
    let form = form("plate-reservation", &somebody(demo.country));
    let before = bundle(api(&demo), &form);
    set(&demo.fleet, "snca", fixtures::Mode::Error);
    let after = bundle(api(&demo), &with(form, json!({"maxAgeSeconds": 0})));
    for name in ["plate", "make", "model"] {
        let mut stale = before["fields"][name].clone();
        stale["status"] = "stale".into();
        assert_eq!(after["fields"][name], stale);
    }
    assert_eq!(after["fields"]["familyName"], before["fields"]["familyName"]);
    let answered = json!({"outcome": "answered"});
    let sources = json!({"rnpp": answered, "caclr": answered, "snca": {"outcome": "error"}});
    assert_eq!(after["sources"], sources);
    assert_eq!(after["complete"], false);
}

#[test]
fn a_fresh_value_is_called_for_once_and_kept() {
    let demo = demo();
    let form = form("vehicle-registration", &somebody(demo.country));
    let first = bundle(api(&demo), &form);
    let again = bundle(api(&demo), &form);
    assert_eq!(first["fields"], again["fields"]);
    assert_ne!(first["disclosure"], again["disclosure"]);
    for register in ["rnpp", "caclr", "snca"] {
        assert_eq!(demo.fleet.register(register).calls(), 1, "{register}");
    }
    bundle(api(&demo), &with(form, json!({"maxAgeSeconds": 0})));
    assert_eq!(demo.fleet.register("snca").calls(), 2);
}

#[test]
fn an_attribute_beyond_the_authority_is_withheld_and_its_register_not_called() {
    let narrowed = "attributes = [\"rnpp.familyName\", \"rnpp.addressId\"]";
    let whole = r#"attributes = [
    "rnpp.familyName", "rnpp.givenName", "rnpp.birthName", "rnpp.dateOfBirth",
    "rnpp.placeOfBirth", "rnpp.citizenship", "caclr.*",
]"#;
    let edit = ("organisations/administrations.toml", whole, narrowed);
    let custom = Custom::start(&[edit], &[]);
    let form = form("criminal-record-extract", &somebody(custom.country));
    let bundle = bundle(custom.api(), &form);
    let gap = |register| json!({"status": "withheld", "source": register, "reason": "authority"});
    assert_eq!(bundle["fields"]["familyName"]["status"], "filled");
    for (name, register) in [("givenName", "rnpp"), ("placeOfBirth", "rnpp"), ("postCode", "caclr")]
    {
        assert_eq!(bundle["fields"][name], gap(register), "{name}");
    }
    assert_eq!(bundle["sources"], json!({"rnpp": {"outcome": "answered"}}));
    assert_eq!(bundle["complete"], false);
    assert_eq!(custom.fleet.register("caclr").calls(), 0);
    let path = &custom.fleet.register("rnpp").log()[0].path;
    assert!(path.ends_with("?fields=familyName"), "{path}");
}

#[test]
fn the_back_office_gets_what_the_law_names_and_no_other_reason() {
    let demo = demo();
    let matricule = somebody(demo.country);
    let form = json!({
        "procedure": "residence-certificate", "subjects": {"applicant": matricule},
        "channel": "back-office", "case": "2026-0001",
    });
    let bundle = bundle(api(&demo), &form);
    for name in ["familyName", "givenName", "dateOfBirth", "postCode"] {
        assert_eq!(bundle["fields"][name]["status"], "filled", "{name}");
    }
    let gap = json!({"status": "withheld", "reason": "notAvailableToYou"});
    for name in ["civilStatus", "residenceSince", "thoroughfare", "adminUnitL1"] {
        assert_eq!(bundle["fields"][name], gap, "{name}");
    }
}

#[test]
fn the_back_office_is_told_the_same_of_a_no_as_of_no_consent() {
    let demo = demo();
    let matricule = somebody(demo.country);
    assert_eq!(api(&demo).prefer(&matricule, "rnpp", false).status, 200);
    let gap = json!({"status": "withheld", "reason": "notAvailableToYou"});
    for procedure in ["residence-certificate", "tax-card-change"] {
        let form = json!({
            "procedure": procedure, "subjects": {"applicant": matricule},
            "channel": "back-office", "case": "2026-0001",
        });
        let bundle = bundle(api(&demo), &form);
        let fields = bundle["fields"].as_object().unwrap();
        assert!(fields.values().all(|field| *field == gap), "{bundle}");
        assert_eq!(bundle["sources"], json!({}));
    }
}

#[test]
fn a_register_that_hangs_is_down_too() {
    let demo = demo();
    let form = form("plate-reservation", &somebody(demo.country));
    let before = bundle(api(&demo), &form);
    set(&demo.fleet, "snca", fixtures::Mode::Hang);
    let wanted = json!({"maxAgeSeconds": 0, "deadlineMs": 300});
    let after = bundle(api(&demo), &with(form, wanted));
    let mut stale = before["fields"]["plate"].clone();
    stale["status"] = "stale".into();
    assert_eq!(after["fields"]["plate"], stale);
    assert_eq!(after["sources"]["snca"], json!({"outcome": "timeout"}));
}
