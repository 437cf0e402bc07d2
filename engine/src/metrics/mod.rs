//! What the engine counts. Labels are bounded; no identifier is among them.
//!
//! Names follow Prometheus' conventions: base units, `_total` for counters,
//! `prefill_` before what is ours. `engine/dist/METRICS.md` lists every one, and
//! a test compares it with a scrape.

mod cells;
mod few;
mod ledger;
mod page;
mod process;
mod registers;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use cells::{Counter, Gauge, Held, Histogram};
pub use ledger::Ledger;
pub use page::Format;
pub use registers::Register;

use cells::Bounds;
use few::Few;
use page::Page;
use registers::Registers;

const NANOS: f64 = 1e9;
const US: u64 = 1_000;
const MS: u64 = 1_000 * US;

/// Within the process: from 10 us, what a hit takes, to 30 s, the longest deadline.
const SECONDS: Bounds = Bounds {
    upper: &[
        10 * US,
        25 * US,
        50 * US,
        100 * US,
        250 * US,
        500 * US,
        MS,
        5 * MS / 2,
        5 * MS,
        10 * MS,
        25 * MS,
        50 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        1_000 * MS,
        2_000 * MS,
        5_000 * MS,
        10_000 * MS,
        30_000 * MS,
    ],
    per: NANOS,
};
/// Over a network, to the longest timeout.
const CALL_SECONDS: Bounds = Bounds {
    upper: &[
        MS,
        5 * MS / 2,
        5 * MS,
        10 * MS,
        25 * MS,
        50 * MS,
        100 * MS,
        250 * MS,
        500 * MS,
        1_000 * MS,
        2_000 * MS,
        5_000 * MS,
        10_000 * MS,
        30_000 * MS,
    ],
    per: NANOS,
};
/// Keys in one call: registers that take several take tens.
const KEYS: Bounds = Bounds { upper: &[1, 2, 5, 10, 20, 50, 100], per: 1.0 };
/// Submissions in one batch of the ledger, to its limit.
const ENTRIES: Bounds = Bounds { upper: &[1, 2, 5, 10, 20, 50, 100, 200, 512], per: 1.0 };

/// Procedure groups times outcomes; see `Procedure::group` and `Rejection::kind`.
const BUNDLES_MAX: usize = 96;
/// Routes of the API times the statuses of each.
const ANSWERS_MAX: usize = 256;
const ROUTES_MAX: usize = 64;
/// The API's problem types.
const PROBLEMS_MAX: usize = 24;

/// Every metric of one engine.
#[derive(Default)]
pub struct Metrics {
    bundles: Few<(&'static str, &'static str), Histogram, BUNDLES_MAX>,
    answers: Few<(&'static str, u16), Counter, ANSWERS_MAX>,
    routes: Few<&'static str, Histogram, ROUTES_MAX>,
    problems: Few<&'static str, Counter, PROBLEMS_MAX>,
    /// Connections of clients that are open.
    pub connections: Gauge,
    /// Connections of clients ever accepted.
    pub accepted: Counter,
    /// Configurations that were put in force while it ran.
    pub reloads: Counter,
    /// Configurations that were not, for their mistakes.
    pub reloads_refused: Counter,
    registers: Registers,
    ledger: Ledger,
}

/// What is not counted but looked up when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The digest of the catalogue in force.
    pub catalogue: String,
    /// When this engine started, in seconds since 1970.
    pub started: f64,
    /// Subjects in the answer cache.
    pub cached: u64,
    /// Bytes in the answer cache.
    pub weight: u64,
    /// Bytes that the answer cache may hold.
    pub capacity: u64,
    /// Entries that left the cache for want of room.
    pub evicted: u64,
    /// Entries that left the cache because their time was over.
    pub expired: u64,
    /// Flights under way.
    pub flights: usize,
    /// Changes of consent that wait for the ledger.
    pub changes: usize,
    /// Disclosures and denials that wait for the ledger.
    pub others: usize,
    /// The sequence of the newest durable entry.
    pub sequence: u64,
    /// Whether the ledger is closed until a restart.
    pub closed: bool,
    /// Whether it takes no new connections and ends when its requests have ended.
    pub draining: bool,
    /// Whether bulk jobs give way to somebody.
    pub gives_way: bool,
}

impl Metrics {
    /// All of them, as Prometheus reads them.
    #[must_use]
    pub fn text(self: &Arc<Self>, state: State, format: Format) -> String {
        page::text(self, state, format)
    }

