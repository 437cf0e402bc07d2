//! Which HTTP a connection speaks, and how it runs to its end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::rt::bounds::Http2ServerConnExec;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::answer;
use super::guarded::Guarded;
use super::heads::Heads;
use super::idle::Idle;
use super::limits::{
    CONNECTION_WINDOW, HEAD_BYTES_MAX, HEADERS_MAX, Limits, RESETS_MAX, SEND_BUFFER_MAX,
    STREAM_WINDOW,
};
use super::open::{Line, Verdict};
use super::tls::Tls;
use crate::net::Stream;
use crate::prefill::Seat;

/// With what a client opens a connection of HTTP/2 (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How a connection ended, for the log.
pub(super) type Ended = Result<(), Failure>;

/// Serves one connection to its end.
pub(super) async fn run(
    seat: Arc<Seat>,
    stream: Box<dyn Stream>,
    tls: Option<&Tls>,
    line: &Arc<Line>,
    limits: Limits,
) -> Ended {
    let opened = while_wanted(line, open(stream, tls, line, limits)).await;
    let Some((stream, first)) = opened.transpose()? else { return Ok(()) };
    let many = first == PREFACE;
    let io = Guarded::new(stream, first, line.clone(), limits);
    let of = line.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        // What holds now holds for it to its end.
        let (core, owed) = (seat.core(), of.request());
        async move { Ok::<_, Infallible>(answer::answer(core, request, owed).await) }
    });
    if !many {
        let connection = http1::Builder::new()
            .timer(Heads::default())
            .header_read_timeout(limits.head)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(io), service);
        return drive(connection, line, None).await;
    }
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_MAX)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(RESETS_MAX)
        .serve_connection(TokioIo::new(io), service);
    drive(connection, line, Some(Idle::new(limits.idle))).await
}

/// Shakes hands where that is needed, and reads as much as tells the protocol.
async fn open(
    stream: Box<dyn Stream>,
    tls: Option<&Tls>,
    line: &Line,
    limits: Limits,
) -> io::Result<(Box<dyn Stream>, Bytes)> {
    let mut stream = match tls {
        Some(tls) => timeout(limits.handshake, tls.accept(stream)).await??,
        None => stream,
    };
    let mut first = [0; PREFACE.len()];
    let mut length = 0;
    let told = async {
        while length < PREFACE.len() && first[..length] == PREFACE[..length] {
            match stream.read(&mut first[length..]).await? {
                0 => break,
                read => length += read,
            }
            line.has_read();
        }
        Ok::<_, io::Error>(())
    };
    timeout(limits.head, told).await??;
    Ok((stream, Bytes::copy_from_slice(&first[..length])))
}

/// Waits for `work`, unless the connection is no longer wanted.
async fn while_wanted<T>(line: &Line, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        line.watch(cx);
        match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if line.verdict() == Verdict::Stay => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}

/// A connection that has been opened, as its protocol runs it.
trait Protocol: Future<Output = hyper::Result<()>> {
    /// What is to become of it.
    fn verdict(line: &Line) -> Verdict;
    /// Ends it once what has begun is answered.
    fn wind_down(self: Pin<&mut Self>);
}

impl<I, S, B> Protocol for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = B, Error: Into<Failure>>,
    I: Read + Write + Unpin,
    B: Body<Error: Into<Failure>> + 'static,
{
    fn verdict(line: &Line) -> Verdict {
        line.verdict()
    }

    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S, B, E> Protocol for http2::Connection<I, S, E>
where
    S: HttpService<Incoming, ResBody = B, Error: Into<Failure>>,
    I: Read + Write + Unpin,
    B: Body<Error: Into<Failure>> + 'static,
    E: Http2ServerConnExec<S::Future, B>,
{
    fn verdict(line: &Line) -> Verdict {
        line.verdict_of_many()
    }

    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn drive<P: Protocol>(connection: P, line: &Line, mut idle: Option<Idle>) -> Ended {
    let mut connection = pin!(connection);
    let mut winding_down = false;
    poll_fn(|cx| {
        line.watch(cx);
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(Into::into));
            }
            let idle = idle.as_mut().map_or(Verdict::Stay, |idle| idle.poll(cx, line));
            match P::verdict(line).max(idle) {
                Verdict::WindDown if !winding_down => {
                    winding_down = true;
                    connection.as_mut().wind_down();
                }
                Verdict::Cut => return Poll::Ready(Ok(())),
                Verdict::Stay | Verdict::WindDown => return Poll::Pending,
            }
        }
    })
    .await
}
