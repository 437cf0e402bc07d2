//! Mandates: withdrawn or restored by one of their two sides, and acted upon.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    ATTEMPTS, Attempt, CHANGE_TIME_MAX, Core, Rejection, Shows, Tell, count, identify, not_changed,
    offering, refused,
};
use crate::clock::{self, Instant};
use crate::consent::{Bundle, Change, Consent, Grant, MANDATES_MAX, Plan, Request};
use crate::ledger::{About, By, Disclosed, Own, Refused, Wish};
use crate::model::{Channel, RegisterId, Resolution, Subject};

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
        return Err(full("company"));
    }
    if !allow {
        core.shared.repeats.forget(citizen);
    }
    Ok(consent)
}

fn full(member: &str) -> Rejection {
    Rejection::value(member, format!("not recorded: at most {MANDATES_MAX} are withdrawn"))
}

/// The place of the company in the view that the catalogue has of one.
pub(super) const COMPANY: usize = 1;

/// Shows somebody who acts for a company what registers hold about it: the view that
/// the catalogue has for it, recorded like every other bundle.
///
/// # Errors
/// As [`super::own`], and where there is no mandate.
pub async fn own_of_company(
    core: &Arc<Core>,
    citizen: Subject,
    company: Subject,
) -> Result<Disclosed<Bundle>, Rejection> {
    let began = clock::monotonic();
    let (request, about) = identify::own_of_company(core, citizen, company)?;
    let attempt = Attempt::begin(core, &request, about, began, None, None);
    let answered = attempt.disclose().await.map(|(disclosed, _)| disclosed);
    count(core, Some(request.procedure), began, &answered);
    answered
}

/// Somebody who acts for a company: their mandate was shown, and is seen to again by
/// the writer whatever they do.
pub struct Acting {
    core: Arc<Core>,
    request: Request,
    about: About,
    disclosure: Uuid,
    began: Instant,
    deadline: Instant,
    resolution: Resolution,
    company: Subject,
    citizen: Subject,
}

impl Acting {
    /// Asks the register of mandates.
    ///
    /// # Errors
    /// Where there is no mandate, or nobody can tell.
    pub async fn begin(
        core: &Arc<Core>,
        citizen: Subject,
        company: Subject,
    ) -> Result<Self, Rejection> {
        let (request, about) = identify::own_of_company(core, citizen, company)?;
        let attempt = Attempt::begin(core, &request, about.clone(), clock::monotonic(), None, None);
        let (disclosure, began, deadline) = (attempt.disclosure, attempt.began, attempt.deadline);
        let calls = core.terms.catalogue.procedure(request.procedure).calls.len();
        let (core, resolution) = (core.clone(), Resolution::empty(calls));
        let mut acting = Self {
            core,
            request,
            about,
            disclosure,
            began,
            deadline,
            resolution,
            company,
            citizen,
        };
        acting.shown().await?;
        Ok(acting)
    }

    /// Tells what the ledger holds about the company. That is a disclosure of no field:
    /// it stands in the company's list, and in that of whoever acts for it.
    ///
    /// # Errors
    /// As [`super::own`], and where the mandate stands no longer.
    pub async fn tell(mut self, tell: &Tell) -> Result<Disclosed<Bundle>, Rejection> {
        let mut resolution = std::mem::replace(&mut self.resolution, Resolution::empty(0));
        let attempt = self.attempt(Shows::Told(tell));
        let answered = attempt.disclose_beside(&mut resolution).await;
        let answered = answered.map(|(disclosed, _)| disclosed);
        count(&self.core, Some(self.request.procedure), self.began, &answered);
        answered
    }

    /// Records the company's Yes or No to a register that offers it the choice.
    ///
    /// # Errors
    /// As [`super::prefer`], and where the mandate stands no longer.
    pub async fn prefer(
        &mut self,
        register: RegisterId,
        allow: bool,
    ) -> Result<Own<Arc<Consent>>, Rejection> {
        let known = offering(&self.core, self.company, register)?;
        let change = Change::Preference { register: known.name.clone(), allow };
        let consent = self.change(&Wish::Change(change)).await?;
        if !allow {
            refused(&self.core, self.company, register);
        }
        Ok(consent)
    }

