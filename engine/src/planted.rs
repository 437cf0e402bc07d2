//! Faults that a proof plants, to see that it would find them.
//!
//! They exist under the feature `planted-faults` only, which no server has; without
//! it `is` is a constant. One at a time is planted, for the whole process.

/// A broken promise.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "planted-faults", derive(Debug))]
pub enum Fault {
    /// What was resolved is shown although the grant no longer allows it.
    NoRecheckAtRelease,
    /// The versions are read when the bundle is composed, the decision is older.
    VersionReadAfterTheFetch,
    /// A change is acknowledged before it is durable.
    AcknowledgeBeforeCommit,
    /// A bundle leaves before its entry is durable.
    RespondBeforeCommit,
    /// What was fetched before a No is found after it.
    FillAfterPurge,
    /// What was composed is kept, and told again whatever was refused since.
    FilteredOutputCached,
    /// A flight is joined, and its answer found, whichever body it was for.
    JoinerServedAcrossOrganisations,
    /// The chain goes on from before an entry.
    ChainSkipsAnEntry,
    /// Ledger time is the wall clock's, also when that goes back.
    ExpiryByWallClockGoneBackwards,
    /// Consent state is published after the acknowledgement.
    PublishAfterAcknowledgement,
    /// A disclosure that a change overtook in the queue is written all the same.
    QueueOvertakingWithoutRecheck,
    /// A grant's time is not compared with ledger time.
    GrantTimeNotChecked,
    /// A change's new state is not stored for the next start.
    ConsentStateNotStored,
    /// A mandate that one of its sides withdrew is used.
    WithdrawnMandateUsed,
    /// What is kept of entries that are cut lacks the changes of consent.
    SnapshotForgetsChanges,
}

impl Fault {
    /// All of them.
    #[cfg(feature = "planted-faults")]
    pub const ALL: [Self; 15] = [
        Self::NoRecheckAtRelease,
        Self::VersionReadAfterTheFetch,
        Self::AcknowledgeBeforeCommit,
        Self::RespondBeforeCommit,
        Self::FillAfterPurge,
        Self::FilteredOutputCached,
        Self::JoinerServedAcrossOrganisations,
        Self::ChainSkipsAnEntry,
        Self::ExpiryByWallClockGoneBackwards,
        Self::PublishAfterAcknowledgement,
        Self::QueueOvertakingWithoutRecheck,
        Self::GrantTimeNotChecked,
        Self::ConsentStateNotStored,
        Self::WithdrawnMandateUsed,
        Self::SnapshotForgetsChanges,
    ];
}

#[cfg(feature = "planted-faults")]
mod soil {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Fault;

    /// The place in [`Fault::ALL`], plus one; nothing is planted at zero.
    static PLANTED: AtomicUsize = AtomicUsize::new(0);

    /// Plants a fault in this process, or takes out what was planted.
    pub fn plant(fault: Option<Fault>) {
        tracing::warn!(?fault, "planted-faults");
        let place = |fault| Fault::ALL.iter().position(|known| *known == fault);
        let place = fault.and_then(place).map_or(0, |index| index + 1);
        PLANTED.store(place, Ordering::SeqCst);
    }

    /// Plants what the environment names, for a process of its own.
    ///
    /// # Errors
    /// The names that there are, where it names another.
    pub fn from_environment() -> Result<(), String> {
        let Ok(name) = std::env::var("PREFILL_PLANTED_FAULT") else { return Ok(()) };
        let names = || Fault::ALL.map(|fault| format!("{fault:?}"));
        let found = Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name);
        let unknown = || format!("PREFILL_PLANTED_FAULT is none of {}", names().join(", "));
        plant(Some(found.ok_or_else(unknown)?));
        Ok(())
    }

    /// Whether this fault is planted.
    pub(crate) fn is(fault: Fault) -> bool {
        let place = PLANTED.load(Ordering::Relaxed);
        place > 0 && Fault::ALL[place - 1] == fault
    }
}

#[cfg(feature = "planted-faults")]
pub(crate) use soil::is;
#[cfg(feature = "planted-faults")]
pub use soil::{from_environment, plant};

/// Never, and known when this is compiled.
#[cfg(not(feature = "planted-faults"))]
pub(crate) const fn is(_: Fault) -> bool {
    false
}
