//! Joins the files of a catalogue, and checks each against the others.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use super::description;
use super::organisation::{self, ActsFor, Organisation};
use super::plan::Candidate;
use super::planner::{self, Planner};
use super::procedure::{self, Procedure};
use super::reader::{File, Line, Placed};
use super::register::{Key, Kind, Register};
use super::{Catalogue, Mistake, Source};
use crate::model::{CandidateSet, FieldSet, OrganisationId, ProcedureId, RegisterId, RegisterSet};

/// What stands above each file in the text of a whole catalogue.
const FILE_HEADING: &str = "#:: ";

pub(super) fn compile(sources: &[Source]) -> Result<Catalogue, Vec<Mistake>> {
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let files: Vec<(Kindred, File<'_>)> =
        sorted.iter().map(|source| (Kindred::of(&source.path), File::new(source))).collect();
    let of = |kindred| files.iter().filter(move |(kind, _)| *kind == kindred).map(|(_, file)| file);

    of(Kindred::Unknown).for_each(|file| {
        file.mistake(
            Line(1),
            "a catalogue holds organisations.toml, registers/*.toml and procedures/*.toml",
        );
    });
    files.iter().for_each(|(_, file)| no_heading_inside(file));
    let registers = compile_registers(of(Kindred::Register).collect());
    let (drafts, organisations) = compile_organisations(of(Kindred::Organisations).collect());
    let mut procedures = Vec::new();
    let mut owned = Vec::new();
    for file in of(Kindred::Procedure) {
        let Some(draft) = procedure::read(file) else { continue };
        let id = ProcedureId(procedures.len() as u16);
        let compiled = compile_procedure(file, draft, id, &registers, &organisations);
        if let Some((procedure, line)) = compiled {
            owned.push((file, line));
            procedures.push(procedure);
        }
    }
    no_name_twice(procedures.iter().map(|procedure| &procedure.name).zip(owned));
    for (file, draft) in &drafts {
        give_authority(file, draft, &registers, &mut procedures);
    }

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
    Ok(whole(&sorted, registers, organisations, procedures))
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
    let text: String = sources
        .iter()
        .map(|file| format!("{FILE_HEADING}{}\n{}\n", file.path, file.text))
        .collect();
    Catalogue {
        digest: Sha256::digest(text.as_bytes()).into(),
        text,
        register_ids: registers.iter().map(|known| (known.name.clone(), known.id)).collect(),
        organisation_ids: organisations
            .iter()
            .map(|known| (known.name.clone(), known.id))
            .collect(),
        procedure_ids: procedures.iter().map(|known| (known.name.clone(), known.id)).collect(),
        registers,
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

fn no_name_twice<'a, 'f: 'a>(names: impl Iterator<Item = (&'a Box<str>, (&'a File<'f>, Line))>) {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (name, (file, line)) in names {
        if seen.insert(name, ()).is_some() {
            file.mistake(line, format!("there is an id = \"{name}\" already"));
        }
    }
}

fn compile_registers(files: Vec<&File<'_>>) -> Vec<Register> {
    let mut registers: Vec<Register> = Vec::new();
    let mut keys: Vec<(&File<'_>, Line, Placed)> = Vec::new();
    for file in files {
        if registers.len() == RegisterSet::CAPACITY {
            file.mistake(Line(1), "a catalogue has at most 128 registers");
            break;
        }
        if let Some(draft) = description::read(file, RegisterId(registers.len() as u8)) {
            keys.push((file, draft.name_line, draft.key));
            registers.push(draft.register);
        }
    }
    let places = keys.iter().map(|(file, line, _)| (*file, *line));
    no_name_twice(registers.iter().map(|register| &register.name).zip(places));
    for (index, (file, _, key)) in keys.iter().enumerate() {
        registers[index].key = match &*key.text {
            "subject" => Key::Subject,
            text => match planner::find_attribute(&registers, text) {
                Some((register, attribute)) => {
                    let holder = &registers[register.index()];
                    check_key(file, key, registers[index].natural, holder, attribute);
                    Key::Attribute(register, attribute)
                }
                None => {
                    file.mistake(key.line, planner::unknown_attribute(&registers, text));
                    Key::Subject
                }
            },
        };
    }
    for (index, (file, _, key)) in keys.iter().enumerate() {
        break_cycle(file, key, &mut registers, index);
    }
    registers
}

fn check_key(file: &File<'_>, key: &Placed, natural: bool, holder: &Register, attribute: usize) {
    if holder.natural != natural {
        let what = format!("`key` = \"{}\" must name a register `of` the same subjects", key.text);
        file.mistake(key.line, what);
    }
    if holder.attributes[attribute].kind != Kind::Text {
        file.mistake(
            key.line,
            format!("`key` = \"{}\" must name an attribute of type text", key.text),
        );
    }
}

/// Reports a register whose key needs, in the end, its own answer.
fn break_cycle(file: &File<'_>, key: &Placed, registers: &mut [Register], start: usize) {
    let mut at = start;
    for _ in 0..registers.len() {
        match registers[at].key {
            Key::Subject => return,
            Key::Attribute(next, _) => at = next.index(),
        }
        if at == start {
            let what = format!(
                "`key` = \"{}\" needs this register's own answer: a cycle among keys",
                key.text
            );
            file.mistake(key.line, what);
            registers[start].key = Key::Subject;
            return;
        }
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

fn compile_procedure(
    file: &File<'_>,
    draft: procedure::Draft,
    id: ProcedureId,
    registers: &[Register],
    organisations: &[Organisation],
) -> Option<(Procedure, Line)> {
    let owner = organisations.iter().find(|known| known.name == draft.owner.text);
    if owner.is_none() {
        file.mistake(draft.owner.line, format!("unknown organisation \"{}\"", draft.owner.text));
    }
    if draft.fields.len() > FieldSet::CAPACITY {
        file.mistake(draft.fields[FieldSet::CAPACITY].line, "a procedure has at most 128 fields");
        return None;
    }
    let mut planner =
        Planner { file, registers, roles: &draft.roles, candidates: Vec::new(), calls: Vec::new() };
    planner.check_roles();
    let ranges: Vec<_> =
        draft.fields.iter().enumerate().map(|(index, field)| planner.field(field, index)).collect();
    let (candidates, calls) = planner.finish();
    let fields = draft
        .fields
        .into_iter()
        .zip(ranges)
        .map(|(draft, candidates)| procedure::Field { candidates, ..draft.field });
    let procedure = Procedure {
        id,
        name: draft.name.text,
        version: draft.version,
        owner: owner?.id,
        label: draft.label,
        purpose: draft.purpose,
        legal_basis: draft.legal_basis,
        back_office: draft.back_office,
        fields: fields.collect(),
        roles: draft.roles.into_iter().map(|role| role.role).collect(),
        steps: draft.steps,
        candidates,
        calls,
        authority: Vec::new(),
    };
    Some((procedure, draft.name.line))
}

/// Writes what an organisation may have into each procedure it names.
fn give_authority(
    file: &File<'_>,
    draft: &organisation::Draft,
    registers: &[Register],
    procedures: &mut [Procedure],
) {
    for authority in &draft.authority {
        let patterns: Vec<Pattern> = authority
            .attributes
            .iter()
            .filter_map(|text| Pattern::parse(file, text, registers))
            .collect();
        for name in &authority.procedures {
            let mut known = false;
            for procedure in &mut *procedures {
                if &*name.text != "*" && name.text != procedure.name {
                    continue;
                }
                known = true;
                let covered = |candidate: &Candidate| {
                    patterns.iter().any(|pattern| pattern.covers(candidate))
                };
                let candidates = procedure.candidates.iter().enumerate();
                let granted: CandidateSet = candidates
                    .filter(|(_, candidate)| covered(candidate))
                    .map(|(index, _)| index)
                    .collect();
                add_authority(procedure, draft.id, granted);
            }
            if !known {
                file.mistake(name.line, format!("unknown procedure \"{}\"", name.text));
            }
        }
    }
}

fn add_authority(procedure: &mut Procedure, organisation: OrganisationId, granted: CandidateSet) {
    if granted.is_empty() {
        return;
    }
    match procedure.authority.iter_mut().find(|(id, _)| *id == organisation) {
        Some((_, known)) => *known = known.union(granted),
        None => procedure.authority.push((organisation, granted)),
    }
}

/// `register.attribute` or `register.*`.
struct Pattern {
    register: RegisterId,
    attribute: Option<usize>,
}

impl Pattern {
    fn parse(file: &File<'_>, text: &Placed, registers: &[Register]) -> Option<Self> {
        let whole = text.text.strip_suffix(".*");
        let whole = whole.and_then(|name| registers.iter().find(|known| &*known.name == name));
        if let Some(register) = whole {
            return Some(Self { register: register.id, attribute: None });
        }
        let found = planner::find_attribute(registers, &text.text);
        if found.is_none() {
            file.mistake(text.line, planner::unknown_attribute(registers, &text.text));
        }
        found.map(|(register, attribute)| Self { register, attribute: Some(attribute) })
    }

    fn covers(&self, candidate: &Candidate) -> bool {
        candidate.register == self.register
            && self.attribute.is_none_or(|attribute| attribute == candidate.attribute)
    }
}