    /// Records that somebody else no longer acts for the company, or does again as far
    /// as it is up to the company.
    ///
    /// # Errors
    /// Where it is the citizen's own mandate, which is theirs to give up; where it cannot
    /// be recorded; and where the mandate stands no longer.
    pub async fn set_mandate(
        &mut self,
        person: Subject,
        allow: bool,
    ) -> Result<Own<Arc<Consent>>, Rejection> {
        if !matches!(person, Subject::Natural(_)) {
            return Err(Rejection::value("person", "must be a natural person's identifier"));
        }
        if person == self.citizen {
            let detail = "your own mandate is yours to give up: name the company in the body";
            return Err(Rejection::value("person", detail));
        }
        let consent = self.change(&Wish::Mandate { other: person, allow }).await?;
        let number = self.core.port.published().number(person);
        if !allow && !number.is_some_and(|number| consent.get().withdrew(number)) {
            return Err(full("person"));
        }
        if !allow {
            self.core.shared.repeats.forget(self.company);
        }
        Ok(consent)
    }

    async fn change(&mut self, wish: &Wish) -> Result<Own<Arc<Consent>>, Rejection> {
        for _ in 0..ATTEMPTS {
            let [person, company] = self.shown().await?;
            let by = By { person: self.citizen, versions: (person, company) };
            let until = clock::monotonic() + CHANGE_TIME_MAX;
            match self.core.port.change_by(by, self.company, wish.clone(), until).await {
                Err(Refused::Stale) => {}
                changed => return changed.map_err(|refused| not_changed(&refused)),
            }
        }
        Err(Rejection::ConsentChanging)
    }

    /// The versions of both sides' consents under which the mandate is shown.
    async fn shown(&mut self) -> Result<[u64; 2], Rejection> {
        let mut resolution = std::mem::replace(&mut self.resolution, Resolution::empty(0));
        let attempt = self.attempt(Shows::Told(&|_| Vec::new()));
        let (grant, _) = attempt.resolve(&mut resolution).await?;
        attempt.has_mandate(&grant, &resolution)?;
        self.resolution = resolution;
        let [person, company, ..] = grant.versions();
        Ok([person, company].map(Option::unwrap_or_default))
    }

    /// One disclosure's attempts, which have one id and one deadline.
    fn attempt<'a>(&'a self, shows: Shows<'a>) -> Attempt<'a> {
        let (disclosure, began, deadline) = (self.disclosure, self.began, self.deadline);
        let about = self.about.clone();
        let attempt = Attempt::begin(&self.core, &self.request, about, began, None, None);
        Attempt { disclosure, deadline, shows, ..attempt }
    }
}

impl Attempt<'_> {
    /// Whether somebody looks at a company's data on a mandate.
    fn by_mandate(&self) -> bool {
        self.request.channel == Channel::Own && self.request.subjects[COMPANY].is_some()
    }

    /// The calls to make.
    pub(super) fn plan(&self, grant: &Grant) -> Plan {
        let catalogue = &self.core.terms.catalogue;
        match self.by_mandate() {
            false => grant.plan(catalogue),
            true => grant.plan_with_proofs(catalogue, matches!(self.shows, Shows::Told(_))),
        }
    }

    /// Whoever acts for a company needs a mandate. Who has none is told the same,
    /// whatever company it is, and whether there is one.
    pub(super) fn has_mandate(
        &self,
        grant: &Grant,
        resolution: &Resolution,
    ) -> Result<(), Rejection> {
        if !self.by_mandate() {
            return Ok(());
        }
        match grant.stands(&self.core.terms.catalogue, resolution, COMPANY) {
            Some(true) => Ok(()),
            Some(false) => Err(Rejection::NoMandate),
            None => Err(Rejection::MandateUnshown),
        }
    }
}
