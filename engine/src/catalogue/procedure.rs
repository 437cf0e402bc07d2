//! Online forms: roles, steps of fields, and what can fill each.

use std::time::Duration;

use super::Labels;
use super::field::{self, Field, FieldDraft};
use super::notice::{self, Notice};
use super::plan::{Candidate, PlannedCall};
use super::reader::{File, Line, Placed, Table};
use crate::model::{CandidateSet, Channel, FieldSet, OrganisationId, ProcedureId, SUBJECTS_MAX};

/// How long a request may take that names no deadline: past it, people take a
/// form for broken.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(2);
/// The least that a request may be given.
pub const DEADLINE_MIN: Duration = Duration::from_millis(10);
/// The most.
pub const DEADLINE_MAX: Duration = Duration::from_secs(30);

/// A procedure, with the plan that fills it.
#[derive(Debug)]
pub struct Procedure {
    /// Its place in the catalogue.
    pub id: ProcedureId,
    /// Its name, such as `criminal-record-extract`.
    pub name: Box<str>,
    /// Counted up with every change that a user of the form would see.
    pub version: u32,
    /// The organisation whose form it is.
    pub owner: OrganisationId,
    /// What people call it.
    pub label: Labels,
    /// Why the data is needed.
    pub purpose: Box<str>,
    /// The law that says so.
    pub legal_basis: Box<str>,
    /// What the back office needs.
    pub back_office: BackOffice,
    /// Whether it is no form but a citizen's view of their own data, or of a company's
    /// for which they act.
    pub own_view: bool,
    /// How long a request may take that names no deadline.
    pub deadline: Duration,
    /// At most four; the first is the applicant.
    pub roles: Vec<Role>,
    /// Names of the steps and their labels.
    pub steps: Vec<(Box<str>, Labels)>,
    /// At most 128, in the form's order.
    pub fields: Vec<Field>,
    /// The fields that something can fill.
    pub fillable: FieldSet,
    /// What can fill the fields: at most 128, by field and then in order.
    pub candidates: Vec<Candidate>,
    /// The calls that fill everything, each after those it depends on.
    pub calls: Vec<PlannedCall>,
    /// What each organisation may have; organisations without any are absent.
    pub authority: Vec<(OrganisationId, CandidateSet)>,
    /// What released values may have to say.
    pub notices: Vec<Notice>,
}

impl Procedure {
    /// The field of that name.
    #[must_use]
    pub fn find_field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }

    /// The role of that name.
    #[must_use]
    pub fn find_role(&self, name: &str) -> Option<usize> {
        self.roles.iter().position(|role| &*role.name == name)
    }

    /// What an organisation may have on a channel. On their own channel citizens
    /// may have everything of their own view, and nothing else.
    #[must_use]
    pub fn authority_of(&self, organisation: OrganisationId, channel: Channel) -> CandidateSet {
        match (channel, self.own_view) {
            (Channel::Own, true) => return CandidateSet::first(self.candidates.len()),
            (Channel::Own, false) | (_, true) => return CandidateSet::EMPTY,
            (Channel::FrontOffice | Channel::BackOffice, false) => {}
        }
        let found = self.authority.iter().find(|(id, _)| *id == organisation);
        found.map_or(CandidateSet::EMPTY, |(_, candidates)| *candidates)
    }

    /// What an organisation's back office may re-read without a reuse consent:
    /// nothing, unless the law needs none, and then the body whose procedure it
    /// is alone.
    #[must_use]
    pub fn by_law(&self, organisation: OrganisationId) -> CandidateSet {
        if self.back_office == BackOffice::ReuseConsent || organisation != self.owner {
            return CandidateSet::EMPTY;
        }
        self.reusable()
    }

    /// What a back office may re-read at all, with consent or by law.
    #[must_use]
    pub fn reusable(&self) -> CandidateSet {
        let shared = |candidate: &Candidate| self.fields[candidate.field].back_office;
        let candidates = self.candidates.iter().enumerate();
        candidates.filter(|(_, candidate)| shared(candidate)).map(|(index, _)| index).collect()
    }

    /// Every field that something can fill.
    #[must_use]
    pub fn all_fields(&self) -> FieldSet {
        self.fillable
    }

    /// Whom it is about, in one word: `self`, `company`, `family` or `person`. Metrics
    /// group procedures so: how many registers a request meets follows from it.
    #[must_use]
    pub fn group(&self) -> &'static str {
        match () {
            () if self.own_view => "self",
            () if self.professional_only() => "company",
            () if self.roles.len() > 1 => "family",
            () => "person",
        }
    }

    /// Whether only professional spaces can use it: it needs a company.
    #[must_use]
    pub fn professional_only(&self) -> bool {
        self.roles.iter().any(|role| !role.natural)
    }
}

