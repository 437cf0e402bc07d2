//! Holds a history against the ledger that it left.
//!
//! Each operation on a person *observes* a version of their consent: a bundle the
//! one in its entry, a change the one that it came back with. That is linearizable
//! for each person where no operation observes less than one that had ended before
//! it began (the *floor*), nor what nobody had asked for yet, and where a change is
//! in force at some version between its floor and its own.

mod order;
mod shown;

use std::collections::{HashMap, HashSet};
use std::fmt;

use engine::catalogue::Catalogue;
use engine::ledger::{self, Report};
use engine::model::Subject;
use engine::store::Read;
use uuid::Uuid;

use crate::facts::Facts;
use crate::history::{Bundle, Held, History, Operation, Told, Wanted};
use order::Order;

/// What is promised, and may be found broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Promise {
    /// The ledger stands by itself: the audit.
    Audit,
    /// Every response has its entry.
    EveryResponseHasItsEntry,
    /// The entry says who asked for what, and has the digest of the exact bytes.
    TheEntryIsTheResponses,
    /// What was acknowledged is in the ledger, and in force.
    AnAcknowledgedChangeIsInForce,
    /// Who begins after an acknowledgement is never served under what was before.
    NothingUnderAnOldConsent,
    /// No version is observed before anybody asked for it.
    NothingFromTheFuture,
    /// No entry changes what nobody asked to be changed.
    NoChangeThatNobodyMade,
    /// No field is shown from a register that its subject refuses.
    NothingRefusedIsShown,
    /// Nothing of a company is disclosed, and nobody acts for it, under a mandate that
    /// was withdrawn.
    NothingUnderAWithdrawnMandate,
    /// No back office reads beyond a consent that stands.
    NothingBeyondAReuseConsent,
    /// A value is its subject's own.
    NobodyElsesValue,
    /// A value is shared within its share.
    NoSharingAcrossOrganisations,
    /// What was fetched before a No is never shown after it.
    NothingFetchedBeforeANo,
}

/// One that was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// How.
    pub how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.how)
    }
}

impl std::error::Error for Broken {}

/// What was found broken: of each promise the first case, worst ones first.
#[derive(Clone, Debug, Default)]
pub struct Findings(Vec<Broken>);

impl Findings {
    /// The first case of a promise that is broken.
    #[must_use]
    pub fn of(&self, promise: Promise) -> Option<&Broken> {
        self.0.iter().find(|known| known.promise == promise)
    }

    fn add(&mut self, broken: Broken) {
        if self.of(broken.promise).is_none() {
            self.0.push(broken);
        }
    }

    fn take(&mut self, checked: Result<(), Broken>) {
        checked.unwrap_or_else(|broken| self.add(broken));
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Findings {}

/// What a history consisted of, so that whoever checks it sees that it was not
/// empty.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Operations that began.
    pub operations: u64,
    /// Bundles that somebody holds.
    pub bundles: u64,
    /// Of these, for back offices, with at least one field.
    pub reread: u64,
    /// Of these, with a company's field.
    pub of_companies: u64,
    /// Changes that were acknowledged.
    pub changes: u64,
    /// Of these, of mandates.
    pub mandates: u64,
    /// Operations of which nobody knows the end.
    pub unknown: u64,
    /// Operations that were refused, by reason.
    pub refused: HashMap<&'static str, u64>,
    /// Bundles that came a second time under one key.
    pub repeated: u64,
    /// Fields that had a value.
    pub values: u64,
    /// Values that one call gave to several bundles.
    pub shared: u64,
    /// Calls of registers.
    pub calls: u64,
    /// Entries.
    pub entries: u64,
    /// What the audit found.
    pub audit: Report,
}

/// Checks everything that is promised.
///
/// # Errors
/// Every promise that is found broken: what left without a record, what left under
/// a wrong one, what the ledger itself tells.
pub fn check(
    history: &History,
    catalogue: &Catalogue,
    ledger: &mut dyn Read,
) -> Result<Summary, Findings> {
    let mut findings = Findings::default();
    let facts = Facts::read(ledger).unwrap_or_else(|error| {
        findings.add(broken(Promise::Audit, error.to_string()));
        Facts::default()
    });
    let seen = Seen { history, catalogue, facts: &facts };
    let mut summary = seen.entries(&mut findings);
    let order = Order::of(&seen);
    order.check(&seen, &mut findings);
    seen.contents(&order, &mut summary, &mut findings);
    seen.mandates(&mut findings);
    match ledger::audit(ledger, None) {
        Ok(report) => summary.audit = report,
        Err(error) => findings.add(broken(Promise::Audit, error.to_string())),
    }
    summary.calls = history.calls.iter().map(|calls| calls.len() as u64).sum();
    summary.entries = facts.entries;
    if findings.0.is_empty() { Ok(summary) } else { Err(findings) }
}

fn broken(promise: Promise, how: impl Into<String>) -> Broken {
    Broken { promise, how: how.into() }
}

/// A history and its ledger.
struct Seen<'a> {
    history: &'a History,
    catalogue: &'a Catalogue,
    facts: &'a Facts,
}

