//! Notices say what is true and shown, on the day of the request, and of nobody
//! what is not shown.

use std::collections::BTreeSet;

use engine::clock::Civil;
use fixtures::{Company, Country, Day, Person};
use serde_json::Value;

use super::{Cast, Form, prefilled};
use crate::support::{Custom, bundle};

/// 2026-06-01, in milliseconds since the epoch, and as a day. A day of its own
/// keeps the test from meaning less from year to year.
const TODAY: i64 = 1_780_272_000_000;

fn today() -> Day {
    Day::new(2026, 6, 1).expect("a day of the calendar")
}

/// Who stands in a form.
#[derive(Clone, Copy)]
enum Who {
    Alone(Person),
    Family(Person, Person),
    Business(Person, Company),
}

/// When a form says what: the register whose value says so, and, computed from
/// the person or company itself, whether it must.
struct Rule {
    form: &'static str,
    code: &'static str,
    register: &'static str,
    holds: Holds,
}

#[derive(Clone, Copy)]
enum Holds {
    Applicant(fn(&Person) -> bool),
    Child(fn(&Person) -> bool),
    Company(fn(&Company) -> bool),
}

use Holds::{Applicant, Child, Company as OfCompany};

#[rustfmt::skip]
const RULES: [Rule; 40] = [
    rule("beneficial-owner-filing", "not-up-to-date", "rbe", OfCompany(|it| !it.owners_up_to_date())),
    rule("birth-allowance", "late", "rnpp", Child(|it| (1..3).contains(&age(it)))),
    rule("birth-allowance", "too-late", "rnpp", Child(|it| age(it) >= 3)),
    rule("building-permit", "not-owner", "cadastre", Applicant(rents)),
    rule("business-permit", "permit-expired", "permits", OfCompany(|it| permit_ends(it, -40_000, -1))),
    rule("business-permit", "permit-ends-soon", "permits", OfCompany(|it| permit_ends(it, 0, 90))),
    rule("child-benefit", "already-paid", "cae", Applicant(|it| it.family_benefits().is_some_and(|it| it.child_count() > 0))),
    rule("childcare-voucher", "child-too-old", "rnpp", Child(|it| age(it) >= 13)),
    rule("company-name-change", "owners-not-up-to-date", "rbe", OfCompany(|it| !it.owners_up_to_date())),
    rule("cost-of-living-allowance", "minor", "rnpp", Applicant(|it| age(it) < 18)),
    rule("cost-of-living-allowance", "recent-residence", "rnpp", Applicant(|it| it.residence_since().years_until(today()) < 1)),
    rule("criminal-record-extract", "minor", "rnpp", Applicant(|it| age(it) < 18)),
    rule("driving-licence-renewal", "licence-expired", "driving", Applicant(|it| licence_ends(it, -40_000, -1))),
    rule("driving-licence-renewal", "licence-ends-soon", "driving", Applicant(|it| licence_ends(it, 0, 90))),
    rule("driving-licence-renewal", "medical-certificate", "rnpp", Applicant(|it| age(it) >= 60)),
    rule("driving-licence-renewal", "medical-certificate-lorry", "driving", Applicant(drives_lorries)),
    rule("energy-subsidy", "building-too-recent", "cadastre", Applicant(|it| it.dwelling().is_some_and(|it| it.built_year() > 2015))),
    rule("energy-subsidy", "not-owner", "cadastre", Applicant(rents)),
    rule("fishing-licence", "minor", "rnpp", Applicant(|it| age(it) < 18)),
    rule("health-reimbursement-account", "not-insured", "cns", Applicant(|it| it.health().is_some_and(|it| !it.insured()))),
    rule("housing-aid", "credit-used-up", "aed", Applicant(|it| it.indirect_tax().and_then(|it| it.notarial_credit_euros()) == Some(0))),
    rule("hunting-licence", "minor", "rnpp", Applicant(|it| age(it) < 18)),
    rule("hunting-licence", "too-young", "rnpp", Applicant(|it| age(it) < 16)),
    rule("identity-card", "not-luxembourgish", "rnpp", Applicant(|it| it.citizenship() != "LU")),
    rule("identity-card", "optional", "rnpp", Applicant(|it| age(it) < 15)),
    rule("income-tax-return", "owner-occupied", "cadastre", Applicant(|it| it.dwelling().is_some_and(|it| it.owner_occupied()))),
    rule("jobseeker-registration", "already-registered", "adem", Applicant(|it| it.jobseeker().is_some_and(|it| it.registered()))),
    rule("jobseeker-registration", "still-working", "ccss", Applicant(|it| hours(it).is_some_and(|hours| hours > 0))),
    rule("letter-of-good-standing", "not-up-to-date", "rbe", OfCompany(|it| !it.owners_up_to_date())),
    rule("letter-of-good-standing", "permit-expired", "permits", OfCompany(|it| permit_ends(it, -40_000, -1))),
    rule("parental-leave", "few-hours", "ccss", Applicant(|it| hours(it).is_some_and(|hours| hours < 10))),
    rule("parental-leave", "child-too-old", "rnpp", Child(|it| age(it) >= 6)),
    rule("passport-child", "not-luxembourgish", "rnpp", Child(|it| it.citizenship() != "LU")),
    rule("passport-child", "two-years-only", "rnpp", Child(|it| age(it) < 4)),
    rule("postal-vote", "not-luxembourgish", "rnpp", Applicant(|it| it.citizenship() != "LU")),
    rule("postal-vote", "minor", "rnpp", Applicant(|it| age(it) < 18)),
    rule("school-enrolment", "too-young", "rnpp", Child(|it| age(it) < 4)),
    rule("student-aid", "not-enrolled", "education", Applicant(|it| it.education().is_some_and(|it| !it.enrolled()))),
    rule("vehicle-registration", "inspection-expired", "snca", Applicant(|it| inspection_ends(it, -40_000, -1))),
    rule("vehicle-registration", "inspection-ends-soon", "snca", Applicant(|it| inspection_ends(it, 0, 30))),
];

