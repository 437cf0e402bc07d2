//! Where connections come in: an address that is bound here, or a socket that was
//! bound by whoever started this process and outlives it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use arc_swap::ArcSwap;
use listenfd::ListenFd;
use rustix::process::{Resource, getrlimit};

use super::limits::Limits;
use super::tls::Tls;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4_096;

/// Where an engine listens, and how.
pub struct Listen {
    /// Where.
    pub at: At,
    /// Under which certificate; without one, in the clear.
    pub tls: Option<Arc<Tls>>,
    /// What connections may cost.
    pub limits: Limits,
    /// Where metrics, and readiness in detail, are asked for, where that is apart;
    /// always in the clear.
    pub admin: Option<SocketAddr>,
    /// On how many cores; without it, on as many as the process may use: those of its
    /// affinity, and no more than its group's quota of time.
    pub cores: Option<NonZeroUsize>,
}

/// Where connections come in.
#[derive(Debug)]
pub enum At {
    /// At an address, which is bound now; port 0 takes a free one.
    Address(SocketAddr),
    /// At a socket that listens already.
    Inherited(TcpListener),
}

impl Listen {
    /// In the clear, with the usual limits.
    #[must_use]
    pub fn on(address: SocketAddr) -> Self {
        Self {
            at: At::Address(address),
            tls: None,
            limits: Limits::default(),
            admin: None,
            cores: None,
        }
    }

    /// One listener for each core, all at one place, which is told.
    pub(crate) fn open(self) -> Result<Opened, NotThere> {
        let Self { at, tls, limits, admin: _, cores } = self;
        let cores = cores.or_else(|| available_parallelism().ok()).map_or(1, usize::from);
        let places = places_of(getrlimit(Resource::Nofile).current, cores);
        if places < limits.connections {
            let asked = limits.connections;
            tracing::info!(places, asked, "each core has fewer places: so many files may be open");
        }
        let limits = Arc::new(ArcSwap::from_pointee(limits));
        let inherited = matches!(at, At::Inherited(_));
        let (sockets, address) = match at {
            At::Address(address) => {
                bind(address, cores).map_err(|error| NotThere::Address { address, error })?
            }
            At::Inherited(socket) => share(&socket, cores).map_err(NotThere::Inherited)?,
        };
        let listener = |socket| {
            let (tls, limits) = (tls.clone(), limits.clone());
            Listener { socket, inherited, tls, limits, places }
        };
        let listeners = sockets.into_iter().map(listener).collect();
        Ok(Opened { listeners, address, limits })
    }
}

/// What was opened.
pub(crate) struct Opened {
    /// One for each core.
    pub(crate) listeners: Vec<Listener>,
    /// Where they all are.
    pub(crate) address: SocketAddr,
    /// What connections from now on may cost.
    pub(crate) limits: Arc<ArcSwap<Limits>>,
}

/// The admin listener, and where it is.
pub(crate) fn open_admin(address: SocketAddr) -> Result<(TcpListener, SocketAddr), NotThere> {
    let opened = bind(address, 1).map_err(|error| NotThere::Address { address, error })?;
    let (mut sockets, address) = opened;
    Ok((sockets.remove(0), address))
}

/// One core's share of it.
pub struct Listener {
    pub(super) socket: TcpListener,
    /// Whether the socket, and who waits at it, outlives this process.
    pub(super) inherited: bool,
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) limits: Arc<ArcSwap<Limits>>,
    /// The most connections, whatever the limits say.
    pub(super) places: usize,
}

/// Why an engine cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum NotThere {
    /// The port is taken, or cannot be had.
    #[error("cannot listen on {address}, see --listen: {error}")]
    Address {
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// The socket that this process was given is not one to listen on.
    #[error("cannot listen on the socket that this process was given (LISTEN_FDS): {0}")]
    Inherited(io::Error),
}

/// The sockets that whoever started this process gave to it, in their order
/// (systemd's `LISTEN_FDS`; `LISTEN_PID` must be this process, where it is set).
///
/// # Errors
/// Where one of them is not a TCP socket.
pub fn inherited() -> Result<Vec<TcpListener>, NotThere> {
    let mut given = ListenFd::from_env();
    let taken = (0..given.len()).filter_map(|index| given.take_tcp_listener(index).transpose());
    taken.collect::<io::Result<_>>().map_err(NotThere::Inherited)
}

/// How many connections a core may have where a process may open so many files. A
/// quarter stays for registers and the ledger: clients who do nothing must not keep
/// an engine from its work.
fn places_of(files: Option<u64>, cores: usize) -> usize {
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    (files / 4 * 3 / cores.max(1)).max(1)
}

/// One socket for each core, all on one port.
///
/// The port is bound once *without* sharing first: otherwise a second engine on
/// the same port would silently take half of the connections.
fn bind(address: SocketAddr, cores: usize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    let socket = |address: SocketAddr, share: bool| {
        let domain = socket2::Domain::for_address(address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        // Lets a restart take a port whose old connections are still closing.
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(share)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok::<_, io::Error>(socket)
    };
    let alone = socket(address, false)?;
    alone.listen(1)?;
    let bound = alone.local_addr()?.as_socket().unwrap_or(address);
    drop(alone);
    let listener = |_| {
        let socket = socket(bound, true)?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    let listeners: io::Result<Vec<_>> = (0..cores).map(listener).collect();
    Ok((listeners?, bound))
}

/// One socket, at which all cores wait.
fn share(socket: &TcpListener, cores: usize) -> io::Result<(Vec<TcpListener>, SocketAddr)> {
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    let shared: io::Result<Vec<_>> = (0..cores).map(|_| socket.try_clone()).collect();
    Ok((shared?, address))
}