    /// A prefill request ended: `complete`, `partial`, or the type of its problem.
    pub fn bundle(&self, group: &'static str, outcome: &'static str, took: Duration) {
        if let Some(it) = self.bundles.get((group, outcome), || Histogram::new(SECONDS)) {
            it.time(took);
        }
    }

    /// An HTTP request was answered.
    pub fn answer(&self, route: &'static str, status: u16, took: Duration) {
        if let Some(it) = self.answers.get((route, status), Counter::default) {
            it.count();
        }
        if let Some(it) = self.routes.get(route, || Histogram::new(SECONDS)) {
            it.time(took);
        }
    }

    /// A request was answered with a problem.
    pub fn problem(&self, kind: &'static str) {
        if let Some(it) = self.problems.get(kind, Counter::default) {
            it.count();
        }
    }

    /// What is counted of one register. It stays, also when its catalogue goes.
    #[must_use]
    pub fn register(&self, name: &str) -> Arc<Register> {
        self.registers.named(name)
    }

    /// What is counted of the ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn write(&self, state: &State, page: &mut Page<'_>) -> fmt::Result {
        self.write_requests(page)?;
        self.registers.write(page)?;
        write_cache(state, page)?;
        self.ledger.write(state, page)?;
        let version = [([("version", env!("CARGO_PKG_VERSION"))], 1.0)];
        page.gauges("prefill_build_info", "The engine's version", version)?;
        let digest = [([("digest", &*state.catalogue)], 1.0)];
        page.gauges("prefill_catalogue_info", "The digest of the catalogue in force", digest)?;
        let reloads = [("applied", &self.reloads), ("refused", &self.reloads_refused)];
        let reloads = reloads.map(|(outcome, count)| ([("outcome", outcome)], count));
        page.counters("prefill_reloads", "Times that the configuration was read again", reloads)?;
        let help = "1 while the engine ends what it began and takes nothing new, else 0";
        page.gauge("prefill_draining", help, f64::from(u8::from(state.draining)))?;
        let help =
            "1 while bulk jobs go slowly, since somebody asked by themselves of late, else 0";
        page.gauge("prefill_bulk_gives_way", help, f64::from(u8::from(state.gives_way)))?;
        process::write(page, state.started)
    }

    fn write_requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let bundles = self.bundles.iter();
        let bundles =
            bundles.map(|((group, outcome), it)| ([("group", *group), ("outcome", *outcome)], it));
        let help =
            "Time of one request for a bundle, by whom the procedure is about and its outcome";
        page.histograms("prefill_request_duration_seconds", help, bundles)?;
        let answers = self.answers.iter().map(|((route, status), it)| {
            ([("route", (*route).to_owned()), ("code", status.to_string())], it)
        });
        page.counters("prefill_http_requests", "HTTP requests answered", answers)?;
        let routes = self.routes.iter().map(|(route, it)| ([("route", *route)], it));
        let help = "Time from an HTTP request's head to its response";
        page.histograms("prefill_http_request_duration_seconds", help, routes)?;
        let problems = self.problems.iter().map(|(kind, it)| ([("type", *kind)], it));
        page.counters("prefill_problems", "Requests answered with a problem", problems)?;
        let help = "Connections of clients that are open";
        page.gauge("prefill_http_connections", help, self.connections.now() as f64)?;
        let help = "Connections of clients ever accepted";
        page.counter("prefill_http_connections_accepted", help, self.accepted.total() as f64)
    }
}

fn write_cache(state: &State, page: &mut Page<'_>) -> fmt::Result {
    let help = "Subjects of whom answers are kept in memory";
    page.gauge("prefill_cache_subjects", help, state.cached as f64)?;
    let help = "Bytes of answers that are kept in memory";
    page.gauge("prefill_cache_weight_bytes", help, state.weight as f64)?;
    let help = "Bytes of answers that may be kept in memory";
    page.gauge("prefill_cache_capacity_bytes", help, state.capacity as f64)?;
    let gone = [("size", state.evicted), ("expired", state.expired)];
    let gone = gone.map(|(cause, count)| ([("cause", cause)], count));
    page.totals("prefill_cache_evictions", "Subjects whose answers left the cache", gone)?;
    let help = "Calls to registers under way, which others may join";
    page.gauge("prefill_flights", help, state.flights as f64)
}

#[cfg(test)]
mod tests;
