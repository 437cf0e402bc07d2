//! A connection's bytes, with what protocols do not bound themselves: a client
//! that takes nothing, and an end that loses no answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::limits::{LINGER_BYTES_MAX, Limits};
use super::open::Line;
use crate::clock;
use crate::net::Stream;

/// A stream whose first bytes have been looked at.
pub(super) struct Guarded {
    stream: Box<dyn Stream>,
    /// Read already, and not yet given on.
    first: Bytes,
    line: Arc<Line>,
    stall: Duration,
    linger: Duration,
    /// When a write that cannot go on is given up.
    stalled: Option<Pin<Box<Sleep>>>,
    ending: Ending,
}

/// Closing with something unread resets the connection, and a reset takes the
/// last answer with it. So the end is told, and then what still comes is read.
enum Ending {
    Open,
    Told { until: Pin<Box<Sleep>>, left: usize },
    Done,
}

impl Guarded {
    pub(super) fn new(
        stream: Box<dyn Stream>,
        first: Bytes,
        line: Arc<Line>,
        limits: Limits,
    ) -> Self {
        let Limits { stall, linger, .. } = limits;
        Self { stream, first, line, stall, linger, stalled: None, ending: Ending::Open }
    }

    /// Lets a write through, or ends the connection of a client that takes nothing.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| sleep(limit));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Ending::Told { until, left } = &mut self.ending else { return Poll::Ready(()) };
        let mut thrown_away = [0; 4096];
        loop {
            if until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            // Whoever sends more than is worth reading waits; its answer still goes out.
            if *left == 0 {
                return Poll::Pending;
            }
            let mut buffer = ReadBuf::new(&mut thrown_away);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            let length = buffer.filled().len();
            *left = left.saturating_sub(length);
            if read.is_err() || length == 0 {
                return Poll::Ready(());
            }
        }
    }
}

fn sleep(limit: Duration) -> Pin<Box<Sleep>> {
    let until: Instant = clock::monotonic() + limit;
    Box::pin(tokio::time::sleep_until(until))
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if !me.first.is_empty() {
            let length = me.first.len().min(buffer.remaining());
            buffer.put_slice(&me.first[..length]);
            me.first.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut me.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            me.line.has_read();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bounded(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.bounded(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.bounded(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if matches!(me.ending, Ending::Open) {
            let told = Pin::new(&mut me.stream).poll_shutdown(cx);
            ready!(me.bounded(cx, told))?;
            me.ending = match me.line.is_evicted() {
                true => Ending::Done,
                false => Ending::Told { until: sleep(me.linger), left: LINGER_BYTES_MAX },
            };
        }
        ready!(me.poll_linger(cx));
        me.ending = Ending::Done;
        Poll::Ready(Ok(()))
    }
}
