//! What is counted of the ledger's writer.

use std::fmt;
use std::time::Duration;

use super::cells::{Counter, Histogram};
use super::few::Few;
use super::page::Page;
use super::{ENTRIES, SECONDS, State};

/// Why a disclosure is refused: two reasons, and room.
const REASONS_MAX: usize = 4;

/// One writer's counts.
pub struct Ledger {
    entries: Histogram,
    batch: Histogram,
    sync: Histogram,
    checkpoint: Histogram,
    refused: Few<&'static str, Counter, REASONS_MAX>,
    swept: Counter,
}

impl Default for Ledger {
    fn default() -> Self {
        let refused = Few::default();
        // Shown also before it happens, so that a rate can be told from the first.
        for reason in ["stale", "expired"] {
            refused.get(reason, Counter::default);
        }
        Self {
            entries: Histogram::new(ENTRIES),
            batch: Histogram::new(SECONDS),
            sync: Histogram::new(SECONDS),
            checkpoint: Histogram::new(SECONDS),
            refused,
            swept: Counter::default(),
        }
    }
}

impl Ledger {
    /// A batch was written and answered.
    pub fn batch(&self, entries: usize, took: Duration) {
        self.entries.observe(entries as u64);
        self.batch.time(took);
    }

    /// A batch was made durable.
    pub fn sync(&self, took: Duration) {
        self.sync.time(took);
    }

    /// The log was copied into its file, while nothing was written.
    pub fn checkpoint(&self, took: Duration) {
        self.checkpoint.time(took);
    }

    /// A disclosure was refused.
    pub fn refused(&self, reason: &'static str) {
        if let Some(counter) = self.refused.get(reason, Counter::default) {
            counter.count();
        }
    }

    /// So many rows were deleted, since their time is over.
    pub fn swept(&self, rows: usize) {
        self.swept.add(rows as u64);
    }

    pub(super) fn write(&self, state: &State, page: &mut Page<'_>) -> fmt::Result {
        let help = "Submissions in one batch of the ledger";
        page.histogram("prefill_ledger_batch_entries", help, &self.entries)?;
        let help = "Time of one batch, from taking it to answering it";
        page.histogram("prefill_ledger_batch_duration_seconds", help, &self.batch)?;
        let help = "Time of making one batch durable";
        page.histogram("prefill_ledger_sync_duration_seconds", help, &self.sync)?;
        let help = "Time of one checkpoint, during which nothing is written";
        page.histogram("prefill_ledger_stall_duration_seconds", help, &self.checkpoint)?;
        let refused = self.refused.iter().map(|(reason, count)| ([("reason", *reason)], count));
        let help = "Disclosures that the ledger refused, to be decided again";
        page.counters("prefill_ledger_refused", help, refused)?;
        let help = "Rows of the ledger that were deleted, since their time is over";
        page.counter("prefill_ledger_swept", help, self.swept.total() as f64)?;
        let queues = [("changes", state.changes), ("others", state.others)];
        let queues = queues.map(|(queue, depth)| ([("queue", queue)], depth as f64));
        page.gauges("prefill_ledger_queue", "Submissions that wait for the ledger", queues)?;
        let help = "Sequence of the newest durable entry";
        page.gauge("prefill_ledger_sequence", help, state.sequence as f64)?;
        let help = "1 if the ledger takes nothing more until a restart, else 0";
        page.gauge("prefill_ledger_closed", help, f64::from(u8::from(state.closed)))
    }
}
