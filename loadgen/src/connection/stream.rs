//! The bytes under a connection: TCP, with TLS within it or without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::Keeping;
use crate::target::{Error, Target};

/// How a target is reached.
#[derive(Clone, Debug, Default)]
pub enum Dial {
    /// Over the network.
    #[default]
    Tcp,
    /// Within this thread, in the time of its runtime: to whoever takes the
    /// other ends.
    #[cfg(test)]
    Memory(tokio::sync::mpsc::Sender<tokio::io::DuplexStream>),
}

/// An open connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

impl Stream {
    /// Connects, and greets where the target speaks TLS.
    pub(super) async fn open(target: &Target, keeping: &Keeping) -> Result<Self, Error> {
        #[cfg(test)]
        if let Dial::Memory(listener) = &keeping.dial {
            let (ours, theirs) = tokio::io::duplex(64 << 10);
            listener.send(theirs).await.map_err(|_| Error::Refused)?;
            return Ok(Self::Memory(ours));
        }
        let stream = TcpStream::connect(target.address()).await;
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Error::Refused,
            _ => Error::Unreachable,
        })?;
        // Latency only; a stream that refuses it is used all the same.
        let _ = stream.set_nodelay(true);
        if !target.is_secure() {
            return Ok(Self::Plain(stream));
        }
        let trust = keeping.trust.as_ref().ok_or(Error::Certificate)?;
        Ok(Self::Tls(Box::new(trust.greet(target, keeping.protocol, stream).await?)))
    }

    /// Whether it can be written to. Costs no system call while nothing has
    /// come: the runtime knows.
    pub(super) fn is_open(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(self).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_read(context, into),
            Self::Tls(it) => Pin::new(it).poll_read(context, into),
            #[cfg(test)]
            Self::Memory(it) => Pin::new(it).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_write(context, bytes),
            Self::Tls(it) => Pin::new(it).poll_write(context, bytes),
            #[cfg(test)]
            Self::Memory(it) => Pin::new(it).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_flush(context),
            Self::Tls(it) => Pin::new(it).poll_flush(context),
            #[cfg(test)]
            Self::Memory(it) => Pin::new(it).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(it) => Pin::new(it).poll_shutdown(context),
            Self::Tls(it) => Pin::new(it).poll_shutdown(context),
            #[cfg(test)]
            Self::Memory(it) => Pin::new(it).poll_shutdown(context),
        }
    }
}

/// What a failed read or write means.
pub(super) fn told(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset => Error::Reset,
        _ => Error::Closed,
    }
}
