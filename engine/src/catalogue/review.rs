//! What is demanded of a new catalogue beyond that it compiles: sources that
//! somebody may have, and deadlines that can be kept.

use std::time::Duration;

use super::authority::Unsure;
use super::compiled::Compiled;
use super::organisation::Organisation;
use super::plan::{CallKey, PlannedCall};
use super::procedure::{DEADLINE_MAX, Procedure};
use super::reader::spelled;
use super::sources::Sources;
use crate::model::CandidateSet;

/// Says which sources of a procedure no organisation may have, and where its
/// owner may have nothing of it.
pub(super) fn authority(
    compiled: &Compiled<'_, '_>,
    sources: &Sources,
    organisations: &[Organisation],
    unsure: &Unsure,
) {
    let procedure = &compiled.procedure;
    let unsure_sources = unsure.sources.contains(&procedure.id);
    if procedure.own_view || procedure.candidates.is_empty() {
        return;
    }
    let owner = compiled.owner_line.map(|line| (line, &organisations[procedure.owner.index()]));
    if procedure.authority.is_empty() {
        if !unsure.procedures && !unsure_sources {
            let who = owner.map_or_else(
                || "whoever needs it".to_owned(),
                |(_, owner)| format!("`{}`", owner.name),
            );
            let what = format!(
                "no organisation has authority in this procedure; give {who} an \
                 [[organisation.authority]] with procedures = [\"{}\"]",
                procedure.name,
            );
            compiled.file.mistake(compiled.line, what);
        }
        return;
    }
    let has_none = |id| procedure.authority.iter().all(|(theirs, _)| *theirs != id);
    if let Some((line, owner)) = owner.filter(|(_, owner)| has_none(owner.id))
        && !unsure.procedures
        && !unsure_sources
    {
        let what = format!(
            "`{}` owns this procedure and has no authority in it; give it an \
             [[organisation.authority]] with procedures = [\"{}\"]",
            owner.name, procedure.name,
        );
        compiled.file.mistake(line, what);
    }
    if unsure_sources {
        return;
    }
    let granted = procedure.authority.iter();
    let granted = granted.fold(CandidateSet::EMPTY, |all, (_, theirs)| all.union(*theirs));
    for (index, candidate) in procedure.candidates.iter().enumerate() {
        if granted.contains(index) {
            continue;
        }
        let source = &sources[candidate.register];
        let attribute = &source.attributes[candidate.attribute].name;
        let what = format!(
            "no organisation has authority for {}.{attribute} in this procedure; give it in an \
             [[organisation.authority]], or take the source out",
            source.name,
        );
        compiled.file.mistake(compiled.candidate_lines[index], what);
    }
}

/// Says where a procedure's registers, one after the other, typically take
/// longer than its deadline.
pub(super) fn deadline(compiled: &Compiled<'_, '_>, sources: &Sources) {
    let procedure = &compiled.procedure;
    let Some(line) = compiled.deadline_line else { return };
    let mut ends: Vec<Duration> = Vec::with_capacity(procedure.calls.len());
    // Calls stand after those they depend on.
    for call in &procedure.calls {
        let begins = parents(call).map(|parent| ends[parent]).max().unwrap_or_default();
        ends.push(begins + sources[call.register].typical);
    }
    let Some((last, end)) = ends.iter().enumerate().max_by_key(|(_, end)| **end) else { return };
    if *end < procedure.deadline {
        return;
    }
    // One that half of the calls meet exactly is met by half of the requests at most.
    let least = *end + Duration::from_millis(1);
    let remedy = match least <= DEADLINE_MAX {
        true => {
            format!("write deadline = \"{}\" at the least, or take a source out", spelled(least))
        }
        false => format!("take a source out: `deadline` is at most {}", spelled(DEADLINE_MAX)),
    };
    let what = format!(
        "impossible deadline: calls to {} one after the other typically take {}, and `deadline` \
         is {}; {remedy}",
        chain(procedure, sources, last),
        spelled(*end),
        spelled(procedure.deadline),
    );
    compiled.file.mistake(line, what);
}

fn parents(call: &PlannedCall) -> impl Iterator<Item = usize> {
    let key = match call.key {
        CallKey::Answer { call, .. } => Some(call),
        CallKey::Subject => None,
    };
    key.into_iter().chain(call.proof.map(|proof| proof.call))
}

/// A call and those before it, by the names of their registers.
fn chain(procedure: &Procedure, sources: &Sources, last: usize) -> String {
    let calls = procedure.calls[last].ancestors.iter().chain([last]);
    let names = calls.map(|call| &*sources[procedure.calls[call].register].name);
    names.collect::<Vec<_>>().join(", ")
}
