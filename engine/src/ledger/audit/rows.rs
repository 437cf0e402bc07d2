//! The rows of a ledger and their commitments, read ahead on a thread of their own.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::{Error, violation};
use crate::ledger::chain;
use crate::store::{Digest, Head, Read, RowRef};

/// How many rows are read at a time, so that no writer waits long.
const SLICE: usize = 4_096;
/// How many slices are read ahead.
const AHEAD: usize = 2;

/// A part of the ledger. The bodies stand in one buffer: one for each of a million
/// entries would cost more than all hashing.
#[derive(Default)]
struct Slice {
    bodies: Vec<u8>,
    rows: Vec<Known>,
}

/// What is known of a row without its body.
struct Known {
    sequence: u64,
    commitment: Digest,
    /// Where its body ends.
    end: usize,
}

/// A row, as it is judged.
#[derive(Clone, Copy)]
pub(super) struct Committed<'a> {
    pub(super) sequence: u64,
    pub(super) commitment: Digest,
    pub(super) body: &'a [u8],
}

/// Hands every row after `from` and up to `head` to `seen`, in order, until that fails.
pub(super) fn each(
    storage: &Mutex<&mut dyn Read>,
    from: u64,
    head: &Head,
    mut seen: impl FnMut(Committed<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (sender, slices) = sync_channel(AHEAD);
    thread::scope(|scope| {
        let reading = scope.spawn(move || read(storage, from, head, &sender));
        let judged = slices.iter().try_for_each(|slice: Slice| slice.judge(&mut seen));
        // Who found something wrong wants no more of it.
        drop(slices);
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        judged.and(read)
    })
}

impl Slice {
    fn push(&mut self, row: RowRef<'_>) {
        self.bodies.extend_from_slice(row.body);
        let (sequence, commitment) = (row.sequence, chain::commitment(row));
        self.rows.push(Known { sequence, commitment, end: self.bodies.len() });
    }

    fn judge(
        &self,
        seen: &mut impl FnMut(Committed<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut start = 0;
        self.rows.iter().try_for_each(|&Known { sequence, commitment, end }| {
            let body = &self.bodies[start..end];
            start = end;
            seen(Committed { sequence, commitment, body })
        })
    }
}

fn read(
    storage: &Mutex<&mut dyn Read>,
    from: u64,
    head: &Head,
    slices: &SyncSender<Slice>,
) -> Result<(), Error> {
    let mut last = from;
    while last < head.sequence {
        let mut slice = Slice::default();
        let mut push = |row: RowRef<'_>| {
            // What was written since the audit began is not its business.
            if row.sequence <= head.sequence {
                slice.push(row);
            }
        };
        storage.lock().unwrap_or_else(PoisonError::into_inner).scan(last, SLICE, &mut push)?;
        let Some(newest) = slice.rows.last() else {
            return Err(violation(last + 1, "missing, though the head is past it").into());
        };
        last = newest.sequence;
        if slices.send(slice).is_err() {
            break;
        }
    }
    Ok(())
}
