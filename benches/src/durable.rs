//! What the ledger costs beyond a bare SQLite that writes the same bytes: ratios of
//! one run, on one disk.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use engine::catalogue::Catalogue;
use engine::clock::{Civil, monotonic};
use engine::consent::{Bundle, Change};
use engine::entropy::Entropy;
use engine::ledger::{
    self, About, Digested, Disclosure, Entry, Event, Facts, Ledger, Port, SubjectVersion,
};
use engine::model::{Channel, CivilMs, Subject};
use engine::store::{self, Head, Read, Row, Sqlite, Storage, Time};

use crate::figures::median;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::{FORM, NOW, catalogue, grant, procedure, request, resolution};

const STREAM: [u8; 16] = [7; 16];
/// Subjects of the entries that are there before, as many as the platform's spaces.
const SUBJECTS: u64 = 170_000;
/// What one batch of the comparison holds.
const BATCH: u64 = 500;
/// Whom paced disclosures are about, in turns.
const PACED_SUBJECTS: u64 = 4_096;
/// How many paced disclosures wait at the same time: half of what the ledger lets
/// wait, or it would refuse some. Whoever has no place begins late, which is told.
const WAITING_MAX: usize = 4_096;
/// A disclosure's wait, where nothing is wrong.
const WAIT: Duration = Duration::from_secs(20);

/// `benches ledger`.
#[derive(Args)]
pub struct Options {
    /// How many entries are there before.
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(SUBJECTS..))]
    entries: u64,
    /// How often each side is measured, in turns.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Where the files are, some 4 GB; by default where temporary files are.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Measures, and prints every ratio with both of its sides.
///
/// # Errors
/// Where the disk or the ledger fails.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let outer = match &options.dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    let outer = outer.context("a temporary directory")?;
    let work = Work::new();
    let full = outer.path().join("full");
    tell(&format!("{} entries are written first", options.entries));
    work.fill(&full, options.entries)?;
    let time = Duration::from_secs(options.seconds);
    work.rates(options, &full, outer.path(), time)?;
    newest(&full)?;
    work.waits(&full, outer.path(), time)?;
    work.changes(&full, outer.path(), time)
}

/// What is disclosed again and again.
struct Work {
    catalogue: Arc<Catalogue>,
    bundle: Bundle,
    /// The same without its bytes, of which the ledger has the digest only: whoever asks
    /// so often must not be what is measured.
    light: Bundle,
    about: About,
}

impl Work {
    fn new() -> Self {
        let catalogue = catalogue();
        let request = request(&catalogue, FORM);
        let grant = grant(&catalogue, &request);
        let resolution = resolution(&catalogue, &request, &grant);
        let bundle = grant.release(&catalogue, &resolution, Uuid::nil(), NOW);
        let form = procedure(&catalogue, FORM);
        let about = About {
            catalogue: *catalogue.digest(),
            operator: form.owner,
            organisation: form.owner,
            procedure: form.id,
            version: form.version,
            channel: Channel::FrontOffice,
            case: None,
            presence: Some("0123456789abcdef".into()),
            idempotency: None,
        };
        let mut light = bundle.clone();
        light.body.clear();
        Self { catalogue, bundle, light, about }
    }

    /// The body of an entry, as the writer makes it.
    fn body(&self, sequence: u64) -> Vec<u8> {
        let event = Event::Disclosure(Disclosure {
            id: Uuid::now_v7().into_bytes(),
            about: self.about.clone(),
            subjects: vec![SubjectVersion { subject: sequence % SUBJECTS + 1, version: 0 }],
            valid_until: CivilMs::MAX,
            called: self.bundle.released.called,
            fields: self.bundle.released.fields.clone(),
            complete: self.bundle.released.complete,
            digest: Sha256::digest(sequence.to_le_bytes()).into(),
        });
        Entry { stream: STREAM, sequence, stamp: NOW, event }.encode()
    }

