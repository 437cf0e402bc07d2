//! Who asks: operators, citizens, and the proof that a citizen is present.

#[cfg(feature = "demo")]
mod demo;
mod issued;
mod jwt;
mod keys;

#[cfg(feature = "demo")]
pub use demo::Demo;
pub use issued::{Issued, Trusted};
pub use jwt::{Invalid, Issuer, KeySet};
pub use keys::{KeyDigest, Keys};

use crate::catalogue::{Organisation, Procedure};
use crate::model::{CivilMs, Subject};

/// An authenticated client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The organisation that it is, by name.
    pub organisation: Box<str>,
}

/// A citizen who has identified themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Citizen {
    /// Who they are.
    pub subject: Subject,
}

/// A citizen's own short-lived token: they are there, and want this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Who is there.
    pub subject: Subject,
    /// Names the token in the ledger; says nothing of its holder.
    pub token: Box<str>,
    /// The one organisation it is for; any where there is none.
    pub organisation: Option<Box<str>>,
    /// The one procedure it is for; any where there is none.
    pub procedure: Option<Box<str>>,
    /// When it ends.
    pub valid_until: CivilMs,
}

impl Presence {
    /// Whether it is `subject`'s, for this use, now.
    #[must_use]
    pub fn covers(
        &self,
        subject: Subject,
        organisation: &Organisation,
        procedure: &Procedure,
        now: CivilMs,
    ) -> bool {
        self.subject == subject
            && now < self.valid_until
            && self.organisation.as_ref().is_none_or(|bound| *bound == organisation.name)
            && self.procedure.as_ref().is_none_or(|bound| *bound == procedure.name)
    }
}

/// Knows tokens. A seam: the demonstration, a production's keys, a test.
pub trait Directory: Send + Sync {
    /// The operator whose token this is.
    fn operator(&self, token: &str) -> Option<Operator>;
    /// The citizen whose token this is.
    fn citizen(&self, token: &str) -> Option<Citizen>;
    /// The presence that this token shows.
    fn presence(&self, token: &str) -> Option<Presence>;
}

#[cfg(test)]
mod tests;
