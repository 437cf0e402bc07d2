//! A citizen's consent to reuse: given for one case, and withdrawn.

use std::sync::Arc;

use uuid::Uuid;

use super::identify::check_case;
use super::{CHANGE_TIME_MAX, Core, Rejection, named, not_changed};
use crate::catalogue::{BackOffice, Catalogue, Procedure};
use crate::clock;
use crate::consent::{Change, Consent, STANDING_MAX, Terms};
use crate::ledger::Own;
use crate::model::{Channel, CivilMs, OrganisationId, Subject};

/// The longest that a consent stands, in days: cases end within years, and who
/// does not remember a consent cannot withdraw it.
const DAYS_MAX: i64 = 5 * 366;
const DAY_MS: CivilMs = 24 * 60 * 60 * 1_000;

/// What a citizen consents to, as they wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consented {
    /// Who may read, by name.
    pub organisation: String,
    /// In which case.
    pub case: String,
    /// Of which form, by name.
    pub procedure: String,
    /// Which fields, by name.
    pub fields: Vec<String>,
    /// The first moment at which it no longer stands.
    pub expires: CivilMs,
}

/// Records a citizen's consent. It is in force when it comes back, with its id.
///
/// # Errors
/// Where it would give nobody anything, or cannot be recorded.
pub async fn consent_to(
    core: &Core,
    subject: Subject,
    consented: &Consented,
) -> Result<(Uuid, Own<Arc<Consent>>), Rejection> {
    let now = core.shared.civil.now().max(core.shared.ledger.published().stamp());
    let id = core.entropy.uuid(now);
    let terms = terms(&core.terms.catalogue, consented, id, now)?;
    let consent = change(core, subject, Change::Give(terms)).await?;
    match consent.get().find_reuse(id.as_bytes()) {
        Some(_) => Ok((id, consent)),
        None => Err(Rejection::value(
            "case",
            format!("not recorded: at most {STANDING_MAX} consents stand at a time"),
        )),
    }
}

/// Withdraws a consent; one that has ended stays as it is. `None` where the
/// citizen never gave it.
///
/// # Errors
/// Where it cannot be recorded.
pub async fn withdraw(
    core: &Core,
    subject: Subject,
    id: Uuid,
) -> Result<Option<Own<Arc<Consent>>>, Rejection> {
    let known = core.port.consent_of(subject);
    if known.get().find_reuse(id.as_bytes()).is_none() {
        return Ok(None);
    }
    let withdrawn = change(core, subject, Change::Withdraw { id: id.into_bytes() }).await?;
    core.shared.repeats.forget(subject);
    Ok(Some(withdrawn))
}

async fn change(
    core: &Core,
    subject: Subject,
    what: Change,
) -> Result<Own<Arc<Consent>>, Rejection> {
    let until = clock::monotonic() + CHANGE_TIME_MAX;
    core.port.change(subject, what, until).await.map_err(|refused| not_changed(&refused))
}

fn terms(
    catalogue: &Catalogue,
    consented: &Consented,
    id: Uuid,
    now: CivilMs,
) -> Result<Terms, Rejection> {
    let organisation = catalogue
        .find_organisation(&consented.organisation)
        .ok_or_else(|| Rejection::value("organisation", "no such organisation in the catalogue"))?;
    let procedure = catalogue
        .find_procedure(&consented.procedure)
        .map(|id| catalogue.procedure(id))
        .filter(|procedure| !procedure.own_view)
        .ok_or_else(|| Rejection::UnknownProcedure(named(&consented.procedure).into()))?;
    check_case(&consented.case)?;
    if procedure.back_office == BackOffice::NotRequired {
        let detail = format!(
            "this procedure needs no consent: the law lets {} re-read it ({})",
            catalogue.organisation(procedure.owner).name,
            procedure.legal_basis,
        );
        return Err(Rejection::value("procedure", detail));
    }
    if consented.expires <= now {
        return Err(Rejection::value("expires", "must be in the future"));
    }
    if consented.expires - now > DAYS_MAX * DAY_MS {
        return Err(Rejection::value("expires", "must be within five years"));
    }
    Ok(Terms {
        id: id.into_bytes(),
        organisation: catalogue.organisation(organisation).name.clone(),
        case: consented.case.as_str().into(),
        procedure: procedure.name.clone(),
        purpose: procedure.purpose.clone(),
        fields: fields(procedure, organisation, &consented.fields)?,
        expires: consented.expires,
    })
}

/// The fields, each of which the organisation may have in its back office.
fn fields(
    procedure: &Procedure,
    organisation: OrganisationId,
    names: &[String],
) -> Result<Vec<Box<str>>, Rejection> {
    let authority = procedure.authority_of(organisation, Channel::BackOffice);
    let open = authority.intersection(procedure.reusable());
    let is_open = |field: usize| {
        procedure.fields[field].candidates.clone().any(|candidate| open.contains(candidate))
    };
    let mut fields: Vec<Box<str>> = Vec::new();
    for name in names {
        let field = procedure.find_field(name).filter(|field| is_open(*field));
        let Some(field) = field else {
            let known = procedure.fields.iter().enumerate().filter(|(index, _)| is_open(*index));
            let known: Vec<_> = known.map(|(_, field)| &*field.name).collect();
            let detail = match known[..] {
                [] => "this organisation may re-read no field of this procedure".to_owned(),
                _ => format!(
                    "`{}` is none of those that can be re-read: {}",
                    named(name),
                    known.join(", ")
                ),
            };
            return Err(Rejection::value("fields", detail));
        };
        let name = &procedure.fields[field].name;
        if !fields.contains(name) {
            fields.push(name.clone());
        }
    }
    match fields.is_empty() {
        true => Err(Rejection::value("fields", "name at least one field")),
        false => Ok(fields),
    }
}