    /// Entries as old ones are, and their index.
    fn fill(&self, dir: &Path, entries: u64) -> anyhow::Result<()> {
        let mut storage = open(dir)?;
        for number in 1..=SUBJECTS {
            storage.put_subject(number, &subject(number).to_string())?;
        }
        for sequence in 1..=entries {
            let body = self.body(sequence);
            storage.append(&Row { sequence, salt: Entropy::system().bytes(), body })?;
            if sequence.is_multiple_of(100_000) || sequence == entries {
                storage.commit(&Head { stream: STREAM, sequence, hash: [1; 32], stamp: NOW })?;
                storage.checkpoint()?;
            }
        }
        index(&storage)
    }

    /// Durable entries in a second: bare, into an empty ledger, into a full one.
    fn rates(
        &self,
        options: &Options,
        full: &Path,
        outer: &Path,
        time: Duration,
    ) -> anyhow::Result<()> {
        let (mut bare, mut fresh, mut grown) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let took = self.bare(&outer.join(format!("bare-{round}.db")), BATCH, time)?;
            bare.push(BATCH as f64 * took.len() as f64 / seconds(took.iter().sum()));
            let empty = outer.join(format!("empty-{round}"));
            fresh.push(self.saturated(&empty, time)?);
            std::fs::remove_dir_all(&empty).context("an old round")?;
            grown.push(self.saturated(full, time)?);
        }
        let (bare, fresh, grown) = (median(&bare), median(&fresh), median(&grown));
        tell(&format!("entries/s, batches of {BATCH}, medians of {} rounds:", options.rounds));
        tell(&format!("  bare SQLite {bare:.0}, empty {fresh:.0}, full {grown:.0}"));
        tell(&format!("  full / bare  {:.2} (at least 0.33)", grown / bare));
        tell(&format!("  full / empty {:.2} (at least 0.9)", grown / fresh));
        Ok(())
    }

    /// How long each commit of so many rows takes to SQLite alone.
    fn bare(&self, file: &Path, rows: u64, time: Duration) -> anyhow::Result<Vec<Duration>> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS entry (sequence INTEGER PRIMARY KEY, salt BLOB, body BLOB);",
        )?;
        let bodies: Vec<_> = (1..=rows).map(|sequence| self.body(sequence)).collect();
        let mut insert = connection.prepare("INSERT INTO entry (salt, body) VALUES (?1, ?2)")?;
        let (began, mut took) = (monotonic(), Vec::new());
        while monotonic() - began < time {
            let commit = monotonic();
            connection.execute_batch("BEGIN IMMEDIATE")?;
            for body in &bodies {
                insert.execute(([3_u8; 16], body))?;
            }
            connection.execute_batch("COMMIT")?;
            took.push(monotonic() - commit);
        }
        took.sort_unstable();
        Ok(took)
    }

    /// Entries in a second, where a batch waits while another is written.
    fn saturated(&self, dir: &Path, time: Duration) -> anyhow::Result<f64> {
        let running = Running::start(dir, &self.catalogue)?;
        let began = monotonic();
        let waiters = (0..2 * BATCH).map(|n| self.waiter(&running.port, n, began + time));
        let waiters: Vec<_> = waiters.map(|waiter| running.runtime.spawn(waiter)).collect();
        let done = running.runtime.block_on(async {
            let mut done = 0;
            for waiter in waiters {
                done += waiter.await??;
            }
            anyhow::Ok(done)
        })?;
        let rate = done as f64 / seconds(monotonic() - began);
        running.end();
        Ok(rate)
    }

    /// Discloses one bundle after another until a moment; how many.
    fn waiter(
        &self,
        port: &Arc<Port>,
        number: u64,
        until: engine::clock::Instant,
    ) -> impl Future<Output = anyhow::Result<u64>> + Send + use<> {
        let (port, bundle, facts) = (port.clone(), self.bundle.clone(), self.facts(number));
        async move {
            let mut done = 0;
            while monotonic() < until {
                let bundle = anew(&bundle);
                let bundle = Digested::from(bundle);
                port.disclose(bundle, facts.clone(), monotonic() + WAIT).await?;
                done += 1;
            }
            Ok(done)
        }
    }

    fn facts(&self, number: u64) -> Facts {
        let subjects = vec![(subject(number % SUBJECTS + 1), 0)];
        Facts { subjects, valid_until: CivilMs::MAX, about: self.about.clone() }
    }

    /// What a disclosure waits at half load, and a bare commit of as many rows.
    fn waits(&self, full: &Path, outer: &Path, time: Duration) -> anyhow::Result<()> {
        let most = self.saturated(full, time)?;
        let running = Running::start(full, &self.catalogue)?;
        let before = running.port.published().head().sequence;
        let paced = Paced { gap: Duration::from_secs_f64(2.0 / most), time };
        let began = monotonic();
        let took = running.runtime.block_on(self.paced(&running.port, &paced))?;
        let rate = took.len() as f64 / seconds(monotonic() - began);
        let (mut took, mut late): (Vec<_>, Vec<_>) = took.into_iter().unzip();
        took.sort_unstable();
        late.sort_unstable();
        let written = running.port.published().head().sequence - before;
        let rows = running.batch_size(written);
        running.end();
        let bare = self.bare(&outer.join("waits.db"), rows, time)?;
        tell(&format!(
            "wait at {rate:.0}/s, half of {most:.0}/s, {rows} entries a batch, against a bare \
             commit of these:"
        ));
        let (half, most) = (at(&late, 0.5), at(&late, 0.99));
        tell(&format!("  begun late by p50 {half:?}, p99 {most:?}, which is not in it"));
        ratio("p50", at(&took, 0.5), at(&bare, 0.5), "at most 2");
        ratio("p99", at(&took, 0.99), at(&bare, 0.99), "at most 4");
        Ok(())
    }

    /// What each of many disclosures waits that fall due one after another, whoever
    /// still waits; and how late each began, since they share a thread.
    async fn paced(&self, port: &Port, paced: &Paced) -> anyhow::Result<Vec<(Duration, Duration)>> {
        let facts: Vec<_> = (0..PACED_SUBJECTS).map(|number| self.facts(number)).collect();
        let (began, mut begun, mut took) = (monotonic(), 0_u32, Vec::new());
        let mut waiting = FuturesUnordered::new();
        loop {
            let now = monotonic();
            let going_on = now - began < paced.time;
            while going_on && waiting.len() < WAITING_MAX && paced.gap * begun <= now - began {
                let (due, facts) =
                    (began + paced.gap * begun, &facts[begun as usize % facts.len()]);
                begun += 1;
                waiting.push(async move {
                    let from = monotonic();
                    let told = port.disclose(anew(&self.light), facts.clone(), from + WAIT).await;
                    told.map(|_| (monotonic() - from, from - due))
                });
            }
            while let Some(told) = poll_fn(|context| match waiting.poll_next_unpin(context) {
                Poll::Ready(told) => Poll::Ready(told),
                Poll::Pending => Poll::Ready(None),
            })
            .await
            {
                took.push(told?);
            }
            if !going_on && waiting.is_empty() {
                return Ok(took);
            }
            tokio::task::yield_now().await;
        }
    }

    /// What a change of consent waits while disclosures fill every batch.
    fn changes(&self, full: &Path, outer: &Path, time: Duration) -> anyhow::Result<()> {
        let running = Running::start(full, &self.catalogue)?;
        let until = monotonic() + time;
        let waiters = (0..2 * BATCH).map(|n| self.waiter(&running.port, n, until));
        let waiters: Vec<_> = waiters.map(|waiter| running.runtime.spawn(waiter)).collect();
        let mut took = running.runtime.block_on(async {
            let (mut took, mut allow) = (Vec::new(), false);
            while monotonic() < until {
                let from = monotonic();
                let what = Change::Preference { register: "rnpp".into(), allow };
                // Of somebody whom no disclosure is about, or these would be refused.
                running.port.change(subject(SUBJECTS), what, from + WAIT).await?;
                took.push(monotonic() - from);
                allow = !allow;
            }
            for waiter in waiters {
                waiter.await??;
            }
            anyhow::Ok(took)
        })?;
        running.end();
        took.sort_unstable();
        let bare = self.bare(&outer.join("changes.db"), BATCH, time)?;
        tell(&format!(
            "a change's wait while disclosures saturate, against a bare commit of {BATCH}:"
        ));
        ratio("p99", at(&took, 0.99), at(&bare, 0.99), "at most 4");
        Ok(())
    }
}

