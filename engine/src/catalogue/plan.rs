//! The compiled plan of a procedure: a small graph of register calls.
//!
//! A call whose key comes from another register's answer stands after that
//! call; everything else has no order. There is one call for each role and
//! register, whatever the number of fields.

use crate::model::{CallSet, CandidateSet, RegisterId};

/// One way to fill one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The field, as an index into the procedure's.
    pub field: usize,
    /// Whose attribute.
    pub role: usize,
    /// The register that holds it.
    pub register: RegisterId,
    /// The attribute, as an index into the register's.
    pub attribute: usize,
    /// The call that answers it, as an index into the procedure's.
    pub call: usize,
}

/// One call of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedCall {
    /// Whom it is about.
    pub role: usize,
    /// Whom it asks.
    pub register: RegisterId,
    /// What it names.
    pub key: CallKey,
    /// What must be shown first, where the subject stands in a related role.
    pub proof: Option<Proof>,
    /// The candidates that it answers.
    pub candidates: CandidateSet,
    /// Every candidate that is lost when the subject refuses this register:
    /// its own and those of calls that take their key from it.
    pub dependents: CandidateSet,
    /// The calls that give its key and its proof, and theirs.
    pub ancestors: CallSet,
}

/// What a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKey {
    /// The subject's identifier.
    Subject,
    /// An attribute in the answer of an earlier call.
    Answer {
        /// The call, as an index into the procedure's.
        call: usize,
        /// The attribute, as an index into its register's.
        attribute: usize,
    },
}

/// The relation that a role needs: the subject is listed in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The call whose answer has the list.
    pub call: usize,
    /// The attribute that is the list.
    pub attribute: usize,
}
