//! The register calls that a grant needs.

use std::time::Duration;

use super::Grant;
use crate::catalogue::{CallKey, Catalogue, Procedure};
use crate::model::{AttributeMask, CallSet, Resolution};

/// Which of the procedure's calls to make, and for what.
///
/// Only [`Grant::plan`] makes one. A call stands after those it depends on, as
/// in the procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    calls: CallSet,
    /// One for each call of the procedure.
    asks: Vec<Ask>,
}

/// What one call is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ask {
    attributes: AttributeMask,
    max_age: Option<Duration>,
}

impl Plan {
    /// The calls to make, as indexes into the procedure's.
    #[must_use]
    pub fn calls(&self) -> CallSet {
        self.calls
    }

    /// The attributes that one call asks for.
    #[must_use]
    pub fn attributes(&self, call: usize) -> AttributeMask {
        self.asks[call].attributes
    }

    /// The greatest age that the fields of one call stand.
    #[must_use]
    pub fn max_age(&self, call: usize) -> Option<Duration> {
        self.asks[call].max_age
    }
}

impl Grant {
    /// The calls that fill what is allowed: each register once per role, and
    /// nobody whose answer is not needed.
    #[must_use]
    pub fn plan(&self, catalogue: &Catalogue) -> Plan {
        let procedure = catalogue.procedure(self.procedure);
        let mut plan = Plan::empty(procedure);
        for index in self.allowed.iter() {
            let candidate = &procedure.candidates[index];
            let ask = &mut plan.asks[candidate.call];
            ask.attributes.insert(candidate.attribute);
            let age = procedure.fields[candidate.field].max_age;
            ask.max_age = [ask.max_age, age].into_iter().flatten().min();
        }
        for index in self.refused_by_related.iter() {
            if let Some(proof) = procedure.calls[procedure.candidates[index].call].proof {
                plan.asks[proof.call].attributes.insert(proof.attribute);
            }
        }
        plan.complete(catalogue, procedure);
        plan
    }

    /// The same and the calls that show in which roles subjects stand, or these alone:
    /// also of one who withdrew the mandate, but of no register that was refused.
    #[must_use]
    pub fn plan_with_proofs(&self, catalogue: &Catalogue, alone: bool) -> Plan {
        let procedure = catalogue.procedure(self.procedure);
        let mut plan = if alone { Plan::empty(procedure) } else { self.plan(catalogue) };
        let proofs = procedure.calls.iter().filter_map(|call| call.proof);
        for proof in proofs.filter(|proof| !self.refuses(procedure, proof.call)) {
            plan.asks[proof.call].attributes.insert(proof.attribute);
        }
        plan.complete(catalogue, procedure);
        plan
    }

    /// Whether a call's register is refused, or one whose answer it needs.
    fn refuses(&self, procedure: &Procedure, call: usize) -> bool {
        let refused = |index: usize| {
            let call = &procedure.calls[index];
            self.refused[call.role].contains(call.register.index())
        };
        refused(call) || procedure.calls[call].ancestors.iter().any(refused)
    }

    /// Whether a subject is shown to stand in a role: they are listed, and nothing
    /// stands against it. `None` where that cannot be told now.
    #[must_use]
    pub fn stands(
        &self,
        catalogue: &Catalogue,
        resolution: &Resolution,
        role: usize,
    ) -> Option<bool> {
        let procedure = catalogue.procedure(self.procedure);
        let call = procedure.calls.iter().find(|call| call.role == role)?;
        let (proof, subject) = (call.proof?, self.subjects[role]?);
        if self.refuses(procedure, proof.call) {
            return Some(false);
        }
        // The list comes first: who was barred learns no more than anybody else.
        let listed = resolution.lists(proof.call, proof.attribute, subject)?;
        Some(listed && !self.unrelated.intersects(call.candidates))
    }
}

impl Plan {
    /// Nothing to call.
    fn empty(procedure: &Procedure) -> Self {
        let asks = vec![Ask::default(); procedure.calls.len()];
        Self { calls: CallSet::EMPTY, asks }
    }

    /// Adds what the calls that are made need themselves.
    fn complete(&mut self, catalogue: &Catalogue, procedure: &Procedure) {
        let plan = self;
        // Backwards, so that a call knows its own need before it asks for a key.
        for (index, call) in procedure.calls.iter().enumerate().rev() {
            if plan.asks[index].attributes.is_empty() {
                continue;
            }
            plan.calls.insert(index);
            if let CallKey::Answer { call: giver, attribute } = call.key {
                plan.asks[giver].attributes.insert(attribute);
            }
            if let Some(proof) = call.proof {
                plan.asks[proof.call].attributes.insert(proof.attribute);
            }
            let register = catalogue.register(call.register);
            if register.ask_all {
                plan.asks[index].attributes = register.all();
            }
        }
    }
}
