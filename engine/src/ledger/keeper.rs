//! Retention: what is older than its time is cut, while the engine runs.
//!
//! First what those entries lead to is kept, a part at a time; then an entry says up
//! to where is cut and what is kept; then the entries are deleted, a slice at a time;
//! and last, whoever is named nowhere any more is forgotten. The writer takes one such
//! chore into a batch, so that nobody waits for more than one. After a crash between
//! any two, the next look goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::catalogues::Catalogues;
use super::entry::Snapshot;
use super::facts::Facts;
use super::left::Left;
use super::queue::{Chore, Submission};
use super::stamps::last_before;
use super::{Latch, Ledger, Refused};
use crate::clock::Civil;
use crate::model::CivilMs;
use crate::store::{self, Cut, Read};

/// How long entries are kept, where nothing else is said.
pub const RETENTION_DEFAULT: Duration = Duration::from_hours(730 * 24);
/// How often it is looked for what is older, in civil time.
const LOOK_EVERY: Duration = Duration::from_hours(24);
/// How many entries are read at a time.
const SLICE: usize = 1_024;
/// How many are deleted at a time: as many as a batch writes.
const SWEPT_AT_ONCE: usize = super::queue::BATCH_MAX;
/// How many subjects are forgotten at a time: each costs three rows of other tables.
const FORGOTTEN_AT_ONCE: usize = 128;

