//! HTTP/1.1: one request at a time. It writes and reads bytes itself, since a
//! generator that costs as much as its target measures itself.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::answer::{Answer, Framing};
use super::stream::{Stream, told};
use super::{BODY_BYTES_MAX, Keeping};
use crate::target::{Error, Message, Reply, Target};

/// No head of the API has a tenth of it.
const HEAD_BYTES_MAX: usize = 64 << 10;
const READ_BYTES: usize = 16 << 10;

/// One connection. It opens with the first message, and again after it was
/// closed.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    pub(super) keeping: Keeping,
    pub(super) stream: Option<Stream>,
    /// Requests sent on this stream.
    sent: u64,
    out: Vec<u8>,
    read: BytesMut,
}

impl Connection {
    pub(super) fn new(target: Target, keeping: Keeping) -> Self {
        let (out, read) = (Vec::new(), BytesMut::new());
        Self { target, keeping, stream: None, sent: 0, out, read }
    }

    /// One to the same target, which is not open yet.
    pub(super) fn another(&self) -> Self {
        Self::new(self.target.clone(), self.keeping.clone())
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<Reply, Error> {
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
        // Nothing over TCP; TLS may still hold some of it.
        stream.flush().await.map_err(|error| told(&error))?;
        let mut answer = self.head().await?;
        while matches!(answer.status, 100..=199) {
            answer = self.head().await?;
        }
        if message.method == "HEAD" {
            answer.framing = Framing::Length(0);
        }
        let body = self.body(&answer).await?;
        if answer.closes || last {
            self.stream = None;
        }
        let Answer { status, is_html, cache, .. } = answer;
        Ok(Reply { status, is_html, cache, body: body.freeze() })
    }

    /// A target may close an idle connection at any time.
    pub(super) async fn open(&mut self) -> Result<(), Error> {
        if self.stream.as_mut().is_some_and(Stream::is_open) {
            return Ok(());
        }
        self.stream = None;
        self.read.clear();
        self.stream = Some(Stream::open(&self.target, &self.keeping).await?);
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
