//! Connections to one register from one core: kept alive, bounded, waited for.
//!
//! One of HTTP/1.1 carries a call at a time, and is handed from call to call. One of
//! HTTP/2 carries all that are allowed, so there is one, until a call on it fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::{Mutex as Turns, Semaphore, SemaphorePermit};

use super::{Endpoint, Failure};
use crate::catalogue::Limits;
use crate::metrics::{self, Held};
use crate::model::Unavailable;
use crate::net::Connect;

type Sent = Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>>;

/// Sends requests on a connection.
enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Many(Many),
}

/// A connection of HTTP/2, and which of the pool's it is.
#[derive(Clone)]
struct Many {
    sender: http2::SendRequest<Full<Bytes>>,
    number: usize,
}

impl Sender {
    async fn ready(&mut self) -> hyper::Result<()> {
        match self {
            Self::One(sender) => sender.ready().await,
            Self::Many(many) => many.sender.ready().await,
        }
    }

    fn is_closed(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Many(many) => many.sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Sent {
        match self {
            Self::One(sender) => sender.try_send_request(request).await,
            Self::Many(many) => many.sender.try_send_request(addressed(request)).await,
        }
    }
}

/// A request of HTTP/2 says within its address whom it is for (RFC 9113, section
/// 8.3.1). One that came back unsent says so already.
fn addressed(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let Some(host) = request.headers_mut().remove(HOST) else { return request };
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(hyper::http::uri::Scheme::HTTPS);
    parts.authority = host.as_bytes().try_into().ok();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    request
}

/// A register's connections from one core.
pub(super) struct Pool {
    connect: Arc<dyn Connect>,
    endpoint: Option<Endpoint>,
    permits: Semaphore,
    waiting: AtomicUsize,
    waiting_max: usize,
    idle: Mutex<Vec<Sender>>,
    /// The connection of HTTP/2, where there is one that works.
    many: Mutex<Option<Many>>,
    /// How many of them were opened.
    numbered: AtomicUsize,
    /// Whether the last connection was one, so that callers wait for the first of
    /// them to open it instead of opening one each.
    is_many: AtomicBool,
    opening: Turns<()>,
    counts: Arc<metrics::Register>,
}

/// The right to use a connection; given up when dropped.
pub(super) struct Permit<'a>(#[expect(dead_code, reason = "held")] SemaphorePermit<'a>);

/// A connection in use. Whoever has read its response whole gives it back;
/// otherwise it is closed.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    /// Gone when it is given back.
    sender: Option<Sender>,
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
            many: Mutex::default(),
            numbered: AtomicUsize::new(0),
            is_many: AtomicBool::new(false),
            opening: Turns::default(),
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
        Ok(Lease { pool: self, sender: Some(sender), fresh, _permit: permit })
    }

    /// A kept connection, or a fresh one; whether it is fresh.
    async fn sender(&self) -> Result<(Sender, bool), Failure> {
        while let Some(mut sender) = self.kept() {
            if sender.ready().await.is_ok() {
                return Ok((sender, false));
            }
        }
        // Rare, and large: every call would otherwise carry the room for a handshake.
        Box::pin(self.opened()).await
    }

    fn kept(&self) -> Option<Sender> {
        if self.is_many.load(Ordering::Relaxed) {
            let mut many = self.many.lock().expect("no panic under it");
            *many = many.take().filter(|many| !many.sender.is_closed());
            return many.clone().map(Sender::Many);
        }
        let mut idle = self.idle.lock().expect("no panic under it");
        // The newest is the least likely to have been closed.
        std::iter::from_fn(|| idle.pop()).find(|sender| !sender.is_closed())
    }

    async fn opened(&self) -> Result<(Sender, bool), Failure> {
        let _turn = match self.is_many.load(Ordering::Relaxed) {
            true => Some(self.opening.lock().await),
            false => None,
        };
        // Whoever came before may have opened it.
        match self.kept() {
            Some(sender) => Ok((sender, false)),
            None => self.open().await,
        }
    }

    /// A connection, and whether it is fresh.
    async fn open(&self) -> Result<(Sender, bool), Failure> {
        let endpoint = self.endpoint.as_ref().ok_or(Unavailable::Error)?;
        let opened = endpoint.open(&*self.connect).await;
        let (stream, is_many) = opened.map_err(|_| Unavailable::Error)?;
        let stream = TokioIo::new(stream);
        self.is_many.store(is_many, Ordering::Relaxed);
        if is_many {
            let handshake = http2::handshake(TokioExecutor::new(), stream).await;
            let (sender, connection) = handshake.map_err(|_| Unavailable::Error)?;
            self.runs(connection);
            let mut many = self.many.lock().expect("no panic under it");
            // Callers who came first all at once each opened one; one of them stays.
            let number = self.numbered.fetch_add(1, Ordering::Relaxed);
            let known = many.take().filter(|known| !known.sender.is_closed());
            let stays = known.unwrap_or(Many { sender, number });
            *many = Some(stays.clone());
            let fresh = stays.number == number;
            return Ok((Sender::Many(stays), fresh));
        }
        let handshake = http1::handshake(stream).await;
        let (sender, connection) = handshake.map_err(|_| Unavailable::Error)?;
        self.runs(connection);
        Ok((Sender::One(sender), true))
    }

    fn runs(&self, connection: impl Future<Output = hyper::Result<()>> + Send + 'static) {
        self.counts.opened.count();
        let open = self.counts.connections.hold();
        tokio::spawn(async move {
            // Whoever waits for a response on it learns of its error there.
            let _ = connection.await;
            drop(open);
        });
    }
}

impl Lease<'_> {
    /// Sends a request.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        loop {
            let sender = self.sender.as_mut().ok_or(Unavailable::Error)?;
            let mut error = match sender.send(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            // A kept connection may have been closed by the register in between.
            // Such a request was never sent, and goes out again on another one.
            let unsent = if self.fresh { None } else { error.take_message() };
            request = unsent.ok_or(Unavailable::Error)?;
            let (sender, fresh) = self.pool.sender().await?;
            (self.sender, self.fresh) = (Some(sender), fresh);
        }
    }

    /// Keeps the connection for the next call.
    pub(super) fn give_back(mut self) {
        match self.sender.take() {
            Some(sender @ Sender::One(_)) => {
                self.pool.idle.lock().expect("no panic under it").push(sender);
            }
            // It is where others find it.
            Some(Sender::Many(_)) | None => {}
        }
    }
}

impl Drop for Lease<'_> {
    /// A call that did not end well may be the connection's fault: the next one opens
    /// another, and those under way on this one go on.
    fn drop(&mut self) {
        if let Some(Sender::Many(failed)) = &self.sender {
            let mut many = self.pool.many.lock().expect("no panic under it");
            // Others may have opened another one since.
            *many = many.take().filter(|many| many.number != failed.number);
        }
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
