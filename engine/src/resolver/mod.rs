//! Executes a plan: cache, flights, deadline.
//!
//! A call runs as soon as its key is known, everything else at once. What has
//! not ended at the deadline is a timeout.

mod flights;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use uuid::Uuid;

pub use flights::{Flight, Flights, Landed, Landing};

use crate::cache::{Cache, Found, Held, Slot};
use crate::catalogue::{CallKey, Catalogue, PlannedCall, Procedure, Register, Share};
use crate::clock::{self, Instant};
use crate::consent::{Grant, Plan, Request};
use crate::metrics::{self, Counter};
use crate::model::{
    Answer, Call, CallSet, CivilMs, How, Matricule, RegisterId, Resolution, SUBJECTS_MAX,
    Unavailable,
};
use crate::planted::{self, Fault};
use crate::registers::{Clients, Failure, Group, Query};
use crate::trace;

/// One core's resolver, under terms of one number.
pub struct Resolver {
    clients: Arc<Clients>,
    cache: Arc<Cache>,
    flights: Arc<Flights>,
    terms: u32,
}

/// One request, as far as resolving needs it.
pub struct Errand<'a> {
    /// The catalogue that gives the ids their meaning.
    pub catalogue: &'a Arc<Catalogue>,
    /// What is asked.
    pub request: &'a Request,
    /// What was decided.
    pub grant: &'a Grant,
    /// What to call.
    pub plan: &'a Plan,
    /// Goes into each register's own log.
    pub disclosure: Uuid,
    /// Our place in the caller's trace, where there is one.
    pub trace: Option<&'a trace::Context>,
    /// The greatest age that the client stands.
    pub max_age: Option<Duration>,
    /// When the request began.
    pub began: Instant,
    /// The moment of the decision, on the calendar.
    pub now: CivilMs,
    /// When to stop.
    pub until: Instant,
    /// Whether nothing may be fetched.
    pub kept_only: bool,
}

/// How the calls of a plan came to their ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// All was in memory.
    Kept,
    /// Some had to be waited for.
    Waited,
    /// Something has to be fetched, and may not be. No register was called.
    Lacking,
}

/// The work of one flight.
type Fetch = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// What starting a call leads to.
enum Started {
    Ended(Call),
    Waiting(Landing, How, Option<Answer>),
    Lacking,
}

/// What a call names, once that is known.
enum Key {
    Known(Option<Box<str>>),
    NotYet,
    Never(Call),
}

impl Resolver {
    /// Over one core's clients, and what all cores share.
    #[must_use]
    pub fn new(
        clients: Arc<Clients>,
        cache: Arc<Cache>,
        flights: Arc<Flights>,
        terms: u32,
    ) -> Self {
        Self { clients, cache, flights, terms }
    }

    /// Makes the calls of a plan that have not ended in `resolution` yet.
    pub async fn resolve(&self, errand: &Errand<'_>, resolution: &mut Resolution) -> Resolved {
        let mut kept = CallSet::EMPTY;
        let resolved = self.ended(errand, resolution, &mut kept).await;
        // What comes again because something was lacking is counted then.
        if resolved != Resolved::Lacking {
            self.count_hits(errand, &mut kept);
        }
        resolved
    }

    fn count_hits(&self, errand: &Errand<'_>, kept: &mut CallSet) {
        let procedure = errand.catalogue.procedure(errand.request.procedure);
        for index in std::mem::replace(kept, CallSet::EMPTY).iter() {
            self.count(procedure.calls[index].register, |counts| &counts.hits);
        }
    }

