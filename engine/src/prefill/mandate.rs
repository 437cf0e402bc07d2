//! A mandate that one of its two sides withdraws, or restores.

use std::sync::Arc;

use super::{CHANGE_TIME_MAX, Core, Rejection, not_changed};
use crate::clock;
use crate::consent::{Consent, MANDATES_MAX};
use crate::ledger::Own;
use crate::model::Subject;

/// Records that a citizen no longer acts for a company, or does again as far as it is
/// up to them. It is in force when it comes back. Whether the register of mandates
/// lists the company is not asked: nobody needs a mandate to give it up.
///
/// # Errors
/// Where it is none of a citizen and a company, or cannot be recorded.
pub async fn set_mandate(
    core: &Core,
    citizen: Subject,
    company: Subject,
    allow: bool,
) -> Result<Own<Arc<Consent>>, Rejection> {
    if !matches!((citizen, company), (Subject::Natural(_), Subject::Legal(_))) {
        return Err(Rejection::value("company", "must be a legal person's identifier"));
    }
    let until = clock::monotonic() + CHANGE_TIME_MAX;
    let changed = core.port.mandate(citizen, company, allow, until).await;
    let consent = changed.map_err(|refused| not_changed(&refused))?;
    let other = core.port.published().number(company);
    if !allow && !other.is_some_and(|other| consent.get().withdrew(other)) {
        let detail = format!("not recorded: at most {MANDATES_MAX} mandates are withdrawn");
        return Err(Rejection::value("company", detail));
    }
    if !allow {
        core.shared.repeats.forget(citizen);
    }
    Ok(consent)
}
