//! The JSON of the API, in and out. Nobody else knows it.

mod asked;
mod bundle;
mod held;
mod own;
mod public;
mod reuse;
mod status;
mod words;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub(super) use asked::{Prefill, PutMandate, PutPreference, PutValue, read};
pub(super) use bundle::{BatchLine, Bundle};
pub(super) use held::Held;
pub(super) use own::{Accesses, Consents, Kept};
pub(super) use public::{Organisations, Procedure, ProcedureRow, Procedures, Registers};
pub(super) use reuse::{Receipt, Reuse, ReuseConsent};
pub(super) use status::{Queue, Status, Took};

pub(super) use crate::consent::Explanation;
use crate::{catalogue, clock, ledger};

/// RFC 9457.
#[derive(Serialize, JsonSchema)]
pub(super) struct Problem<'a> {
    /// Stable: what a program goes by.
    #[serde(rename = "type")]
    #[schemars(schema_with = "words::problem")]
    pub(super) kind: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    /// What is wrong, in words. It repeats names, and never a value.
    pub(super) detail: String,
    /// The member, query member or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<&'a str>,
    /// The check that an identifier fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<&'static str>,
}

/// A line of a bulk job that has no bundle.
#[derive(Serialize)]
pub(super) struct ProblemLine<'a> {
    pub(super) index: u64,
    pub(super) status: u16,
    pub(super) problem: Problem<'a>,
}

/// A label in four languages.
#[derive(Serialize, JsonSchema)]
pub(super) struct Labels<'a> {
    fr: &'a str,
    de: &'a str,
    en: &'a str,
    lb: &'a str,
}

impl<'a> From<&'a catalogue::Labels> for Labels<'a> {
    fn from(labels: &'a catalogue::Labels) -> Self {
        Self { fr: &labels.fr, de: &labels.de, en: &labels.en, lb: &labels.lb }
    }
}

/// The newest durable entry, and the hash of all before it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LedgerHead")]
pub(super) struct Head {
    stream: String,
    sequence: u64,
    hash: String,
    #[schemars(extend("format" = "date-time"))]
    stamp: String,
    /// As `audit --expect-head` takes it.
    head: String,
}

impl From<crate::store::Head> for Head {
    fn from(head: crate::store::Head) -> Self {
        Self {
            stream: ledger::hex(&head.stream),
            sequence: head.sequence,
            hash: ledger::hex(&head.hash),
            stamp: clock::rfc3339(head.stamp),
            head: ledger::head_text(&head),
        }
    }
}

/// Whether the engine is well.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    #[schemars(extend("enum" = ["ok", "ready", "not-ready"]))]
    pub(super) status: &'static str,
    /// How many times faster than real time the civil clock runs; 1 but in tests.
    pub(super) time_scale: u32,
    /// What the civil clock shows: the moment by which consents end and children
    /// come of age here.
    #[schemars(extend("format" = "date-time"))]
    pub(super) now: String,
    /// What keeps it from its work, by part.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reasons: BTreeMap<&'static str, String>,
}
