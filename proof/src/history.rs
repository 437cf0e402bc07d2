//! What clients asked, when, and what they were told.

use engine::model::{Channel, CivilMs, Subject};
use uuid::Uuid;

use crate::registers::Seen;
use crate::world::REGISTERS;

/// Never ended, or nobody knows how.
pub const NEVER: u64 = u64::MAX;

/// A whole run.
#[derive(Default)]
pub struct History {
    /// Every operation, in no order.
    pub operations: Vec<Operation>,
    /// The calls of each register.
    pub calls: [Vec<Seen>; REGISTERS.len()],
    /// Why the ledger was closed at the end, where it was.
    pub latch: Option<String>,
    /// When the incident of the plan had happened, in ticks.
    pub incident: Option<u64>,
}

/// One call of a client.
#[derive(Clone, Debug)]
pub struct Operation {
    /// When it began, in ticks.
    pub invoked: u64,
    /// When its answer was in the client's hands; [`NEVER`] where none was.
    pub completed: u64,
    /// What was wanted.
    pub wanted: Wanted,
    /// What came of it.
    pub told: Told,
}

/// What a client wanted.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A bundle.
    Bundle(Bundle),
    /// Yes or No to a register.
    Preference {
        /// Whose.
        subject: Subject,
        /// Its place in [`REGISTERS`].
        register: usize,
        /// Yes or No.
        allow: bool,
    },
    /// A mandate, withdrawn or restored.
    Mandate {
        /// By which of its two sides.
        subject: Subject,
        /// The other.
        other: Subject,
        /// Whether it is used.
        allow: bool,
    },
    /// A consent to reuse.
    Consent {
        /// Whose.
        subject: Subject,
        /// To whom.
        organisation: &'static str,
        /// In which case; no two operations name the same.
        case: String,
        /// Of which registers.
        fields: Vec<usize>,
        /// Until when.
        expires: CivilMs,
    },
    /// To have one of them back.
    Withdrawal {
        /// Whose.
        subject: Subject,
        /// Which.
        id: Uuid,
    },
}

/// A bundle that was wanted.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// Which form.
    pub procedure: &'static str,
    /// About whom, by role.
    pub subjects: Vec<Subject>,
    /// For whom.
    pub organisation: &'static str,
    /// How.
    pub channel: Channel,
    /// In which case.
    pub case: Option<String>,
    /// Under which key.
    pub key: Option<String>,
}

/// What a client was told.
#[derive(Clone, Debug)]
pub enum Told {
    /// A bundle.
    Bundle(Held),
    /// That its subject's consent is now at this version, and the id of what it
    /// gave.
    Version(u64, Option<Uuid>),
    /// No, and that nothing was done.
    Refused(&'static str),
    /// Nothing, or that it may have been done.
    Unknown,
}

/// A bundle that a client holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// The fields that have a value: name, source, and the number of the call.
    pub filled: Vec<(String, usize, usize)>,
}

impl Operation {
    /// Whether it may have left an entry.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        !matches!(self.told, Told::Refused(_))
    }
}

impl Wanted {
    /// Whom it was about.
    pub fn subjects(&self) -> &[Subject] {
        match self {
            Self::Bundle(bundle) => &bundle.subjects,
            Self::Preference { subject, .. }
            | Self::Mandate { subject, .. }
            | Self::Consent { subject, .. }
            | Self::Withdrawal { subject, .. } => std::slice::from_ref(subject),
        }
    }
}
