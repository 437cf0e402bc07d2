//! Joins the files of a catalogue, and checks each against the others.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::compiled::Compiled;
use super::field::FieldDraft;
use super::organisation::{self, ActsFor, Organisation};
use super::planner::Planner;
use super::procedure::{self, APPLICANT, DEADLINE_DEFAULT, Procedure, RoleDraft};
use super::reader::{File, Line, Placed, Review, nearest, no_name_twice};
use super::register::Register;
use super::sources::Sources;
use super::{Catalogue, Mistake, Source, authority, notice, review, sources};
use crate::model::{FieldSet, OrganisationId, ProcedureId};

const HOLDS: &str = "a catalogue holds organisations.toml or organisations/*.toml, \
                     registers/*.toml and procedures/*.toml";
/// What stands above each file in the text of a whole catalogue.
const FILE_HEADING: &str = "#:: ";

pub(super) fn compile(files: &[Source], review: Review) -> Result<Catalogue, Vec<Mistake>> {
    let mut sorted: Vec<&Source> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let files: Vec<(Kindred, File<'_>)> = sorted
        .iter()
        .map(|source| (Kindred::of(&source.path), File::new(source, review)))
        .collect();
    let of = |kindred| files.iter().filter(move |(kind, _)| *kind == kindred).map(|(_, file)| file);

    for (kindred, file) in &files {
        if *kindred == Kindred::Unknown {
            file.mistake(Line(1), HOLDS);
        } else if file.is_deep() {
            file.demand(Line(1), format!("{HOLDS}, and no folders within these"));
        }
        no_heading_inside(file);
    }
    let sources = sources::compile(of(Kindred::Register).collect());
    let bodies = read_organisations(of(Kindred::Organisations).collect());
    // A mistake in who may have what says enough; its consequences do not.
    let clear = of(Kindred::Organisations).all(File::is_clear) && !bodies.is_empty();
    let organisations = compile_organisations(&bodies);
    let mut compiled: Vec<_> = of(Kindred::Procedure)
        .enumerate()
        .map(|(index, file)| {
            let id = ProcedureId(index as u16);
            compile_procedure(file, procedure::read(file), id, &sources, &organisations)
        })
        .collect();
    let names = compiled.iter().map(|known| (&known.procedure.name, (known.file, known.line)));
    no_name_twice(names);
    one_own_view(&compiled);
    let unsure = authority::give(&bodies, &sources, &mut compiled);
    if review == Review::Due {
        for compiled in &compiled {
            review::deadline(compiled, &sources);
            if clear {
                review::authority(compiled, &sources, &organisations, &unsure);
            }
        }
    }
    let has_organisations = of(Kindred::Organisations).next().is_some();
    let procedures: Vec<_> = compiled.into_iter().map(|known| known.procedure).collect();

    let mut mistakes: Vec<Mistake> =
        files.into_iter().flat_map(|(_, file)| file.into_mistakes()).collect();
    let mut needed = |there: bool, file: &str, what: &str| {
        if !there {
            let what = format!("a catalogue needs at least one file {what}");
            mistakes.push(Mistake { file: file.to_owned(), line: 1, what });
        }
    };
    needed(!procedures.is_empty(), "procedures", "procedures/*.toml");
    needed(
        !organisations.is_empty() || has_organisations || procedures.is_empty(),
        "organisations",
        "organisations.toml or organisations/*.toml",
    );
    if !mistakes.is_empty() {
        mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        let mut said = HashSet::new();
        mistakes.retain(|mistake| said.insert(mistake.clone()));
        return Err(mistakes);
    }
    Ok(whole(&sorted, sources.into_list(), organisations, procedures))
}

/// What a file describes, by its path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kindred {
    Register,
    Organisations,
    Procedure,
    Unknown,
}

impl Kindred {
    fn of(path: &str) -> Self {
        // A path of two lines would be no heading.
        let path = path.strip_suffix(".toml").filter(|path| !path.contains('\n'));
        match path.map(|path| path.split_once('/').unwrap_or((path, ""))) {
            Some(("registers", _)) => Self::Register,
            Some(("procedures", _)) => Self::Procedure,
            Some(("organisations", _)) => Self::Organisations,
            _ => Self::Unknown,
        }
    }
}

