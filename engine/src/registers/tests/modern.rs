//! Registers that speak HTTP/2: one connection carries all calls, until one fails.

use std::convert::Infallible;
use std::future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixtures::{Authority, Profile};
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use super::endpoints::{ask, ask_for, authenticated, by_name};
use super::network::country;
use crate::model::{AttributeMask, RegisterId, Unavailable};
use crate::net::{Connect, Connecting, Stream};
use crate::registers::Clients;

/// A register behind TLS that speaks HTTP/2, and nothing else.
struct Modern {
    acceptor: TlsAcceptor,
    opened: AtomicUsize,
    stalls: AtomicBool,
    open: Mutex<Vec<AbortHandle>>,
}

impl Modern {
    fn behind(acceptor: TlsAcceptor) -> Arc<Self> {
        let (opened, stalls) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { acceptor, opened, stalls, open: Mutex::default() })
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    fn stall(&self, stalls: bool) {
        self.stalls.store(stalls, Ordering::Relaxed);
    }

    fn hang_up(&self) {
        self.open.lock().unwrap().drain(..).for_each(|open| open.abort());
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        if self.stalls.load(Ordering::Relaxed) {
            future::pending::<()>().await;
        }
        assert_eq!(request.version(), Version::HTTP_2);
        // Whom it is for stands in the address, and nowhere a second time.
        assert_eq!(request.uri().authority().unwrap().as_str(), "snca.example:443");
        assert!(!request.headers().contains_key("host"));
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let register = fixtures::Register::new(Authority::Snca, country(), Profile::Instant);
        Ok(register.answer(&Request::from_parts(head, body)).map(Full::new))
    }
}

/// The way to it.
struct Way(Arc<Modern>);

impl Connect for Way {
    fn connect(&self, _: SocketAddr) -> Connecting {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let register = self.0.clone();
        register.opened.fetch_add(1, Ordering::Relaxed);
        let served = register.clone();
        let serving = tokio::spawn(async move {
            let stream = served.acceptor.accept(far).await.unwrap();
            let service = service_fn(move |request| {
                let served = served.clone();
                async move { served.answer(request).await }
            });
            let server = http2::Builder::new(TokioExecutor::new());
            // Its client may have gone.
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        });
        register.open.lock().unwrap().push(serving.abort_handle());
        Box::pin(async move { Ok(Box::new(near) as Box<dyn Stream>) })
    }

    fn look_up(&self, _: Box<str>, port: u16) -> crate::net::LookingUp {
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

/// A register that agrees to one of these protocols, and who may ask it.
fn modern(protocols: &[&[u8]]) -> (Arc<Modern>, Clients, RegisterId, AttributeMask) {
    let certified = authenticated("snca.example");
    let register = Modern::behind(certified.speaking(None, protocols));
    let way: Arc<dyn Connect> = Arc::new(Way(register.clone()));
    let (clients, id, all) = by_name(&way, certified.trusted_by(None));
    (register, clients, id, all)
}

#[tokio::test(start_paused = true)]
async fn a_register_that_speaks_http_2_is_asked_everything_on_one_connection() {
    let (register, clients, id, all) = modern(&[b"h2"]);
    assert!(ask(&clients, id, all).await.unwrap().found);
    let answers = join_all((0..100).map(|_| ask(&clients, id, all))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().found));
    assert_eq!(register.opened(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_register_that_speaks_both_is_asked_as_it_agrees() {
    // The best that both speak is ours to say; HTTP/1.1 alone is what this one agrees to.
    for (protocols, expected) in [(&[&b"h2"[..], b"http/1.1"][..], true), (&[b"http/1.1"], false)] {
        let (_, clients, id, all) = modern(protocols);
        // It understands HTTP/2 only, whatever it agreed to.
        assert_eq!(ask(&clients, id, all).await.is_ok(), expected, "{protocols:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_a_call_got_no_answer_carries_no_further_one() {
    let (register, clients, id, all) = modern(&[b"h2"]);
    assert!(ask(&clients, id, all).await.unwrap().found);
    register.stall(true);
    let stalled = ask(&clients, id, all).await;
    assert_eq!(stalled, Err(Unavailable::Timeout.into()));
    register.stall(false);
    assert!(ask(&clients, id, all).await.unwrap().found);
    assert_eq!(register.opened(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_connection_of_http_2_that_the_register_has_closed_is_replaced_by_one() {
    let (register, clients, id, all) = modern(&[b"h2"]);
    assert!(ask(&clients, id, all).await.unwrap().found);
    register.hang_up();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    // Each for another organisation, so that none waits to be part of a batch.
    let organisations: Vec<String> = (0..20).map(|number| format!("o{number}")).collect();
    let asking = organisations.iter().map(|name| ask_for(&clients, id, all, name));
    let answers = join_all(asking).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().found));
    assert_eq!(register.opened(), 2, "callers wait for the first of them to open it");
}

/// Two calls stall on one connection, half a second apart. The first to fail gives it
/// up, and a third opens another one, which the second to fail leaves alone.
#[tokio::test(start_paused = true)]
async fn a_call_that_fails_late_leaves_the_connection_alone_that_came_since() {
    let (register, clients, id, all) = modern(&[b"h2"]);
    assert!(ask(&clients, id, all).await.unwrap().found);
    register.stall(true);
    let stalled = Err(Unavailable::Timeout.into());
    let first = async { assert_eq!(ask_for(&clients, id, all, "first").await, stalled) };
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(ask_for(&clients, id, all, "second").await, stalled);
    };
    let third = async {
        tokio::time::sleep(Duration::from_millis(2_250)).await;
        register.stall(false);
        assert!(ask_for(&clients, id, all, "third").await.unwrap().found);
        assert_eq!(register.opened(), 2, "the first to fail gave the connection up");
    };
    tokio::join!(first, second, third);
    assert!(ask(&clients, id, all).await.unwrap().found);
    assert_eq!(register.opened(), 2, "the one that came since still carries calls");
}
