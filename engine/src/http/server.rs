//! Accepts connections and bounds what each may cost.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use super::limits::Limits;
use super::listen::Listener;
use super::open::Open;
use super::places::Places;
use super::protocol;
use super::tls::Tls;
use crate::drain::Phase;
use crate::net::Stream;
use crate::prefill::{Seat, Shared};

/// How long accepting pauses when the process has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a new connection waits before one more of the idle is asked to go.
const PLACE_PAUSE: Duration = Duration::from_millis(10);

/// What one core's connections have in common.
#[derive(Clone)]
struct Server {
    seat: Arc<Seat>,
    shared: Arc<Shared>,
    open: Arc<Open>,
    places: Arc<Places>,
    tls: Option<Arc<Tls>>,
    limits: Arc<ArcSwap<Limits>>,
    /// The most places, whatever the limits say.
    most: usize,
}

/// Accepts connections until the engine is on its way out, and serves them to
/// their end.
pub async fn serve(seat: Arc<Seat>, listener: Listener) {
    let Listener { socket, inherited, tls, limits, places: most } = listener;
    let socket = match TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(%error, "a core cannot listen");
            return;
        }
    };
    let shared = seat.core().shared().clone();
    let mut phase = shared.drain.watch();
    let places = Arc::new(Places::new(limits.load().connections.min(most)));
    let server = Server { seat, shared, open: Arc::default(), places, tls, limits, most };
    let open = server.open.clone();
    let telling = async {
        // A drain may have begun before this core.
        open.tell(*phase.borrow_and_update());
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
        server.places.all().await;
    };
    tokio::select! {
        () = serving => {}
        () = telling => {}
    }
}

impl Server {
    async fn accept_all(&self, socket: &TcpListener) {
        let mut phase = self.shared.drain.watch();
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
                    // Whatever is short, somebody idle holds some of it.
                    self.open.evict();
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
        // It keeps those that it began with.
        let limits = **self.limits.load();
        self.places.resize(limits.connections.min(self.most));
        let place = self.place().await;
        let (server, under_way) = (self.clone(), self.shared.drain.begin());
        let counts = &self.shared.metrics;
        counts.accepted.count();
        let counted = counts.connections.hold();
        tokio::spawn(async move {
            let Server { seat, open, tls, .. } = server;
            run(seat, Box::new(stream), tls.as_deref(), &open, limits).await;
            drop((under_way, place, counted));
        });
    }

    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Some(place) = self.places.free() {
                return place;
            }
            self.open.evict();
            if let Ok(Some(place)) = tokio::time::timeout(PLACE_PAUSE, self.places.next()).await {
                return place;
            }
        }
    }
}

/// Serves one connection to its end.
pub async fn serve_connection(seat: Arc<Seat>, stream: Box<dyn Stream>, limits: Limits) {
    run(seat, stream, None, &Arc::default(), limits).await;
}

async fn run(
    seat: Arc<Seat>,
    stream: Box<dyn Stream>,
    tls: Option<&Tls>,
    open: &Arc<Open>,
    limits: Limits,
) {
    let entered = open.enter();
    if let Err(error) = protocol::run(seat, stream, tls, &entered.0, limits).await {
        // The client's doing; the texts name no content.
        tracing::debug!(%error, "a connection ended early");
    }
}
