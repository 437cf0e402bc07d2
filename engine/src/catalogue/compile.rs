//! Joins the files of a catalogue, and checks each against the others.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::compiled::Compiled;
use super::organisation::{self, ActsFor, Organisation};
use super::planner::Planner;
use super::procedure::{self, Procedure};
use super::reader::{File, Line, Placed, Review, no_name_twice};
use super::register::Register;
use super::sources::Sources;
use super::{Catalogue, Mistake, Source, authority, notice, review, sources};
use crate::model::{FieldSet, OrganisationId, ProcedureId};

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

    of(Kindred::Unknown).for_each(|file| {
        file.mistake(
            Line(1),
            "a catalogue holds organisations.toml, registers/*.toml and procedures/*.toml",
        );
    });
    files.iter().for_each(|(_, file)| no_heading_inside(file));
    let sources = sources::compile(of(Kindred::Register).collect());
    let (drafts, organisations) = compile_organisations(of(Kindred::Organisations).collect());
    let mut compiled = Vec::new();
    let mut unread = HashSet::new();
    for file in of(Kindred::Procedure) {
        let id = ProcedureId(compiled.len() as u16);
        let read = procedure::read(file)
            .and_then(|draft| compile_procedure(file, draft, id, &sources, &organisations));
        match read {
            Some(procedure) => compiled.push(procedure),
            // Its own mistakes say enough.
            None => unread.extend(file.id()),
        }
    }
    let names = compiled.iter().map(|known| (&known.procedure.name, (known.file, known.line)));
    no_name_twice(names);
    one_own_view(&compiled);
    authority::give(&drafts, &sources, &mut compiled, &unread);
    if review == Review::Due {
        // A mistake in who may have what says enough; its consequences do not.
        let clear = of(Kindred::Organisations).all(File::is_clear);
        for compiled in &compiled {
            review::deadline(compiled, &sources);
            if clear {
                review::authority(compiled, &sources);
            }
        }
    }
    let procedures: Vec<_> = compiled.into_iter().map(|known| known.procedure).collect();

    let mut mistakes: Vec<Mistake> =
        files.into_iter().flat_map(|(_, file)| file.into_mistakes()).collect();
    if procedures.is_empty() && mistakes.is_empty() {
        let what = "a catalogue needs at least one file procedures/*.toml".to_owned();
        mistakes.push(Mistake { file: "procedures".to_owned(), line: 1, what });
    }
    if !mistakes.is_empty() {
        mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        mistakes.dedup();
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

/// `/v1/me/data` shows one view.
fn one_own_view(compiled: &[Compiled<'_, '_>]) {
    let mut views = compiled.iter().filter(|known| known.procedure.own_view);
    let Some(first) = views.next() else { return };
    for view in views {
        let what = format!("`{}` is the citizens' own view already", first.procedure.name);
        view.file.mistake(view.line, what);
    }
}

type OrganisationDrafts<'a, 'f> = Vec<(&'a File<'f>, organisation::Draft)>;

fn compile_organisations<'a, 'f>(
    files: Vec<&'a File<'f>>,
) -> (OrganisationDrafts<'a, 'f>, Vec<Organisation>) {
    let mut drafts: OrganisationDrafts<'a, 'f> = Vec::new();
    for file in files {
        let read = organisation::read(file, drafts.len());
        drafts.extend(read.into_iter().map(|draft| (file, draft)));
    }
    let names: HashMap<Box<str>, OrganisationId> =
        drafts.iter().map(|(_, draft)| (draft.name.text.clone(), draft.id)).collect();
    no_name_twice(drafts.iter().map(|(file, draft)| (&draft.name.text, (*file, draft.line))));
    let organisation = |(file, draft): &(&File<'_>, organisation::Draft)| Organisation {
        id: draft.id,
        name: draft.name.text.clone(),
        label: draft.label.clone(),
        acts_for: acts_for(file, draft, &names),
    };
    let organisations = drafts.iter().map(organisation).collect();
    (drafts, organisations)
}

fn acts_for(
    file: &File<'_>,
    draft: &organisation::Draft,
    names: &HashMap<Box<str>, OrganisationId>,
) -> ActsFor {
    if draft.acts_for.iter().any(|name| &*name.text == "*") {
        return ActsFor::All;
    }
    let known = |name: &Placed| {
        let found = names.get(&name.text).copied();
        if found.is_none() {
            file.mistake(name.line, format!("unknown organisation \"{}\"", name.text));
        }
        found
    };
    ActsFor::Some(draft.acts_for.iter().filter_map(known).collect())
}

fn compile_procedure<'a, 'f>(
    file: &'a File<'f>,
    draft: procedure::Draft,
    id: ProcedureId,
    sources: &Sources,
    organisations: &[Organisation],
) -> Option<Compiled<'a, 'f>> {
    let owner = organisations.iter().find(|known| known.name == draft.owner.text);
    if owner.is_none() {
        file.mistake(draft.owner.line, format!("unknown organisation \"{}\"", draft.owner.text));
    }
    if draft.fields.len() > FieldSet::CAPACITY {
        file.mistake(draft.fields[FieldSet::CAPACITY].line, "a procedure has at most 128 fields");
        return None;
    }
    if draft.own_view && draft.roles.len() > 1 {
        file.mistake(draft.name.line, "the citizens' own view has one role, `applicant`");
    }
    let mut planner = Planner::new(file, sources, &draft.roles);
    planner.check_roles();
    let fields = draft.fields.iter().enumerate();
    let fields: Vec<_> = fields.map(|(index, field)| planner.field(field, index)).collect();
    let planned = planner.finish();
    let fillable = fields.iter().enumerate().filter(|(_, field)| !field.by_hand());
    let procedure = Procedure {
        id,
        name: draft.name.text,
        version: draft.version,
        owner: owner?.id,
        label: draft.label,
        purpose: draft.purpose,
        legal_basis: draft.legal_basis,
        back_office: draft.back_office,
        own_view: draft.own_view,
        deadline: draft.deadline.0,
        notices: notice::compile(file, draft.notices, &fields),
        fillable: fillable.map(|(index, _)| index).collect(),
        fields,
        roles: draft.roles.into_iter().map(|role| role.role).collect(),
        steps: draft.steps,
        candidates: planned.candidates,
        calls: planned.calls,
        authority: Vec::new(),
    };
    Some(Compiled {
        file,
        procedure,
        line: draft.name.line,
        deadline_line: draft.deadline.1,
        candidate_lines: planned.lines,
    })
}
