//! What people do on the platform: one visit is one request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A form is opened.
    Open,
    /// The same form is opened again by the same citizen.
    Resume,
    /// A citizen looks at everything that is held about them.
    MyData,
    /// A citizen looks at who saw what.
    Accesses,
    /// A citizen says No to a register, or takes it back.
    Preference,
    /// A citizen writes what no register knows.
    OwnData,
    /// A citizen lets an organisation read fields again.
    Consent,
    /// An organisation reads them.
    BackOffice,
    /// A request that no form should send.
    Invalid,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Open,
        Self::Resume,
        Self::MyData,
        Self::Accesses,
        Self::Preference,
        Self::OwnData,
        Self::Consent,
        Self::BackOffice,
        Self::Invalid,
    ];

    /// As traces and reports name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resume => "resume",
            Self::MyData => "my-data",
            Self::Accesses => "accesses",
            Self::Preference => "preference",
            Self::OwnData => "own-data",
            Self::Consent => "consent",
            Self::BackOffice => "back-office",
            Self::Invalid => "invalid",
        }
    }

    /// Whether it is about a form.
    #[must_use]
    pub fn is_of_form(self) -> bool {
        matches!(self, Self::Open | Self::Resume | Self::Consent | Self::BackOffice | Self::Invalid)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("no kind `{text}`; there is {}", known.join(", "))
        })
    }
}

/// One visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Visit {
    /// When, from the start of the year or trace, in its own time.
    pub at: Duration,
    /// What.
    pub kind: Kind,
    /// For which form: its place among the forms of the schedule.
    pub procedure: u16,
    /// Whose: a person's index in the country, in turns where there are fewer.
    pub subject: u64,
    /// What belongs together: all visits for one started form share it.
    pub case: u64,
}
