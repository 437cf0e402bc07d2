//! The order of what one person's operations observed.

use std::collections::HashMap;

use engine::consent::Change;
use engine::model::Subject;
use uuid::Uuid;

use super::{Broken, Findings, Promise, Seen, broken};
use crate::facts::Person;
use crate::history::{Operation, Told, Wanted};
use crate::world::REGISTERS;

/// What is known of each person's versions.
pub(super) struct Order {
    /// The least version that an operation may observe of a person: by operation
    /// and person.
    floors: HashMap<(usize, Subject), u64>,
    /// When the change that made each version was asked for, at the earliest; `None`
    /// where nobody asked for it. By person and version, from one.
    asked: HashMap<Subject, Vec<Option<u64>>>,
}

/// One operation on one person.
struct Observation {
    operation: usize,
    invoked: u64,
    completed: u64,
    version: Option<u64>,
}

impl Order {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let mut people: HashMap<Subject, Vec<Observation>> = HashMap::new();
        for (index, operation) in seen.history.operations.iter().enumerate() {
            for subject in operation.wanted.subjects() {
                people.entry(*subject).or_default().push(Observation {
                    operation: index,
                    invoked: operation.invoked,
                    completed: operation.completed,
                    version: seen.observed(operation, *subject),
                });
            }
        }
        let mut floors = HashMap::new();
        for (subject, observations) in people {
            for (operation, floor) in floors_of(&observations) {
                floors.insert((operation, subject), floor);
            }
        }
        let people = seen.facts.people.iter();
        let mut wishes = Wishes::of(&seen.history.operations);
        let asked = people.map(|(subject, person)| {
            (*subject, wishes.match_all(*subject, person, &seen.facts.numbers))
        });
        Self { floors, asked: asked.collect() }
    }

    /// When the change that made this version was asked for, at the earliest.
    pub(super) fn asked(&self, subject: Subject, version: u64) -> Option<u64> {
        let known = self.asked.get(&subject)?;
        known.get(usize::try_from(version.checked_sub(1)?).ok()?).copied().flatten()
    }

    pub(super) fn check(&self, seen: &Seen<'_>, findings: &mut Findings) {
        for (index, operation) in seen.history.operations.iter().enumerate() {
            for subject in operation.wanted.subjects() {
                if let Some(version) = seen.observed(operation, *subject) {
                    findings.take(self.observation(seen, index, *subject, version));
                }
            }
        }
        for (subject, versions) in &self.asked {
            if let Some(index) = versions.iter().position(Option::is_none) {
                let change = &seen.facts.people[subject].changes[index];
                let how = format!("version {}: {change:?}", index + 1);
                findings.add(broken(Promise::NoChangeThatNobodyMade, how));
            }
        }
    }

    fn observation(
        &self,
        seen: &Seen<'_>,
        index: usize,
        subject: Subject,
        version: u64,
    ) -> Result<(), Broken> {
        let operation = &seen.history.operations[index];
        let floor = self.floors.get(&(index, subject)).copied().unwrap_or(0);
        let nobody = Person::default();
        let person = seen.facts.people.get(&subject).unwrap_or(&nobody);
        let change = !matches!(operation.wanted, Wanted::Bundle(_));
        if version > person.version() {
            let promise = match change {
                true => Promise::AnAcknowledgedChangeIsInForce,
                false => Promise::NothingFromTheFuture,
            };
            let how = format!("version {version} is not in the ledger: {:?}", operation.wanted);
            return Err(broken(promise, how));
        }
        if change && !in_force(person, &operation.wanted, &operation.told, floor, version) {
            let how = format!("not from {floor} to {version}: {:?}", operation.wanted);
            return Err(broken(Promise::AnAcknowledgedChangeIsInForce, how));
        }
        if version < floor {
            let how = format!(
                "{version} was used although {floor} had been acknowledged before: {:?}",
                operation.wanted
            );
            return Err(broken(Promise::NothingUnderAnOldConsent, how));
        }
        let asked = self.asked(subject, version);
        if version > 0 && asked.is_none_or(|asked| asked > operation.completed) {
            let how = format!("version {version} was observed before it was asked for");
            return Err(broken(Promise::NothingFromTheFuture, how));
        }
        Ok(())
    }
}

/// The newest version that anybody had been told of when each operation began.
fn floors_of(observations: &[Observation]) -> Vec<(usize, u64)> {
    let mut ended: Vec<(u64, u64)> =
        observations.iter().filter_map(|it| Some((it.completed, it.version?))).collect();
    ended.sort_unstable();
    let mut begun: Vec<(u64, usize)> =
        observations.iter().map(|it| (it.invoked, it.operation)).collect();
    begun.sort_unstable();
    let (mut floor, mut next) = (0, 0);
    let mut floors = Vec::with_capacity(begun.len());
    for (invoked, operation) in begun {
        while next < ended.len() && ended[next].0 < invoked {
            floor = floor.max(ended[next].1);
            next += 1;
        }
        floors.push((operation, floor));
    }
    floors
}

