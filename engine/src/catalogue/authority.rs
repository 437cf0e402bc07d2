//! What each organisation may have, written into the procedures that it names.

use std::collections::{HashMap, HashSet};

use super::compiled::Compiled;
use super::organisation;
use super::plan::Candidate;
use super::procedure::Procedure;
use super::reader::{File, Placed};
use super::sources::Sources;
use crate::model::{CandidateSet, OrganisationId, RegisterId};

/// Writes what organisations may have into each procedure that they name.
pub(super) fn give(
    drafts: &[(&File<'_>, organisation::Draft)],
    sources: &Sources,
    compiled: &mut [Compiled<'_, '_>],
    unread: &HashSet<Box<str>>,
) {
    let names = compiled.iter().enumerate();
    let places: HashMap<Box<str>, usize> =
        names.map(|(index, known)| (known.procedure.name.clone(), index)).collect();
    for (file, draft) in drafts {
        for authority in &draft.authority {
            let patterns = authority.attributes.iter();
            let patterns: Vec<Pattern> =
                patterns.filter_map(|text| Pattern::parse(file, text, sources)).collect();
            for name in &authority.procedures {
                let named = match (&*name.text, places.get(&name.text)) {
                    ("*", _) => &mut *compiled,
                    (_, Some(place)) => std::slice::from_mut(&mut compiled[*place]),
                    (_, None) if unread.contains(&name.text) => continue,
                    (text, None) => {
                        file.mistake(name.line, format!("unknown procedure \"{text}\""));
                        continue;
                    }
                };
                named.iter_mut().for_each(|known| grant(&mut known.procedure, draft.id, &patterns));
            }
        }
    }
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
