//! A power loss at every sync of a busy engine, and what stands after each.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use engine::clock::Civil;
use engine::entropy::Entropy;
use engine::ledger;
use engine::model::Subject;
use engine::store::{self, Sqlite, Storage as _, Time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vfs::{Disk, Event, Shadow, What};

use crate::check::{Broken, Promise};
use crate::history::{Operation, Told, Wanted};
use crate::run::{Plan, reopen, run};
use crate::stands::{self, Known, Standing, naming, stands};

/// What is survived.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Draws what clients do, and what of the unsynced survives.
    pub seed: u64,
    /// Operations of each life of the engine.
    pub operations: u64,
    /// How often it is started and stopped.
    pub lives: u64,
    /// Whether what is older than half of a life is cut meanwhile, which leaves nothing in
    /// the log, and so rarely enough to be copied beside the writer.
    pub retention: bool,
    /// Of the log's syncs, every so many is one at which the power goes; of all
    /// others, each.
    pub every: usize,
}

/// What was survived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Survived {
    /// Power losses.
    pub cuts: u64,
    /// Of these, where writes were under way to the ledger's file itself.
    pub in_checkpoints: u64,
    /// Of these, where what was copied of the log beside the writer was not synced yet.
    pub in_copies: u64,
    /// Of these, where entries were left of a cut of retention that was made.
    pub in_retention: u64,
    /// Of these, after which somebody who was erased was looked for in every file.
    pub searched: u64,
    /// Up to where entries were cut at the last.
    pub cut: u64,
    /// Bundles and acknowledgements that somebody held at the last.
    pub told: u64,
}

/// Somebody who was erased between two lives.
#[derive(Clone, Copy)]
struct Erased {
    subject: Subject,
    /// When that began, and when it was told to be done.
    invoked: u64,
    completed: u64,
}

/// All that was done to a ledger.
#[derive(Default)]
struct Lived {
    operations: Vec<Operation>,
    erased: Vec<Erased>,
}

/// Keeps an engine busy, erases somebody after each life of it, and then cuts its power
/// at every sync in turn.
///
/// # Errors
/// The first promise that a cut breaks, and where.
pub fn survive(storm: &Storm) -> anyhow::Result<Survived> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    // The calendar moves on by a millisecond with each operation.
    let half = Duration::from_millis(storm.operations.div_ceil(2));
    let kept = storm.retention.then_some(half);
    let plan = Plan { clients: 8, kept, ..Plan::new(storm.seed, storm.operations) };
    let ticks = plan.ticks.clone();
    let disk = Disk::watch(dir.path(), move || ticks.tick());
    let lived = lives(&plan, storm, dir.path())?;
    cut_all(&plan, storm, &disk, &lived)
}

fn lives(plan: &Plan, storm: &Storm, dir: &Path) -> anyhow::Result<Lived> {
    let mut all = Lived::default();
    for life in 0..storm.lives {
        let plan = Plan { seed: storm.seed.wrapping_add(life), ..plan.clone() };
        let history = run(&plan, Box::new(open(dir)?))?;
        anyhow::ensure!(history.latch.is_none(), "the ledger was closed: {:?}", history.latch);
        all.operations.extend(history.operations);
        let (subject, _) = plan.families[life as usize % plan.families.len()];
        all.erased.extend(erase(&plan, dir, subject)?);
    }
    Ok(all)
}

/// Erases somebody, where anything was recorded of them.
fn erase(plan: &Plan, dir: &Path, subject: Subject) -> anyhow::Result<Option<Erased>> {
    let invoked = plan.ticks.tick();
    let civil = Civil::manual(plan.calendar.clone());
    let erased = ledger::erase(Box::new(open(dir)?), civil, Entropy::system(), subject)?;
    let completed = plan.ticks.tick();
    Ok(erased.map(|_| Erased { subject, invoked, completed }))
}

fn is_told(operation: &Operation) -> bool {
    matches!(operation.told, Told::Bundle(_) | Told::Version(..))
}

fn cut_all(
    plan: &Plan,
    storm: &Storm,
    disk: &Arc<Disk>,
    lived: &Lived,
) -> anyhow::Result<Survived> {
    let events = disk.events();
    let mut rng = StdRng::seed_from_u64(storm.seed);
    let (mut shadow, mut survived, mut syncs) = (Shadow::default(), Survived::default(), 0);
    let mut copied = false;
    for (index, event) in events.iter().enumerate() {
        if matches!(event.what, What::Sync) {
            let log = event.file.ends_with("-wal");
            syncs += 1;
            if !log || syncs % storm.every == 0 {
                survived.in_checkpoints += u64::from(!log) * 2;
                survived.in_copies += u64::from(copied) * 2;
                let held = lived.by(event.at);
                let none = cut(plan, &shadow, &held, || false);
                survived.count(&none.with_context(|| at(index, event))?);
                let half = cut(plan, &shadow, &held, || rng.random());
                survived.count(&half.with_context(|| at(index, event))?);
            }
        }
        copied = is_copied(event).unwrap_or(copied);
        shadow.apply(event);
    }
    let held = lived.by(u64::MAX);
    survived.told = held.operations.len() as u64;
    let last = cut(plan, &shadow, &held, || false).context("after the last sync")?;
    survived.cut = last.standing.cut;
    Ok(survived)
}

