//! What resolving a plan gave: values plus gaps, never either-or.

use std::time::Duration;

use super::{Answer, CallSet, Outcome, Subject, Unavailable};

/// How one call of a plan ended.
#[derive(Clone, Debug)]
pub enum Call {
    /// It was not made, or has not ended yet.
    Open,
    /// The register answered.
    Answered(Answer),
    /// The register failed, but an answer older than what was asked for is kept.
    Stale {
        /// What it said then.
        answer: Answer,
        /// How it failed now.
        reason: Unavailable,
    },
    /// The register that gives the key answered that there is none.
    NoKey,
    /// There is no usable answer; perhaps the register said when to try again.
    Failed {
        /// Why.
        reason: Unavailable,
        /// Seconds, where the register said so.
        retry_after: Option<u32>,
    },
    /// The relation that the subject's role needs does not hold, so that
    /// nobody was called.
    RoleUnproven,
}

impl Call {
    /// A failure without a hint when to try again.
    #[must_use]
    pub fn failed(reason: Unavailable) -> Self {
        Self::Failed { reason, retry_after: None }
    }

    /// What `sources` says of it; nothing where no register was asked.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Open | Self::NoKey | Self::RoleUnproven => None,
            Self::Answered(answer) if answer.found => Some(Outcome::Answered),
            Self::Answered(_) => Some(Outcome::NotFound),
            Self::Failed { reason: Unavailable::KeyMissing, .. } => None,
            Self::Failed { reason, .. } | Self::Stale { reason, .. } => {
                Some(Outcome::Failed(*reason))
            }
        }
    }
}

/// Where an answer came from. It is told in a demonstration alone: elsewhere it
/// would tell one body that another asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum How {
    /// It was in memory.
    #[default]
    Kept,
    /// Another request's call gave it.
    Joined,
    /// Its register was called for it.
    Called,
}

impl How {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Joined => "joined",
            Self::Called => "called",
        }
    }
}

/// One call of a plan.
#[derive(Clone, Debug)]
struct State {
    call: Call,
    /// The epoch under which it was opened.
    epoch: u64,
    how: How,
    took: Duration,
    /// From the request's begin on, when its register was called or another's call joined.
    since: Duration,
}

/// The outcome of each call of a procedure's plan, by the call's index.
#[derive(Debug)]
pub struct Resolution {
    calls: Vec<State>,
    /// Calls whose register was asked before they were opened again.
    before: CallSet,
}

impl Resolution {
    /// Nothing resolved yet, for a plan of `count` calls.
    #[must_use]
    pub fn empty(count: usize) -> Self {
        let open = State {
            call: Call::Open,
            epoch: 0,
            how: How::default(),
            took: Duration::ZERO,
            since: Duration::ZERO,
        };
        Self { calls: vec![open; count], before: CallSet::EMPTY }
    }

    /// One call.
    #[must_use]
    pub fn call(&self, index: usize) -> &Call {
        &self.calls[index].call
    }

    /// Where a call's answer came from, and how long that took.
    #[must_use]
    pub fn how(&self, index: usize) -> (How, Duration) {
        (self.calls[index].how, self.calls[index].took)
    }

    /// Whether every call that ended did so out of memory.
    #[must_use]
    pub fn kept(&self) -> bool {
        self.calls.iter().all(|it| it.call.outcome().is_none() || it.how == How::Kept)
    }

    /// The epoch under which a call was opened.
    #[must_use]
    pub fn epoch(&self, index: usize) -> u64 {
        self.calls[index].epoch
    }

    /// Whether a call's register was asked, also where the call was opened
    /// again since and has not ended, or could not be made again.
    #[must_use]
    pub fn asked(&self, index: usize) -> bool {
        self.before.contains(index) || self.call(index).outcome().is_some()
    }

    /// Opens a call, also one that has ended, under an epoch.
    pub fn open(&mut self, index: usize, epoch: u64) {
        if self.asked(index) {
            self.before.insert(index);
        }
        self.calls[index] = State {
            call: Call::Open,
            epoch,
            how: How::default(),
            took: Duration::ZERO,
            since: Duration::ZERO,
        };
    }

    /// Whether a call's answer lists a subject: what shows a relation. `None`
    /// where that cannot be told, or not yet.
    #[must_use]
    pub fn lists(&self, index: usize, attribute: usize, subject: Subject) -> Option<bool> {
        match self.call(index) {
            Call::Open | Call::Failed { .. } => None,
            Call::NoKey | Call::RoleUnproven => Some(false),
            Call::Answered(answer) | Call::Stale { answer, .. } => {
                if !answer.found {
                    return Some(false);
                }
                answer.lists(attribute, subject)
            }
        }
    }

    /// Records how a call ended.
    pub fn set(&mut self, index: usize, call: Call) {
        self.calls[index].call = call;
    }

    /// When a call was made, from the request's begin on.
    #[must_use]
    pub fn since(&self, index: usize) -> Duration {
        self.calls[index].since
    }

    /// Records where a call's answer came from, when it was asked for, from the
    /// request's begin on, and how long that took.
    pub fn came(&mut self, index: usize, how: How, since: Duration, took: Duration) {
        let state = &mut self.calls[index];
        (state.how, state.since, state.took) = (how, since, took);
    }
}
