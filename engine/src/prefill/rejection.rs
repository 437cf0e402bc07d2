//! Why a request fails as a whole. Every text may be shown to its sender.

use crate::consent::Denied;
use crate::model::InvalidIdentifier;

/// No name in a catalogue is longer.
const NAME_MAX: usize = 64;

/// Why there is no bundle. The closed list of the API's problems.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The request is not what the API takes.
    #[error("{0}")]
    Malformed(String),
    /// No token, or one that is not known here.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The organisation may not have anything of this, or the operator may not
    /// ask for it.
    #[error("{0}")]
    NoAuthority(String),
    /// The citizen's own token is missing, or another's.
    #[error("{0}")]
    NoPresence(String),
    /// No case in which a consent could stand.
    #[error("{0}")]
    NoReuseConsent(String),
    /// The citizen does not act for the company, or no longer.
    #[error("you have no mandate for this company, or it was withdrawn")]
    NoMandate,
    /// Whether they do cannot be told now.
    #[error("the register of mandates does not answer now; try again later")]
    MandateUnshown,
    /// The catalogue has no such procedure.
    #[error("there is no procedure `{0}`")]
    UnknownProcedure(String),
    /// More bytes than are taken.
    #[error("longer than the {0} bytes that are taken")]
    TooLarge(usize),
    /// An identifier fails a check.
    #[error("{member}: {why}")]
    InvalidIdentifier {
        /// The member of the request.
        member: String,
        /// The check that it fails.
        why: InvalidIdentifier,
    },
    /// A member has a value that it cannot have.
    #[error("{member}: {detail}")]
    InvalidValue {
        /// The member of the request.
        member: String,
        /// What is wrong, and what it may be.
        detail: String,
    },
    /// It asked too often for what it may not have.
    #[error("too many requests for what the organisation may not have; wait a second")]
    Quota,
    /// It could not be recorded, or not in time; the entry may stand.
    #[error("the ledger could not record it in time; nothing was shown, but its entry may stand")]
    NotRecorded,
    /// Own data could not be kept, or not in time; it may be kept.
    #[error("it could not be kept in time; read your data again to see whether it was")]
    NotKept,
    /// What the ledger holds cannot be read now.
    #[error("the ledger cannot be read now")]
    Unreadable,
    /// The citizen's consent changed faster than the bundle could be composed.
    #[error("the consent changed while the bundle was composed; try again")]
    ConsentChanging,
    /// Too much is under way.
    #[error("the engine has too much to do; try again later")]
    Overloaded,
}

impl Rejection {
    /// The problem's type, as the API names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::NoAuthority(_) => "no-authority",
            Self::NoPresence(_) => "no-presence",
            Self::NoReuseConsent(_) => "no-reuse-consent",
            Self::NoMandate => "no-mandate",
            Self::UnknownProcedure(_) => "unknown-procedure",
            Self::TooLarge(_) => "too-large",
            Self::InvalidIdentifier { .. } => "invalid-identifier",
            Self::InvalidValue { .. } => "invalid-value",
            Self::Quota => "quota",
            Self::NotRecorded | Self::NotKept => "not-recorded",
            Self::Unreadable | Self::MandateUnshown => "about:blank",
            Self::ConsentChanging => "consent-changing",
            Self::Overloaded => "overloaded",
        }
    }

    /// A member with a value that it cannot have.
    #[must_use]
    pub fn value(member: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::InvalidValue { member: member.into(), detail: detail.into() }
    }
}

/// What a sender wrote where a name belongs, if it looks like one. Otherwise it may
/// be an identifier or a value in the wrong place, which no problem repeats: they
/// end up in other people's logs.
#[must_use]
pub fn named(text: &str) -> &str {
    let letters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if letters && digits < 5 && text.len() <= NAME_MAX { text } else { "(no name)" }
}

impl From<Denied> for Rejection {
    fn from(denied: Denied) -> Self {
        let text = denied.to_string();
        match denied {
            Denied::NoAuthority => Self::NoAuthority(text),
            Denied::NoPresence => Self::NoPresence(text),
            Denied::NoReuseConsent => Self::NoReuseConsent(text),
        }
    }
}
