//! Puts an engine together, and runs it: one thread for each core, one for the
//! ledger's writer, one for its index, one for its retention.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime;
use tokio::sync::watch;

use crate::cache::{self, Cache};
use crate::catalogue::Catalogue;
use crate::clock::Civil;
use crate::drain::{Drain, Pauses, Phase};
use crate::entropy::Entropy;
use crate::handle::{Handle, Jobs};
use crate::http;
use crate::identity::Directory;
use crate::ledger::{self, Accesses, Keeper, Latch, Ledger, OpenError, Refused};
use crate::metrics::Metrics;
use crate::net::Connect;
use crate::prefill::{Bulk, Repeats, Seat, Shared, Terms};
use crate::registers::Endpoints;
use crate::resolver::Flights;
use crate::space::{self, MasterKey, Space, Vault};
use crate::store::{self, Indexer, Read, Readers, Room, Sqlite, Storage, Time};
use crate::trace::Spans;

/// Readers of the ledger: lists are rare, and each holds a file open.
const READERS: usize = 4;
/// Entries indexed at a time.
const INDEX_SLICE: usize = 10_000;
/// How far the index may lag; lists read what it lacks from the ledger itself.
const INDEX_PAUSE: Duration = Duration::from_millis(200);

/// What an engine needs from outside.
pub struct Parts {
    /// Which catalogue holds.
    pub catalogue: Arc<Catalogue>,
    /// Who has which token.
    pub directory: Arc<dyn Directory>,
    /// Where the registers are.
    pub endpoints: Endpoints,
    /// The way to them.
    pub connect: Arc<dyn Connect>,
    /// Where the data is, and how much must stay free there.
    pub room: Arc<Room>,
    /// Civil time.
    pub civil: Civil,
    /// How long entries of the ledger are kept.
    pub retention: Duration,
    /// Bounds on the cache.
    pub cache: cache::Config,
    /// Under which citizens' own data is sealed. It is kept outside of the data
    /// directory.
    pub master_key: MasterKey,
    /// Where spans go, where anybody collects them.
    pub spans: Option<Arc<dyn Spans>>,
    /// Whether bundles tell where their answers came from, and how long that took:
    /// in a demonstration alone.
    pub tells_how: bool,
    /// Where each core, and the writer, gets its randomness.
    pub entropy: Box<dyn Fn() -> Entropy + Send + Sync>,
}

/// An engine over some storage, not running yet.
pub struct Engine {
    shared: Arc<Shared>,
    entropy: Box<dyn Fn() -> Entropy + Send + Sync>,
}

impl Engine {
    /// Opens the ledger and the citizens' own data, and joins the parts. The writer is to be run, on a
    /// thread of its own or as a task.
    ///
    /// # Errors
    /// Where either cannot be opened.
    pub fn open(
        parts: Parts,
        storage: Box<dyn Storage>,
        readers: Readers,
        vault: Box<dyn Vault>,
    ) -> Result<(Self, ledger::Writer), StartError> {
        let metrics = Arc::new(Metrics::default());
        let opened = Ledger::open(
            storage,
            parts.civil.clone(),
            (parts.entropy)(),
            &parts.catalogue,
            metrics.clone(),
        )?;
        let space = Space::open(vault, &parts.master_key, (parts.entropy)())?;
        let accesses = Accesses::new(readers, opened.ledger.published().clone());
        let terms = Terms::first(parts.catalogue, parts.directory, parts.endpoints);
        let shared = Shared {
            terms: ArcSwap::from_pointee(terms),
            accesses,
            ledger: opened.ledger,
            room: parts.room,
            space,
            cache: Arc::new(Cache::new(parts.cache, parts.civil.clone())),
            flights: Arc::new(Flights::default()),
            started: parts.civil.now(),
            bulk: Bulk::default(),
            repeats: Repeats::default(),
            civil: parts.civil,
            metrics,
            drain: Arc::default(),
            has_admin: false,
            cores: 1,
            tells_how: parts.tells_how,
            spans: parts.spans,
            connect: parts.connect,
        };
        Ok((Self { shared: Arc::new(shared), entropy: parts.entropy }, opened.writer))
    }

