//! The request, from top to bottom.
//!
//! ```text
//! identify -> decide -> plan -> resolve -> decide again -> release -> disclose
//! ```

mod bulk;
mod core;
mod denials;
mod identify;
mod journal;
mod mandate;
mod rejection;
mod repeats;
mod reuse;
mod spans;
mod terms;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;

pub use self::core::{Core, Seat, Shared};
pub use bulk::{BUNCH, Bulk, Job, Left, Turn, WINDOW, Work, prefill_in_bulk};
use denials::Denials;
pub use identify::Asked;
use mandate::COMPANY;
pub use mandate::{Acting, own_of_company, set_mandate};
pub use rejection::{Rejection, named};
pub use repeats::{KEY_MAX, Repeats};
pub use reuse::{Consented, consent_to, withdraw};
pub use terms::Terms;

use crate::catalogue::Register;
use crate::clock::{self, Instant};
use crate::consent::{Bundle, Change, Consent, Grant, Plan, Request, Timings, decide};
use crate::ledger::{self, About, Digested, Disclosed, Facts, Own, Refused};
use crate::model::{
    Call, Channel, CivilMs, ProcedureId, RegisterId, Resolution, Subject, Unavailable,
};
use crate::planted::{self, Fault};
use crate::resolver::{Errand, Resolved};
use crate::trace::{Context, SpanId};
use spans::Steps;

/// How often a disclosure that a change of consent overtook is composed again.
const ATTEMPTS: usize = 2;
/// How long a change of consent may take to be in force.
const CHANGE_TIME_MAX: Duration = Duration::from_secs(2);
/// How often more is fetched because a consent changed while fetching.
const ROUNDS_MAX: usize = 4;

/// Answers one request. What comes back is recorded, and may leave.
///
/// # Errors
/// Where it is malformed, not authorised, or cannot be recorded. A register
/// that fails is a gap in the bundle and no error.
pub async fn prefill(core: &Arc<Core>, asked: &Asked) -> Result<Disclosed<Bundle>, Rejection> {
    let (core, began) = (&core.renewed(), clock::monotonic());
    let answered = answer(core, asked, began).await;
    let procedure = core.terms.catalogue.find_procedure(&asked.procedure);
    count(core, procedure, began, &answered);
    answered
}

async fn answer(
    core: &Arc<Core>,
    asked: &Asked,
    began: Instant,
) -> Result<Disclosed<Bundle>, Rejection> {
    if let Some(key) = asked.idempotency.clone() {
        // A task of its own: whoever hangs up and repeats it must find it done.
        let (core, asked) = (core.clone(), asked.clone());
        let once = tokio::spawn(async move { repeats::once(&core, &asked, &key).await });
        return once.await.unwrap_or(Err(Rejection::NotRecorded));
    }
    let request = identify::identify(core, asked)?;
    let about = identify::about(core, asked, &request);
    let attempt = Attempt::of(core, &request, about, asked, began);
    attempt.authorise()?;
    attempt.disclose().await.map(|(disclosed, _)| disclosed)
}

/// Answers one request with how its bundle comes to be, without values: what could
/// fill each field, what was decided, and which registers were called. That is a
/// disclosure, too, of no field.
///
/// # Errors
/// As [`prefill`].
pub async fn explain(core: &Arc<Core>, asked: &Asked) -> Result<Disclosed<Bundle>, Rejection> {
    let (core, began) = (&core.renewed(), clock::monotonic());
    let answered = explained(core, asked, began).await;
    let procedure = core.terms.catalogue.find_procedure(&asked.procedure);
    count(core, procedure, began, &answered);
    answered
}

async fn explained(
    core: &Arc<Core>,
    asked: &Asked,
    began: Instant,
) -> Result<Disclosed<Bundle>, Rejection> {
    let request = identify::identify(core, asked)?;
    let about = identify::about(core, asked, &request);
    let attempt = Attempt::of(core, &request, about, asked, began);
    let attempt = Attempt { shows: Shows::How, ..attempt };
    attempt.authorise()?;
    attempt.disclose().await.map(|(disclosed, _)| disclosed)
}

/// Shows citizens what registers hold about them and what they added: the view
/// that the catalogue has for it, recorded like every other bundle.
///
/// # Errors
/// As [`prefill`].
pub async fn own(core: &Arc<Core>, subject: Subject) -> Result<Disclosed<Bundle>, Rejection> {
    let began = clock::monotonic();
    let (request, about) = identify::own(core, subject)?;
    let attempt = Attempt::begin(core, &request, about, began, None, None);
    let answered = attempt.disclose().await.map(|(disclosed, _)| disclosed);
    count(core, Some(request.procedure), began, &answered);
    answered
}

