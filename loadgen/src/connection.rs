//! How to send: one HTTP/1.1 connection. It writes and reads bytes itself,
//! since a generator that costs as much as its target measures itself.

mod answer;

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::target::{Error, Message, Reply, Target};
use answer::{Answer, Framing};

#[cfg(test)]
mod tests;

/// Far beyond the engine's own deadline (2 s) and its wait for the ledger (1 s).
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// A bundle takes a few KB, a list of procedures some 100 KB.
const BODY_BYTES_MAX: usize = 4 << 20;
/// No head of the API has a tenth of it.
const HEAD_BYTES_MAX: usize = 64 << 10;
const READ_BYTES: usize = 16 << 10;

/// How connections are kept.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long an answer may take.
    pub timeout: Duration,
    /// So many requests on one connection at most; 1 is no keep-alive.
    pub requests_max: Option<u64>,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { timeout: TIMEOUT, requests_max: None }
    }
}

/// One connection. It opens with the first message, and again after it was
/// closed.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    keeping: Keeping,
    stream: Option<TcpStream>,
    /// Requests sent on this stream.
    sent: u64,
    out: Vec<u8>,
    read: BytesMut,
}

impl Connection {
    /// A connection that is not open yet.
    #[must_use]
    pub fn new(target: Target, keeping: Keeping) -> Self {
        let (out, read) = (Vec::new(), BytesMut::new());
        Self { target, keeping, stream: None, sent: 0, out, read }
    }

    /// Sends one message and reads the whole answer.
    ///
    /// # Errors
    /// Where there is none; the connection is opened anew for the next message.
    pub async fn send(&mut self, message: &Message) -> Result<Reply, Error> {
        let timeout = self.keeping.timeout;
        let answered = tokio::time::timeout(timeout, self.exchange(message)).await;
        let answered = answered.unwrap_or(Err(Error::Timeout));
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    async fn exchange(&mut self, message: &Message) -> Result<Reply, Error> {
        self.open().await?;
        self.sent += 1;
        let last = self.keeping.requests_max.is_some_and(|most| self.sent >= most);
        self.out.clear();
        message.write(&self.target, last, &mut self.out);
        let stream = self.stream.as_mut().expect("it was opened just now");
        stream.write_all(&self.out).await.map_err(|error| told(&error))?;
        let mut answer = self.head().await?;
        while matches!(answer.status, 100..=199) {
            answer = self.head().await?;
        }
        let body = self.body(&answer).await?;
        if answer.closes || last {
            self.stream = None;
        }
        let Answer { status, is_html, cache, .. } = answer;
        Ok(Reply { status, is_html, cache, body: body.freeze() })
    }

    /// A target may close an idle connection at any time.
    async fn open(&mut self) -> Result<(), Error> {
        if self.stream.as_ref().is_some_and(is_open) {
            return Ok(());
        }
        self.stream = None;
        self.read.clear();
        let stream = TcpStream::connect(self.target.address()).await;
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Error::Refused,
            _ => Error::Unreachable,
        })?;
        // Latency only; a stream that refuses it is used all the same.
        let _ = stream.set_nodelay(true);
        self.stream = Some(stream);
        self.sent = 0;
        Ok(())
    }

    async fn head(&mut self) -> Result<Answer, Error> {
        loop {
            if let Some((answer, length)) = Answer::parse(&self.read)? {
                let _ = self.read.split_to(length);
                return Ok(answer);
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return Err(Error::NotHttp);
            }
            self.more().await?;
        }
    }

    async fn body(&mut self, answer: &Answer) -> Result<BytesMut, Error> {
        match answer.framing {
            Framing::Length(length) if length > BODY_BYTES_MAX => Err(Error::TooLong),
            Framing::Length(length) => self.take(length).await,
            Framing::Chunks => self.chunks().await,
            Framing::UntilClosed => loop {
                match self.more().await {
                    Ok(()) if self.read.len() > BODY_BYTES_MAX => return Err(Error::TooLong),
                    Ok(()) => {}
                    Err(Error::Closed) => return Ok(self.read.split()),
                    Err(other) => return Err(other),
                }
            },
        }
    }

    async fn take(&mut self, length: usize) -> Result<BytesMut, Error> {
        while self.read.len() < length {
            self.more().await?;
        }
        Ok(self.read.split_to(length))
    }

    async fn chunks(&mut self) -> Result<BytesMut, Error> {
        let mut body = BytesMut::new();
        loop {
            let (length, head) = loop {
                match httparse::parse_chunk_size(&self.read) {
                    Ok(httparse::Status::Complete((head, length))) => break (length, head),
                    Ok(httparse::Status::Partial) if self.read.len() <= HEAD_BYTES_MAX => {}
                    _ => return Err(Error::NotHttp),
                }
                self.more().await?;
            };
            let _ = self.read.split_to(head);
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length > BODY_BYTES_MAX - body.len() {
                return Err(Error::TooLong);
            }
            if length == 0 {
                // Trailers end as a head does, with an empty line.
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend_from_slice(&self.take(length).await?);
            if !self.line().await?.is_empty() {
                return Err(Error::NotHttp);
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> Result<BytesMut, Error> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.read.split_to(end);
                let _ = self.read.split_to(2);
                return Ok(line);
            }
            if self.read.len() > HEAD_BYTES_MAX {
                return Err(Error::NotHttp);
            }
            self.more().await?;
        }
    }

    /// At least one more byte.
    async fn more(&mut self) -> Result<(), Error> {
        self.read.reserve(READ_BYTES);
        let stream = self.stream.as_mut().expect("only an open connection is read");
        match stream.read_buf(&mut self.read).await {
            Ok(0) => Err(Error::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// Costs no system call while nothing has come: the runtime knows.
fn is_open(stream: &TcpStream) -> bool {
    let mut byte = [0];
    matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn told(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionReset => Error::Reset,
        _ => Error::Closed,
    }
}
