//! A storage that takes its time, so that batches gather as they do on a disk.

use std::time::Duration;

use engine::store::{Cut, Digest, Error, Head, Read, Row, Storage};

/// A storage whose commits last.
pub struct Slow<S> {
    storage: S,
    commit: Duration,
}

impl<S> Slow<S> {
    /// `storage`, of which each commit lasts `commit` longer.
    pub fn new(storage: S, commit: Duration) -> Self {
        Self { storage, commit }
    }
}

impl<S: Storage> Storage for Slow<S> {
    fn append(&mut self, row: &Row) -> Result<(), Error> {
        self.storage.append(row)
    }

    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), Error> {
        self.storage.put_subject(number, identifier)
    }

    fn put_consent(&mut self, number: u64, state: &[u8]) -> Result<(), Error> {
        self.storage.put_consent(number, state)
    }

    fn put_text(&mut self, digest: &Digest, text: &[u8]) -> Result<(), Error> {
        self.storage.put_text(digest, text)
    }

    fn erase_subject(&mut self, number: u64) -> Result<(), Error> {
        self.storage.erase_subject(number)
    }

    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), Error> {
        self.storage.put_facts(cut, part, body)
    }

    fn set_cut(&mut self, cut: &Cut) -> Result<(), Error> {
        self.storage.set_cut(cut)
    }

    fn sweep(&mut self, limit: usize) -> Result<usize, Error> {
        self.storage.sweep(limit)
    }

    fn commit(&mut self, head: &Head) -> Result<(), Error> {
        #[expect(clippy::disallowed_methods, reason = "it is a slow disk")]
        std::thread::sleep(self.commit);
        self.storage.commit(head)
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        self.storage.checkpoint()
    }

    fn scrub(&mut self) -> Result<(), Error> {
        self.storage.scrub()
    }

    fn reader(&self) -> Result<Box<dyn Read>, Error> {
        self.storage.reader()
    }
}
