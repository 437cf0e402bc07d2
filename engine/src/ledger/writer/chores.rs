//! What the writer does for retention, beside its batches.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Batch, Writer};
use crate::ledger::entry::{Event, Snapshot};
use crate::ledger::queue::Chore;
use crate::model::{CivilMs, Subject};
use crate::store::{self, Cut};

impl Writer {
    /// Does one thing of retention.
    pub(super) fn chore(
        &mut self,
        stamp: CivilMs,
        chore: Chore,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        match chore {
            Chore::Facts { cut, part, body } => self.storage.put_facts(cut, part, &body),
            Chore::Snapshot(snapshot) => {
                let Snapshot { upto, hash, before, .. } = *snapshot;
                self.append(stamp, &Event::Snapshot(*snapshot))?;
                let entry = self.head.sequence;
                self.storage.set_cut(&Cut { sequence: upto, hash, before, entry })
            }
            Chore::Sweep { limit, swept } => {
                let count = self.storage.sweep(limit)?;
                self.metrics.ledger().swept(count);
                swept.store(count, Ordering::SeqCst);
                Ok(())
            }
            Chore::Scrub(mark) => {
                self.scrub = Some(mark);
                Ok(())
            }
            Chore::Watch(whether) => {
                self.watched = whether.then(Default::default);
                Ok(())
            }
            Chore::Forget(subjects) => self.forget(stamp, subjects, batch),
        }
    }

    /// Whoever was named since they were looked for, also in this batch, stays: a chore
    /// comes last in its batch.
    fn forget(
        &mut self,
        stamp: CivilMs,
        mut subjects: Vec<(u64, Subject)>,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        // Without a watch nobody knows who was named.
        let Some(watched) = &self.watched else { return Ok(()) };
        subjects.retain(|(number, subject)| {
            !watched.contains(number)
                && self.published.number(*subject) == Some(*number)
                && self.published.consent(*subject).version == 0
        });
        if subjects.is_empty() {
            return Ok(());
        }
        for (number, _) in &subjects {
            self.storage.erase_subject(*number)?;
        }
        let numbers = subjects.iter().map(|(number, _)| *number).collect();
        batch.forgotten = subjects;
        self.turn += 1;
        self.append(stamp, &Event::Forgotten(numbers))
    }

    /// A checkpoint that leaves nothing in the log. Where somebody reads meanwhile, the
    /// next look of retention tries again.
    pub(super) fn scrub(&mut self, mark: &AtomicBool) -> Result<bool, store::Error> {
        match self.storage.scrub() {
            Ok(()) => mark.store(false, Ordering::SeqCst),
            Err(store::Error::StillRead) => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}
