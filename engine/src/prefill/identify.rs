//! Who asks, about whom, for what: a request's words, in the catalogue's terms.

use std::fmt;
use std::time::Duration;

use super::mandate::COMPANY;
use super::{Core, KEY_MAX, Rejection, named};
use crate::catalogue::{Catalogue, DEADLINE_MAX, DEADLINE_MIN, Procedure};
use crate::consent::Request;
use crate::identity::Operator;
use crate::ledger::About;
use crate::model::{Channel, FieldSet, Language, OrganisationId, SUBJECTS_MAX, Subject};
use crate::trace;

/// Beyond a year nothing is kept anyway.
const MAX_AGE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const CASE_MAX: usize = 64;

/// A request, as its sender wrote it. `Debug` shows nobody's identifier or token.
#[derive(Clone)]
pub struct Asked {
    /// The authenticated client.
    pub operator: Operator,
    /// The form, by name.
    pub procedure: String,
    /// Role and identifier.
    pub subjects: Vec<(String, String)>,
    /// How.
    pub channel: Channel,
    /// The citizen's token.
    pub presence: Option<String>,
    /// The receiving organisation, where the operator asks for another.
    pub organisation: Option<String>,
    /// The case.
    pub case: Option<String>,
    /// The fields wanted; all where there are none.
    pub fields: Option<Vec<String>>,
    /// How long the client waits, from 10 ms to 30 s; the procedure's own
    /// deadline where it does not say.
    pub deadline: Option<Duration>,
    /// The greatest age of a value that the client stands.
    pub max_age: Option<Duration>,
    /// What notices are written in.
    pub language: Language,
    /// The caller's place in a trace, which registers are told as well.
    pub trace: Option<trace::Context>,
    /// The client's own key for this request: whoever repeats both gets the same
    /// disclosure. 1 to 64 visible characters.
    pub idempotency: Option<String>,
}