fn whole(
    sources: &[&Source],
    registers: Vec<Register>,
    organisations: Vec<Organisation>,
    procedures: Vec<Procedure>,
) -> Catalogue {
    let described = &registers[..registers.len() - 1];
    let text: String = sources
        .iter()
        .map(|file| format!("{FILE_HEADING}{}\n{}\n", file.path, file.text))
        .collect();
    Catalogue {
        digest: Sha256::digest(text.as_bytes()).into(),
        text,
        register_ids: described.iter().map(|known| (known.name.clone(), known.id)).collect(),
        organisation_ids: organisations
            .iter()
            .map(|known| (known.name.clone(), known.id))
            .collect(),
        procedure_ids: procedures.iter().map(|known| (known.name.clone(), known.id)).collect(),
        sources: registers,
        organisations,
        procedures,
    }
}

/// Undoes the joining of a catalogue's files.
pub(super) fn split(text: &str) -> Result<Vec<Source>, Vec<Mistake>> {
    let mut sources: Vec<Source> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix(FILE_HEADING), sources.last_mut()) {
            (Some(path), _) => {
                sources.push(Source { path: path.trim_end().to_owned(), text: String::new() });
            }
            (None, Some(source)) => source.text.push_str(line),
            (None, None) => {
                let what = "this is not the text of a catalogue".to_owned();
                return Err(vec![Mistake { file: "catalogue".to_owned(), line: 1, what }]);
            }
        }
    }
    // Joining ended each file with a newline of its own.
    sources.iter_mut().for_each(|source| {
        source.text.pop();
    });
    Ok(sources)
}

/// A file with a heading in it would come apart as two when split again.
fn no_heading_inside(file: &File<'_>) {
    for (index, line) in file.text().split('\n').enumerate() {
        if line.starts_with(FILE_HEADING) {
            let what = format!(
                "a line cannot start with \"{FILE_HEADING}\", which stands above each file"
            );
            file.mistake(Line(index + 1), what);
        }
    }
}

/// `/v1/me/data` shows one view, and one of a company to who acts for it.
fn one_own_view(compiled: &[Compiled<'_, '_>]) {
    for (of_company, whose) in [(false, "the citizens' own view"), (true, "companies' own view")] {
        let mut views = compiled.iter().filter(|known| {
            known.procedure.own_view && known.procedure.professional_only() == of_company
        });
        let Some(first) = views.next() else { continue };
        for view in views {
            let what = format!("`{}` is {whose} already", first.procedure.name);
            view.file.mistake(view.line, what);
        }
    }
}

/// A citizen looks at what is theirs, or at what is a company's for which they act.
fn own_view_is_one_subjects(file: &File<'_>, draft: &procedure::Draft, roles: &[RoleDraft]) {
    let of_company = roles.len() == 2 && roles[1].natural != Some(true);
    if draft.own_view && roles.len() > 1 && !of_company {
        let what = "a view of one's own has one role, `applicant`, or one legal person's beside it";
        file.mistake(draft.name.line, what);
    }
    let others = |field: &&FieldDraft| field.role.as_ref().is_none_or(|it| &*it.text == APPLICANT);
    if let (true, true, Some(field)) =
        (draft.own_view, of_company, draft.fields.iter().find(others))
    {
        let what = "a company's own view shows what is the company's: name its role in `role`";
        file.mistake(field.line, what);
    }
}

type OrganisationDrafts<'a, 'f> = Vec<(&'a File<'f>, organisation::Draft)>;

fn read_organisations<'a, 'f>(files: Vec<&'a File<'f>>) -> OrganisationDrafts<'a, 'f> {
    let mut drafts: OrganisationDrafts<'a, 'f> = Vec::new();
    for file in files {
        let read = organisation::read(file, drafts.len());
        drafts.extend(read.into_iter().map(|draft| (file, draft)));
    }
    no_name_twice(drafts.iter().map(|(file, draft)| (&draft.name.text, (*file, draft.line))));
    drafts
}

