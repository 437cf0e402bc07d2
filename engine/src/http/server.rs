//! Accepts connections and bounds what each may cost.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::route;
use crate::net::Stream;
use crate::prefill::Core;

/// Bounds on the connections of one core.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections open at a time; further ones wait to be accepted.
    pub connections: usize,
    /// How long a request's head may take, from the connection's last answer on.
    pub head: Duration,
}

/// Ten thousand idle clients fit into two cores.
const CONNECTIONS_MAX: usize = 8_192;
/// Slower senders are not browsers but attacks.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// A request's head; tokens are the longest part.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long accepting pauses when the process has no file handles left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Default for Limits {
    fn default() -> Self {
        Self { connections: CONNECTIONS_MAX, head: HEAD_MAX }
    }
}

/// Accepts connections until its task is dropped.
pub async fn serve(core: Arc<Core>, listener: TcpListener, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it, an answer in two writes waits for an acknowledgement.
                let _ = stream.set_nodelay(true);
                let core = core.clone();
                tokio::spawn(async move {
                    serve_connection(core, Box::new(stream), limits).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end.
pub async fn serve_connection(core: Arc<Core>, stream: Box<dyn Stream>, limits: Limits) {
    let service = service_fn(move |request| {
        let core = core.clone();
        async move { Ok::<_, Infallible>(route::answer(&core, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        // The client's doing; hyper's text names no content.
        tracing::debug!(%error, "a connection ended early");
    }
}
