//! What a run found: one [`Sample`] per request goes in, and the results of
//! threads and processes merge.

use std::time::Duration;

use crate::tally::{Answered, Tally};
use crate::target::Error;
use crate::verify::Verified;

/// On whose behalf a request was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// The citizen is present, in a form of an organisation.
    #[default]
    FrontOffice,
    /// An organisation reads data again for a case.
    BackOffice,
    /// The citizen looks at, or changes, what is theirs.
    Citizen,
    /// A request that no engine knows: it came from a template.
    Other,
}

impl Channel {
    /// As reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FrontOffice => "front-office",
            Self::BackOffice => "back-office",
            Self::Citizen => "citizen",
            Self::Other => "other",
        }
    }
}

/// How one request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An answer came, and its status is among those that the request may get.
    Answered(Answered),
    /// An answer came with a status that the request should not get.
    Unexpected(Answered),
    /// No answer came.
    Failed(Error),
    /// It was on its way when the run ended: neither an answer nor a failure.
    Aborted,
}

/// Whether the target says that it had the answer already (`Server-Timing`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cache {
    /// Nothing was asked of a register.
    Hit,
    /// Something was.
    Miss,
}

/// One request of a run. All times count from the start of the run.
///
/// Latency is `ended - intended`, service time `ended - sent`; neither is ever
/// corrected afterwards.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Counts the requests of a run, from zero.
    pub number: u64,
    /// When the schedule wanted it sent. In a closed loop that is `sent`.
    pub intended: Duration,
    /// When its first byte was written.
    pub sent: Duration,
    /// When the last byte of its answer had come, or when it failed.
    pub ended: Duration,
    /// Its group: an index into the names given to [`Results::new`], one for
    /// each procedure and each other kind of request.
    pub group: u16,
    /// On whose behalf it was.
    pub channel: Channel,
    /// How it ended.
    pub ending: Ending,
    /// Hit or miss, where the target tells.
    pub cache: Option<Cache>,
    /// What the bundle said and what is wrong with the answer; of an answer
    /// that is no bundle only the findings. `filled` and `unverified` are
    /// counted in answers that were compared with the truth.
    pub verified: Option<Verified>,
    /// Whether the answer was compared with the truth, field by field, and not
    /// by its shape alone.
    pub compared: bool,
}

/// Everything that a run found.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// The names of the groups, by index.
    pub groups: Vec<String>,
    /// Answers that were compared with the truth.
    pub compared: u64,
    /// The counts.
    pub tally: Tally,
}

impl Results {
    /// Results of requests in these groups.
    #[must_use]
    pub fn new(groups: Vec<String>) -> Self {
        Self { groups, ..Self::default() }
    }

    /// Counts one request. Called once for each request that was sent.
    pub fn record(&mut self, sample: &Sample) {
        match &sample.ending {
            Ending::Answered(answered) | Ending::Unexpected(answered) => {
                let latency = sample.ended.saturating_sub(sample.intended);
                self.tally.answered(answered.clone(), latency);
            }
            Ending::Failed(error) => self.tally.failed(*error),
            Ending::Aborted => {}
        }
        self.compared += u64::from(sample.compared);
        if let Some(verified) = &sample.verified {
            self.tally.verified(sample.number, verified.clone());
        }
    }

    /// Adds another thread's or process's results of the same groups.
    pub fn merge(&mut self, other: Self) {
        if self.groups.is_empty() {
            self.groups = other.groups;
        }
        self.compared += other.compared;
        self.tally.merge(other.tally);
    }
}