/// Whether a change is in force at some version from its floor to the one told.
fn in_force(person: &Person, wanted: &Wanted, told: &Told, floor: u64, version: u64) -> bool {
    match wanted {
        Wanted::Bundle(_) => true,
        Wanted::Preference { register, allow, .. } => (floor..=version)
            .any(|version| person.refusals_at(version)[*register].refused != *allow),
        Wanted::Mandate { other, allow, .. } => {
            (floor..=version).any(|version| person.mandate_at(version, *other).refused != *allow)
        }
        Wanted::Consent { case, fields, expires, .. } => {
            let Told::Version(_, Some(id)) = told else { return false };
            person.consents.iter().any(|known| {
                known.id == *id
                    && *known.case == **case
                    && known.expires == *expires
                    && known
                        .fields
                        .iter()
                        .map(|name| &**name)
                        .eq(fields.iter().map(|it| REGISTERS[*it]))
                    && known.from <= version
            })
        }
        // Ended ones make room, and one may be withdrawn after its time.
        Wanted::Withdrawal { id, .. } => {
            person.consents.iter().any(|known| known.id == *id && known.from <= version)
        }
    }
}

/// What may have made an entry, in the order in which it was asked for.
struct Wishes {
    preferences: HashMap<(Subject, usize), Vec<(u64, bool)>>,
    mandates: HashMap<(Subject, Subject), Vec<(u64, bool)>>,
    consents: HashMap<String, u64>,
    withdrawals: HashMap<Uuid, u64>,
}

impl Wishes {
    fn of(operations: &[Operation]) -> Self {
        let mut wishes = Self {
            preferences: HashMap::new(),
            mandates: HashMap::new(),
            consents: HashMap::new(),
            withdrawals: HashMap::new(),
        };
        for operation in operations.iter().filter(|operation| operation.may_have_happened()) {
            let invoked = operation.invoked;
            match &operation.wanted {
                Wanted::Bundle(_) => {}
                Wanted::Preference { subject, register, allow } => {
                    let theirs = wishes.preferences.entry((*subject, *register)).or_default();
                    theirs.push((invoked, *allow));
                }
                Wanted::Mandate { subject, other, allow } => {
                    let theirs = wishes.mandates.entry((*subject, *other)).or_default();
                    theirs.push((invoked, *allow));
                }
                Wanted::Consent { case, .. } => {
                    wishes.consents.insert(case.clone(), invoked);
                }
                Wanted::Withdrawal { id, .. } => {
                    let known = wishes.withdrawals.entry(*id).or_insert(invoked);
                    *known = (*known).min(invoked);
                }
            }
        }
        wishes.preferences.values_mut().for_each(|theirs| theirs.sort_unstable());
        wishes.mandates.values_mut().for_each(|theirs| theirs.sort_unstable());
        wishes
    }

    /// For each of a person's versions, when its change was asked for at the
    /// earliest. One preference, and one mandate, is changed by one after another, so that each of
    /// its entries is made by a later wish than the one before.
    fn match_all(
        &mut self,
        subject: Subject,
        person: &Person,
        numbers: &HashMap<u64, Subject>,
    ) -> Vec<Option<u64>> {
        let mut next = [0; REGISTERS.len()];
        let mut next_mandates: HashMap<Subject, usize> = HashMap::new();
        let made = |change: &Change| match change {
            Change::Preference { register, allow } => {
                let register = crate::world::register_index(register)?;
                let wishes = self.preferences.get(&(subject, register))?;
                let from = next[register];
                let found = wishes[from..].iter().position(|(_, wanted)| wanted == allow)?;
                next[register] = from + found + 1;
                Some(wishes[from + found].0)
            }
            Change::Give(terms) => self.consents.get(&*terms.case).copied(),
            Change::Withdraw { id } => self.withdrawals.get(&Uuid::from_bytes(*id)).copied(),
            Change::Mandate { other, allow } => {
                let other = numbers.get(other)?;
                let wishes = self.mandates.get(&(subject, *other))?;
                let next = next_mandates.entry(*other).or_default();
                let found = wishes[*next..].iter().position(|(_, wanted)| wanted == allow)?;
                let at = *next + found;
                *next = at + 1;
                Some(wishes[at].0)
            }
        };
        person.changes.iter().map(made).collect()
    }
}
