//! What is asked by whoever runs the engine, at a listener of its own: metrics, how
//! the ledger is, and why it is not ready.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::guarded::Guarded;
use super::limits::{HEAD_BYTES_MAX, Limits};
use super::open::Open;
use super::operations::{health, metrics, status};
use super::respond::{self, Out};
use crate::prefill::Shared;

/// Scrapers and probes; further ones wait.
const CONNECTIONS_MAX: usize = 64;
/// How long one of them may take to ask.
const HEAD_MAX: std::time::Duration = std::time::Duration::from_secs(10);
/// How long accepting pauses when the process has no file handles left.
const ACCEPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Answers at the admin listener until its task is dropped. Of the limits, it knows
/// those of a client that takes nothing.
pub async fn serve_admin(shared: Arc<Shared>, listener: TcpListener, limits: Limits) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the admin listener cannot listen");
            return;
        }
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let open: Arc<Open> = Arc::default();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (shared, entered) = (shared.clone(), open.enter());
        tokio::spawn(async move {
            let first = bytes::Bytes::new();
            let io = Guarded::new(Box::new(stream), first, entered.0.clone(), limits);
            let service = service_fn(|request: Request<Incoming>| {
                let out = answer(&shared, &request);
                async move { Ok::<_, Infallible>(out) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_MAX)
                .max_buf_size(HEAD_BYTES_MAX)
                .serve_connection(TokioIo::new(io), service);
            // Whoever hung up wants nothing more.
            let _ = served.await;
            drop((place, entered));
        });
    }
}

fn answer(shared: &Shared, request: &Request<Incoming>) -> Out {
    match (request.uri().path(), request.method()) {
        ("/metrics" | "/status" | "/readyz" | "/healthz", method)
            if method != Method::GET && method != Method::HEAD =>
        {
            respond::no_such_method("GET")
        }
        ("/metrics", _) => metrics(shared, request.headers()),
        ("/status", _) => status(shared),
        ("/readyz", _) => health(shared, true, true),
        ("/healthz", _) => health(shared, false, true),
        _ => respond::not_found("such path; there are /metrics, /status, /readyz and /healthz"),
    }
}
