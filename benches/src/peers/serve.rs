//! The processes that this program is for one of the sides.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Parser as _, Subcommand};
use engine::clock::Civil;
use engine::engine::Parts;
use engine::entropy::Entropy;
use engine::identity::Demo;
use engine::net::Tcp;
use engine::registers::Endpoints;
use engine::space::MasterKey;
use engine::store::Room;
use engine::{cache, http};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use loadgen::command::Arguments;

use super::form;

/// Connections that may wait to be accepted, as the engine's.
const BACKLOG: i32 = 4_096;

/// One side, in the foreground.
#[derive(Subcommand)]
pub enum Side {
    /// The engine over SQLite.
    Engine {
        /// Where its ledger is.
        #[arg(long)]
        data: PathBuf,
        /// Whether a call names several keys where the register takes them.
        #[arg(long)]
        batching: bool,
        /// How much of answers it keeps, in MiB.
        #[arg(long, default_value_t = cache::BYTES_DEFAULT >> 20)]
        cache_mib: u64,
        /// Where it listens, and asks.
        #[command(flatten)]
        place: Place,
    },
    /// Bare hyper.
    Hyper {
        /// What it sends.
        #[arg(long)]
        bundle: PathBuf,
        /// Where it listens.
        #[arg(long)]
        port: u16,
    },
    /// The load generator, as it is by itself.
    Loadgen {
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// A service of axum, reqwest, moka and serde_json.
    #[cfg(feature = "service")]
    Service {
        /// Who refuses what.
        #[arg(long)]
        refusals: PathBuf,
        /// Where it listens, and asks.
        #[command(flatten)]
        place: Place,
    },
}

/// Where a side listens, and where the registers are.
#[derive(Args)]
pub struct Place {
    #[arg(long)]
    pub(super) port: u16,
    /// `name=address`.
    #[arg(long = "register", value_parser = register)]
    pub(super) registers: Vec<(String, SocketAddr)>,
}

fn register(text: &str) -> anyhow::Result<(String, SocketAddr)> {
    let (name, address) = text.split_once('=').context("a register is `name=address`")?;
    Ok((name.to_owned(), address.parse()?))
}

/// Serves until the process is ended.
///
/// # Errors
/// Where it cannot start.
pub fn run(side: Side) -> anyhow::Result<()> {
    match side {
        Side::Engine { data, batching, cache_mib, place } => {
            let cache = cache::Config { bytes: cache_mib << 20 };
            engine(&data, batching, cache, &place)
        }
        Side::Hyper { bundle, port } => hyper(&std::fs::read(bundle)?.into(), port),
        Side::Loadgen { arguments } => {
            let arguments = std::iter::once("loadgen".to_owned()).chain(arguments);
            // Its exit code is told by its document, too.
            let _ = loadgen::command::execute(&Arguments::parse_from(arguments));
            Ok(())
        }
        #[cfg(feature = "service")]
        Side::Service { refusals, place } => super::service::run(&refusals, &place),
    }
}

fn engine(data: &Path, batching: bool, cache: cache::Config, place: &Place) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)?;
    let catalogue = Arc::new(form::catalogue(batching)?);
    // Of the others none is asked; they must be somewhere.
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let address = |name: &str| {
        let known = place.registers.iter().find(|(known, _)| known == name);
        known.map_or(nowhere, |(_, address)| *address)
    };
    let endpoints: Endpoints = catalogue
        .registers()
        .iter()
        .map(|register| (register.name.clone(), address(&register.name).into()))
        .collect();
    let parts = Parts {
        endpoints,
        catalogue,
        directory: Arc::new(Demo::new(Entropy::system().bytes())),
        connect: Arc::new(Tcp),
        room: Arc::new(Room::new(data, 0)),
        retention: engine::ledger::RETENTION_DEFAULT,
        civil: Civil::system(),
        cache,
        master_key: MasterKey::random(&Entropy::system()),
        entropy: Box::new(Entropy::system),
        spans: None,
        tells_how: false,
    };
    let listen = http::Listen::on((Ipv4Addr::LOCALHOST, place.port).into());
    let running = engine::engine::start(parts, data, listen)?;
    loop {
        thread::park();
        // Woken for no reason; it runs as long as this is held.
        let _ = running.address();
    }
}

/// Thread per core, as the engine has it.
///
/// # Errors
/// Where it cannot start.
pub fn hyper(bundle: &Bytes, port: u16) -> anyhow::Result<()> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let bundle = bundle.clone();
            thread::spawn(move || hyper_core(&bundle, port))
        })
        .collect();
    for thread in threads {
        thread.join().ok().context("a core panicked")??;
    }
    Ok(())
}

fn hyper_core(bundle: &Bytes, port: u16) -> anyhow::Result<()> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(socket.into())?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let bundle = bundle.clone();
            let service = service_fn(move |request| same(request, bundle.clone()));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

/// Reads the request to its end, as everybody must, and sends the bundle.
async fn same(
    request: Request<Incoming>,
    bundle: Bytes,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(bundle));
    let json = hyper::header::HeaderValue::from_static("application/json");
    let no_store = hyper::header::HeaderValue::from_static("no-store");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response.headers_mut().insert(hyper::header::CACHE_CONTROL, no_store);
    Ok(response)
}