fn count(
    core: &Core,
    procedure: Option<ProcedureId>,
    began: Instant,
    answered: &Result<Disclosed<Bundle>, Rejection>,
) {
    let group = procedure.map_or("unknown", |id| core.terms.catalogue.procedure(id).group());
    let outcome = match answered {
        Ok(bundle) if bundle.get().released.complete => "complete",
        Ok(_) => "partial",
        Err(rejection) => rejection.kind(),
    };
    core.shared.metrics.bundle(group, outcome, clock::monotonic() - began);
}

/// Records a citizen's Yes or No to a register that offers the choice. It is in
/// force when it comes back.
///
/// # Errors
/// Where the register offers none, or it cannot be recorded.
pub async fn prefer(
    core: &Core,
    subject: Subject,
    register: RegisterId,
    allow: bool,
) -> Result<Own<Arc<Consent>>, Rejection> {
    let known = offering(core, subject, register)?;
    let until = clock::monotonic() + CHANGE_TIME_MAX;
    let what = Change::Preference { register: known.name.clone(), allow };
    let consent =
        core.port.change(subject, what, until).await.map_err(|refused| not_changed(&refused))?;
    if !allow {
        refused(core, subject, register);
    }
    Ok(consent)
}

/// The register, where it offers the choice to such a subject.
fn offering(core: &Core, subject: Subject, register: RegisterId) -> Result<&Register, Rejection> {
    let known = core.terms.catalogue.register(register);
    if known.preference && known.of.knows(matches!(subject, Subject::Natural(_))) {
        return Ok(known);
    }
    Err(Rejection::value("register", "this register offers no preference"))
}

/// Drops what is kept of a register that was just refused.
fn refused(core: &Core, subject: Subject, register: RegisterId) {
    core.shared.cache.purge(subject, core.terms.number, register);
    core.shared.repeats.forget(subject);
}

fn not_changed(refused: &Refused) -> Rejection {
    match refused {
        Refused::Full => Rejection::Overloaded,
        Refused::Stale
        | Refused::Expired
        | Refused::Superseded
        | Refused::TooLate
        | Refused::Closed(_) => Rejection::NotRecorded,
    }
}

/// What stays the same when a request is composed again.
struct Attempt<'a> {
    core: &'a Arc<Core>,
    request: &'a Request,
    about: About,
    disclosure: Uuid,
    trace: Option<Context>,
    /// The caller's span.
    parent: Option<SpanId>,
    max_age: Option<Duration>,
    began: Instant,
    deadline: Instant,
    in_bulk: bool,
    /// Where nothing may be fetched: to be told that something has to be.
    lacking: Option<&'a AtomicBool>,
    shows: Shows<'a>,
}

/// What becomes of a decision and what was resolved.
#[derive(Clone, Copy)]
enum Shows<'a> {
    /// The bundle.
    Values,
    /// How it comes to be.
    How,
    /// What the ledger holds about the company for which somebody acts, as others
    /// write it: of the consent that was decided on.
    Told(&'a Tell),
}

/// Writes what is told.
pub type Tell = dyn Fn(&Consent) -> Vec<u8> + Send + Sync;

impl<'a> Attempt<'a> {
    /// What an operator asked for.
    fn of(
        core: &'a Arc<Core>,
        request: &'a Request,
        about: About,
        asked: &Asked,
        began: Instant,
    ) -> Self {
        let attempt = Self::begin(core, request, about, began, asked.deadline, asked.max_age);
        let trace = match (&asked.trace, &core.shared.spans) {
            (Some(caller), _) => Some(caller.child(&core.entropy)),
            (None, Some(spans)) => Some(Context::begin(&core.entropy, spans.share())),
            (None, None) => None,
        };
        let parent = asked.trace.as_ref().map(|caller| caller.parts().1);
        Self { trace, parent, ..attempt }
    }

    fn begin(
        core: &'a Arc<Core>,
        request: &'a Request,
        about: About,
        began: Instant,
        deadline: Option<Duration>,
        max_age: Option<Duration>,
    ) -> Self {
        let procedure = core.terms.catalogue.procedure(request.procedure);
        let disclosure = core.entropy.uuid(core.shared.civil.now());
        let deadline = began + deadline.unwrap_or(procedure.deadline);
        Self {
            core,
            request,
            about,
            disclosure,
            trace: None,
            parent: None,
            max_age,
            began,
            deadline,
            in_bulk: false,
            lacking: None,
            shows: Shows::Values,
        }
    }

