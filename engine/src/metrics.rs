//! What the engine counts. Labels are bounded; no identifier is among them.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Every metric of one engine.
pub struct Metrics {
    registry: Registry,
    requests: Family<Route, Counter>,
    request_seconds: Histogram,
    calls: Family<RegisterCall, Counter>,
    call_seconds: Family<RegisterName, Histogram, fn() -> Histogram>,
    dropped: Family<RegisterName, Counter>,
    cache: Family<Lookup, Counter>,
    flights_joined: Counter,
    ledger_entries: Counter,
    ledger_commits: Counter,
    ledger_refused: Counter,
    ledger_commit_seconds: Histogram,
    ledger_stall_seconds: Histogram,
    ledger_queue: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegisterCall {
    register: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RegisterName {
    register: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lookup {
    result: &'static str,
}

/// From 10 us to about 40 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-5, 2.0, 23))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("prefill"),
            requests: Family::default(),
            request_seconds: seconds(),
            calls: Family::default(),
            call_seconds: Family::new_with_constructor(seconds),
            dropped: Family::default(),
            cache: Family::default(),
            flights_joined: Counter::default(),
            ledger_entries: Counter::default(),
            ledger_commits: Counter::default(),
            ledger_refused: Counter::default(),
            ledger_commit_seconds: seconds(),
            ledger_stall_seconds: seconds(),
            ledger_queue: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("requests", "Requests answered", self.requests.clone());
        let help = "Time from the request's head to its response";
        r.register_with_unit("request", help, Unit::Seconds, self.request_seconds.clone());
        r.register("register_calls", "Calls to registers, by outcome", self.calls.clone());
        let help = "Time of one call to a register";
        r.register_with_unit("register_call", help, Unit::Seconds, self.call_seconds.clone());
        let help = "Answers dropped because they were not about the subject asked for";
        r.register("register_wrong_subject", help, self.dropped.clone());
        r.register("cache_lookups", "Lookups in the answer cache", self.cache.clone());
        let help = "Requests that waited for another's call";
        r.register("flights_joined", help, self.flights_joined.clone());
        r.register(
            "ledger_entries",
            "Entries submitted to the ledger",
            self.ledger_entries.clone(),
        );
        r.register("ledger_commits", "Batches written by the ledger", self.ledger_commits.clone());
        let help = "Disclosures refused because a consent changed";
        r.register("ledger_refused", help, self.ledger_refused.clone());
        let help = "Time of one batch, from taking it to answering it";
        r.register_with_unit(
            "ledger_commit",
            help,
            Unit::Seconds,
            self.ledger_commit_seconds.clone(),
        );
        let help = "Time of one checkpoint, during which nothing is written";
        r.register_with_unit(
            "ledger_stall",
            help,
            Unit::Seconds,
            self.ledger_stall_seconds.clone(),
        );
        r.register(
            "ledger_queue",
            "Submissions that wait for the ledger",
            self.ledger_queue.clone(),
        );
    }

    /// All of them, as Prometheus reads them (OpenMetrics text).
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("a string takes every byte");
        text
    }

    /// A request was answered.
    pub fn request(&self, route: &'static str, status: u16, took: Duration) {
        self.requests.get_or_create(&Route { route, status }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// A call to a register ended.
    pub fn register_call(&self, register: &str, outcome: &'static str, took: Duration) {
        let name = register.to_owned();
        self.calls.get_or_create(&RegisterCall { register: name.clone(), outcome }).inc();
        let histogram = self.call_seconds.get_or_create(&RegisterName { register: name });
        histogram.observe(took.as_secs_f64());
    }

    /// An answer was about somebody else.
    pub fn wrong_subject(&self, register: &str) {
        self.dropped.get_or_create(&RegisterName { register: register.to_owned() }).inc();
    }

    /// A lookup in the answer cache.
    pub fn cache_lookup(&self, hit: bool) {
        let result = if hit { "hit" } else { "miss" };
        self.cache.get_or_create(&Lookup { result }).inc();
    }

    /// A request waits for another's call.
    pub fn flight_joined(&self) {
        self.flights_joined.inc();
    }

    /// The ledger wrote a batch.
    pub fn ledger_batch(&self, entries: usize, took: Duration, queue: usize) {
        self.ledger_entries.inc_by(entries as u64);
        self.ledger_commits.inc();
        self.ledger_commit_seconds.observe(took.as_secs_f64());
        self.ledger_queue.set(queue as i64);
    }

    /// The ledger refused a disclosure.
    pub fn ledger_refused(&self) {
        self.ledger_refused.inc();
    }

    /// The ledger copied its log into its file.
    pub fn ledger_checkpoint(&self, took: Duration) {
        self.ledger_stall_seconds.observe(took.as_secs_f64());
    }
}
