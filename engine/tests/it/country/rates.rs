//! A register that says how many calls a second it allows is not asked more, by
//! all cores together, and nobody who asks is lost.

use std::time::Duration;

use engine::clock;
use fixtures::Person;
use fixtures::registers::Control;
use serde_json::Value;

use super::{Cast, Form, check_same};
use crate::support::{Custom, Edit, Pending, Trouble, calls, expected, expected_under};

/// So many people ask each register at the same moment.
const PEOPLE: usize = 100;

/// A register, a small rate, and a form that it fills.
struct Declared {
    register: &'static str,
    edit: Edit<'static>,
    rate: u32,
    form: &'static str,
}

const DECLARED: [Declared; 4] = [
    Declared {
        register: "acd",
        edit: ("registers/acd.toml", "rate = 2000", "rate = 40"),
        rate: 40,
        form: "income-certificate",
    },
    Declared {
        register: "education",
        edit: ("registers/education.toml", "rate = 1500", "rate = 40"),
        rate: 40,
        form: "student-aid",
    },
    // Its timeout is two seconds, and so it is too slow for all of them.
    Declared {
        register: "cadastre",
        edit: ("registers/cadastre.toml", "rate = 1000", "rate = 10"),
        rate: 10,
        form: "building-permit",
    },
    // A call with twenty keys is one call.
    Declared {
        register: "snca",
        edit: ("registers/snca.toml", "batch = 20", "batch = 20\nrate = 8"),
        rate: 8,
        form: "plate-reservation",
    },
];

/// People whom a register knows, other ones for each.
fn people(custom: &Custom, register: &str) -> Vec<Cast> {
    let known = |person: &Person| person.is_known_to(register);
    let plain = |person: &Person| {
        person.affiliation().is_none_or(|affiliation| !affiliation.employer_unavailable())
    };
    let people = custom.country.people().filter(|it| known(it) && plain(it));
    people.map(|person| Cast::alone(&person)).take(PEOPLE).collect()
}

#[test]
fn a_declared_rate_is_kept_under_a_burst_and_nobody_is_lost() {
    let custom = Custom::start(&DECLARED.map(|it| it.edit), &[]);
    for Declared { register, rate, .. } in DECLARED {
        // It counts by its own seconds, and a busy machine sends late what was
        // due in the second before. That is less than half as much again.
        let register = custom.fleet.register(register);
        register.set_control(Control { rate: Some(rate * 3 / 2), ..register.control() });
    }
    let began = clock::monotonic();
    let bursts = DECLARED.map(|declared| Burst::begin(&custom, declared));
    for burst in bursts {
        burst.end(&custom, began);
    }
}

/// All who ask one register.
struct Burst {
    declared: Declared,
    form: Form,
    asked: Vec<(Cast, Pending)>,
}

impl Burst {
    fn begin(custom: &Custom, declared: Declared) -> Self {
        let form = Form::named(custom.api(), declared.form);
        let casts = people(custom, declared.register).into_iter();
        let asked: Vec<_> =
            casts.map(|cast| (cast.clone(), form.ask(custom.api(), &cast))).collect();
        assert_eq!(asked.len(), PEOPLE);
        Self { declared, form, asked }
    }

    /// Everybody has the truth, or is told that too many ask.
    fn end(self, custom: &Custom, began: clock::Instant) {
        let Declared { register, rate, .. } = self.declared;
        let mut overloaded = 0;
        for (cast, pending) in self.asked {
            let bundle = pending.reply().ok();
            overloaded += u64::from(check(custom, &self.form, register, &cast, &bundle));
        }
        let took = clock::monotonic() - began;
        let (calls, rate) = (calls(&custom.fleet, register), f64::from(rate));
        let least = Duration::from_secs_f64((calls - 1) as f64 / rate);
        assert!(took >= least, "{calls} calls of {register} in {took:?}");
        match register {
            "snca" => assert!(calls < 50 && overloaded == 0, "{calls} calls, {overloaded} gaps"),
            "cadastre" => {
                assert!((1..PEOPLE as u64 - 10).contains(&overloaded), "{overloaded} gaps");
                assert_eq!(calls + overloaded, PEOPLE as u64);
            }
            _ => assert_eq!((calls, overloaded), (PEOPLE as u64, 0), "{register}"),
        }
    }
}

/// Whether the engine kept this call back. A register that refused it would have
/// said when to try again.
#[track_caller]
fn check(custom: &Custom, form: &Form, register: &str, cast: &Cast, bundle: &Value) -> bool {
    let subjects: Vec<_> = cast.subjects().collect();
    let (country, described) = (custom.country, &form.described);
    let overloaded = bundle["sources"][register]["outcome"] == "overloaded";
    let expected = match overloaded {
        true => {
            let fault = Trouble::Fault { register, reason: "overloaded", retry: None };
            expected_under(fault, country, described, &subjects, bundle)
        }
        false => expected(country, described, &subjects, bundle),
    };
    check_same(bundle, &expected, &format!("{} for {subjects:?}", form.id));
    overloaded
}