    /// Resolves, releases, records; again where a change of consent overtook it.
    /// With the decision under which it was recorded.
    async fn disclose(&self) -> Result<(Disclosed<Bundle>, Grant), Rejection> {
        let core = self.core;
        let calls = core.terms.catalogue.procedure(self.request.procedure).calls.len();
        self.disclose_beside(&mut Resolution::empty(calls)).await
    }

    /// The same beside what was resolved before.
    async fn disclose_beside(
        &self,
        resolution: &mut Resolution,
    ) -> Result<(Disclosed<Bundle>, Grant), Rejection> {
        let mut steps = self.steps();
        let disclosed = self.attempts(resolution, &mut steps).await;
        if self.lacking.is_some_and(|lacking| lacking.load(Ordering::Relaxed)) {
            return disclosed;
        }
        self.log(resolution, disclosed.as_ref().map(|(bundle, _)| bundle));
        self.tell(steps, resolution, disclosed.as_ref().err());
        disclosed
    }

    async fn attempts(
        &self,
        resolution: &mut Resolution,
        steps: &mut Steps,
    ) -> Result<(Disclosed<Bundle>, Grant), Rejection> {
        for _ in 0..ATTEMPTS {
            let (grant, now) = self.resolve(resolution).await?;
            self.has_mandate(&grant, resolution)?;
            steps.end("resolve");
            let (bundle, grant) = self.compose(grant, resolution, now).await?;
            steps.end("release");
            let until = self.deadline + ledger::GRACE;
            let (port, facts) = (&self.core.port, self.facts(&grant));
            // With nobody there to give way to, more in a batch and no wait for it.
            let goes_last = self.in_bulk && self.core.shared.bulk.gives_way();
            let disclosed = match goes_last {
                false => port.disclose(bundle, facts, until).await,
                true => port.disclose_in_bulk(bundle, facts, until).await,
            };
            steps.end("record");
            match disclosed {
                Ok(disclosed) => return Ok((disclosed, grant)),
                Err(Refused::Stale | Refused::Expired) => {}
                Err(Refused::Full) => return Err(Rejection::Overloaded),
                Err(Refused::Superseded | Refused::TooLate | Refused::Closed(_)) => {
                    return Err(Rejection::NotRecorded);
                }
            }
        }
        Err(Rejection::ConsentChanging)
    }

    /// Releases the bundle and digests it: at once for who waits before a form,
    /// on the threads of bulk jobs otherwise.
    async fn compose(
        &self,
        grant: Grant,
        resolution: &mut Resolution,
        now: CivilMs,
    ) -> Result<(Digested, Grant), Rejection> {
        let shared = &self.core.shared;
        let (catalogue, disclosure) = (self.core.terms.catalogue.clone(), self.disclosure);
        if let Shows::Told(tell) = self.shows {
            let body = grant.consent(COMPANY).map(|consent| tell(consent)).unwrap_or_default();
            let told = grant.tell(&catalogue, resolution, disclosure, body);
            return Ok((Digested::from(told), grant));
        }
        if matches!(self.shows, Shows::How) {
            let timings =
                shared.tells_how.then(|| Timings { took: clock::monotonic() - self.began });
            let explained = grant.explain(&catalogue, resolution, disclosure, timings);
            return Ok((Digested::from(explained), grant));
        }
        let release = move |grant: &Grant, resolution: &Resolution| {
            Digested::from(grant.release(&catalogue, resolution, disclosure, now))
        };
        if !self.in_bulk {
            return Ok((release(&grant, resolution), grant));
        }
        let taken = std::mem::replace(resolution, Resolution::empty(0));
        let work = move || (release(&grant, &taken), grant, taken);
        let composed = shared.bulk.compose(work).await;
        let (bundle, grant, taken) = composed.ok_or(Rejection::NotRecorded)?;
        *resolution = taken;
        Ok((bundle, grant))
    }

