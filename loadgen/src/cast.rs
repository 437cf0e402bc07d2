//! Who stands in the roles of a form: always the same people and companies of a
//! country, spread over it.

use std::sync::Arc;

use fixtures::{Company, Country, Person};
use jiff::civil::Date;

use crate::form::{Form, Parts};
use crate::lineage::Part;
use crate::subject::{Attributes, Subject};

#[cfg(test)]
mod tests;

/// From so many subjects on, one of them is somebody who refuses a register:
/// among fewer, they would be most of the run.
const REFUSING_FROM: u64 = 10;
/// Early enough for a short run, and not the first of all.
const REFUSING_NUMBER: u64 = 1;

/// The subjects of one request.
#[derive(Clone, Debug)]
pub struct Cast {
    applicant: Subject,
    child: Option<Subject>,
    company: Option<Subject>,
    comes_of_age: Option<Date>,
}

/// Who the subjects of a request are, by their identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Who is present.
    pub applicant: String,
    /// Where the form has one.
    pub child: Option<String>,
    /// Where the form has one.
    pub company: Option<String>,
}

impl Names {
    /// Who has this part, which must be one that these were found for.
    #[must_use]
    pub fn of(&self, part: Part) -> &str {
        let name = match part {
            Part::Applicant => Some(&self.applicant),
            Part::Child => self.child.as_ref(),
            Part::Company => self.company.as_ref(),
        };
        name.expect("names are for the parts of their form")
    }
}

impl Cast {
    /// Who they are.
    #[must_use]
    pub fn names(&self) -> Names {
        let name = |subject: &Subject| subject.identifier().to_owned();
        Names {
            applicant: name(&self.applicant),
            child: self.child.as_ref().map(name),
            company: self.company.as_ref().map(name),
        }
    }

    /// Who is present.
    #[must_use]
    pub fn applicant(&self) -> &Subject {
        &self.applicant
    }

    /// Who has this part, which must be one that this was cast for.
    #[must_use]
    pub fn subject(&self, part: Part) -> &Subject {
        let subject = match part {
            Part::Applicant => Some(&self.applicant),
            Part::Child => self.child.as_ref(),
            Part::Company => self.company.as_ref(),
        };
        subject.expect("a cast is for the parts of its form")
    }

    /// On which day the child among these is one no longer.
    #[must_use]
    pub fn comes_of_age(&self) -> Option<Date> {
        self.comes_of_age
    }

    /// Whether anybody refuses anything.
    #[must_use]
    pub fn refuses_any(&self) -> bool {
        let others = self.child.iter().chain(&self.company);
        self.applicant.refuses_any() || others.into_iter().any(Subject::refuses_any)
    }
}

/// Finds the subjects of a run.
#[derive(Clone, Debug)]
pub struct Casting {
    country: Country,
    subjects: u64,
    /// What the forms of each combination of parts want to know.
    wanted: [Wanted; Parts::COUNT],
    /// By index in the country.
    refusals: Vec<(u64, &'static [&'static str])>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    applicant: Attributes,
    child: Attributes,
    company: Attributes,
}

impl Casting {
    /// `subjects` casts for each combination of parts that a form has.
    #[must_use]
    pub fn new(country: Country, subjects: u64, forms: &[Arc<Form>]) -> Self {
        let subjects = subjects.clamp(1, country.population());
        let mut wanted = [Wanted::default(); Parts::COUNT];
        for form in forms {
            let wanted = &mut wanted[form.parts().index()];
            wanted.applicant.extend(form.attributes(Part::Applicant));
            wanted.child.extend(form.attributes(Part::Child));
            wanted.company.extend(form.attributes(Part::Company));
        }
        let personas = country.personas();
        let refusing = personas.iter().filter(|persona| !persona.refuses.is_empty());
        let refusals =
            refusing.map(|persona| (persona.person(&country).index(), persona.refuses)).collect();
        Self { country, subjects, wanted, refusals }
    }

