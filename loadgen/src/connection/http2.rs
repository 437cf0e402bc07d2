//! HTTP/2: requests that share a connection, each on a stream of its own.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, client};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Request, Response};
use tokio::sync::Mutex;

use super::answer::cache;
use super::stream::{Stream, told};
use super::{BODY_BYTES_MAX, Keeping};
use crate::target::{Error, Message, Reply, Target};

/// No answer waits for a window: 1 MiB for each, and 16 for all of them.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const WINDOW_BYTES: u32 = 16 << 20;

/// A share in a connection. It opens with the first message of any share, and
/// again after it was closed or has served its number of requests.
#[derive(Clone, Debug)]
pub struct Connection(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    target: Target,
    keeping: Keeping,
    /// Held while it opens: whoever comes meanwhile waits for the same one.
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Bytes>,
    /// Requests sent on it.
    sent: u64,
    /// Ends when the connection does.
    runs: tokio::task::JoinHandle<()>,
}

impl Connection {
    pub(super) fn new(target: Target, keeping: Keeping) -> Self {
        Self(Rc::new(Shared { target, keeping, open: Mutex::new(None) }))
    }

    /// An answer that does not come costs its stream, not the connection.
    pub(super) async fn send(&self, message: &Message) -> Result<Reply, Error> {
        let answered = tokio::time::timeout(self.0.keeping.timeout, self.0.exchange(message));
        answered.await.unwrap_or(Err(Error::Timeout))
    }
}

impl Shared {
    async fn exchange(&self, message: &Message) -> Result<Reply, Error> {
        let sender = self.sender().await?;
        // Waits where the target allows no more streams at once.
        let mut sender = sender.ready().await.map_err(|error| why(&error))?;
        let request = self.request(message)?;
        let is_bare = message.body.is_empty();
        let (answer, mut stream) =
            sender.send_request(request, is_bare).map_err(|error| why(&error))?;
        if !is_bare {
            stream.send_data(message.body.clone(), true).map_err(|error| why(&error))?;
        }
        let answer: Response<RecvStream> = answer.await.map_err(|error| why(&error))?;
        let (head, body) = answer.into_parts();
        let of = |name: HeaderName| head.headers.get(name).map(HeaderValue::as_bytes);
        Ok(Reply {
            status: head.status.as_u16(),
            is_html: of(CONTENT_TYPE).is_some_and(|value| value.starts_with(b"text/html")),
            cache: of(HeaderName::from_static("server-timing")).and_then(cache),
            body: whole(body).await?,
        })
    }

    async fn sender(&self) -> Result<SendRequest<Bytes>, Error> {
        let mut open = self.open.lock().await;
        let most = self.keeping.requests_max.unwrap_or(u64::MAX);
        if let Some(it) = open.as_mut().filter(|it| it.sent < most && !it.runs.is_finished()) {
            it.sent += 1;
            return Ok(it.sender.clone());
        }
        // What is on its way on the old one keeps it until it has ended.
        *open = None;
        let stream = Stream::open(&self.target, &self.keeping).await?;
        let mut builder = client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        let (sender, connection) = builder.handshake(stream).await.map_err(|error| why(&error))?;
        let runs = tokio::spawn(async move {
            // Its requests learn why it ended.
            let _ = connection.await;
        });
        *open = Some(Open { sender: sender.clone(), sent: 1, runs });
        Ok(sender)
    }

    fn request(&self, message: &Message) -> Result<Request<()>, Error> {
        let scheme = if self.target.is_secure() { "https" } else { "http" };
        let uri = format!("{scheme}://{}{}", self.target.address(), message.path);
        let mut request = Request::builder().method(message.method).uri(uri);
        for line in message.head.lines() {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            // Names of people are not all ASCII.
            let value = HeaderValue::from_bytes(value.trim().as_bytes());
            request = request.header(name.trim(), value.map_err(|_| Error::NotSendable)?);
        }
        if message.has_body() {
            request = request.header(CONTENT_LENGTH, message.body.len());
        }
        request.body(()).map_err(|_| Error::NotSendable)
    }
}

async fn whole(mut from: RecvStream) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    while let Some(part) = from.data().await {
        let part = part.map_err(|error| why(&error))?;
        if part.len() > BODY_BYTES_MAX - body.len() {
            return Err(Error::TooLong);
        }
        // Of a stream that has ended nothing is owed any more.
        let _ = from.flow_control().release_capacity(part.len());
        if body.is_empty() && from.is_end_stream() {
            return Ok(part);
        }
        body.extend_from_slice(&part);
    }
    Ok(body.freeze())
}

fn why(error: &h2::Error) -> Error {
    if let Some(error) = error.get_io() {
        return told(error);
    }
    match error.is_remote() {
        true if error.is_go_away() => Error::Closed,
        true => Error::Reset,
        // What came is against the protocol, and the library said so.
        false if error.reason().is_some() => Error::NotHttp,
        false => Error::Closed,
    }
}
