//! The JSON of the API, in and out. Nobody else knows it.

mod asked;
mod own;
mod public;
mod reuse;

use std::collections::BTreeMap;

use serde::Serialize;

pub(super) use asked::{Prefill, PutPreference, PutValue, read};
pub(super) use own::{Accesses, Consents, Kept};
pub(super) use public::{Organisations, Procedure, ProcedureRow, Procedures, Registers};
pub(super) use reuse::{Receipt, Reuse, ReuseConsent};

use crate::{catalogue, clock, ledger};

/// RFC 9457.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    pub(super) title: &'a str,
    pub(super) status: u16,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) member: Option<&'a str>,
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
#[derive(Serialize)]
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

#[derive(Serialize)]
pub(super) struct Head {
    stream: String,
    sequence: u64,
    hash: String,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    pub(super) status: &'static str,
    pub(super) time_scale: u32,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reasons: BTreeMap<&'static str, String>,
}