    /// One more core's place, and the task that it must run.
    pub fn seat(&self) -> (Arc<Seat>, impl Future<Output = ()> + Send + use<>) {
        Seat::new(self.shared.clone(), (self.entropy)())
    }
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nowhere to listen.
    #[error(transparent)]
    Listen(#[from] http::NotThere),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Ledger(#[from] OpenError),
    /// The citizens' own data cannot be opened.
    #[error("the citizens' own data cannot be opened: {0}")]
    Space(#[from] space::Error),
    /// A thread or a runtime cannot be had.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl From<store::Error> for StartError {
    fn from(error: store::Error) -> Self {
        Self::Ledger(error.into())
    }
}

/// What can be exchanged while an engine runs.
pub(crate) struct Renewal {
    /// Which catalogue holds.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Who has which token.
    pub(crate) directory: Arc<dyn Directory>,
    /// Where the registers are.
    pub(crate) endpoints: Endpoints,
    /// What connections may cost that are accepted from then on.
    pub(crate) limits: http::Limits,
    /// How many bytes must stay free where the data is.
    pub(crate) disk_floor: u64,
}

/// A running engine. Dropping it stops the cores; the writer ends once it has
/// written what waits.
pub struct Running {
    handle: Handle,
    drain: Arc<Drain>,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    /// Gone with the cores, whose drop lets the ledger end.
    shared: Weak<Shared>,
    room: Arc<Room>,
    metrics: Arc<Metrics>,
    limits: Arc<ArcSwap<http::Limits>>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics, and readiness in detail, are asked for, where that is apart.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// The library's front door.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What it counts.
    #[must_use]
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Puts something else in force, for requests from now on: those under way keep
    /// what they began with. Another catalogue is recorded first.
    ///
    /// # Errors
    /// Where that cannot be; then nothing changes.
    pub(crate) async fn renew(&self, renewal: Renewal) -> Result<(), Refused> {
        let Renewal { catalogue, directory, endpoints, limits, disk_floor } = renewal;
        let shared = self.shared.upgrade().ok_or(Refused::Closed(Latch::Stopped))?;
        let before = shared.terms.load_full();
        if catalogue.digest() != before.catalogue.digest() {
            shared.ledger.supersede(catalogue.clone()).await?;
        }
        shared.terms.store(Arc::new(before.superseded_by(catalogue, directory, endpoints)));
        self.handle.renew();
        self.limits.store(Arc::new(limits));
        self.room.set_floor(disk_floor);
        Ok(())
    }

    /// How far it is on its way out.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.drain.phase()
    }

    /// Connections that are open, and requests of the library that are not answered.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.drain.under_way()
    }

    /// Leaves without losing a request: says so first, then takes no further
    /// connection, then waits for what has begun. Tells how much of it was not done
    /// when the time was over; the drop cuts that.
    ///
    /// It needs a tokio runtime with time, any. Dropped before its end, it leaves the
    /// engine at the step that was reached.
    pub async fn drain(&self, pauses: Pauses) -> usize {
        tracing::info!(under_way = self.drain.under_way(), "the engine leaves");
        let cut = self.drain.run(pauses).await;
        match cut {
            0 => tracing::info!("the engine has answered everything"),
            _ => tracing::warn!(cut, "connections and requests are cut: the time is over"),
        }
        cut
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            // It has told its panic itself.
            let _ = thread.join();
        }
    }
}

