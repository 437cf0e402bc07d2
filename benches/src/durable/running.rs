//! A ledger that runs, and whose commits are counted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::catalogue::Catalogue;
use engine::clock::{Civil, monotonic};
use engine::entropy::Entropy;
use engine::ledger::{Ledger, Port};
use engine::store::{self, Head, Read, Row, Sqlite, Storage};
use tokio::runtime::{Builder, Runtime};

use super::open;

/// A ledger whose writer has a thread, and a runtime for those who wait.
pub(super) struct Running {
    pub(super) port: Arc<Port>,
    pub(super) runtime: Runtime,
    commits: Arc<Commits>,
    writer: Option<JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(dir: &Path, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let commits = Arc::<Commits>::default();
        let storage = Counted { storage: open(dir)?, commits: commits.clone() };
        let (civil, entropy) = (Civil::system(), Entropy::system());
        let opened = Ledger::open(Box::new(storage), civil, entropy, catalogue, Arc::default())?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (port, deliver) = opened.ledger.port();
        runtime.spawn(deliver);
        let writing = Builder::new_current_thread().enable_all().build()?;
        let writer = std::thread::spawn(move || writing.block_on(opened.writer.run()));
        let running = Self { port: Arc::new(port), runtime, commits, writer: Some(writer) };
        Ok(running)
    }

    /// Forgets the commits that were.
    pub(super) fn count_anew(&self) {
        self.commits.count.store(0, Ordering::Relaxed);
        self.commits.took_ns.store(0, Ordering::Relaxed);
    }

    /// How many entries one commit held on average, and how long it took.
    pub(super) fn batches(&self, written: u64) -> (u64, Duration) {
        let commits = self.commits.count.load(Ordering::Relaxed).max(1);
        let took = self.commits.took_ns.load(Ordering::Relaxed) / commits;
        let rows = (written as f64 / commits as f64).round().max(1.0) as u64;
        (rows, Duration::from_nanos(took))
    }

    /// Ends the writer, so that the files are whole.
    pub(super) fn end(mut self) {
        let writer = self.writer.take();
        drop(self);
        // A panic has told itself.
        writer.map(JoinHandle::join);
    }
}

/// A storage whose commits are counted.
struct Counted {
    storage: Sqlite,
    commits: Arc<Commits>,
}

#[derive(Default)]
struct Commits {
    count: AtomicU64,
    took_ns: AtomicU64,
}

impl Storage for Counted {
    fn append(&mut self, row: &Row) -> Result<(), store::Error> {
        self.storage.append(row)
    }

    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), store::Error> {
        self.storage.put_subject(number, identifier)
    }

    fn put_consent(&mut self, number: u64, state: &[u8]) -> Result<(), store::Error> {
        self.storage.put_consent(number, state)
    }

    fn put_text(&mut self, digest: &store::Digest, text: &[u8]) -> Result<(), store::Error> {
        self.storage.put_text(digest, text)
    }

    fn erase_subject(&mut self, number: u64) -> Result<(), store::Error> {
        self.storage.erase_subject(number)
    }

    fn scrub(&mut self) -> Result<(), store::Error> {
        self.storage.scrub()
    }

    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), store::Error> {
        self.storage.put_facts(cut, part, body)
    }

    fn set_cut(&mut self, cut: &store::Cut) -> Result<(), store::Error> {
        self.storage.set_cut(cut)
    }

    fn sweep(&mut self, limit: usize) -> Result<usize, store::Error> {
        self.storage.sweep(limit)
    }

    fn commit(&mut self, head: &Head) -> Result<(), store::Error> {
        let began = monotonic();
        let done = self.storage.commit(head);
        let took = (monotonic() - began).as_nanos() as u64;
        self.commits.took_ns.fetch_add(took, Ordering::Relaxed);
        self.commits.count.fetch_add(1, Ordering::Relaxed);
        done
    }

    fn checkpoint(&mut self) -> Result<bool, store::Error> {
        self.storage.checkpoint()
    }

    fn reader(&self) -> Result<Box<dyn Read>, store::Error> {
        self.storage.reader()
    }
}
