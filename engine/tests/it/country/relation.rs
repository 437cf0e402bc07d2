//! Nobody's data is reached through somebody to whom they are nothing: neither
//! the register's answer nor a question to it.

use std::collections::BTreeSet;

use engine::clock::Civil;
use fixtures::{Authority, Company, Country, Person};
use serde_json::{Value, json};

use super::{Cast, Chance, Form, check_same, prefilled};
use crate::support::{Custom, Trouble, bundle, calls, expected, expected_under};

/// 2040-01-01, when a child born until 2022 is an adult and stands in the list of
/// children all the same.
const LATER: i64 = 2_208_988_800_000;
const BY_CHANCE: usize = 2;

/// The forms with this role beside the applicant's.
fn forms(custom: &Custom, role: &str) -> Vec<Form> {
    let forms = prefilled(custom.api()).into_iter();
    let forms: Vec<_> = forms.filter(|form| form.other_role() == Some(role)).collect();
    assert!(forms.len() >= 10, "{} forms with a {role}", forms.len());
    forms
}

/// Everything of the other role is withheld, no register was asked about one of
/// `keys`, and the rest is as true as ever.
#[track_caller]
fn check_withheld(custom: &Custom, form: &Form, cast: &Cast, keys: &[String]) -> Value {
    let bundle = bundle(custom.api(), &form.request(cast));
    let subjects: Vec<_> = cast.subjects().collect();
    let trouble = Trouble::Unproven { role: subjects[1].0 };
    let (country, described) = (custom.country, &form.described);
    let expected = expected_under(trouble, country, described, &subjects, &bundle);
    check_same(&bundle, &expected, &format!("{} for {subjects:?}", form.id));
    let asked = asked_about(custom, &bundle);
    assert!(asked.contains(subjects[0].1), "the applicant was asked about");
    for key in keys {
        assert!(!asked.contains(key), "{} asked about {key}", form.id);
    }
    bundle
}

/// The keys that registers were asked about for a bundle, by their own logs.
fn asked_about(custom: &Custom, bundle: &Value) -> BTreeSet<String> {
    let logs = Authority::ALL.map(|authority| custom.fleet.register(authority.name()).log());
    let calls = logs.into_iter().flatten();
    let for_it = calls.filter(|call| call.disclosure.as_deref() == bundle["disclosure"].as_str());
    for_it.flat_map(|call| call.keys).collect()
}

/// Somebody's child who is nothing to this person.
fn other_child(country: Country, chance: &mut Chance, person: &Person) -> Person {
    loop {
        let (_, child) = chance.parent(country);
        // Their household's address is asked for on their own account.
        if child.address().id() != person.address().id() {
            return child;
        }
    }
}

#[test]
fn somebody_elses_child_is_withheld_in_every_form_and_nobody_is_asked_about_them() {
    let custom = Custom::start(&[], &[]);
    let mut chance = Chance(2);
    for form in forms(&custom, "child") {
        for _ in 0..BY_CHANCE {
            let (parent, _) = chance.parent(custom.country);
            let anybody = chance.person(custom.country);
            for applicant in [parent, anybody] {
                let child = other_child(custom.country, &mut chance, &applicant);
                let home = child.address();
                let (address, building) = (home.id().to_string(), home.building_id().to_string());
                let keys = [child.matricule().to_string(), address, building];
                check_withheld(&custom, &form, &Cast::family(&applicant, &child), &keys);
            }
        }
    }
}

#[test]
fn an_applicants_child_who_is_an_adult_by_now_is_withheld_in_every_form() {
    let custom = Custom::start_on(Civil::running(LATER, 1), &[], &[]);
    let country = custom.country;
    let families = || country.people().flat_map(|it| it.children().map(move |child| (it, child)));
    let born = |child: &Person| child.date_of_birth().civil().0;
    for (place, form) in forms(&custom, "child").iter().enumerate() {
        let mut grown = families().filter(|(_, child)| born(child) < 2022);
        let (parent, child) = grown.nth(place * 7).expect("most children");
        let keys = [child.matricule().to_string()];
        check_withheld(&custom, form, &Cast::family(&parent, &child), &keys);
        // A younger one is still a child then: it is the age that makes it.
        let mut young = families().filter(|(_, child)| born(child) > 2022);
        let (parent, child) = young.nth(place * 7).expect("one child in six");
        let cast = Cast::family(&parent, &child);
        let bundle = bundle(custom.api(), &form.request(&cast));
        let subjects: Vec<_> = cast.subjects().collect();
        let expected = expected(country, &form.described, &subjects, &bundle);
        check_same(&bundle, &expected, &form.id);
    }
}

#[test]
fn a_company_that_the_applicant_does_not_manage_is_withheld_in_every_form() {
    let custom = Custom::start(&[], &[]);
    let mut chance = Chance(3);
    for form in forms(&custom, "company") {
        for _ in 0..BY_CHANCE {
            let manager = chance.company(custom.country).manager();
            let anybody = chance.person(custom.country);
            for applicant in [manager, anybody] {
                let company = other_company(custom.country, &mut chance, &applicant);
                let cast = Cast::business(&applicant, &company);
                let bundle = check_withheld(&custom, &form, &cast, &[company.rcs().to_string()]);
                // All notices of these forms are about the company.
                assert_eq!(bundle["notices"], json!([]), "{}", form.id);
            }
        }
    }
    for register in ["rcs", "rbe", "permits"] {
        assert_eq!(calls(&custom.fleet, register), 0, "{register}");
    }
    assert!(calls(&custom.fleet, "mandates") > 0, "the relation was looked up");
}

/// A company that this person does not manage.
fn other_company(country: Country, chance: &mut Chance, person: &Person) -> Company {
    loop {
        let company = chance.company(country);
        if company.managers().all(|manager| manager.index() != person.index()) {
            return company;
        }
    }
}
