//! `[spans]`: whether a trace of each request is exported, and where to.

use super::{Reading, network};
use crate::catalogue::reader::Table;

/// The share of traces, where the configuration does not say: each.
const PERCENT_DEFAULT: u32 = 100;

/// Where spans are sent, and of which part of the traces that begin here.
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The collector's URL for traces over OTLP/HTTP.
    pub endpoint: Box<str>,
    /// From none to all.
    pub share: f64,
}

/// `None` where there is no such table; a mistake where this build cannot do it.
pub(super) fn read(reading: &Reading<'_>, table: &Table<'_>) -> Option<Export> {
    let line = table.line_of("spans");
    let written = table.table("spans")?;
    let endpoint = written.required("endpoint", "\"http://127.0.0.1:4318/v1/traces\"");
    let percent = written.integer("percent", 0..=100).unwrap_or(PERCENT_DEFAULT);
    written.finish();
    if !cfg!(feature = "otlp") {
        reading.mistake(line, "this build exports no spans; one with `--features otlp` does");
    }
    let endpoint = endpoint?;
    // The exporter adds no path of its own.
    let whole = network::parts(&endpoint.text).is_some_and(|it| !it.base.is_empty());
    if !whole || !endpoint.text.to_ascii_lowercase().starts_with("http://") {
        let what = "`endpoint` must be http://, a host, perhaps a port, and the collector's path, \
                    such as http://127.0.0.1:4318/v1/traces: the exporter speaks no TLS, so that \
                    the collector belongs beside the engine";
        reading.mistake(endpoint.line, what);
    }
    Some(Export { endpoint: endpoint.text, share: f64::from(percent) / 100.0 })
}
