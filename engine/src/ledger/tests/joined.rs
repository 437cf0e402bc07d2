//! What happens while a batch is ordered: what arrives joins it, and a panic leaves nobody waiting.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use super::super::*;
use super::support::{Setup, TODAY, WAIT, subject};
use crate::ledger::keeper::chore;
use crate::ledger::queue::Chore;
use crate::metrics::{Format, State};
use crate::store::{Cut, Digest, Disk, Error, Memory, Read, Row};

/// What happens once, when the next thing is written.
type Meanwhile = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// A storage during whose writes something happens.
struct Slow {
    memory: Memory,
    meanwhile: Meanwhile,
}

impl Slow {
    fn written(&mut self) -> &mut Memory {
        let happens = self.meanwhile.lock().unwrap().take();
        happens.into_iter().for_each(|happens| happens());
        &mut self.memory
    }
}

impl Storage for Slow {
    fn append(&mut self, row: &Row) -> Result<(), Error> {
        self.written().append(row)
    }

    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), Error> {
        self.written().put_facts(cut, part, body)
    }

    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), Error> {
        self.memory.put_subject(number, identifier)
    }

    fn put_consent(&mut self, number: u64, state: &[u8]) -> Result<(), Error> {
        self.memory.put_consent(number, state)
    }

    fn put_text(&mut self, digest: &Digest, text: &[u8]) -> Result<(), Error> {
        self.memory.put_text(digest, text)
    }

    fn erase_subject(&mut self, number: u64) -> Result<(), Error> {
        self.memory.erase_subject(number)
    }

    fn scrub(&mut self) -> Result<(), Error> {
        self.memory.scrub()
    }

    fn set_cut(&mut self, cut: &Cut) -> Result<(), Error> {
        self.memory.set_cut(cut)
    }

    fn sweep(&mut self, limit: usize) -> Result<usize, Error> {
        self.memory.sweep(limit)
    }

    fn commit(&mut self, head: &Head) -> Result<(), Error> {
        self.memory.commit(head)
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        self.memory.checkpoint()
    }

    fn reader(&self) -> Result<Box<dyn Read>, Error> {
        self.memory.reader()
    }
}

struct Started {
    setup: Setup,
    disk: Disk,
    ledger: Ledger,
    port: Arc<Port>,
    meanwhile: Meanwhile,
}

impl Started {
    fn new() -> Self {
        let setup = Setup::new();
        let memory = Memory::new([4; 16], subjects_of);
        let (disk, meanwhile) = (memory.disk(), Meanwhile::default());
        let storage = Box::new(Slow { memory, meanwhile: meanwhile.clone() });
        let (clock, metrics) = (Civil::manual(setup.clock.clone()), setup.metrics.clone());
        let opened =
            Ledger::open(storage, clock, Entropy::seeded(1), setup.catalogue(), metrics).unwrap();
        let (port, deliver) = opened.ledger.port();
        tokio::spawn(deliver);
        tokio::spawn(opened.writer.run());
        Self { setup, disk, ledger: opened.ledger, port: Arc::new(port), meanwhile }
    }

    /// While the next thing is written, this much time passes, and somebody is denied.
    fn denied_meanwhile(&self, passes: CivilMs) {
        let (port, clock) = (self.port.clone(), self.setup.clock.clone());
        let denied =
            Denied { about: self.setup.about(), subjects: Vec::new(), reason: "quota", count: 1 };
        *self.meanwhile.lock().unwrap() = Some(Box::new(move || {
            clock.fetch_add(passes, Ordering::SeqCst);
            port.deny(denied);
        }));
    }

    async fn disclose(&self) -> Result<Disclosed<Bundle>, Refused> {
        let until = crate::clock::monotonic() + WAIT;
        self.port.disclose(self.setup.bundle(1), self.setup.facts(&[(1, 0)]), until).await
    }

    /// The stamps of what was recorded since the start.
    fn stamps(&self) -> Vec<CivilMs> {
        let rows = self.disk.clone().entries(1, usize::MAX).unwrap();
        rows.iter().map(|row| Entry::decode(&row.body).unwrap().stamp - TODAY).collect()
    }

    fn batches(&self, expected: &str) {
        let metrics = self.setup.metrics.text(State::default(), Format::Text);
        let line = format!("prefill_ledger_batch_entries_count {expected}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_arrives_while_a_batch_is_ordered_joins_it_at_its_own_time() {
    let started = Started::new();
    started.denied_meanwhile(5);
    started.disclose().await.unwrap();
    assert_eq!(started.stamps(), [0, 5]);
    started.batches("1");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_while_a_batch_is_ordered_leaves_nothing_of_it() {
    let started = Started::new();
    started.denied_meanwhile(3_600_000);
    let refused = started.disclose().await.unwrap_err();
    assert_eq!(refused, Refused::Closed(Latch::ClockJump(3_600)));
    assert_eq!(started.stamps(), [0; 0]);
    assert_eq!(started.port.published().number(subject(1)), None);
}

#[tokio::test(start_paused = true)]
async fn nothing_joins_a_batch_behind_a_chore() {
    let started = Started::new();
    started.denied_meanwhile(0);
    let facts = Chore::Facts { cut: 1, part: 0, body: Vec::new() };
    chore(&started.ledger, facts).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(started.stamps(), [0]);
    started.batches("2");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_leaves_nobody_waiting() {
    let started = Started::new();
    *started.meanwhile.lock().unwrap() = Some(Box::new(|| panic!("the writer's last words")));
    // Of chores one is in a batch, and so the second is not taken before the panic.
    let first = chore(&started.ledger, Chore::Watch(true));
    let second = chore(&started.ledger, Chore::Watch(false));
    let everybody = async { tokio::join!(started.disclose(), first, second) };
    let told = tokio::time::timeout(Duration::from_secs(60), everybody).await;
    let (disclosed, first, second) = told.expect("nobody waits for ever");
    let stopped = Err(Refused::Closed(Latch::Stopped));
    assert_eq!([disclosed.map(drop), first, second], [(); 3].map(|()| stopped.clone()));
    // Whoever asked before the ledger was closed, and is late.
    let (sender, _receiver) = oneshot::channel();
    let reply = Reply::new(sender, started.port.mailbox.clone());
    let late = started.ledger.queue.0.push(0, Submission::Chore(Chore::Watch(true), reply));
    assert_eq!(late, stopped);
}