    async fn ended(
        &self,
        errand: &Errand<'_>,
        resolution: &mut Resolution,
        kept: &mut CallSet,
    ) -> Resolved {
        let procedure = errand.catalogue.procedure(errand.request.procedure);
        let held: [Option<Held>; SUBJECTS_MAX] =
            errand.request.subjects.map(|subject| self.cache.get(subject?));
        let now = errand.now;
        let mut open = reopened(errand, resolution);
        // Own data is no register's: whoever composes the bundle reads it.
        open = open.without(own_data(errand.catalogue, procedure));
        // Nothing waits where all is in memory.
        let mut waiting = None;
        let mut begun: Vec<(usize, Option<Answer>)> = Vec::new();
        loop {
            // Calls stand after those they depend on, so one pass starts all
            // that can start.
            for index in open.iter() {
                let planned = &procedure.calls[index];
                let key = match key_of(errand, procedure, planned, resolution) {
                    Key::NotYet => continue,
                    Key::Never(call) => {
                        resolution.set(index, call);
                        open = open.without(CallSet::only(index));
                        continue;
                    }
                    Key::Known(key) => key,
                };
                open = open.without(CallSet::only(index));
                match self.start(errand, index, planned, key, &held, now) {
                    Started::Ended(call) => {
                        if matches!(call, Call::Answered(_)) {
                            kept.insert(index);
                        }
                        resolution.set(index, call);
                    }
                    Started::Lacking => return Resolved::Lacking,
                    Started::Waiting(landing, how, old) => {
                        let since = clock::monotonic();
                        begun.push((index, old.clone()));
                        waiting.get_or_insert_with(FuturesUnordered::new).push(async move {
                            (index, how, since, landed(landing.wait().await, old))
                        });
                    }
                }
            }
            let Some(waiting) = waiting.as_mut().filter(|it| !it.is_empty()) else {
                return if begun.is_empty() { Resolved::Kept } else { Resolved::Waited };
            };
            self.count_hits(errand, kept);
            match tokio::time::timeout_at(errand.until, waiting.next()).await {
                Ok(Some((index, how, since, call))) => {
                    resolution.set(index, call);
                    let (since, took) = (since - errand.began, clock::monotonic() - since);
                    resolution.came(index, how, since, took);
                }
                Ok(None) => {}
                Err(_) => break,
            }
        }
        // Their registers were called, which the bundle and the ledger must say.
        for (index, old) in begun {
            if matches!(resolution.call(index), Call::Open) {
                resolution.set(index, landed(Err(Unavailable::Timeout.into()), old));
                let took = clock::monotonic() - errand.began;
                resolution.came(index, How::Called, Duration::ZERO, took);
            }
        }
        // Those that wait for a key that did not come in time.
        for index in open.iter() {
            resolution.set(index, Call::failed(Unavailable::KeyMissing));
        }
        Resolved::Waited
    }

    fn start(
        &self,
        errand: &Errand<'_>,
        index: usize,
        planned: &PlannedCall,
        key: Option<Box<str>>,
        held: &[Option<Held>; SUBJECTS_MAX],
        now: CivilMs,
    ) -> Started {
        let Some(subject) = errand.request.subjects[planned.role] else {
            return Started::Ended(Call::failed(Unavailable::KeyMissing));
        };
        let register = errand.catalogue.register(planned.register);
        let attributes = errand.plan.attributes(index);
        let slot = self.slot(errand, register, planned, key);
        let max_age = [errand.max_age, errand.plan.max_age(index)].into_iter().flatten().min();
        let found =
            held[planned.role].as_ref().and_then(|held| held.find(&slot, attributes, now, max_age));
        let old = match found {
            Some(Found::Fresh(answer)) => return Started::Ended(Call::Answered(answer)),
            _ if errand.kept_only => return Started::Lacking,
            Some(Found::Old(answer)) => Some(answer),
            None => None,
        };
        self.count(planned.register, |counts| &counts.misses);
        let query = Query {
            key: slot.key.clone().unwrap_or_else(|| subject.to_string().into()),
            disclosure: errand.disclosure,
            trace: errand.trace.cloned(),
            group: Group {
                attributes,
                organisation: errand
                    .catalogue
                    .organisation(errand.request.organisation)
                    .name
                    .clone(),
                procedure: errand.catalogue.procedure(errand.request.procedure).name.clone(),
            },
        };
        let flight = Flight { subject, slot, attributes };
        let (landing, how) = match register.share {
            Share::Call => {
                (self.flights.alone(self.fetch(errand, flight, query, false)), How::Called)
            }
            Share::Any | Share::Organisation => {
                let not_before = max_age.and_then(|most| errand.began.checked_sub(most));
                let fetch = || self.fetch(errand, flight.clone(), query, true);
                let (landing, joined) = self.flights.join(flight.clone(), not_before, fetch);
                if joined {
                    self.count(planned.register, |counts| &counts.joined);
                }
                (landing, if joined { How::Joined } else { How::Called })
            }
        };
        Started::Waiting(landing, how, old)
    }

    fn slot(
        &self,
        errand: &Errand<'_>,
        register: &Register,
        planned: &PlannedCall,
        key: Option<Box<str>>,
    ) -> Slot {
        Slot {
            terms: self.terms,
            register: planned.register,
            key,
            organisation: match register.share {
                Share::Any => None,
                _ if planted::is(Fault::JoinerServedAcrossOrganisations) => None,
                Share::Organisation | Share::Call => Some(errand.request.organisation),
            },
            purpose: errand.request.procedure,
            epoch: errand.grant.epoch(planned.role, &register.name),
        }
    }

    fn count(&self, register: RegisterId, what: impl FnOnce(&metrics::Register) -> &Counter) {
        if let Some(counts) = self.clients.counts(register) {
            what(counts).count();
        }
    }

    /// The work of one flight. It outlives the request that began it.
    fn fetch(&self, errand: &Errand<'_>, flight: Flight, query: Query, keep: bool) -> Fetch {
        let (clients, cache) = (self.clients.clone(), self.cache.clone());
        let register = flight.slot.register;
        let ttl = errand.catalogue.register(register).ttl;
        // Boxed at once: a task of this size would be moved a dozen times on its way into
        // the runtime and out of it.
        Box::pin(async move {
            let answer = clients.ask(register, query).await?;
            if keep && !ttl.is_zero() {
                cache.keep(flight.subject, &flight.slot, &answer, ttl);
            }
            Ok(answer)
        })
    }
}

