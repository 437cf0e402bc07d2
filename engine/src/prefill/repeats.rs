//! One disclosure for a request that its client repeats under one key.
//!
//! A client whose connection broke cannot know whether its request was answered.
//! It sends it again with the same `Idempotency-Key`, and gets the bytes that are
//! in the ledger already, as long as the decision behind them stands: consent is
//! checked again, and no second use is listed. Memory only, and not for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, Semaphore};

use super::{Asked, Attempt, Core, Rejection, identify};
use crate::clock::{self, Instant};
use crate::consent::Bundle;
use crate::ledger::{self, Disclosed, Refused, Repeatable};
use crate::model::Subject;
use crate::planted::{self, Fault};

/// The longest key, in bytes: a UUID has 36.
pub const KEY_MAX: usize = 64;
/// Whoever repeats does so within seconds; bundles hold values, and rest here.
const KEPT: Duration = Duration::from_secs(120);
/// Some ten thousand bundles of 1.5 KB.
const BYTES_MAX: u64 = 16 << 20;
/// Requests with keys go on without their clients; so many of them at a time.
const UNDER_WAY_MAX: usize = 4_096;
/// What a key weighs beside its bundle.
const KEY_WEIGHT: u32 = 256;

/// The operator, by name since ids may change with the catalogue, and its key.
type Key = (Box<str>, Box<str>);

/// What was disclosed under keys of late.
pub struct Repeats {
    slots: Cache<Key, Arc<Slot>>,
    under_way: Semaphore,
}

/// One key's place. Whoever composes holds its lock, so that a repeat waits.
#[derive(Default)]
struct Slot {
    weight: AtomicU32,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    /// SHA-256 of what was asked.
    asked: [u8; 32],
    until: Instant,
    disclosure: Repeatable,
}

impl Default for Repeats {
    fn default() -> Self {
        let weigh = |_: &Key, slot: &Arc<Slot>| KEY_WEIGHT + slot.weight.load(Ordering::Relaxed);
        let cache = Cache::builder().max_capacity(BYTES_MAX).time_to_live(KEPT).weigher(weigh);
        Self { slots: cache.build(), under_way: Semaphore::new(UNDER_WAY_MAX) }
    }
}

impl Repeats {
    /// Erases every bundle about somebody who changed their consent.
    pub(super) fn forget(&self, subject: Subject) {
        if planted::is(Fault::FilteredOutputCached) {
            return;
        }
        for (key, slot) in &self.slots {
            // One that is being composed looks for itself when it is done.
            let Ok(mut kept) = slot.kept.try_lock() else { continue };
            if kept.as_ref().is_some_and(|kept| kept.disclosure.is_about(subject)) {
                *kept = None;
                self.slots.invalidate(&*key);
            }
        }
    }

    fn slot(&self, key: &Key) -> Arc<Slot> {
        self.slots.get_with_by_ref(key, Arc::default)
    }
}

/// Answers a request that has a key: with what was disclosed under it, or with a
/// new disclosure. A second request under the key waits for the first.
pub(super) async fn once(
    core: &Arc<Core>,
    asked: &Asked,
    name: &str,
) -> Result<Disclosed<Bundle>, Rejection> {
    let Ok(_place) = core.shared.repeats.under_way.try_acquire() else {
        return Err(Rejection::Overloaded);
    };
    let request = identify::identify(core, asked)?;
    let about = identify::about(core, asked, &request);
    let key = (asked.operator.organisation.clone(), name.into());
    let attempt = Attempt::of(core, &request, about, asked, clock::monotonic());
    attempt.authorise()?;
    let repeats = &core.shared.repeats;
    let slot = repeats.slot(&key);
    // The first's entry may stand when the time is over.
    let until = attempt.deadline + ledger::GRACE;
    let locked = tokio::time::timeout_at(until, slot.kept.lock()).await;
    let mut kept = locked.map_err(|_| Rejection::NotRecorded)?;
    let digest = digest(asked);
    if let Some(known) = kept.as_ref().filter(|known| clock::monotonic() < known.until) {
        if known.asked != digest {
            let detail = "this key was used for another request; take a new one";
            return Err(Rejection::value("Idempotency-Key", detail));
        }
        if let Some(again) = again(&attempt, known)? {
            return Ok(again);
        }
    }
    *kept = None;
    let (disclosed, grant) = attempt.disclose().await?;
    let disclosure = disclosed.repeatable(attempt.facts(&grant));
    slot.weight.store(disclosure.size() as u32, Ordering::Relaxed);
    *kept = Some(Kept { asked: digest, until: clock::monotonic() + KEPT, disclosure });
    // Weighs it anew.
    repeats.slots.insert(key, slot.clone());
    // Whoever changed their consent meanwhile found the slot locked.
    if !kept.as_ref().is_some_and(|kept| kept.disclosure.stands(core.port.published())) {
        *kept = None;
    }
    Ok(disclosed)
}

/// What was disclosed, where the decision of now is the one of then.
fn again(attempt: &Attempt<'_>, known: &Kept) -> Result<Option<Disclosed<Bundle>>, Rejection> {
    let shared = &attempt.core.shared;
    let (published, now) = (shared.ledger.published(), shared.civil.now());
    attempt.decide(now)?;
    match known.disclosure.again(attempt.core.terms.catalogue.digest(), published, now) {
        Ok(disclosed) => Ok(Some(disclosed)),
        Err(Refused::Closed(_)) => Err(Rejection::NotRecorded),
        Err(
            Refused::Stale
            | Refused::Expired
            | Refused::Superseded
            | Refused::Full
            | Refused::TooLate,
        ) => Ok(None),
    }
}

/// What is asked, but for how long its client waits.
fn digest(asked: &Asked) -> [u8; 32] {
    let Asked { operator, procedure, subjects, channel, presence, organisation, .. } = asked;
    let mut subjects: Vec<_> = subjects.iter().collect();
    subjects.sort();
    let what = (&operator.organisation, procedure, subjects, channel.as_str(), presence);
    let how = (organisation, &asked.case, &asked.fields, asked.max_age, asked.language.as_str());
    let bytes = postcard::to_allocvec(&(what, how)).expect("a vector takes every byte");
    Sha256::digest(bytes).into()
}