    /// Somebody else refuses, in place of who does.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn refused_by(self, index: u64, registers: &'static [&'static str]) -> Self {
        Self { refusals: vec![(index, registers)], ..self }
    }

    /// How many casts there are for each combination.
    #[must_use]
    pub fn subjects(&self) -> u64 {
        self.subjects
    }

    /// The cast of this number, which is below [`Casting::subjects`]. The
    /// country must have such people, see [`is_possible`].
    #[must_use]
    pub fn cast(&self, number: u64, parts: Parts) -> Cast {
        let (applicant, child, company) = self.choose(number, parts);
        let wanted = &self.wanted[parts.index()];
        Cast {
            comes_of_age: child.as_ref().and_then(comes_of_age),
            applicant: self.person(&applicant, wanted.applicant),
            child: child.map(|child| self.person(&child, wanted.child)),
            company: company.map(|company| {
                Subject::new(&self.country, &company.rcs().to_string(), &[], wanted.company)
            }),
        }
    }

    /// Who the cast of this number are, without what is true about them: far
    /// less work.
    #[must_use]
    pub fn names(&self, number: u64, parts: Parts) -> Names {
        let (applicant, child, company) = self.choose(number, parts);
        let name = |person: &Person| person.matricule().to_string();
        Names {
            applicant: name(&applicant),
            child: child.as_ref().map(name),
            company: company.map(|company| company.rcs().to_string()),
        }
    }

    fn choose(&self, number: u64, parts: Parts) -> (Person, Option<Person>, Option<Company>) {
        let country = &self.country;
        let company = number * country.companies() / self.subjects;
        match (parts.child, parts.company) {
            (false, false) => (country.person(self.index(number)), None, None),
            (true, false) => {
                let parent = parent_from(country, self.index(number));
                (parent, youngest(&parent), None)
            }
            (false, true) => {
                let company = country.company(company);
                // The second manager, where there are two: the less likely one.
                let manager = company.managers().last().unwrap_or_else(|| company.manager());
                (manager, None, Some(company))
            }
            (true, true) => {
                let found = managing_parent_from(country, company);
                let (parent, company) = found.expect("`is_possible` has found somebody");
                (parent, youngest(&parent), Some(company))
            }
        }
    }

    /// The index of the person of this number.
    fn index(&self, number: u64) -> u64 {
        let population = self.country.population();
        // Where everybody is asked about, so is whoever refuses.
        let some = (REFUSING_FROM..population).contains(&self.subjects);
        match self.refusals.first() {
            Some((refusing, _)) if some && number == REFUSING_NUMBER => *refusing,
            _ => number * population / self.subjects,
        }
    }

    fn person(&self, person: &Person, wanted: Attributes) -> Subject {
        let refusal = self.refusals.iter().find(|(index, _)| *index == person.index());
        let refused: &[&str] = refusal.map_or(&[], |(_, registers)| registers);
        Subject::new(&self.country, &person.matricule().to_string(), refused, wanted)
    }
}

/// Whether the country has anybody for these parts. Each has a parent and a
/// company; a tiny one may have no parent who manages a company.
#[must_use]
pub fn is_possible(country: &Country, parts: Parts) -> bool {
    !(parts.child && parts.company) || managing_parent_from(country, 0).is_some()
}

/// The first parent from this index on.
fn parent_from(country: &Country, index: u64) -> Person {
    let indexes = (index..country.population()).chain(0..index);
    let mut people = indexes.map(|index| country.person(index));
    people.find(is_parent).unwrap_or_else(|| country.example_parent())
}

/// The first company from this index on that a parent manages.
fn managing_parent_from(country: &Country, index: u64) -> Option<(Person, Company)> {
    let companies = (index..country.companies()).chain(0..index);
    companies
        .map(|index| country.company(index))
        .find_map(|company| Some((company.managers().find(is_parent)?, company)))
}

fn is_parent(person: &Person) -> bool {
    person.children().next().is_some()
}

fn comes_of_age(child: &Person) -> Option<Date> {
    let (year, month, day) = child.adult_since().civil();
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

/// The child that stays a minor the longest.
fn youngest(parent: &Person) -> Option<Person> {
    parent.children().max_by_key(Person::date_of_birth)
}
