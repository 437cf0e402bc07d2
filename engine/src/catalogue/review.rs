//! What is demanded of a new catalogue beyond that it compiles: sources that
//! somebody may have, and deadlines that can be kept.

use std::time::Duration;

use super::compiled::Compiled;
use super::plan::{CallKey, PlannedCall};
use super::procedure::Procedure;
use super::sources::Sources;
use crate::model::CandidateSet;

/// Says which sources of a procedure no organisation may have.
pub(super) fn authority(compiled: &Compiled<'_, '_>, sources: &Sources) {
    let procedure = &compiled.procedure;
    if procedure.own_view {
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
    let what = format!(
        "impossible deadline: calls to {} one after the other typically take {} ms, and `deadline` \
         is {} ms",
        chain(procedure, sources, last),
        end.as_millis(),
        procedure.deadline.as_millis(),
    );
    compiled.file.mistake(compiled.deadline_line, what);
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
