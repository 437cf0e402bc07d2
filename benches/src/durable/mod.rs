//! What the ledger costs beyond a bare SQLite that writes the same bytes: ratios of
//! one run, on one disk.

mod bare;
mod running;
mod waits;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use engine::catalogue::Catalogue;
use engine::clock::monotonic;
use engine::consent::{Bundle, Change};
use engine::entropy::Entropy;
use engine::ledger::{
    self, About, Digested, Disclosure, Entry, Event, Facts, Port, SubjectVersion,
};
use engine::model::{Channel, CivilMs, Subject};
use engine::store::{self, Head, Read, Row, Sqlite, Storage, Time};
use running::Running;

use crate::figures::median;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{FORM, NOW, catalogue, grant, procedure, request, resolution};

const STREAM: [u8; 16] = [7; 16];
/// Subjects of the entries that are there before, as many as the platform's spaces.
const SUBJECTS: u64 = 170_000;
/// What one batch of the comparison holds.
const BATCH: u64 = 500;
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
    /// Only this part; all of them by default.
    #[arg(long)]
    only: Option<Part>,
    /// Half of the disclosures that the engine makes in a second at most, which is when
    /// what one waits is judged: what `benches peers` says of bulk, and half of it.
    #[arg(long, default_value_t = 64_000.0)]
    half_load: f64,
    /// Where the files are, some 4 GB; by default where temporary files are.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Rates,
    Newest,
    Waits,
    Changes,
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
    let wanted = |part| options.only.is_none_or(|only| only == part);
    if wanted(Part::Rates) {
        work.rates(options, &full, outer.path(), time)?;
    }
    if wanted(Part::Newest) {
        newest(&full)?;
    }
    if wanted(Part::Waits) {
        work.waits(options, &full, outer.path(), options.half_load)?;
        let most = work.saturated(&full, time)?;
        tell(&format!(
            "and at half of the {most:.0}/s that the ledger takes by itself, for comparison:"
        ));
        work.waits(options, &full, outer.path(), most / 2.0)?;
    }
    if wanted(Part::Changes) {
        work.changes(&full, outer.path(), time)?;
    }
    Ok(())
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
            called: self.bundle.released.called.clone(),
            fields: self.bundle.released.fields.clone(),
            complete: self.bundle.released.complete,
            digest: Sha256::digest(sequence.to_le_bytes()).into(),
        });
        Entry { stream: STREAM, sequence, stamp: NOW, event }.encode()
    }

    fn bodies(&self, rows: u64) -> Vec<Vec<u8>> {
        (1..=rows).map(|sequence| self.body(sequence)).collect()
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
            let took = bare::commits(
                &outer.join(format!("bare-{round}.db")),
                &self.bodies(BATCH),
                Duration::ZERO,
                time,
            )?;
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

    /// Entries in a second, where a batch waits while another is written.
    fn saturated(&self, dir: &Path, time: Duration) -> anyhow::Result<f64> {
        let running = Running::start(dir, &self.catalogue)?;
        let rate = self.saturate(&running, time)?;
        running.end();
        Ok(rate)
    }

    fn saturate(&self, running: &Running, time: Duration) -> anyhow::Result<f64> {
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
        Ok(done as f64 / seconds(monotonic() - began))
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
        let bare =
            bare::commits(&outer.join("changes.db"), &self.bodies(BATCH), Duration::ZERO, time)?;
        tell(&format!(
            "a change's wait while disclosures saturate, against a bare commit of {BATCH}:"
        ));
        ratio("p99", at(&took, 0.99), at(&bare, 0.99), "at most 4");
        Ok(())
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
