//! Every form that registers fill, for people by chance and for special ones,
//! equal to the truth word for word.

use std::collections::BTreeSet;

use fixtures::{Authority, Country, Person};
use serde_json::{Value, json};

use super::{Cast, Chance, Form, check_same, prefilled, refusers};
use crate::support::{Api, Pending, api, demo, expected, find, owner, with, young_child};

/// So many people by chance for each form.
const BY_CHANCE: usize = 3;
/// So many requests at a time.
const AT_ONCE: usize = 24;
/// One form in so many is asked for by the platform, on behalf of its owner.
const BY_PLATFORM: usize = 5;
/// What these are asked for comes from another answer or from the relation.
const ALWAYS_KNOW: [&str; 4] = ["caclr", "rcs", "rbe", "mandates"];

/// One form for one cast.
struct Case<'a> {
    form: &'a Form,
    cast: Cast,
    by_platform: bool,
}

impl Case<'_> {
    fn ask(&self, api: Api) -> Pending {
        let owner = owner(&self.form.id);
        let request = self.form.request(&self.cast);
        match self.by_platform {
            true => api.ask("demo-platform", &with(request, json!({"organisation": owner}))),
            false => api.ask(owner, &request),
        }
    }

    #[track_caller]
    fn check(&self, country: Country, bundle: &Value) {
        let subjects: Vec<_> = self.cast.subjects().collect();
        let expected = expected(country, &self.form.described, &subjects, bundle);
        check_same(bundle, &expected, &format!("{} for {subjects:?}", self.form.id));
    }
}

#[test]
fn every_procedure_resolves_for_random_people() {
    let demo = demo();
    let (api, country) = (api(&demo), demo.country);
    let forms = prefilled(api);
    assert_eq!(forms.len(), 85);
    let (mut chance, refusers) = (Chance(1), refusers(country));
    let cases = forms.iter().enumerate().flat_map(|(place, form)| {
        let by_platform = place % BY_PLATFORM == 0;
        let casts = casts(country, form.other_role(), &mut chance).into_iter();
        let casts: Vec<_> = casts.filter(|cast| !refusers.contains(&cast.applicant)).collect();
        casts.into_iter().map(move |cast| Case { form, cast, by_platform })
    });
    let cases: Vec<_> = cases.collect();
    let mut seen = BTreeSet::new();
    for cases in cases.chunks(AT_ONCE) {
        let asked: Vec<_> = cases.iter().map(|case| case.ask(api)).collect();
        for (case, pending) in cases.iter().zip(asked) {
            let bundle = pending.reply().ok();
            case.check(country, &bundle);
            note(&mut seen, &bundle);
        }
    }
    check_seen(&seen);
}

/// Who is asked about in a form with this role beside the applicant's.
fn casts(country: Country, other: Option<&str>, chance: &mut Chance) -> Vec<Cast> {
    match other {
        None => alone(country, chance),
        Some("child") => families(country, chance),
        Some("company") => businesses(country, chance),
        Some(role) => panic!("nobody is cast as {role}"),
    }
}

fn alone(country: Country, chance: &mut Chance) -> Vec<Cast> {
    let special: [fn(&Person) -> bool; 4] = [
        Person::is_child,
        Person::address_under_review,
        |it| it.dwelling().is_none(),
        |it| it.affiliation().is_some_and(|it| it.employer_unavailable()),
    ];
    let special = special.map(|kind| find(country, kind));
    let people = (0..BY_CHANCE).map(|_| chance.person(country)).chain(special);
    let strangers = Cast { applicant: stranger(country), other: None };
    people.map(|person| Cast::alone(&person)).chain([strangers]).collect()
}

/// A matricule of a larger country that is nobody's in this one.
fn stranger(country: Country) -> String {
    let elsewhere = Country::new(country.seed(), 100_000).expect("a population within bounds");
    let matricules = (90_000..).map(|index| elsewhere.matricule(index).to_string());
    matricules.into_iter().find(|it| country.person_of(it).is_none()).expect("most of them")
}

fn families(country: Country, chance: &mut Chance) -> Vec<Cast> {
    let second = find(country, |it| young_child(it).is_some() && it.family_benefits().is_none());
    let child = young_child(&second).expect("just found");
    let by_chance = (0..BY_CHANCE).map(|_| chance.parent(country));
    let families = by_chance.chain([(second, child)]);
    families.map(|(parent, child)| Cast::family(&parent, &child)).collect()
}

fn businesses(country: Country, chance: &mut Chance) -> Vec<Cast> {
    let companies = || (0..country.companies()).map(|index| country.company(index));
    let special = [
        companies().find(|it| it.permit().is_none()).expect("one in nine"),
        companies().find(|it| it.indirect_tax().is_none()).expect("some are too small"),
        companies().find(|it| it.managers().count() == 2).expect("one in eight"),
    ];
    let by_chance: Vec<_> = (0..BY_CHANCE).map(|_| chance.company(country)).collect();
    let manager = |company: &fixtures::Company| company.managers().last().expect("at least one");
    let companies = by_chance.iter().chain(&special);
    companies.map(|company| Cast::business(&manager(company), company)).collect()
}

/// Notes every way in which a field and a register ended.
fn note(seen: &mut BTreeSet<String>, bundle: &Value) {
    for field in bundle["fields"].as_object().expect("fields").values() {
        seen.insert(format!("a field {}", field["status"].as_str().expect("a status")));
        if field["underReview"] == true {
            seen.insert("a field under review".to_owned());
        }
    }
    for (register, source) in bundle["sources"].as_object().expect("sources") {
        seen.insert(format!("{register} {}", source["outcome"].as_str().expect("an outcome")));
    }
}

/// All ways of ending have been seen, so that the comparison is no hollow one.
#[track_caller]
fn check_seen(seen: &BTreeSet<String>) {
    let ways = ["filled", "empty", "unavailable", "under review"];
    let mut expected: BTreeSet<_> = ways.map(|way| format!("a field {way}")).into();
    for register in Authority::ALL.map(Authority::name) {
        expected.insert(format!("{register} answered"));
        if !ALWAYS_KNOW.contains(&register) {
            expected.insert(format!("{register} notFound"));
        }
    }
    assert_eq!(*seen, expected);
}
