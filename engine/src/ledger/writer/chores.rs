//! What the writer does for retention, beside its batches.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Writer;
use crate::ledger::entry::{Event, Snapshot};
use crate::ledger::queue::Chore;
use crate::model::CivilMs;
use crate::store::{self, Cut};

impl Writer {
    /// Does one thing of retention.
    pub(super) fn chore(&mut self, stamp: CivilMs, chore: Chore) -> Result<(), store::Error> {
        match chore {
            Chore::Facts { cut, part, body } => self.storage.put_facts(cut, part, &body),
            Chore::Snapshot(snapshot) => {
                let Snapshot { upto, hash, before, .. } = *snapshot;
                self.append(stamp, Event::Snapshot(*snapshot))?;
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
        }
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