/// What the back office needs in order to re-read data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackOffice {
    /// The citizen's reuse consent for the case.
    ReuseConsent,
    /// The legal basis alone; the citizen is shown so.
    NotRequired,
}

/// A subject's part in a procedure.
#[derive(Debug)]
pub struct Role {
    /// Its name, such as `applicant`.
    pub name: Box<str>,
    /// Whether natural persons stand in it; legal persons otherwise.
    pub natural: bool,
    /// Whether only minors stand in it.
    pub minor: bool,
}

/// A role as written. What cannot be read is `None`, and `role` holds something
/// in its place.
pub(super) struct RoleDraft {
    pub(super) role: Role,
    pub(super) natural: Option<bool>,
    pub(super) minor: Option<bool>,
    /// `None` within where it cannot be read.
    pub(super) listed_in: Option<Option<Placed>>,
    pub(super) line: Line,
}

impl RoleDraft {
    /// The role above it and the attribute that list its subjects, if they can be
    /// read.
    pub(super) fn listed_in(&self) -> Option<&Placed> {
        self.listed_in.as_ref()?.as_ref()
    }
}

/// A procedure as its file says, before other files are looked at.
pub(super) struct Draft {
    pub(super) name: Placed,
    pub(super) version: u32,
    pub(super) owner: Option<Placed>,
    pub(super) label: Labels,
    pub(super) purpose: Box<str>,
    pub(super) legal_basis: Box<str>,
    pub(super) back_office: BackOffice,
    pub(super) own_view: bool,
    /// `None` where it cannot be read.
    pub(super) deadline: Option<Duration>,
    pub(super) deadline_line: Line,
    /// `None` where they cannot be read.
    pub(super) roles: Option<Vec<RoleDraft>>,
    pub(super) steps: Vec<(Box<str>, Labels)>,
    pub(super) fields: Vec<FieldDraft>,
    pub(super) notices: Vec<notice::Draft>,
}

/// Reads one procedure's file. Something stands for what cannot be read, so that
/// the rest is checked all the same; nobody sees it, as mistakes were said.
pub(super) fn read(file: &File<'_>) -> Draft {
    let document = file.parse();
    let table = Table::root(file, &document);
    let mut name = table.name("id");
    if !name.is_said() {
        name.text = file.stem().into();
    }
    file.is_called(&name);
    let version = table.integer("version", 1..=u32::MAX);
    if !table.has("version") {
        table.mistake(table.line(), "`version` is missing; write version = 1");
    }
    let owner = table.required("owner", "\"an-organisation\"");
    let label = table.labels("label");
    let purpose = table.words("purpose", "\"Why the data is needed\"");
    let legal_basis = table.words("legal-basis", "\"The law that says so\"");
    let consents =
        [("reuse-consent", BackOffice::ReuseConsent), ("not-required", BackOffice::NotRequired)];
    let back_office = table.choice("back-office-consent", &consents);
    let own_view = table.choice("channel", &[("self", true)]);
    let deadline = read_deadline(&table);
    let deadline_line = table.line_of("deadline");
    let roles = read_roles(&table);
    let (steps, fields) = read_steps(&table);
    let notices = notice::read(&table);
    table.finish();
    let said = |text: Option<Placed>| text.map(|text| text.text).unwrap_or_default();
    Draft {
        name,
        version: version.unwrap_or(1),
        owner,
        label,
        purpose: said(purpose),
        legal_basis: said(legal_basis),
        back_office: back_office.unwrap_or(BackOffice::ReuseConsent),
        own_view: own_view.unwrap_or(false),
        deadline,
        deadline_line,
        roles,
        steps,
        fields,
        notices,
    }
}