/// How disclosures fall due.
struct Paced {
    gap: Duration,
    time: Duration,
}

/// A ledger whose writer has a thread, and a runtime for those who wait.
struct Running {
    port: Arc<Port>,
    runtime: Runtime,
    commits: Arc<AtomicU64>,
    writer: Option<JoinHandle<()>>,
}

impl Running {
    fn start(dir: &Path, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let commits = Arc::<AtomicU64>::default();
        let storage = Counted { storage: open(dir)?, commits: commits.clone() };
        let (civil, entropy) = (Civil::system(), Entropy::system());
        let opened = Ledger::open(Box::new(storage), civil, entropy, catalogue, Arc::default())?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (port, deliver) = opened.ledger.port();
        runtime.spawn(deliver);
        let writing = Builder::new_current_thread().enable_all().build()?;
        let writer = std::thread::spawn(move || writing.block_on(opened.writer.run()));
        // The start's own.
        commits.store(0, Ordering::Relaxed);
        Ok(Self { port: Arc::new(port), runtime, commits, writer: Some(writer) })
    }

    /// How many entries one commit held on average.
    fn batch_size(&self, written: u64) -> u64 {
        let commits = self.commits.load(Ordering::Relaxed).max(1);
        (written as f64 / commits as f64).round().max(1.0) as u64
    }