/// Why retention does not go on. Nothing is lost by that.
#[derive(Debug, thiserror::Error)]
pub enum Unkept {
    /// The ledger cannot be read.
    #[error(transparent)]
    Unreadable(#[from] store::Error),
    /// The ledger takes nothing more.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Cuts a ledger.
pub struct Keeper {
    storage: Box<dyn Read>,
    ledger: Ledger,
    civil: Civil,
    kept_ms: CivilMs,
    /// How many entries are deleted at a time.
    slice: usize,
    /// What was swept may still be in the log.
    in_the_log: Arc<AtomicBool>,
    /// Nobody is left whom only entries named that are cut.
    forgotten: bool,
}

impl Keeper {
    /// For a ledger whose entries are kept for so long.
    #[must_use]
    pub fn new(storage: Box<dyn Read>, ledger: Ledger, civil: Civil, kept: Duration) -> Self {
        let kept_ms = CivilMs::try_from(kept.as_millis()).unwrap_or(CivilMs::MAX);
        let (slice, in_the_log) = (SWEPT_AT_ONCE, Arc::default());
        // An engine before this one may have ended in the midst of that.
        Self { storage, ledger, civil, kept_ms, slice, in_the_log, forgotten: false }
    }

    /// The same, in slices of another size: for tests.
    #[must_use]
    pub fn in_slices_of(self, slice: usize) -> Self {
        Self { slice, ..self }
    }

    /// Looks again and again.
    pub async fn run(mut self) {
        loop {
            match self.look().await {
                Ok(None) => {}
                Ok(Some(cut)) => {
                    tracing::info!(up_to = cut, "entries were cut: their time is over")
                }
                Err(Unkept::Refused(Refused::Closed(_))) => return,
                Err(error) => tracing::error!(%error, "entries are not cut"),
            }
            tokio::time::sleep(self.civil.to_monotonic(LOOK_EVERY)).await;
        }
    }

    /// Ends what was begun, and cuts what is older than its time by now; up to which
    /// entry that was. A clock that has jumped closes the ledger before anything is
    /// deleted, as it does for everybody who writes.
    ///
    /// # Errors
    /// Where the ledger cannot be read or written, or what it keeps is not what it says.
    pub async fn look(&mut self) -> Result<Option<u64>, Unkept> {
        self.tidy().await?;
        let (cut, head) = (self.storage.cut()?, self.storage.head()?);
        let before = self.civil.now().max(head.stamp).saturating_sub(self.kept_ms);
        let from = cut.map_or(0, |cut| cut.sequence);
        let upto = last_before(&mut *self.storage, before, from, head.sequence)?;
        if upto == from {
            return Ok(None);
        }
        let mut facts = match cut {
            Some(cut) => Facts::of(&cut, &mut *self.storage)?,
            None => Facts::at_first(&head),
        };
        self.follow(&mut facts, upto).await?;
        self.keep(&facts, before).await?;
        // What is swept cannot be made again, so what was kept is read back first.
        let cut = self.storage.cut()?.filter(|cut| cut.sequence == upto);
        let cut = cut.ok_or(store::Error::Damaged("a cut that was made is not there"))?;
        if Facts::of(&cut, &mut *self.storage)? != facts {
            return Err(store::Error::Damaged("what was kept is not what was to be kept").into());
        }
        self.forgotten = false;
        self.tidy().await?;
        Ok(Some(upto))
    }

    /// Ends what the newest cut began.
    async fn tidy(&mut self) -> Result<(), Unkept> {
        self.sweep().await?;
        if !self.forgotten {
            self.forget().await?;
            self.forgotten = true;
        }
        if self.in_the_log.load(Ordering::SeqCst) {
            chore(&self.ledger, Chore::Scrub(self.in_the_log.clone())).await?;
        }
        Ok(())
    }

    /// Reads on up to an entry.
    async fn follow(&mut self, facts: &mut Facts, upto: u64) -> Result<(), Unkept> {
        let catalogues = Catalogues::default();
        while facts.sequence < upto {
            let most = (upto - facts.sequence).min(SLICE as u64) as usize;
            let rows = self.storage.entries(facts.sequence, most)?;
            if rows.is_empty() {
                return Err(store::Error::Damaged("an entry is missing").into());
            }
            for row in rows {
                facts.follow(&row, &mut *self.storage, &catalogues)?;
            }
            // Whoever stops the engine is heard between two slices.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Stores what is kept, and then says so.
    async fn keep(&mut self, facts: &Facts, before: CivilMs) -> Result<(), Unkept> {
        let (parts, digests) = facts.parts();
        let cut = facts.sequence;
        for (part, body) in (0..).zip(parts) {
            chore(&self.ledger, Chore::Facts { cut, part, body }).await?;
        }
        let snapshot = Snapshot {
            upto: cut,
            hash: facts.hash,
            before,
            kept_ms: self.kept_ms,
            numbers: facts.numbers,
            facts: digests,
        };
        Ok(chore(&self.ledger, Chore::Snapshot(Box::new(snapshot))).await?)
    }

    /// Deletes what is cut, and what is kept no longer.
    async fn sweep(&mut self) -> Result<(), Unkept> {
        let swept = Arc::new(AtomicUsize::new(0));
        loop {
            let sweep = Chore::Sweep { limit: self.slice, swept: swept.clone() };
            chore(&self.ledger, sweep).await?;
            if swept.swap(0, Ordering::SeqCst) == 0 {
                break;
            }
            self.in_the_log.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Forgets whom nothing names that is left. The writer watches meanwhile who comes.
    async fn forget(&mut self) -> Result<(), Unkept> {
        let Some(cut) = self.storage.cut()? else { return Ok(()) };
        chore(&self.ledger, Chore::Watch(true)).await?;
        let forgotten = self.forget_others(cut.sequence).await;
        let unwatched = chore(&self.ledger, Chore::Watch(false)).await;
        forgotten.and(unwatched.map_err(Unkept::from))
    }

    async fn forget_others(&mut self, cut: u64) -> Result<(), Unkept> {
        let mut left = Left::by_consents(&mut *self.storage, cut)?;
        while left.follow(&mut *self.storage)? {
            tokio::task::yield_now().await;
        }
        for subjects in left.others(&mut *self.storage)?.chunks(FORGOTTEN_AT_ONCE) {
            chore(&self.ledger, Chore::Forget(subjects.to_vec())).await?;
            self.in_the_log.store(true, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// Has the writer do something, and waits until that is durable.
pub(super) async fn chore(ledger: &Ledger, chore: Chore) -> Result<(), Refused> {
    let (port, deliver) = ledger.port();
    tokio::select! {
        done = port.post(0, |reply| Submission::Chore(chore, reply)) => done,
        () = deliver => Err(Refused::Closed(Latch::Stopped)),
    }
}

/// Where a ledger was cut, where it was: entries of before that time are not kept.
pub(super) fn kept_from(storage: &mut dyn Read) -> Result<Option<CivilMs>, store::Error> {
    Ok(storage.cut()?.map(|Cut { before, .. }| before))
}
