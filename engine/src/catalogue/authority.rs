//! What each organisation may have, written into the procedures that it names.

use std::collections::{HashMap, HashSet};

use super::compiled::Compiled;
use super::organisation;
use super::plan::Candidate;
use super::procedure::Procedure;
use super::reader::{File, Placed, nearest};
use super::sources::Sources;
use crate::model::{CandidateSet, OrganisationId, ProcedureId, RegisterId};

/// Where nobody can tell who may have what: that was said.
#[derive(Default)]
pub(super) struct Unsure {
    /// Whether some authority is over a procedure that nobody knows.
    pub(super) procedures: bool,
    /// Procedures over which some authority names a source that nobody knows.
    pub(super) sources: HashSet<ProcedureId>,
}

/// Writes what organisations may have into each procedure that they name.
pub(super) fn give(
    drafts: &[(&File<'_>, organisation::Draft)],
    sources: &Sources,
    compiled: &mut [Compiled<'_, '_>],
) -> Unsure {
    let mut unsure = Unsure::default();
    let places = places(compiled);
    for (file, draft) in drafts {
        for authority in &draft.authority {
            let patterns = authority.attributes.iter();
            let patterns: Vec<Pattern> =
                patterns.filter_map(|text| Pattern::parse(file, text, sources)).collect();
            let all_known = patterns.len() == authority.attributes.len();
            for name in &authority.procedures {
                let named = match (&*name.text, places.get(&name.text)) {
                    ("*", _) => &mut *compiled,
                    (_, Some(place)) => std::slice::from_mut(&mut compiled[*place]),
                    (text, None) => {
                        let near = nearest(text, places.keys().map(|name| &**name));
                        file.mistake(name.line, format!("unknown procedure \"{text}\"{near}"));
                        unsure.procedures = true;
                        continue;
                    }
                };
                for known in named {
                    grant(&mut known.procedure, draft.id, &patterns);
                    if !all_known {
                        unsure.sources.insert(known.procedure.id);
                    }
                }
            }
        }
    }
    unsure
}

/// Procedures by their files and their names: where an id is wrong, nobody else's
/// mistake follows.
fn places(compiled: &[Compiled<'_, '_>]) -> HashMap<Box<str>, usize> {
    let by_file = compiled.iter().enumerate();
    let mut places: HashMap<Box<str>, usize> =
        by_file.map(|(index, known)| (known.file.stem().into(), index)).collect();
    for (index, known) in compiled.iter().enumerate() {
        places.entry(known.procedure.name.clone()).or_insert(index);
    }
    places
}

fn grant(procedure: &mut Procedure, organisation: OrganisationId, patterns: &[Pattern]) {
    let covered = |candidate: &Candidate| patterns.iter().any(|pattern| pattern.covers(candidate));
    let candidates = procedure.candidates.iter().enumerate();
    let granted: CandidateSet =
        candidates.filter(|(_, candidate)| covered(candidate)).map(|(index, _)| index).collect();
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
    fn parse(file: &File<'_>, text: &Placed, sources: &Sources) -> Option<Self> {
        let whole = text.text.strip_suffix(".*");
        let whole = whole.and_then(|name| sources.find(name));
        if let Some(register) = whole {
            return Some(Self { register, attribute: None });
        }
        let found = sources.attribute(&text.text);
        if found.is_none() {
            sources.say_unknown(file, text);
        }
        found.map(|(register, attribute)| Self { register, attribute: Some(attribute) })
    }

    fn covers(&self, candidate: &Candidate) -> bool {
        candidate.register == self.register
            && self.attribute.is_none_or(|attribute| attribute == candidate.attribute)
    }
}
