//! Runs an engine and its clients: several cores, a writer, and nothing of a network.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use engine::cache;
use engine::catalogue::Catalogue;
use engine::clock::Civil;
use engine::engine::{Engine, Parts};
use engine::entropy::Entropy;
use engine::ledger::{self, Keeper, Refused, Unkept};
use engine::model::{CivilMs, Subject};
use engine::space::{self, MasterKey};
use engine::store::{Readers, Room, Storage};
use tokio::runtime;

use crate::clients::{Shared, client};
use crate::history::{History, Operation};
use crate::registers::{Registers, Wire};
use crate::world::{self, Ticks};

/// How often it is looked for what is older, while as much goes by as is kept.
const LOOKS_IN_TIME: CivilMs = 4;
/// How often the calendar is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(1);
/// How many entries go at a time: so few that a cut of some hundred has many steps.
const SWEPT_AT_ONCE: usize = 16;

/// What is run.
#[derive(Clone)]
pub struct Plan {
    /// Draws everything that clients do.
    pub seed: u64,
    /// How many operations begin.
    pub operations: u64,
    /// How many threads serve.
    pub cores: usize,
    /// Clients of each.
    pub clients: usize,
    /// The catalogue in force.
    pub catalogue: Arc<Catalogue>,
    /// Parents and children.
    pub families: Vec<(Subject, Subject)>,
    /// What the calendar shows; a test may put it back.
    pub calendar: Arc<AtomicI64>,
    /// When things happen.
    pub ticks: Arc<Ticks>,
    /// What happens when so many operations are left.
    pub incident: Option<(u64, Incident)>,
    /// How long entries are kept, by the calendar; without it, nothing is cut meanwhile.
    pub kept: Option<Duration>,
}

impl Plan {
    /// So many operations under a seed, on two cores.
    #[must_use]
    pub fn new(seed: u64, operations: u64) -> Self {
        Self {
            seed,
            operations,
            cores: 2,
            clients: 32,
            catalogue: Arc::new(world::catalogue()),
            families: world::families(),
            calendar: world::calendar(),
            ticks: Arc::default(),
            incident: None,
            kept: None,
        }
    }
}

/// What happens in the middle of a run.
#[derive(Clone)]
pub enum Incident {
    /// The calendar is put on, or back, by so many milliseconds.
    Calendar(CivilMs),
    /// Something goes wrong with the disk.
    Disk(Arc<vfs::Disk>, vfs::Trouble),
}

impl Plan {
    /// Where half of the operations are left, this happens.
    #[must_use]
    pub fn with(self, incident: Incident) -> Self {
        Self { incident: Some((self.operations / 2, incident)), ..self }
    }
}

