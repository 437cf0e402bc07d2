//! The bundle's shape. `consent::release` writes the bytes, whose digest the ledger
//! has; this describes them, and every bundle that a test gets is held against it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Problem, words};

/// Every field with its value, or why it has none.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct Bundle {
    /// Its id, under which it stands in the ledger and in the citizen's list.
    #[schemars(extend("format" = "uuid"))]
    disclosure: String,
    procedure: ProcedureVersion,
    /// Whether every field is filled, or empty because its register said so.
    complete: bool,
    /// By name.
    fields: BTreeMap<String, BundleField>,
    /// The registers asked, by name.
    sources: BTreeMap<String, Source>,
    notices: Vec<BundleNotice>,
}

/// Which procedure, and which version of it.
#[derive(Serialize, JsonSchema)]
struct ProcedureVersion {
    id: String,
    version: u32,
}

/// How one field ended.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(dead_code, reason = "it describes; `consent::release` writes")]
enum BundleField {
    /// It has a value.
    Filled(Value),
    /// It has a value older than was asked for, because its register is down.
    Stale(Value),
    /// The register answered: there is none, or it does not know the subject.
    Empty { source: String },
    /// It may not be shown.
    Withheld {
        /// The back office is told of no source.
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[schemars(schema_with = "words::withheld")]
        reason: String,
    },
    /// There was no usable answer.
    Unavailable {
        source: String,
        #[schemars(schema_with = "words::unavailable")]
        reason: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u32>,
    },
}

/// A value, where it comes from, and how old it is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
struct Value {
    #[schemars(schema_with = "words::value")]
    value: serde_json::Value,
    /// A register, or `space` for what the citizen added.
    source: String,
    /// When the register last changed it, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date"))]
    last_updated: Option<String>,
    /// Rounded up to the register's grain; none for the citizen's own data.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u64>,
    /// Whether the register, or an open amendment, disputes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    under_review: Option<bool>,
}

/// What became of a register's call.
#[derive(Serialize, JsonSchema)]
struct Source {
    #[schemars(schema_with = "words::outcome")]
    outcome: String,
}

/// What follows from the values shown.
#[derive(Serialize, JsonSchema)]
struct BundleNotice {
    code: String,
    /// In the language asked for.
    text: String,
}

/// One line of a bulk job's answer.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it describes; `respond::line` writes")]
pub(in super::super) enum BatchLine {
    /// A bundle.
    Bundle {
        /// The place of its line, from zero.
        index: u64,
        #[schemars(extend("const" = 200))]
        status: u16,
        bundle: Bundle,
    },
    /// Why there is none.
    Problem {
        /// The place of its line, from zero.
        index: u64,
        /// As a single request would have been answered.
        status: u16,
        problem: Problem<'static>,
    },
}