    /// Ends the writer, so that the files are whole.
    fn end(mut self) {
        let writer = self.writer.take();
        drop(self);
        // A panic has told itself.
        writer.map(JoinHandle::join);
    }
}

/// A storage whose commits are counted.
struct Counted {
    storage: Sqlite,
    commits: Arc<AtomicU64>,
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
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.storage.commit(head)
    }

    fn checkpoint(&mut self) -> Result<bool, store::Error> {
        self.storage.checkpoint()
    }

    fn reader(&self) -> Result<Box<dyn Read>, store::Error> {
        self.storage.reader()
    }
}

/// The same bundle under an id of its own.
fn anew(bundle: &Bundle) -> Bundle {
    let mut bundle = bundle.clone();
    bundle.disclosure = Uuid::now_v7();
    bundle
}

/// A subject's newest 50 accesses, of many subjects one after another.
fn newest(full: &Path) -> anyhow::Result<()> {
    // No indexer ran beside the writer.
    index(&open(full)?)?;
    let mut reader = store::open_read_only(full, ledger::subjects_of)?;
    let mut took = Vec::new();
    for step in 0..1_000 {
        let from = monotonic();
        reader.usages(step * 167 % SUBJECTS + 1, None, 50)?;
        took.push(monotonic() - from);
    }
    took.sort_unstable();
    let (half, most) = (at(&took, 0.5), at(&took, 0.99));
    tell(&format!("a subject's newest 50 accesses: p50 {half:?}, p99 {most:?} (under 5 ms)"));
    Ok(())
}

fn index(storage: &Sqlite) -> anyhow::Result<()> {
    let mut indexer = storage.indexer()?;
    while indexer.step(100_000)? > 0 {}
    Ok(())
}

fn open(dir: &Path) -> Result<Sqlite, store::Error> {
    Sqlite::open(dir, STREAM, Time::Real, ledger::subjects_of)
}

/// Companies, since any number makes one.
fn subject(number: u64) -> Subject {
    format!("B{number}").parse().expect("a letter and digits")
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// The value below which this share lies.
fn at(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

fn ratio(name: &str, ours: Duration, bare: Duration, wanted: &str) {
    let ratio = seconds(ours) / seconds(bare);
    tell(&format!("  {name} {ours:?} / {bare:?} = {ratio:.2} ({wanted})"));
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn tell(line: &str) {
    println!("{line}");
}
