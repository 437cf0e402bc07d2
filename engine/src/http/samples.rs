//! Tokens as the description of the API shows them: those that a demonstration takes,
//! where the build has one, and words in their place where it has none.

/// What stands beside an operator's token.
#[cfg(feature = "demo")]
pub(super) const OPERATORS: &str =
    "An operator's API key or JWT; in `demo`, `demo-org-<organisation>`.";
#[cfg(not(feature = "demo"))]
pub(super) const OPERATORS: &str = "An operator's API key or JWT.";

/// What stands beside a citizen's token.
#[cfg(feature = "demo")]
pub(super) const CITIZENS: &str = "A citizen's JWT; in `demo`, `demo-person-<matricule>`.";
#[cfg(not(feature = "demo"))]
pub(super) const CITIZENS: &str = "A citizen's JWT.";

/// An operator's token.
#[cfg(feature = "demo")]
pub(super) const OPERATOR: &str = "demo-org-justice";
#[cfg(not(feature = "demo"))]
pub(super) const OPERATOR: &str = "OPERATORS-TOKEN";

/// A citizen's token.
#[cfg(feature = "demo")]
pub(super) const CITIZEN: &str = "demo-person-1971101731218";
#[cfg(not(feature = "demo"))]
pub(super) const CITIZEN: &str = "CITIZENS-TOKEN";

/// A request for a bundle.
#[cfg(feature = "demo")]
pub(super) const ASKED: &str = r#"{"procedure":"criminal-record-extract","subjects":{"applicant":"1971101731218"},"presence":"demo-person-1971101731218"}"#;
#[cfg(not(feature = "demo"))]
pub(super) const ASKED: &str = r#"{"procedure":"criminal-record-extract","subjects":{"applicant":"1971101731218"},"presence":"PRESENCE-TOKEN"}"#;