/// Starts an engine on a data directory and listens.
///
/// # Errors
/// Where the port, the ledger or the citizens' own data cannot be had.
pub fn start(mut parts: Parts, data: &Path, listen: http::Listen) -> Result<Running, StartError> {
    let admin = listen.admin.map(http::open_admin).transpose()?;
    let admin_limits = listen.limits;
    let http::Opened { listeners, address, limits } = listen.open()?;
    let cores = listeners.len();
    let time = if parts.civil.scale() == 1 { Time::Real } else { Time::Scaled };
    let sqlite = Sqlite::open(data, (parts.entropy)().bytes(), time, ledger::subjects_of)?;
    parts.civil = parts.civil.going_on_from(sqlite.reader()?.head()?.stamp);
    let (civil, retention) = (parts.civil.clone(), parts.retention);
    let (indexer, storage) = (sqlite.indexer()?, sqlite.reader()?);
    let readers: Result<Vec<Box<dyn Read>>, _> = (0..READERS).map(|_| sqlite.reader()).collect();
    let readers = Readers::blocking(readers?);
    // After the ledger, whose lock keeps a second engine out of the directory.
    let vault = Box::new(space::Sqlite::open(data)?);
    let (mut engine, writer) = Engine::open(parts, Box::new(sqlite), readers, vault)?;
    if let Some(shared) = Arc::get_mut(&mut engine.shared) {
        (shared.has_admin, shared.cores) = (admin.is_some(), cores);
    }

    let room = engine.shared.room.clone();
    room.look()?;
    let drain = engine.shared.drain.clone();
    let (stop, stopped) = watch::channel(false);
    let (handle, jobs) = Handle::new(cores);
    let mut threads = Vec::new();
    for ((index, listener), jobs) in listeners.into_iter().enumerate().zip(jobs) {
        let (seat, deliver) = engine.seat();
        let work = until(stopped.clone(), run_core(seat, deliver, listener, jobs));
        threads.push(thread(&format!("core-{index}"), work)?);
    }
    let admin = match admin {
        None => None,
        Some((socket, at)) => {
            let serving = http::serve_admin(engine.shared.clone(), socket, admin_limits);
            threads.push(thread("admin", until(stopped.clone(), serving))?);
            Some(at)
        }
    };
    let keeper = Keeper::new(storage, engine.shared.ledger.clone(), civil, retention);
    let cache = engine.shared.cache.clone();
    threads.push(thread("retention", until(stopped.clone(), keep_in_time(keeper, cache)))?);
    threads.push(thread("indexer", keep_indexed(indexer, room.clone(), stopped))?);
    let (shared, metrics) = (Arc::downgrade(&engine.shared), engine.shared.metrics.clone());
    drop(engine);
    threads.push(thread("ledger", writer.run())?);
    Ok(Running { handle, drain, address, admin, shared, room, metrics, limits, stop, threads })
}

/// Works until told to stop.
async fn until(
    mut stopped: watch::Receiver<bool>,
    work: impl Future<Output = ()> + Send + 'static,
) {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// What one core does. A drain waits for it from the call on: it may be over before the
/// core's thread has begun.
fn run_core(
    seat: Arc<Seat>,
    deliver: impl Future<Output = ()> + Send + 'static,
    listener: http::Listener,
    jobs: Jobs,
) -> impl Future<Output = ()> + Send {
    let shared = seat.core().shared().clone();
    let waited_for = shared.drain.watch();
    async move {
        // Dropped before the runtime of the core is, also where it is told to stop.
        let _steps = shared.bulk.steps_on_a_core();
        drop(shared);
        tokio::spawn(deliver);
        tokio::join!(jobs.work(seat.clone()), http::serve(seat, listener));
        drop(waited_for);
    }
}

async fn keep_indexed(mut indexer: Indexer, room: Arc<Room>, mut stopped: watch::Receiver<bool>) {
    loop {
        if let Err(error) = room.look() {
            tracing::warn!(%error, "how much of the disk is free cannot be told");
        }
        match indexer.step(INDEX_SLICE) {
            // What came during a step can wait, too: many small steps cost far more.
            Ok(behind) if behind < INDEX_SLICE as u64 => {
                let stop = stopped.wait_for(|stop| *stop);
                if tokio::time::timeout(INDEX_PAUSE, stop).await.is_ok() {
                    return;
                }
            }
            Ok(_) if *stopped.borrow() => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the index of accesses is not kept; lists read the ledger");
                return;
            }
        }
    }
}

async fn keep_in_time(keeper: Keeper, cache: Arc<Cache>) {
    // A ledger that is closed ends the first, and not the second.
    tokio::join!(keeper.run(), cache.sweep());
}

/// A thread with a runtime of its own.
fn thread(
    name: &str,
    work: impl Future<Output = ()> + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(READERS)
        .build()?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(work))
}

#[cfg(test)]
mod tests;
