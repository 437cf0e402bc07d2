//! The whole country through the whole engine: every form that registers fill,
//! about people and companies of every kind, and whatever one register can do
//! wrong.

mod faults;
mod notices;
mod people;
mod rates;
mod relation;

use std::collections::BTreeSet;

use fixtures::{Company, Country, Person};
use serde_json::{Value, json};

use crate::support::{Api, Pending, form, owner, with, young_child};

/// A form, as it describes itself.
struct Form {
    id: String,
    described: Value,
}

/// Who stands in a form: the applicant, and the other where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cast {
    applicant: String,
    /// The other role and its subject.
    other: Option<(&'static str, String)>,
}

impl Form {
    /// The form of this name.
    fn named(api: Api, id: &str) -> Self {
        let described = api.get(&format!("/v1/procedures/{id}")).ok();
        Self { id: id.to_owned(), described }
    }

    /// The role beside the applicant's.
    fn other_role(&self) -> Option<&str> {
        let roles = self.described["roles"].as_array().expect("roles");
        assert!(roles.len() <= 2, "nobody here casts a third role");
        roles.get(1).map(|role| role["id"].as_str().expect("a name"))
    }

    /// What its owner asks for this cast.
    fn request(&self, cast: &Cast) -> Value {
        let subjects: serde_json::Map<_, _> =
            cast.subjects().map(|(role, id)| (role.to_owned(), Value::from(id))).collect();
        // A machine with other work to do must not make a register late.
        let members = json!({"subjects": subjects, "deadlineMs": 20_000});
        with(form(&self.id, &cast.applicant), members)
    }

    /// Asks on behalf of the owner, and does not wait.
    fn ask(&self, api: Api, cast: &Cast) -> Pending {
        api.ask(owner(&self.id), &self.request(cast))
    }
}

impl Cast {
    /// Somebody alone.
    fn alone(applicant: &Person) -> Self {
        Self { applicant: applicant.matricule().to_string(), other: None }
    }

    /// A parent, or not, and a child.
    fn family(applicant: &Person, child: &Person) -> Self {
        Self { other: Some(("child", child.matricule().to_string())), ..Self::alone(applicant) }
    }

    /// A manager, or not, and a company.
    fn business(applicant: &Person, company: &Company) -> Self {
        Self { other: Some(("company", company.rcs().to_string())), ..Self::alone(applicant) }
    }

    /// Roles and subjects, the applicant first.
    fn subjects(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let other = self.other.iter().map(|(role, id)| (*role, &**id));
        std::iter::once(("applicant", &*self.applicant)).chain(other)
    }
}

/// Every form that registers fill.
fn prefilled(api: Api) -> Vec<Form> {
    let list = api.get("/v1/procedures?limit=1000").ok();
    let rows = list["procedures"].as_array().expect("a list").iter();
    let filled = rows.filter(|row| row["prefilled"] == true);
    filled.map(|row| Form::named(api, row["id"].as_str().expect("a name"))).collect()
}

/// Compares a bundle with what it must be, and names what differs only.
#[track_caller]
fn check_same(bundle: &Value, expected: &Value, what: &str) {
    let mut differences = Vec::new();
    differ("", bundle, expected, &mut differences);
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

fn differ(path: &str, left: &Value, right: &Value, into: &mut Vec<String>) {
    match (left, right) {
        _ if left == right => {}
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for name in names {
                let of = |side: &serde_json::Map<String, Value>| side.get(name).cloned();
                let (left, right) = (of(left).unwrap_or_default(), of(right).unwrap_or_default());
                differ(&format!("{path}/{name}"), &left, &right, into);
            }
        }
        _ => into.push(format!("{path} is {left}, not {right}")),
    }
}

/// Who refuses a register from the start.
fn refusers(country: Country) -> Vec<String> {
    let personas = country.personas().into_iter().filter(|it| !it.refuses.is_empty());
    personas.map(|persona| persona.subject.to_string()).collect()
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % count
    }

    fn person(&mut self, country: Country) -> Person {
        country.person(self.below(country.population()))
    }

    /// A parent and a child who stays a minor for long.
    fn parent(&mut self, country: Country) -> (Person, Person) {
        loop {
            let person = self.person(country);
            if let Some(child) = young_child(&person) {
                return (person, child);
            }
        }
    }

    fn company(&mut self, country: Country) -> Company {
        country.company(self.below(country.companies()))
    }
}