const fn rule(
    form: &'static str,
    code: &'static str,
    register: &'static str,
    holds: Holds,
) -> Rule {
    Rule { form, code, register, holds }
}

fn age(person: &Person) -> i32 {
    person.date_of_birth().years_until(today())
}

/// Whether a day is `from` to `to` days away.
fn away(day: Day, from: i32, to: i32) -> bool {
    (from..=to).contains(&day.days_since(today()))
}

fn permit_ends(company: &Company, from: i32, to: i32) -> bool {
    company.permit().is_some_and(|it| away(it.valid_until(), from, to))
}

fn licence_ends(person: &Person, from: i32, to: i32) -> bool {
    person.licence().is_some_and(|it| away(it.expires_on(), from, to))
}

fn inspection_ends(person: &Person, from: i32, to: i32) -> bool {
    person.vehicle().is_some_and(|it| away(it.inspection_valid_until(), from, to))
}

fn drives_lorries(person: &Person) -> bool {
    let big = |category: &&str| category.starts_with('C') || category.starts_with('D');
    person.licence().is_some_and(|it| it.categories().iter().any(big))
}

/// Whether somebody lives in a known building that its owner does not live in.
fn rents(person: &Person) -> bool {
    person.dwelling().is_some_and(|it| !it.owner_occupied())
}

fn hours(person: &Person) -> Option<u8> {
    Some(person.affiliation()?.job()?.weekly_hours())
}

impl Rule {
    fn holds(&self, who: Who) -> bool {
        match (self.holds, who) {
            (Applicant(holds), Who::Alone(it) | Who::Family(it, _) | Who::Business(it, _)) => {
                holds(&it)
            }
            (Child(holds), Who::Family(_, child)) => holds(&child),
            (OfCompany(holds), Who::Business(_, company)) => holds(&company),
            (Child(_) | OfCompany(_), _) => panic!("{} has no such role", self.form),
        }
    }

    /// Whether it says something of nobody in this country: all work more hours.
    fn never(&self) -> bool {
        self.code == "few-hours"
    }

    /// Whose No keeps its value from being shown.
    fn refuser(&self, cast: &Cast) -> String {
        match (self.holds, &cast.other) {
            (Child(_), Some((_, child))) => child.clone(),
            _ => cast.applicant.clone(),
        }
    }
}

impl Who {
    fn cast(self) -> Cast {
        match self {
            Self::Alone(person) => Cast::alone(&person),
            Self::Family(parent, child) => Cast::family(&parent, &child),
            Self::Business(manager, company) => Cast::business(&manager, &company),
        }
    }
}

