//! The languages that people read here.

/// One of the platform's four languages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// French.
    Fr,
    /// German.
    De,
    /// English.
    #[default]
    En,
    /// Luxembourgish.
    Lb,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 4] = [Self::Fr, Self::De, Self::En, Self::Lb];

    /// As ISO 639-1 and the API spell it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::De => "de",
            Self::En => "en",
            Self::Lb => "lb",
        }
    }
}