/// What clients, and whoever erased somebody, had been told by a moment.
struct Held<'a> {
    operations: Vec<&'a Operation>,
    bundles: u64,
    erased: u64,
    /// Who was erased, and was not named since.
    gone: Vec<Subject>,
}

impl Lived {
    fn by(&self, moment: u64) -> Held<'_> {
        let told = self.operations.iter().filter(|it| is_told(it) && it.completed < moment);
        let told: Vec<&Operation> = told.collect();
        let bundles = stands::bundles(&told);
        let operations = told.into_iter().filter(|it| !self.is_void(it, moment)).collect();
        let erased: Vec<_> = self.erased.iter().filter(|it| it.completed < moment).collect();
        let named = |erased: &Erased| {
            let since = |it: &&Operation| erased.completed < it.invoked && it.invoked < moment;
            self.operations.iter().filter(since).any(|it| may_name(it, erased.subject))
        };
        let gone = erased.iter().filter(|it| !named(it)).map(|it| it.subject).collect();
        Held { operations, bundles, erased: erased.len() as u64, gone }
    }

    /// Whether a change was of somebody who was erased after it, or whose erasure was
    /// under way.
    fn is_void(&self, operation: &Operation, moment: u64) -> bool {
        let whose = operation.wanted.subjects()[0];
        let after = |it: &Erased| operation.completed < it.invoked && it.invoked < moment;
        matches!(operation.told, Told::Version(..))
            && self.erased.iter().any(|it| it.subject == whose && after(it))
    }
}

/// Whether an operation may have written somebody's identifier. Who acted for a company
/// is not part of what was wanted.
fn may_name(operation: &Operation, subject: Subject) -> bool {
    let other = match operation.wanted {
        Wanted::Mandate { other, .. } => Some(other),
        _ => None,
    };
    let whom = operation.wanted.subjects();
    whom.contains(&subject)
        || other == Some(subject)
        || whom.iter().any(|it| matches!(it, Subject::Legal(_)))
}

/// What came of one cut.
struct Cut {
    standing: Standing,
    in_retention: bool,
    searched: bool,
}

impl Survived {
    fn count(&mut self, cut: &Cut) {
        self.cuts += 1;
        self.in_retention += u64::from(cut.in_retention);
        self.searched += u64::from(cut.searched);
    }
}

/// Whether something that was copied beside the writer is in the ledger's file now and not
/// synced; none where an event changes nothing about it.
fn is_copied(event: &Event) -> Option<bool> {
    match event.what {
        _ if !event.file.ends_with("ledger.db") => None,
        What::Sync => Some(false),
        _ => (event.thread.as_deref() == Some("checkpoints")).then_some(true),
    }
}

fn at(index: usize, event: &Event) -> String {
    format!("the power went at the sync of {} that is event {index}", event.file)
}

/// What stands after a cut, against what was told by then.
fn cut(
    plan: &Plan,
    shadow: &Shadow,
    held: &Held<'_>,
    survives: impl FnMut() -> bool,
) -> anyhow::Result<Cut> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let dir = dir.path().join("data");
    shadow.write_to(&dir, survives).context("the files after a cut")?;
    let known = Known {
        time: Time::Real,
        held: &held.operations,
        older: None,
        bundles: held.bundles,
        erased: held.erased,
    };
    let standing = stands(&dir, &known)?;
    let in_retention = is_in_retention(&dir)?;
    reopen(plan, Box::new(open(&dir)?)).context("it does not start again")?;
    for subject in &held.gone {
        let files = naming(&dir, *subject).context("the files after a start")?;
        let how = || format!("somebody who was erased is named in {files:?}");
        let promise = Promise::AnAcknowledgedChangeIsInForce;
        anyhow::ensure!(files.is_empty(), Broken { promise, how: how() });
    }
    Ok(Cut { standing, in_retention, searched: !held.gone.is_empty() })
}

/// Whether entries are left of a cut that is made.
fn is_in_retention(dir: &Path) -> anyhow::Result<bool> {
    let mut reader = open(dir)?.reader()?;
    let cut = reader.cut()?.map_or(0, |cut| cut.sequence);
    Ok(reader.entries(0, 1)?.first().is_some_and(|row| row.sequence <= cut))
}

fn open(dir: &Path) -> Result<Sqlite, store::Error> {
    stands::open(dir, Time::Real)
}