/// Everybody who can stand in a form with this role beside the applicant's.
fn everybody(country: Country, other: Option<&str>) -> Vec<Who> {
    let people = country.people();
    let companies = (0..country.companies()).map(|index| country.company(index));
    match other {
        None => people.map(Who::Alone).collect(),
        Some("child") => {
            people.flat_map(|it| it.children().map(move |child| Who::Family(it, child))).collect()
        }
        Some("company") => companies.map(|it| Who::Business(it.manager(), it)).collect(),
        Some(role) => panic!("nobody is cast as {role}"),
    }
}

fn codes(bundle: &Value) -> BTreeSet<&str> {
    let notices = bundle["notices"].as_array().expect("notices").iter();
    notices.map(|notice| notice["code"].as_str().expect("a code")).collect()
}

/// Every form with notices, and its rules.
fn forms(custom: &Custom) -> Vec<(Form, Vec<&'static Rule>)> {
    let mut forms = Vec::new();
    for form in prefilled(custom.api()) {
        let rules: Vec<_> = RULES.iter().filter(|rule| rule.form == form.id).collect();
        let known: BTreeSet<_> = rules.iter().map(|rule| rule.code).collect();
        let told = form.described["notices"].as_array().expect("notices").iter();
        let told: BTreeSet<_> = told.map(|it| it["code"].as_str().expect("a code")).collect();
        assert_eq!(told, known, "the notices of {}", form.id);
        if !rules.is_empty() {
            forms.push((form, rules));
        }
    }
    forms
}

/// For each rule somebody of whom it says something and somebody of whom not,
/// others in between by chance.
fn sample(country: Country, form: &Form, rules: &[&Rule]) -> Vec<Who> {
    let everybody = everybody(country, form.other_role());
    let mut sample: Vec<Who> = everybody.iter().step_by(everybody.len() / 4).copied().collect();
    for rule in rules {
        for wanted in [true, false] {
            let who = everybody.iter().rev().find(|who| rule.holds(**who) == wanted);
            assert_eq!(who.is_none(), wanted && rule.never(), "{} {}", rule.form, rule.code);
            sample.extend(who);
        }
    }
    sample
}

#[test]
fn a_notice_is_there_exactly_when_its_value_says_so() {
    let custom = Custom::start_on(Civil::running(TODAY, 1), &[], &[]);
    for (form, rules) in forms(&custom) {
        let sample = sample(custom.country, &form, &rules);
        let asked: Vec<_> = sample.iter().map(|who| form.ask(custom.api(), &who.cast())).collect();
        for (who, pending) in sample.iter().zip(asked) {
            let bundle = pending.reply().ok();
            let holding = rules.iter().filter(|rule| rule.holds(*who));
            let expected: BTreeSet<_> = holding.map(|rule| rule.code).collect();
            assert_eq!(codes(&bundle), expected, "{} for {:?}", form.id, who.cast());
        }
    }
}

#[test]
fn a_value_that_a_citizen_withholds_says_nothing() {
    let custom = Custom::start_on(Civil::running(TODAY, 1), &[], &[]);
    let mut refused = 0;
    for (form, rules) in forms(&custom) {
        let everybody = everybody(custom.country, form.other_role());
        // No citizen can refuse a register of companies.
        let theirs = |rule: &&&Rule| !matches!(rule.holds, OfCompany(_)) && !rule.never();
        for rule in rules.iter().filter(theirs) {
            let who = everybody.iter().find(|who| rule.holds(**who)).expect("somebody");
            let cast = who.cast();
            let api = custom.api();
            // They may have refused it because of another rule.
            api.prefer(&rule.refuser(&cast), rule.register, true).ok();
            let before = bundle(api, &form.request(&cast));
            assert!(codes(&before).contains(rule.code), "{} {}", form.id, rule.code);
            api.prefer(&rule.refuser(&cast), rule.register, false).ok();
            let after = bundle(api, &form.request(&cast));
            assert!(!codes(&after).contains(rule.code), "{} {}", form.id, rule.code);
            api.prefer(&rule.refuser(&cast), rule.register, true).ok();
            refused += 1;
        }
    }
    assert_eq!(refused, 33);
}