    /// Fetches what the consent of the moment allows, and decides again
    /// afterwards: a No during a slow call takes effect in this very response. With the
    /// moment of the last decision.
    async fn resolve(&self, resolution: &mut Resolution) -> Result<(Grant, CivilMs), Rejection> {
        let (shared, terms) = (&self.core.shared, &self.core.terms);
        let mut now = shared.civil.now();
        let mut grant = self.decide(now)?;
        // A back office gets a bundle also where it may have nothing, so that it
        // learns no reason; but not so often that it fills the ledger.
        let in_vain = self.request.channel == Channel::BackOffice && grant.allowed().is_empty();
        if in_vain && !terms.denials.admits(self.about.operator) {
            return Err(self.denied(Rejection::Quota));
        }
        // An answer is fetched only for a disclosure that can be recorded.
        if shared.ledger.published().latch().is_some() {
            return Err(Rejection::NotRecorded);
        }
        // However slow the ledger was of late, half of the time is for fetching.
        let reserve = shared.ledger.published().reserve();
        let until = self.deadline - reserve.min((self.deadline - self.began) / 2);
        for _ in 0..ROUNDS_MAX {
            let plan = self.plan(&grant);
            let errand = Errand {
                catalogue: &terms.catalogue,
                request: self.request,
                grant: &grant,
                plan: &plan,
                disclosure: self.disclosure,
                trace: self.trace.as_ref(),
                max_age: self.max_age,
                began: self.began,
                until,
                now,
                kept_only: self.lacking.is_some(),
            };
            let registers = self.core.resolver.resolve(&errand, resolution);
            let (resolved, own_data) = tokio::join!(registers, self.own_data(&plan, until));
            if let (Resolved::Lacking, Some(lacking)) = (resolved, self.lacking) {
                lacking.store(true, Ordering::Relaxed);
                return Err(Rejection::Overloaded);
            }
            if resolved == Resolved::Kept && own_data.is_none() {
                // The decision is of this very moment.
                return Ok((grant, now));
            }
            if let Some((index, call)) = own_data {
                resolution.set(index, call);
            }
            if planted::is(Fault::VersionReadAfterTheFetch) {
                return Ok((grant, now));
            }
            now = shared.civil.now();
            let again = self.decide(now)?;
            let settled = again.versions() == grant.versions();
            grant = again;
            if settled {
                return Ok((grant, now));
            }
        }
        // Some of it was fetched before a change, and nobody looks at it again.
        Err(Rejection::ConsentChanging)
    }

    /// What the applicant added themselves, where the plan needs it, and the
    /// call that it stands for.
    async fn own_data(&self, plan: &Plan, until: Instant) -> Option<(usize, Call)> {
        let (shared, catalogue) = (&self.core.shared, &self.core.terms.catalogue);
        let own = catalogue.own_data().id;
        let calls = &catalogue.procedure(self.request.procedure).calls;
        let index = plan.calls().iter().find(|index| calls[*index].register == own)?;
        let subject = self.request.subjects[calls[index].role]?;
        let now = shared.civil.now();
        let answer = shared.space.answer(subject, plan.attributes(index), now);
        let call = match tokio::time::timeout_at(until, answer).await {
            Ok(Ok(answer)) => Call::Answered(answer),
            Ok(Err(error)) => {
                let (disclosure, trace) = (self.disclosure, self.trace.as_ref().map(Context::id));
                tracing::error!(%error, %disclosure, trace, "own data cannot be read");
                Call::failed(Unavailable::Error)
            }
            Err(_) => Call::failed(Unavailable::Timeout),
        };
        Some((index, call))
    }

    /// Whether the operator may ask for the organisation.
    fn authorise(&self) -> Result<(), Rejection> {
        let operator = self.core.terms.catalogue.organisation(self.about.operator);
        if operator.may_act_for(self.request.organisation) {
            return Ok(());
        }
        let detail = format!("{} may not ask for another organisation", operator.name);
        Err(self.denied(Rejection::NoAuthority(detail)))
    }

    fn decide(&self, now: CivilMs) -> Result<Grant, Rejection> {
        let shared = &self.core.shared;
        let published = shared.ledger.published();
        let parties = published.parties(&self.request.subjects);
        // Never behind the ledger, which would refuse what ended by its time.
        let now = now.max(published.stamp());
        decide(&self.core.terms.catalogue, self.request, parties, now)
            .map_err(|denied| self.denied(denied.into()))
    }

    fn denied(&self, rejection: Rejection) -> Rejection {
        let subjects = self.request.subjects().collect();
        let denials = &self.core.terms.denials;
        denials.record(self.core, &self.about, subjects, rejection.kind());
        rejection
    }

    fn facts(&self, grant: &Grant) -> Facts {
        let mut versions = grant.versions();
        if planted::is(Fault::VersionReadAfterTheFetch) {
            let published = self.core.port.published();
            versions = self.request.subjects.map(|it| Some(published.consent(it?).version));
        }
        let subjects = self.request.subjects.iter().zip(versions);
        let subjects = subjects.filter_map(|(subject, version)| Some(((*subject)?, version?)));
        Facts {
            subjects: subjects.collect(),
            valid_until: grant.valid_until(),
            about: self.about.clone(),
        }
    }
}
