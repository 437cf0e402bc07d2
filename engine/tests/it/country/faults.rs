//! Everything that each register can do wrong, in the form that asks them all.

use engine::demo::{Demo, Options};
use fixtures::{Authority, Company, Country, Mode, Person};
use serde_json::{Value, json};

use super::{Cast, Form, check_same, refusers};
use crate::support::{Trouble, api, bundle, expected_under, options, set, with};

/// The form that touches all fifteen authentic registers, and the list of mandates.
const WIDEST: &str = "letter-of-good-standing";
/// Enough companies for one that nobody has asked about in each cell.
const POPULATION: u64 = 12_000;
/// So many countries side by side: most of the time is waiting for deadlines.
const COUNTRIES: usize = 8;
/// For a register that hangs: longer than healthy ones take on a busy machine. One
/// that drips is left to its own timeout.
const SHORT_MS: u64 = 1_500;

/// Each mode, and how a call ends in it.
const MODES: [(Mode, &str); 12] = [
    (Mode::Ok, "answered"),
    (Mode::Hang, "timeout"),
    (Mode::Error, "error"),
    (Mode::Maintenance, "maintenance"),
    (Mode::Garbage, "invalid"),
    (Mode::Deep, "invalid"),
    (Mode::WrongTypes, "invalid"),
    (Mode::Truncated, "invalid"),
    (Mode::Reset, "error"),
    (Mode::Huge, "invalid"),
    (Mode::WrongSubject, "invalid"),
    (Mode::Drip, "timeout"),
];

#[test]
fn the_fifteen_registers_under_each_fault() {
    let names = Authority::ALL.map(Authority::name);
    let cells: usize = std::thread::scope(|scope| {
        let share = names.len() / COUNTRIES;
        let begun = names.chunks(share).map(|registers| scope.spawn(move || check_all(registers)));
        let begun: Vec<_> = begun.collect();
        begun.into_iter().map(|country| country.join().expect("it did not panic")).sum()
    });
    assert_eq!(cells, names.len() * MODES.len());
}

/// Puts each of these registers into each mode; the number of cells checked.
fn check_all(registers: &[&str]) -> usize {
    let demo = Demo::start(&Options { population: POPULATION, ..options() }).expect("it starts");
    let form = Form::named(api(&demo), WIDEST);
    let mut fresh = fresh(demo.country);
    let mut cells = 0;
    for register in registers {
        for (mode, reason) in MODES {
            let known = |(manager, company): &(Person, Company)| {
                manager.is_known_to(register) || company.is_known_to(register)
            };
            let (manager, company) = fresh.find(known).expect("there are companies enough");
            set(&demo.fleet, register, mode);
            let cast = Cast::business(&manager, &company);
            check(&demo, &form, &cast, mode, trouble(register, mode, reason));
            set(&demo.fleet, register, Mode::Ok);
            cells += 1;
        }
    }
    cells
}

/// Companies that every register of companies knows, each with its manager, and
/// each person once.
fn fresh(country: Country) -> impl Iterator<Item = (Person, Company)> {
    let companies = (0..country.companies()).map(move |index| country.company(index));
    let known = companies.filter(|it| it.permit().is_some() && it.indirect_tax().is_some());
    let cast = known.map(|company| (company.manager(), company));
    let refusers = refusers(country);
    // Once by the first of their companies; a leaf that cannot be told is
    // another trouble than the one in hand.
    cast.filter(move |(manager, company)| {
        manager.mandates().next().as_ref() == Some(company)
            && manager.indirect_tax().is_some()
            && !refusers.contains(&manager.matricule().to_string())
            && manager.affiliation().is_none_or(|it| !it.employer_unavailable())
    })
}

fn trouble<'a>(register: &'a str, mode: Mode, reason: &'a str) -> Trouble<'a> {
    let retry = (mode == Mode::Maintenance).then_some(30);
    match mode {
        Mode::Ok => Trouble::None,
        Mode::WrongTypes => Trouble::WrongTypes { register },
        _ => Trouble::Fault { register, reason, retry },
    }
}

#[track_caller]
fn check(demo: &Demo, form: &Form, cast: &Cast, mode: Mode, trouble: Trouble<'_>) {
    let request = form.request(cast);
    let request = match mode {
        Mode::Hang => with(request, json!({"deadlineMs": SHORT_MS})),
        _ => request,
    };
    let bundle: Value = bundle(api(demo), &request);
    let subjects: Vec<_> = cast.subjects().collect();
    let expected = expected_under(trouble, demo.country, &form.described, &subjects, &bundle);
    check_same(&bundle, &expected, &format!("{mode:?} {trouble:?} for {subjects:?}"));
    let sources = bundle["sources"].as_object().expect("sources");
    assert!(sources.len() >= 3, "{trouble:?} left {sources:?}");
}
