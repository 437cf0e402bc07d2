//! What may be shown, and what is shown: the decision, its plan, its release.
//!
//! Pure: a grant is a function of the catalogue, the request, the consent of
//! each subject and the time. Everything is denied that nothing allows.

mod change;
mod decide;
mod explain;
mod mandate;
mod notices;
mod plan;
mod release;
mod reuse;
mod state;
mod stored;

pub use change::Change;
pub use decide::{Denied, Grant, Request, decide};
pub(crate) use explain::Explanation;
pub use explain::Timings;
pub use mandate::{MANDATES_MAX, Mandate, Parties};
pub use plan::Plan;
pub use release::{Bundle, Released};
pub use reuse::{Reuse, STANDING_MAX, Standing, Terms};
pub use state::{Consent, Preference};

#[cfg(test)]
mod tests;
