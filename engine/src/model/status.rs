//! The closed lists of the API: how a field ended, and why it is empty.

/// The kind of request, which decides what authorises it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Channel {
    /// The citizen is present and their token says so.
    #[default]
    FrontOffice,
    /// An organisation re-reads data for a case.
    BackOffice,
    /// The citizen looks at their own data.
    Own,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::FrontOffice, Self::BackOffice, Self::Own];

    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FrontOffice => "front-office",
            Self::BackOffice => "back-office",
            Self::Own => "self",
        }
    }
}

/// How one field of a bundle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It has a value.
    Filled,
    /// It has a value older than what was asked for, because its register is down.
    Stale,
    /// The register answered: there is none, or it does not know the subject.
    Empty,
    /// It may not be shown.
    Withheld(Withheld),
    /// There was no usable answer.
    Unavailable(Unavailable),
}

impl Status {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filled => "filled",
            Self::Stale => "stale",
            Self::Empty => "empty",
            Self::Withheld(_) => "withheld",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Why a field is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Withheld {
    /// The citizen said No to the register.
    Preference,
    /// The organisation may not have the attribute for this procedure.
    Authority,
    /// The subject does not stand in the role that the request gave them.
    Role,
    /// All that the back office is told, whatever the cause.
    NotAvailableToYou,
}

impl Withheld {
    /// Every reason, in the order of the API's table.
    pub const ALL: [Self; 4] =
        [Self::Preference, Self::Authority, Self::Role, Self::NotAvailableToYou];

    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preference => "preference",
            Self::Authority => "authority",
            Self::Role => "role",
            Self::NotAvailableToYou => "notAvailableToYou",
        }
    }
}

/// Why there is no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Unavailable {
    /// It did not answer in time.
    Timeout,
    /// It failed, or could not be reached.
    Error,
    /// It said that it is closed for now.
    Maintenance,
    /// What it said was not what its description promises.
    Invalid,
    /// Too many calls wait for it already.
    Overloaded,
    /// The key for the call would have come from an answer that is missing.
    KeyMissing,
}

impl Unavailable {
    /// Every reason, in the order of the API's table.
    pub const ALL: [Self; 6] = [
        Self::Timeout,
        Self::Error,
        Self::Maintenance,
        Self::Invalid,
        Self::Overloaded,
        Self::KeyMissing,
    ];

    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Maintenance => "maintenance",
            Self::Invalid => "invalid",
            Self::Overloaded => "overloaded",
            Self::KeyMissing => "keyMissing",
        }
    }
}

/// What came of calling one register, as `sources` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It answered about the subject.
    Answered,
    /// It answered that it does not know the subject.
    NotFound,
    /// There was no usable answer.
    Failed(Unavailable),
}

impl Outcome {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NotFound => "notFound",
            Self::Failed(reason) => reason.as_str(),
        }
    }
}