/// Runs an engine on `storage` until every operation has ended.
///
/// # Errors
/// Where the engine cannot start.
pub fn run(plan: &Plan, storage: Box<dyn Storage>) -> anyhow::Result<History> {
    let registers = Arc::new(Registers::new(&plan.families, plan.ticks.clone()));
    let (readers, keepers) = (Readers::inline(storage.reader()?), storage.reader()?);
    let vault = Box::new(space::Memory::default());
    let parts = parts(plan, registers.clone());
    let (engine, writer) = Engine::open(parts, storage, readers, vault)?;
    let shared = Arc::new(Shared::new(plan));
    let writing = spawn("ledger", move || block_on(writer.run()))?;
    let mut cores = Vec::new();
    for index in 0..plan.cores {
        let (seat, deliver) = engine.seat();
        let (shared, clients) = (shared.clone(), plan.clients);
        let seed = plan.seed.wrapping_mul(1_000).wrapping_add((index * clients) as u64);
        cores.push(spawn("core", move || {
            block_on(async move {
                tokio::spawn(deliver);
                let clients = (0..clients as u64)
                    .map(|n| tokio::spawn(client(shared.clone(), seat.core(), seed + n)));
                let mut done: Vec<Operation> = Vec::new();
                for client in clients.collect::<Vec<_>>() {
                    done.extend(client.await.context("a client panicked")?);
                }
                anyhow::Ok(done)
            })
        })?);
    }
    let watching = engine.seat().0.core();
    let served = Arc::new(AtomicBool::new(false));
    let keeping = plan.kept.map(|kept| {
        let civil = Civil::manual(plan.calendar.clone());
        let ledger = watching.shared().ledger.clone();
        let keeper = Keeper::new(keepers, ledger, civil.clone(), kept).in_slices_of(SWEPT_AT_ONCE);
        let served = served.clone();
        spawn("retention", move || block_on(keep(keeper, civil, kept, served)))
    });
    let mut operations = Vec::new();
    for core in cores {
        operations.extend(joined(core)??);
    }
    served.store(true, Ordering::SeqCst);
    if let Some(keeping) = keeping.transpose()? {
        joined(keeping)?.context("retention")?;
    }
    let latch = watching.shared().ledger.published().latch().map(|latch| latch.to_string());
    drop((engine, watching));
    joined(writing)?;
    let incident = match shared.incident_at.load(Ordering::SeqCst) {
        0 => None,
        tick => Some(tick),
    };
    Ok(History { operations, calls: registers.logs(), latch, incident })
}

/// Cuts what is older again and again, until every operation has ended.
async fn keep(
    mut keeper: Keeper,
    civil: Civil,
    kept: Duration,
    served: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let every = kept.as_millis() as CivilMs / LOOKS_IN_TIME;
    let mut due = civil.now();
    while !served.load(Ordering::SeqCst) {
        if due <= civil.now() {
            due = civil.now() + every;
            match keeper.look().await {
                Ok(_) => {}
                Err(Unkept::Refused(Refused::Closed(_))) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

fn parts(plan: &Plan, registers: Arc<Registers>) -> Parts {
    Parts {
        catalogue: plan.catalogue.clone(),
        directory: Arc::new(world::Tokens),
        endpoints: Registers::endpoints(),
        connect: Arc::new(Wire(registers)),
        room: Arc::new(Room::endless()),
        spans: None,
        tells_how: false,
        retention: ledger::RETENTION_DEFAULT,
        civil: Civil::manual(plan.calendar.clone()),
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        entropy: Box::new(Entropy::system),
    }
}

/// Opens the ledger once more, as a restart does, and closes it.
///
/// # Errors
/// Where it does not open.
pub fn reopen(plan: &Plan, storage: Box<dyn Storage>) -> anyhow::Result<()> {
    let opened = ledger::Ledger::open(
        storage,
        Civil::manual(plan.calendar.clone()),
        Entropy::system(),
        &plan.catalogue,
        Arc::default(),
    )?;
    drop(opened);
    Ok(())
}

/// Opens the ledger once more, and cuts what is older than two years; up to which entry
/// that was.
///
/// # Errors
/// Where it does not open, or cannot be cut.
pub fn cut(plan: &Plan, storage: Box<dyn Storage>) -> anyhow::Result<Option<u64>> {
    let reader = storage.reader()?;
    let civil = Civil::manual(plan.calendar.clone());
    let (entropy, metrics) = (Entropy::system(), Arc::default());
    let opened = ledger::Ledger::open(storage, civil.clone(), entropy, &plan.catalogue, metrics)?;
    let kept = ledger::RETENTION_DEFAULT;
    let mut keeper = Keeper::new(reader, opened.ledger, civil, kept);
    block_on(async move {
        tokio::spawn(opened.writer.run());
        Ok(keeper.look().await?)
    })
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let built = runtime::Builder::new_current_thread().enable_all().build();
    built.expect("a runtime can be had").block_on(work)
}

fn joined<T>(thread: thread::JoinHandle<T>) -> anyhow::Result<T> {
    thread.join().map_err(|_| anyhow::anyhow!("a thread panicked"))
}