/// The calls that read what citizens added themselves.
fn own_data(catalogue: &Catalogue, procedure: &Procedure) -> CallSet {
    let own = catalogue.own_data().id;
    let calls = procedure.calls.iter().enumerate();
    calls
        .filter(|(_, call)| call.register == own)
        .fold(CallSet::EMPTY, |all, (index, _)| all.union(CallSet::only(index)))
}

/// The plan's calls that have not ended, or ended for what no longer holds: an
/// earlier plan of the same request may have asked for less, and a No since
/// then means that what was fetched before it is never used, even after a Yes,
/// nor what took its key or its proof from that.
fn reopened(errand: &Errand<'_>, resolution: &mut Resolution) -> CallSet {
    let procedure = errand.catalogue.procedure(errand.request.procedure);
    let (mut open, mut overtaken) = (CallSet::EMPTY, CallSet::EMPTY);
    // Calls stand after those they depend on.
    for index in errand.plan.calls().iter() {
        let planned = &procedure.calls[index];
        let register = errand.catalogue.register(planned.register);
        let epoch = errand.grant.epoch(planned.role, &register.name);
        let lacks = |answer: &Answer| !answer.asked.covers(errand.plan.attributes(index));
        let again = match resolution.call(index) {
            Call::Open => true,
            Call::Answered(answer) | Call::Stale { answer, .. } => lacks(answer),
            Call::Failed { .. } | Call::NoKey | Call::RoleUnproven => false,
        };
        if resolution.epoch(index) != epoch || planned.ancestors.intersects(overtaken) {
            overtaken.insert(index);
        }
        if again || overtaken.contains(index) {
            resolution.open(index, epoch);
            open.insert(index);
        }
    }
    open
}

fn landed(result: Result<Answer, Failure>, old: Option<Answer>) -> Call {
    match (result, old) {
        (Ok(answer), _) => Call::Answered(answer),
        (Err(Failure { reason, .. }), Some(answer)) => Call::Stale { answer, reason },
        (Err(Failure { reason, retry_after }), None) => Call::Failed { reason, retry_after },
    }
}

fn key_of(
    errand: &Errand<'_>,
    procedure: &Procedure,
    planned: &PlannedCall,
    resolution: &Resolution,
) -> Key {
    if let (Some(proof), Some(subject)) = (planned.proof, errand.request.subjects[planned.role]) {
        match resolution.lists(proof.call, proof.attribute, subject) {
            Some(true) => {}
            Some(false) => return Key::Never(Call::RoleUnproven),
            None if matches!(resolution.call(proof.call), Call::Open) => return Key::NotYet,
            None => return Key::Never(Call::failed(Unavailable::KeyMissing)),
        }
    }
    let CallKey::Answer { call, attribute } = planned.key else { return Key::Known(None) };
    debug_assert!(call < procedure.calls.len());
    match answer_of(resolution, call) {
        Answered::NotYet => Key::NotYet,
        Answered::Never => Key::Never(Call::failed(Unavailable::KeyMissing)),
        Answered::Nothing => Key::Never(Call::NoKey),
        Answered::Yes(answer) => match answer.value(attribute) {
            Some(value) => match serde_json::from_slice::<Box<str>>(value) {
                // A key that names another person leads nowhere: nobody's data
                // is reached through somebody else's.
                Ok(key) if key.parse::<Matricule>().is_ok() => {
                    Key::Never(Call::failed(Unavailable::Invalid))
                }
                Ok(key) => Key::Known(Some(key)),
                Err(_) => Key::Never(Call::failed(Unavailable::KeyMissing)),
            },
            None if untold(answer, attribute) => Key::Never(Call::failed(Unavailable::KeyMissing)),
            None => Key::Never(Call::NoKey),
        },
    }
}

/// What is known of a call that others depend on.
enum Answered<'a> {
    NotYet,
    Never,
    Nothing,
    Yes(&'a Answer),
}

fn answer_of(resolution: &Resolution, call: usize) -> Answered<'_> {
    match resolution.call(call) {
        Call::Open => Answered::NotYet,
        Call::Answered(answer) | Call::Stale { answer, .. } if answer.found => {
            Answered::Yes(answer)
        }
        Call::Answered(_) | Call::Stale { .. } | Call::NoKey | Call::RoleUnproven => {
            Answered::Nothing
        }
        Call::Failed { .. } => Answered::Never,
    }
}

/// Whether the register said neither what an attribute is nor that there is none.
fn untold(answer: &Answer, attribute: usize) -> bool {
    answer.invalid.union(answer.unavailable).contains(attribute)
}

#[cfg(test)]
mod tests;
