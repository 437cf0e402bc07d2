//! Connections to one register from one core: kept alive, bounded, waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Endpoint, Failure};
use crate::catalogue::Limits;
use crate::metrics::{self, Held};
use crate::model::Unavailable;
use crate::net::Connect;

type Sender = SendRequest<Full<Bytes>>;

/// A register's connections from one core.
pub(super) struct Pool {
    connect: Arc<dyn Connect>,
    endpoint: Option<Endpoint>,
    permits: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
    idle: Mutex<Vec<Sender>>,
    counts: Arc<metrics::Register>,
}

/// The right to use a connection; given up when dropped.
pub(super) struct Permit<'a>(#[expect(dead_code, reason = "held")] SemaphorePermit<'a>);

/// A connection in use. Whoever has read its response whole gives it back;
/// otherwise it is closed.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    sender: Sender,
    fresh: bool,
    _permit: Permit<'a>,
}

impl Pool {
    pub(super) fn new(
        connect: Arc<dyn Connect>,
        endpoint: Option<Endpoint>,
        limits: Limits,
        counts: Arc<metrics::Register>,
    ) -> Self {
        Self {
            connect,
            endpoint,
            permits: Semaphore::new(limits.connections),
            waiting: AtomicUsize::new(0),
            waiting_max: limits.waiting,
            idle: Mutex::default(),
            counts,
        }
    }

    /// Waits until another connection may be in use.
    pub(super) async fn permit(&self) -> Result<Permit<'_>, Failure> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(Permit(permit));
        }
        let _waiting = Waiting::enter(self)?;
        Ok(Permit(self.permits.acquire().await.map_err(|_| Unavailable::Error)?))
    }

    /// A connection that nobody else uses.
    pub(super) async fn connected<'a>(&'a self, permit: Permit<'a>) -> Result<Lease<'a>, Failure> {
        let (sender, fresh) = self.sender().await?;
        Ok(Lease { pool: self, sender, fresh, _permit: permit })
    }

    /// A kept connection, or a fresh one; whether it is fresh.
    async fn sender(&self) -> Result<(Sender, bool), Failure> {
        while let Some(mut sender) = self.kept() {
            if sender.ready().await.is_ok() {
                return Ok((sender, false));
            }
        }
        // Rare, and large: every call would otherwise carry the room for a handshake.
        Ok((Box::pin(self.open()).await?, true))
    }

    fn kept(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().expect("no panic under it");
        // The newest is the least likely to have been closed.
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    async fn open(&self) -> Result<Sender, Failure> {
        let endpoint = self.endpoint.as_ref().ok_or(Unavailable::Error)?;
        let stream = endpoint.open(&*self.connect).await.map_err(|_| Unavailable::Error)?;
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(|_| Unavailable::Error)?;
        self.counts.opened.count();
        let open = self.counts.connections.hold();
        tokio::spawn(async move {
            // Whoever waits for a response on it learns of its error there.
            let _ = connection.await;
            drop(open);
        });
        Ok(sender)
    }
}

impl Lease<'_> {
    /// Sends a request.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        // A kept connection may have been closed by the register in between.
        // Such a request was never sent, and goes out again on another one.
        while !self.fresh {
            match self.sender.try_send_request(request).await {
                Ok(response) => return Ok(response),
                Err(mut error) => {
                    request = error.take_message().ok_or(Unavailable::Error)?;
                }
            }
            (self.sender, self.fresh) = self.pool.sender().await?;
        }
        Ok(self.sender.send_request(request).await.map_err(|_| Unavailable::Error)?)
    }

    /// Keeps the connection for the next call.
    pub(super) fn give_back(self) {
        self.pool.idle.lock().expect("no panic under it").push(self.sender);
    }
}

/// A place among those who wait; left when dropped.
struct Waiting<'a>(&'a Pool, #[expect(dead_code, reason = "held")] Held);

impl<'a> Waiting<'a> {
    fn enter(pool: &'a Pool) -> Result<Self, Failure> {
        if pool.waiting.fetch_add(1, Ordering::Relaxed) >= pool.waiting_max {
            pool.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Unavailable::Overloaded.into());
        }
        Ok(Self(pool, pool.counts.waiting.hold()))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
