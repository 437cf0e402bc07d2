//! What is counted of calls to registers.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::cells::{Counter, Gauge, Histogram};
use super::few::Few;
use super::page::Page;
use super::{CALL_SECONDS, KEYS};

/// The reasons for which there is no answer, and room.
const OUTCOMES_MAX: usize = 8;
const OUTCOMES: [&str; 6] =
    ["answered", "timeout", "error", "maintenance", "invalid", "overloaded"];

/// All registers that were in a catalogue since the start.
#[derive(Default)]
pub(super) struct Registers(RwLock<Vec<Arc<Register>>>);

/// What is counted of one register. Whoever talks to it keeps this, so that
/// counting looks nothing up.
pub struct Register {
    name: Box<str>,
    outcomes: Few<&'static str, Counter, OUTCOMES_MAX>,
    seconds: Histogram,
    keys: Histogram,
    /// Connections open to it.
    pub connections: Gauge,
    /// Connections ever opened.
    pub opened: Counter,
    /// Calls that wait for a connection.
    pub waiting: Gauge,
    /// Answers dropped because they were not about the key asked for.
    pub wrong_subject: Counter,
    /// Lookups that found a usable answer in the cache.
    pub hits: Counter,
    /// Lookups that did not.
    pub misses: Counter,
    /// Requests that waited for a call that another had begun.
    pub joined: Counter,
}

impl Register {
    fn new(name: &str) -> Self {
        let outcomes = Few::default();
        // Shown also before it happens, so that a rate can be told from the first.
        for outcome in OUTCOMES {
            outcomes.get(outcome, Counter::default);
        }
        Self {
            name: name.into(),
            outcomes,
            seconds: Histogram::new(CALL_SECONDS),
            keys: Histogram::new(KEYS),
            connections: Gauge::default(),
            opened: Counter::default(),
            waiting: Gauge::default(),
            wrong_subject: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            joined: Counter::default(),
        }
    }

    /// A call about some keys ended.
    pub fn call(&self, outcome: &'static str, keys: usize, took: Duration) {
        if let Some(counter) = self.outcomes.get(outcome, Counter::default) {
            counter.count();
        }
        self.seconds.time(took);
        self.keys.observe(keys as u64);
    }
}

impl Registers {
    /// The register of that name, from now on.
    pub(super) fn named(&self, name: &str) -> Arc<Register> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(register) = known.iter().find(|register| &*register.name == name) {
            return register.clone();
        }
        let register = Arc::new(Register::new(name));
        known.push(register.clone());
        register
    }

    pub(super) fn write(&self, page: &mut Page<'_>) -> fmt::Result {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        let by_name = |of: fn(&Register) -> &Counter| {
            all.iter().map(move |it| ([("register", &*it.name)], of(it)))
        };
        let now = |of: fn(&Register) -> &Gauge| {
            all.iter().map(move |it| ([("register", &*it.name)], of(it).now() as f64))
        };
        let calls = all.iter().flat_map(|it| {
            let outcomes = it.outcomes.iter();
            outcomes
                .map(|(outcome, count)| ([("register", &*it.name), ("outcome", outcome)], count))
        });
        page.counters("prefill_register_calls", "Calls to registers, by how they ended", calls)?;
        let seconds = all.iter().map(|it| ([("register", &*it.name)], &it.seconds));
        let help = "Time of one call to a register, the wait for a connection included";
        page.histograms("prefill_register_call_duration_seconds", help, seconds)?;
        let keys = all.iter().map(|it| ([("register", &*it.name)], &it.keys));
        page.histograms("prefill_register_batch_keys", "Keys in one call", keys)?;
        let help = "Connections open to a register";
        page.gauges("prefill_register_connections", help, now(|it| &it.connections))?;
        let help = "Connections ever opened to a register";
        page.counters("prefill_register_connections_opened", help, by_name(|it| &it.opened))?;
        let help = "Calls that wait for a connection to a register";
        page.gauges("prefill_register_waiting", help, now(|it| &it.waiting))?;
        let help = "Answers dropped because they were not about the subject asked for";
        page.counters("prefill_register_wrong_subject", help, by_name(|it| &it.wrong_subject))?;
        let lookups = all.iter().flat_map(|it| {
            let results = [("hit", &it.hits), ("miss", &it.misses)];
            results.map(|(result, count)| ([("register", &*it.name), ("result", result)], count))
        });
        page.counters("prefill_cache_lookups", "Lookups in the answer cache", lookups)?;
        let help = "Requests that waited for a call that another had begun";
        page.counters("prefill_flights_joined", help, by_name(|it| &it.joined))
    }
}
