//! Accepts connections and bounds what each may cost.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::Limits;
use super::listen::Listener;
use super::open::Open;
use super::protocol;
use super::tls::Tls;
use crate::drain::Phase;
use crate::net::Stream;
use crate::prefill::Core;

/// How long accepting pauses when the process has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a new connection waits before one more of the idle is asked to go.
const PLACE_PAUSE: Duration = Duration::from_millis(10);

/// What one core's connections have in common.
#[derive(Clone)]
struct Server {
    core: Arc<Core>,
    open: Arc<Open>,
    places: Arc<Semaphore>,
    tls: Option<Arc<Tls>>,
    limits: Limits,
}

/// Accepts connections until the engine is on its way out, and serves them to
/// their end.
pub async fn serve(core: Arc<Core>, listener: Listener) {
    let Listener { socket, inherited, tls, limits } = listener;
    let socket = match TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "a core cannot listen");
            return;
        }
    };
    let mut phase = core.shared().drain.watch();
    let places = Arc::new(Semaphore::new(limits.connections));
    let server = Server { core, open: Arc::default(), places, tls, limits };
    let open = server.open.clone();
    let telling = async {
        while phase.changed().await.is_ok() {
            open.tell(*phase.borrow_and_update());
        }
        // Nobody is left who could tell.
        std::future::pending().await
    };
    let serving = async {
        server.accept_all(&socket).await;
        if !inherited {
            server.accept_rest(socket).await;
        }
        server.all_ended().await;
    };
    tokio::select! {
        () = serving => {}
        () = telling => {}
    }
}

impl Server {
    async fn accept_all(&self, socket: &TcpListener) {
        let mut phase = self.core.shared().drain.watch();
        let mut closing = pin!(phase.wait_for(|phase| *phase >= Phase::Closing));
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = &mut closing => return,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream).await,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Takes what the kernel has accepted for this socket, which would be reset with
    /// it. A socket that another process holds, too, keeps it for that process.
    async fn accept_rest(&self, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else { return };
        while let Ok((stream, _)) = socket.accept() {
            if stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                self.admit(stream).await;
            }
        }
    }

    /// Serves a connection, once there is a place for it.
    async fn admit(&self, stream: TcpStream) {
        // Without it, an answer in two writes waits for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let place = self.place().await;
        let (server, under_way) = (self.clone(), self.core.shared().drain.begin());
        let counts = &self.core.shared().metrics;
        counts.accepted.count();
        let counted = counts.connections.hold();
        tokio::spawn(async move {
            let Server { core, open, tls, limits, .. } = server;
            run(core, Box::new(stream), tls.as_deref(), &open, limits).await;
            drop((under_way, place, counted));
        });
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = self.places.clone().try_acquire_owned() {
                return place;
            }
            self.open.evict();
            let place = self.places.clone().acquire_owned();
            if let Ok(Ok(place)) = tokio::time::timeout(PLACE_PAUSE, place).await {
                return place;
            }
        }
    }

    async fn all_ended(&self) {
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        // It is never closed, so there is no other way for it to end.
        let _ = self.places.acquire_many(all).await;
    }
}

/// Serves one connection to its end.
pub async fn serve_connection(core: Arc<Core>, stream: Box<dyn Stream>, limits: Limits) {
    run(core, stream, None, &Arc::default(), limits).await;
}

async fn run(
    core: Arc<Core>,
    stream: Box<dyn Stream>,
    tls: Option<&Tls>,
    open: &Arc<Open>,
    limits: Limits,
) {
    let entered = open.enter();
    if let Err(error) = protocol::run(core, stream, tls, &entered.0, limits).await {
        // The client's doing; the texts name no content.
        tracing::debug!(%error, "a connection ended early");
    }
}
