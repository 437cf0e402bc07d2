//! What the ledger's writer does, as whoever runs the engine sees it.

use schemars::JsonSchema;
use serde::Serialize;

use super::Head;
use crate::{clock, ledger};

/// How the ledger is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Status {
    /// The newest durable entry.
    pub(in super::super) head: Head,
    /// Why it takes nothing more until a restart; null while it does.
    pub(in super::super) closed: Option<String>,
    /// The last batch that was made durable.
    pub(in super::super) last_sync: Option<Took>,
    /// The last checkpoint, during which nothing was written; null before the first.
    pub(in super::super) last_stall: Option<Took>,
    pub(in super::super) queue: Queue,
    /// Whether the engine is on its way out.
    pub(in super::super) leaving: bool,
}

/// What waits for the ledger.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LedgerQueue")]
pub(in super::super) struct Queue {
    /// Changes of consent.
    pub(in super::super) changes: usize,
    /// Disclosures and denials.
    pub(in super::super) others: usize,
}

/// When something was done, and how long it took.
#[derive(Serialize, JsonSchema)]
pub(in super::super) struct Took {
    #[schemars(extend("format" = "date-time"))]
    at: String,
    milliseconds: f64,
}

impl From<ledger::Took> for Took {
    fn from(known: ledger::Took) -> Self {
        Self { at: clock::rfc3339(known.at), milliseconds: known.took.as_secs_f64() * 1e3 }
    }
}
