//! How to send: one HTTP/1.1 connection that is kept alive.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Far beyond the engine's own deadline (2 s) and its wait for the ledger (1 s).
const TIMEOUT: Duration = Duration::from_secs(10);
/// A bundle takes a few KB, a list of procedures some 100 KB.
const BODY_BYTES_MAX: usize = 4 << 20;

/// Where the API is: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: HeaderValue,
    address: String,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a target is http://host:port; TLS is not spoken here";
        let uri: Uri = text.parse().map_err(|_| WRONG)?;
        let plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
        let host = uri.host().filter(|_| plain && uri.query().is_none()).ok_or(WRONG)?;
        let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let host = HeaderValue::from_str(&address).map_err(|_| WRONG)?;
        Ok(Self { host, address })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.address)
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error("nothing is listening")]
    Refused,
    /// No connection for another reason.
    #[error("no connection")]
    Unreachable,
    /// The connection ended before the answer did.
    #[error("connection closed")]
    Closed,
    /// Something else answered.
    #[error("not HTTP/1.1")]
    NotHttp,
    /// Nothing came within ten seconds.
    #[error("no answer in time")]
    Timeout,
    /// More bytes than any answer of the API has.
    #[error("answer too long")]
    TooLong,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Whether it is a web page: something else than the API answers here.
    pub is_html: bool,
    /// The whole body.
    pub body: Bytes,
}

/// One request, ready to be sent as often as wanted.
#[derive(Clone, Debug)]
pub struct Message {
    /// `GET` without a body, `POST` with one.
    pub body: Option<Bytes>,
    /// The path.
    pub path: Uri,
    /// The `Authorization` header.
    pub authorization: Option<HeaderValue>,
}

impl Message {
    /// Reads a public resource.
    #[must_use]
    pub fn get(path: Uri) -> Self {
        Self { body: None, path, authorization: None }
    }

    fn request(&self, target: &Target) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone().unwrap_or_default()));
        *request.uri_mut() = self.path.clone();
        request.headers_mut().insert(HOST, target.host.clone());
        if self.body.is_some() {
            *request.method_mut() = Method::POST;
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        if let Some(token) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        request
    }
}

/// One connection. It opens with the first message, and again after it was
/// closed.
#[derive(Debug)]
pub struct Connection {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection that is not open yet.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target, sender: None }
    }

    /// Sends one message and reads the whole answer.
    ///
    /// # Errors
    /// Where there is none; the connection is opened anew for the next message.
    pub async fn send(&mut self, message: &Message) -> Result<Reply, Error> {
        let answered = tokio::time::timeout(TIMEOUT, self.exchange(message)).await;
        let answered = answered.unwrap_or(Err(Error::Timeout));
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    async fn exchange(&mut self, message: &Message) -> Result<Reply, Error> {
        let request = message.request(&self.target);
        let (response, sender) = self.respond(request).await?;
        let status = response.status().as_u16();
        let content = response.headers().get(CONTENT_TYPE);
        let is_html = content.is_some_and(|it| it.as_bytes().starts_with(b"text/html"));
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => Error::TooLong,
            false => Error::Closed,
        })?;
        self.sender = Some(sender);
        Ok(Reply { status, is_html, body: body.to_bytes() })
    }

    /// A target may close an idle connection at any time: what was not sent on
    /// it goes out on a new one.
    async fn respond(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), Error> {
        if let Some(mut sender) = self.sender.take()
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, sender)),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(told(failed.error())),
                },
            }
        }
        let mut sender = self.open().await?;
        let response = sender.send_request(request).await.map_err(|error| told(&error))?;
        Ok((response, sender))
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, Error> {
        let stream = TcpStream::connect(&self.target.address).await;
        let stream = stream.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => Error::Refused,
            _ => Error::Unreachable,
        })?;
        // Latency only; a stream that refuses it is used all the same.
        let _ = stream.set_nodelay(true);
        let opened = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| told(&error))?;
        // Its error reaches whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

fn told(error: &hyper::Error) -> Error {
    if error.is_parse() { Error::NotHttp } else { Error::Closed }
}
