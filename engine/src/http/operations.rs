//! What is asked by whoever runs the engine: whether it is well, how the ledger is,
//! and its metrics.

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use super::respond::{self, Out, Public};
use super::wire;
use crate::clock;
use crate::drain::Phase;
use crate::metrics::Format;
use crate::prefill::Shared;

/// Everything reads the older text; who wants OpenMetrics says so.
pub(super) fn metrics(shared: &Shared, headers: &HeaderMap) -> Out {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = match accepted.into_iter().any(|value| value.contains("openmetrics-text")) {
        true => Format::OpenMetrics,
        false => Format::Text,
    };
    respond::metrics(Public(shared.exposition(format)), format)
}

/// What the ledger's writer does: for whoever runs it.
pub(super) fn status(shared: &Shared) -> Out {
    let published = shared.ledger.published();
    let (changes, others) = shared.ledger.waiting();
    respond::public(&Public(wire::Status {
        head: published.head().into(),
        closed: published.latch().map(|latch| latch.to_string()),
        last_sync: published.synced().map(wire::Took::from),
        last_stall: published.stalled().map(wire::Took::from),
        queue: wire::Queue { changes, others },
        leaving: shared.drain.phase() > Phase::Serving,
    }))
}

/// Alive tells that the process answers; ready also that the ledger takes entries.
/// Why it does not, is told to whoever runs it.
pub(super) fn health(shared: &Shared, ready: bool, in_detail: bool) -> Out {
    let latch = shared.ledger.published().latch().map(|latch| ("ledger", latch.to_string()));
    let shortage = shared.room.shortage().map(|(free, floor)| {
        let mib = |bytes| bytes >> 20;
        ("disk", format!("{} MiB are free, and {} must be", mib(free), mib(floor)))
    });
    let leaves = shared.drain.phase() > Phase::Serving;
    let leaves = leaves.then(|| ("drain", "the engine is on its way out".to_owned()));
    let reasons = latch.into_iter().chain(shortage).chain(leaves);
    let reasons: BTreeMap<_, _> = reasons.filter(|_| ready).collect();
    let well = reasons.is_empty();
    let status = match (ready, well) {
        (false, _) => "ok",
        (true, true) => "ready",
        (true, false) => "not-ready",
    };
    let reasons = if in_detail { reasons } else { BTreeMap::new() };
    let (time_scale, now) = (shared.civil.scale(), clock::rfc3339(shared.civil.now()));
    let health = wire::Health { status, time_scale, now, reasons };
    respond::health(well, &Public(health))
}