impl Seen<'_> {
    /// Whether every response has its entry, and that entry is its own.
    fn entries(&self, findings: &mut Findings) -> Summary {
        let mut summary = Summary::default();
        let mut keys: HashMap<Uuid, Option<&str>> = HashMap::new();
        for operation in &self.history.operations {
            summary.operations += 1;
            match (&operation.wanted, &operation.told) {
                (Wanted::Bundle(wanted), Told::Bundle(held)) => {
                    summary.bundles += 1;
                    findings.take(self.entry(wanted, held));
                    if let Some(before) = keys.insert(held.id, wanted.key.as_deref()) {
                        summary.repeated += 1;
                        if before.is_none() || before != wanted.key.as_deref() {
                            let how = format!("{} answered two requests", held.id);
                            findings.add(broken(Promise::TheEntryIsTheResponses, how));
                        }
                    }
                }
                (wanted, Told::Bundle(_) | Told::Version(..)) => {
                    summary.changes += 1;
                    summary.mandates += u64::from(matches!(wanted, Wanted::Mandate { .. }));
                }
                (_, Told::Unknown) => summary.unknown += 1,
                (_, Told::Refused(why)) => *summary.refused.entry(why).or_default() += 1,
            }
        }
        summary
    }

    fn entry(&self, wanted: &Bundle, held: &Held) -> Result<(), Broken> {
        let Some((_, entry)) = self.facts.disclosures.get(&held.id) else {
            let how = format!("somebody holds {}, which is not in the ledger", held.id);
            return Err(broken(Promise::EveryResponseHasItsEntry, how));
        };
        let wrong = |what: &str| {
            let how = format!("the entry of {} has {what}", held.id);
            Err(broken(Promise::TheEntryIsTheResponses, how))
        };
        if entry.digest != held.digest {
            return wrong("the digest of other bytes");
        }
        let subjects = entry.subjects.iter().map(|it| self.facts.numbers.get(&it.subject));
        if !subjects.eq(wanted.subjects.iter().map(Some)) {
            return wrong("other subjects");
        }
        let about = &entry.about;
        if *self.catalogue.organisation(about.organisation).name != *wanted.organisation {
            return wrong("another organisation");
        }
        let procedure = self.catalogue.procedure(about.procedure);
        if *procedure.name != *wanted.procedure || about.channel != wanted.channel {
            return wrong("another procedure, or another channel");
        }
        if about.case.as_deref() != wanted.case.as_deref() {
            return wrong("another case");
        }
        let recorded: HashSet<(&str, &str)> = entry
            .fields
            .iter()
            .map(|(field, register)| {
                let field = &*procedure.fields[usize::from(*field)].name;
                (field, &*self.catalogue.register(*register).name)
            })
            .collect();
        let shown = held.filled.iter();
        let shown: HashSet<(&str, &str)> =
            shown.map(|(name, from, _)| (name.as_str(), crate::world::REGISTERS[*from])).collect();
        if recorded != shown {
            return wrong("other fields");
        }
        Ok(())
    }

    /// The version of a person's consent that an operation observed.
    fn observed(&self, operation: &Operation, subject: Subject) -> Option<u64> {
        match &operation.told {
            Told::Version(version, _) => Some(*version),
            Told::Bundle(held) => {
                let (_, entry) = self.facts.disclosures.get(&held.id)?;
                let mut subjects = entry.subjects.iter();
                let known =
                    subjects.find(|it| self.facts.numbers.get(&it.subject) == Some(&subject));
                known.map(|known| known.version)
            }
            Told::Refused(_) | Told::Unknown => None,
        }
    }
}