impl Asked {
    /// What an organisation asks of a procedure about these subjects, by role, at the
    /// front office; everything else as where nothing is said.
    #[must_use]
    pub fn of(organisation: &str, procedure: &str, subjects: &[(&str, &str)]) -> Self {
        let subjects = subjects.iter().map(|(role, id)| ((*role).to_owned(), (*id).to_owned()));
        Self {
            operator: Operator { organisation: organisation.into() },
            procedure: procedure.to_owned(),
            subjects: subjects.collect(),
            channel: Channel::default(),
            presence: None,
            organisation: None,
            case: None,
            fields: None,
            deadline: None,
            max_age: None,
            language: Language::default(),
            trace: None,
            idempotency: None,
        }
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("operator", &self.operator)
            .field("procedure", &self.procedure)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Checks a request against the catalogue. Says nothing yet of what it may have.
pub(super) fn identify(core: &Core, asked: &Asked) -> Result<Request, Rejection> {
    let catalogue = &core.terms.catalogue;
    let operator = operator(catalogue, asked)?;
    let procedure = catalogue
        .find_procedure(&asked.procedure)
        .ok_or_else(|| Rejection::UnknownProcedure(named(&asked.procedure).into()))?;
    let procedure = catalogue.procedure(procedure);
    if procedure.candidates.is_empty() {
        let detail = "this procedure is not prefilled: its fields are all filled by hand";
        return Err(Rejection::value("procedure", detail));
    }
    limits(asked)?;
    let subjects = subjects(procedure, &asked.subjects)?;
    let fields = asked.fields.as_deref().map(|names| fields(procedure, names)).transpose()?;
    let organisation = organisation(catalogue, asked, operator)?;
    let presence = asked.presence.as_deref().and_then(|token| core.terms.directory.presence(token));
    Ok(Request {
        procedure: procedure.id,
        organisation,
        channel: asked.channel,
        subjects,
        fields,
        presence,
        case: asked.case.as_deref().map(Into::into),
        language: asked.language,
    })
}

/// A citizen's look at their own data. The body whose view it is stands in the
/// ledger for who received, since somebody must: the channel tells that the
/// citizen did.
pub(super) fn own(core: &Core, subject: Subject) -> Result<(Request, About), Rejection> {
    let mut subjects = [None; SUBJECTS_MAX];
    subjects[0] = Some(subject);
    looking(core, core.terms.catalogue.own_view(), subjects)
}

/// The same at a company's, for which they may act.
pub(super) fn own_of_company(
    core: &Core,
    citizen: Subject,
    company: Subject,
) -> Result<(Request, About), Rejection> {
    let mut subjects = [None; SUBJECTS_MAX];
    subjects[0] = Some(citizen);
    subjects[COMPANY] = Some(company);
    looking(core, core.terms.catalogue.company_view(), subjects)
}

fn looking(
    core: &Core,
    view: Option<&Procedure>,
    subjects: [Option<Subject>; SUBJECTS_MAX],
) -> Result<(Request, About), Rejection> {
    let catalogue = &core.terms.catalogue;
    let view = view.ok_or_else(|| Rejection::UnknownProcedure("self".into()))?;
    let request = Request {
        procedure: view.id,
        organisation: view.owner,
        channel: Channel::Own,
        subjects,
        fields: None,
        presence: None,
        case: None,
        language: Language::default(),
    };
    let about = About {
        catalogue: *catalogue.digest(),
        operator: view.owner,
        organisation: view.owner,
        procedure: view.id,
        version: view.version,
        channel: Channel::Own,
        case: None,
        presence: None,
        idempotency: None,
    };
    Ok((request, about))
}

/// What the ledger says of the request.
pub(super) fn about(core: &Core, asked: &Asked, request: &Request) -> About {
    let catalogue = &core.terms.catalogue;
    About {
        catalogue: *catalogue.digest(),
        operator: catalogue
            .find_organisation(&asked.operator.organisation)
            .unwrap_or(request.organisation),
        organisation: request.organisation,
        procedure: request.procedure,
        version: catalogue.procedure(request.procedure).version,
        channel: request.channel,
        case: request.case.clone(),
        presence: request.presence.as_ref().map(|presence| presence.token.clone()),
        idempotency: asked.idempotency.as_deref().map(Into::into),
    }
}

fn operator(catalogue: &Catalogue, asked: &Asked) -> Result<OrganisationId, Rejection> {
    catalogue
        .find_organisation(&asked.operator.organisation)
        .ok_or(Rejection::Unauthenticated("the token names no organisation of this catalogue"))
}

fn organisation(
    catalogue: &Catalogue,
    asked: &Asked,
    operator: OrganisationId,
) -> Result<OrganisationId, Rejection> {
    let Some(name) = &asked.organisation else { return Ok(operator) };
    let found = catalogue.find_organisation(name);
    found.ok_or_else(|| Rejection::value("organisation", "no such organisation in the catalogue"))
}

fn limits(asked: &Asked) -> Result<(), Rejection> {
    let bounds = DEADLINE_MIN..=DEADLINE_MAX;
    if asked.deadline.is_some_and(|deadline| !bounds.contains(&deadline)) {
        return Err(Rejection::value("deadlineMs", "must be from 10 to 30000"));
    }
    if asked.max_age.is_some_and(|age| age > MAX_AGE_MAX) {
        return Err(Rejection::value("maxAgeSeconds", "must be at most 31622400, a year"));
    }
    asked.case.as_deref().map_or(Ok(()), check_case)?;
    asked.idempotency.as_deref().map_or(Ok(()), check_key)?;
    if asked.channel == Channel::Own {
        let detail =
            "`self` is the citizen's own channel; an operator asks front-office or back-office";
        return Err(Rejection::value("channel", detail));
    }
    Ok(())
}

fn subjects(
    procedure: &Procedure,
    named: &[(String, String)],
) -> Result<[Option<Subject>; SUBJECTS_MAX], Rejection> {
    let mut subjects = [None; SUBJECTS_MAX];
    for (role, identifier) in named {
        let index = procedure.find_role(role).ok_or_else(|| {
            let roles: Vec<_> = procedure.roles.iter().map(|role| &*role.name).collect();
            let detail = format!("this procedure has no such role; it has {}", roles.join(", "));
            Rejection::value(member("subjects", role), detail)
        })?;
        let subject: Subject = identifier.parse().map_err(|why| Rejection::InvalidIdentifier {
            member: member("subjects", role),
            why,
        })?;
        if matches!(subject, Subject::Natural(_)) != procedure.roles[index].natural {
            let wanted = if procedure.roles[index].natural { "a natural" } else { "a legal" };
            let detail = format!("must be {wanted} person's identifier");
            return Err(Rejection::value(member("subjects", role), detail));
        }
        subjects[index] = Some(subject);
    }
    for (index, role) in procedure.roles.iter().enumerate() {
        if subjects[index].is_none() {
            let detail = "this procedure needs a subject in this role";
            return Err(Rejection::value(member("subjects", &role.name), detail));
        }
    }
    Ok(subjects)
}

fn fields(procedure: &Procedure, names: &[String]) -> Result<FieldSet, Rejection> {
    let mut fields = FieldSet::EMPTY;
    for name in names {
        let index = procedure.find_field(name).ok_or_else(|| {
            Rejection::value("fields", format!("this procedure has no field `{}`", named(name)))
        })?;
        if procedure.fields[index].by_hand() {
            let detail = format!("field `{}` is filled by hand", named(name));
            return Err(Rejection::value("fields", detail));
        }
        fields.insert(index);
    }
    Ok(fields)
}

fn member(of: &str, name: &str) -> String {
    format!("{of}.{}", named(name))
}

/// Whether a case is named as organisations name them.
pub(super) fn check_case(case: &str) -> Result<(), Rejection> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=CASE_MAX).contains(&case.len()) && case.bytes().all(good) {
        return Ok(());
    }
    Err(Rejection::value("case", "must be 1 to 64 of A-Z a-z 0-9 . _ -"))
}

/// Whether a key for repeating is one: what a client makes up, and not a text
/// about somebody.
fn check_key(key: &str) -> Result<(), Rejection> {
    if (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Rejection::value("Idempotency-Key", "must be 1 to 64 visible ASCII characters"))
}