fn compile_organisations(drafts: &OrganisationDrafts<'_, '_>) -> Vec<Organisation> {
    let names: HashMap<Box<str>, OrganisationId> =
        drafts.iter().map(|(_, draft)| (draft.name.text.clone(), draft.id)).collect();
    let all_named = drafts.iter().all(|(_, draft)| draft.name.is_said());
    let organisation = |(file, draft): &(&File<'_>, organisation::Draft)| Organisation {
        id: draft.id,
        name: draft.name.text.clone(),
        label: draft.label.clone(),
        acts_for: acts_for(file, draft, &names, all_named),
    };
    drafts.iter().map(organisation).collect()
}

fn acts_for(
    file: &File<'_>,
    draft: &organisation::Draft,
    names: &HashMap<Box<str>, OrganisationId>,
    all_named: bool,
) -> ActsFor {
    if draft.acts_for.iter().any(|name| &*name.text == "*") {
        return ActsFor::All;
    }
    let known = |name: &Placed| {
        let found = names.get(&name.text).copied();
        if found.is_none() && all_named {
            let near = nearest(&name.text, names.keys().map(|known| &**known));
            file.mistake(name.line, format!("unknown organisation \"{}\"{near}", name.text));
        }
        found
    };
    ActsFor::Some(draft.acts_for.iter().filter_map(known).collect())
}

fn compile_procedure<'a, 'f>(
    file: &'a File<'f>,
    mut draft: procedure::Draft,
    id: ProcedureId,
    sources: &Sources,
    organisations: &[Organisation],
) -> Compiled<'a, 'f> {
    let owner = draft.owner.take().and_then(|name| owner(file, &name, organisations));
    if draft.fields.len() > FieldSet::CAPACITY {
        file.mistake(draft.fields[FieldSet::CAPACITY].line, "a procedure has at most 128 fields");
        draft.fields.truncate(FieldSet::CAPACITY);
        // They may speak of those that are taken out.
        draft.notices.clear();
    }
    let roles = draft.roles.take().unwrap_or_default();
    own_view_is_one_subjects(file, &draft, &roles);
    let mut planner = Planner::new(file, sources, &roles);
    planner.check_roles();
    let fields = draft.fields.iter().enumerate();
    let fields: Vec<_> = fields.map(|(index, field)| planner.field(field, index)).collect();
    let planned = planner.finish();
    let seen = draft.fields.iter().zip(&planned.kinds).map(|(field, kind)| notice::Seen {
        name: &field.field.name,
        kind: *kind,
        by_hand: field.by_hand(),
    });
    let notices = notice::compile(file, draft.notices, &seen.collect::<Vec<_>>());
    let fillable = fields.iter().enumerate().filter(|(_, field)| !field.by_hand());
    let procedure = Procedure {
        id,
        name: draft.name.text,
        version: draft.version,
        owner: owner.map_or(OrganisationId(0), |(_, id)| id),
        label: draft.label,
        purpose: draft.purpose,
        legal_basis: draft.legal_basis,
        back_office: draft.back_office,
        own_view: draft.own_view,
        deadline: draft.deadline.unwrap_or(DEADLINE_DEFAULT),
        notices,
        fillable: fillable.map(|(index, _)| index).collect(),
        fields,
        roles: roles.into_iter().map(|role| role.role).collect(),
        steps: draft.steps,
        candidates: planned.candidates,
        calls: planned.calls,
        authority: Vec::new(),
    };
    Compiled {
        file,
        procedure,
        line: draft.name.line,
        owner_line: owner.map(|(line, _)| line),
        deadline_line: draft.deadline.map(|_| draft.deadline_line),
        candidate_lines: planned.lines,
    }
}

/// The organisation of that name, and where it is named.
fn owner(
    file: &File<'_>,
    name: &Placed,
    organisations: &[Organisation],
) -> Option<(Line, OrganisationId)> {
    let found = organisations.iter().find(|known| known.name == name.text);
    // It may be one whose name cannot be read; where there is none, that is said.
    let all_named = organisations.iter().all(|known| !known.name.is_empty());
    if found.is_none() && all_named && !organisations.is_empty() {
        let near = nearest(&name.text, organisations.iter().map(|known| &*known.name));
        file.mistake(name.line, format!("unknown organisation \"{}\"{near}", name.text));
    }
    Some((name.line, found?.id))
}
