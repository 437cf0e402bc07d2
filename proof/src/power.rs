//! A power loss at every sync of a busy engine, and what stands after each.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use engine::ledger;
use engine::store::{self, Head, Sqlite, Storage, Time};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use vfs::{Disk, Event, Shadow, What};

use crate::check::{Broken, Promise};
use crate::facts::{Facts, Person};
use crate::history::{History, Operation, Told, Wanted};
use crate::run::{Plan, reopen, run};

/// What is survived.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Draws what clients do, and what of the unsynced survives.
    pub seed: u64,
    /// Operations of each life of the engine.
    pub operations: u64,
    /// How often it is started and stopped.
    pub lives: u64,
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
    /// Bundles and acknowledgements that somebody held at the last.
    pub told: u64,
}

/// Keeps an engine busy, and then cuts its power at every sync in turn.
///
/// # Errors
/// The first promise that a cut breaks, and where.
pub fn survive(storm: &Storm) -> anyhow::Result<Survived> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let plan = Plan { clients: 8, ..Plan::new(storm.seed, storm.operations) };
    let ticks = plan.ticks.clone();
    let disk = Disk::watch(dir.path(), move || ticks.tick());
    let history = lives(&plan, storm, dir.path())?;
    let mut told: Vec<&Operation> = history.operations.iter().filter(|it| is_told(it)).collect();
    told.sort_unstable_by_key(|operation| operation.completed);
    cut_all(&plan, storm, &disk, &told)
}

fn lives(plan: &Plan, storm: &Storm, dir: &Path) -> anyhow::Result<History> {
    let mut all = History::default();
    for life in 0..storm.lives {
        let plan = Plan { seed: storm.seed.wrapping_add(life), ..plan.clone() };
        let history = run(&plan, Box::new(open(dir)?))?;
        anyhow::ensure!(history.latch.is_none(), "the ledger was closed: {:?}", history.latch);
        all.operations.extend(history.operations);
    }
    Ok(all)
}

fn is_told(operation: &Operation) -> bool {
    matches!(operation.told, Told::Bundle(_) | Told::Version(..))
}

fn cut_all(
    plan: &Plan,
    storm: &Storm,
    disk: &Arc<Disk>,
    told: &[&Operation],
) -> anyhow::Result<Survived> {
    let events = disk.events();
    let mut rng = StdRng::seed_from_u64(storm.seed);
    let (mut shadow, mut survived, mut syncs) = (Shadow::default(), Survived::default(), 0);
    for (index, event) in events.iter().enumerate() {
        if matches!(event.what, What::Sync) {
            let log = event.file.ends_with("-wal");
            syncs += 1;
            if !log || syncs % storm.every == 0 {
                survived.cuts += 2;
                survived.in_checkpoints += u64::from(!log) * 2;
                let held = told.partition_point(|operation| operation.completed < event.at);
                let held = &told[..held];
                cut(plan, &shadow, held, || false)
                    .and_then(|()| cut(plan, &shadow, held, || rng.random()))
                    .with_context(|| at(index, event))?;
            }
        }
        shadow.apply(event);
    }
    survived.told = told.len() as u64;
    cut(plan, &shadow, told, || false).context("after the last sync")?;
    Ok(survived)
}

fn at(index: usize, event: &Event) -> String {
    format!("the power went at the sync of {} that is event {index}", event.file)
}

/// What stands after a cut, against what clients held by then.
fn cut(
    plan: &Plan,
    shadow: &Shadow,
    held: &[&Operation],
    survives: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let dir = dir.path().join("data");
    shadow.write_to(&dir, survives).context("the files after a cut")?;
    stands(&dir, held, None)?;
    reopen(plan, Box::new(open(&dir)?)).context("it does not start again")
}

/// Opens what a ledger left, and holds it against what clients hold: the audit, also
/// against an older head, an entry for every bundle, and every change that was
/// acknowledged.
///
/// # Errors
/// What cannot be opened, and the first promise that is broken.
pub fn stands<'a>(
    dir: &Path,
    held: impl IntoIterator<Item = &'a &'a Operation>,
    older: Option<&Head>,
) -> anyhow::Result<()> {
    let storage = open(dir)?;
    let mut reader = storage.reader()?;
    ledger::audit(reader.as_mut(), older).context("the audit")?;
    let facts = Facts::read(reader.as_mut())?;
    for operation in held {
        lost(&facts, operation).map_or(Ok(()), |lost| Err(anyhow::Error::from(lost)))?;
    }
    Ok(())
}

/// Where a ledger ends.
///
/// # Errors
/// Where it cannot be opened.
pub fn newest_head(dir: &Path) -> anyhow::Result<Head> {
    Ok(open(dir)?.reader()?.head()?)
}

/// What of an operation is not in the ledger.
fn lost(facts: &Facts, operation: &Operation) -> Option<Broken> {
    let how = || format!("{:?}, told at tick {}", operation.wanted, operation.completed);
    match (&operation.told, &operation.wanted) {
        (Told::Bundle(held), _) => {
            let found = facts.disclosures.get(&held.id);
            let whole = found.is_some_and(|(_, entry)| entry.digest == held.digest);
            (!whole).then(|| Broken { promise: Promise::EveryResponseHasItsEntry, how: how() })
        }
        (Told::Version(version, _), wanted) if !matches!(wanted, Wanted::Bundle(_)) => {
            let person = facts.people.get(&wanted.subjects()[0]);
            let there = person.map_or(0, Person::version) >= *version;
            let promise = Promise::AnAcknowledgedChangeIsInForce;
            (!there).then(|| Broken { promise, how: how() })
        }
        _ => None,
    }
}

fn open(dir: &Path) -> Result<Sqlite, store::Error> {
    Sqlite::open(dir, [1; 16], Time::Real, ledger::subjects_of)
}
