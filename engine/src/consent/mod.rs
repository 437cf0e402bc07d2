//! What may be shown, and what is shown: the decision, its plan, its release.
//!
//! Pure: a grant is a function of the catalogue, the request, the consent of
//! each subject and the time. Everything is denied that nothing allows.

mod decide;
mod notices;
mod plan;
mod release;
mod state;

pub use decide::{Denied, Grant, Request, decide};
pub use plan::Plan;
pub use release::{Bundle, Released};
pub use state::{Consent, Preference};

#[cfg(test)]
mod tests;