fn read_deadline(procedure: &Table<'_>) -> Option<Duration> {
    let deadline = procedure.duration("deadline");
    let deadline = procedure.or("deadline", deadline, DEADLINE_DEFAULT)?;
    if (DEADLINE_MIN..=DEADLINE_MAX).contains(&deadline) {
        return Some(deadline);
    }
    procedure.mistake(procedure.line_of("deadline"), "`deadline` must be from 10ms to 30s");
    None
}

/// What the first role of every procedure is called.
pub(super) const APPLICANT: &str = "applicant";

fn read_roles(procedure: &Table<'_>) -> Option<Vec<RoleDraft>> {
    let mut roles: Vec<RoleDraft> = Vec::new();
    for table in procedure.list_of_tables("role")? {
        let name = table.name("id");
        let natural = table.choice("is", &[("natural", true), ("legal", false)]);
        let natural = table.or("is", natural, true);
        let minor = table.or("minor", table.optional_flag("minor"), false);
        let listed_in = table.has("listed-in").then(|| table.text("listed-in"));
        let line = table.line();
        table.finish();
        if name.is_said() && roles.iter().any(|known| known.role.name == name.text) {
            procedure.mistake(name.line, format!("there is a role `{}` already", name.text));
            continue;
        }
        let role = Role {
            name: name.text,
            natural: natural.unwrap_or(true),
            minor: minor.unwrap_or(false),
        };
        roles.push(RoleDraft { role, natural, minor, listed_in, line });
    }
    let what = "the first [[role]] must be id = \"applicant\", is = \"natural\"";
    match roles.first_mut() {
        None => procedure.mistake(procedure.line(), what),
        Some(first) => {
            let is_named = ["", APPLICANT].contains(&&*first.role.name);
            if !is_named || first.natural == Some(false) {
                procedure.mistake(procedure.line(), what);
                first.natural = None;
            }
        }
    }
    if roles.len() > SUBJECTS_MAX {
        let what = format!("a procedure has at most {SUBJECTS_MAX} roles");
        procedure.mistake(roles[SUBJECTS_MAX].line, what);
    }
    Some(roles)
}

type Steps = (Vec<(Box<str>, Labels)>, Vec<FieldDraft>);

fn read_steps(procedure: &Table<'_>) -> Steps {
    let (mut steps, mut fields) = (Vec::new(), Vec::<FieldDraft>::new());
    let mut read = true;
    let tables = procedure.list_of_tables("step");
    read &= tables.is_some();
    for table in tables.into_iter().flatten() {
        let name = table.name("id");
        let label = table.labels("label");
        let theirs = table.list_of_tables("field");
        read &= theirs.is_some();
        for field in theirs.into_iter().flatten() {
            let field = field::read(field, steps.len());
            let name = &field.field.name;
            if !name.is_empty() && fields.iter().any(|known| known.field.name == *name) {
                let what = format!("there is a field `{}` already", field.field.name);
                procedure.mistake(field.line, what);
                continue;
            }
            fields.push(field);
        }
        table.finish();
        let again = steps.iter().any(|(known, _): &(Box<str>, Labels)| *known == name.text);
        if name.is_said() && again {
            procedure.demand(name.line, format!("there is a step `{}` already", name.text));
        }
        steps.push((name.text, label));
    }
    if read && fields.is_empty() {
        procedure.mistake(procedure.line(), "a procedure needs a [[step]] with a [[step.field]]");
    }
    (steps, fields)
}
