//! What the API offers: its procedures, read before anything is measured.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::{self, Calendar};
use crate::connection::{Connection, Keeping};
use crate::form::Description;
use crate::target::{self, Message, Target};

/// A row of `GET /v1/procedures`.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// Its name.
    pub id: String,
    /// Whether anything fills any of its fields; otherwise it cannot be asked
    /// for.
    pub prefilled: bool,
}

/// Why the procedures cannot be read: nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error("nothing is listening at {0}; start the engine first, or name another --target")]
    NothingListens(Target),
    /// Something else is there.
    #[error("what is listening at {0} does not speak HTTP")]
    NotHttp(Target),
    /// It hangs up.
    #[error("{0} closes the connection without an answer; is it an HTTP server?")]
    Closes(Target),
    /// Nobody vouches for it.
    #[error(
        "the certificate of {0} is not trusted; name who vouches for it with --ca, or do without \
         with --insecure"
    )]
    Untrusted(Target),
    /// It has no HTTP/2, or none of what is wanted.
    #[error("{0} does not agree to what is to be spoken; leave --http2 out, or put it in")]
    NoCommonProtocol(Target),
    /// No TLS.
    #[error("{0} does not speak TLS, or not as it is spoken here; is it http:// there?")]
    NoTls(Target),
    /// No answer for another reason.
    #[error("{0} does not answer: {1}")]
    NoAnswer(Target, target::Error),
    /// A web page.
    #[error(
        "{0} answers with HTML: another program has this port, or a proxy stands before the engine"
    )]
    Html(Target),
    /// An API, but not this one.
    #[error("{target}{path} answered {status}: it is not the engine's API")]
    Status {
        /// Who.
        target: Target,
        /// To what.
        path: String,
        /// How.
        status: u16,
    },
    /// JSON of another shape.
    #[error("{target}{path} is not what the engine's API answers: {error}")]
    Shape {
        /// Who.
        target: Target,
        /// To what.
        path: String,
        /// What is wrong.
        error: String,
    },
}

/// Reads which procedures there are.
///
/// # Errors
/// Where the target is not an engine's API.
pub async fn list(target: &Target, keeping: &Keeping) -> Result<Vec<Row>, Error> {
    let mut connection = Connection::new(target.clone(), keeping.clone());
    let mut rows: Vec<Row> = Vec::new();
    let mut path = "/v1/procedures".to_owned();
    loop {
        let page: Page = get(&mut connection, target, &path).await?;
        rows.extend(page.procedures);
        let Some(after) = page.next else { return Ok(rows) };
        let next = format!("/v1/procedures?after={after}");
        if next == path {
            let (target, error) = (target.clone(), "a page that is its own next one".into());
            return Err(Error::Shape { target, path, error });
        }
        path = next;
    }
}

/// Reads the descriptions of these procedures.
///
/// # Errors
/// Where the target is not an engine's API.
pub async fn describe(
    target: &Target,
    keeping: &Keeping,
    names: &[String],
) -> Result<Vec<Description>, Error> {
    let mut connection = Connection::new(target.clone(), keeping.clone());
    let mut described = Vec::with_capacity(names.len());
    for name in names {
        let path = format!("/v1/procedures/{name}");
        described.push(get(&mut connection, target, &path).await?);
    }
    Ok(described)
}

/// The target's calendar, where it says how fast it runs.
pub async fn calendar(target: &Target, keeping: &Keeping) -> Option<Calendar> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Health {
        time_scale: f64,
        now: Option<String>,
    }

    let mut connection = Connection::new(target.clone(), keeping.clone());
    let asked = clock::now();
    let health: Result<Health, Error> = get(&mut connection, target, "/healthz").await;
    let Health { time_scale, now } = health.ok().filter(|it| it.time_scale > 0.0)?;
    // As if it had been shown when it was asked for: so nobody comes of age
    // earlier there than here.
    let now = now.and_then(|now| now.parse::<Timestamp>().ok());
    Some(match now {
        Some(now) => Calendar::new(now, asked, time_scale),
        None => Calendar::of_wall(time_scale),
    })
}

#[derive(Deserialize)]
struct Page {
    procedures: Vec<Row>,
    next: Option<String>,
}

async fn get<T: DeserializeOwned>(
    connection: &mut Connection,
    target: &Target,
    path: &str,
) -> Result<T, Error> {
    let shape = |error: String| Error::Shape { target: target.clone(), path: path.into(), error };
    if !Message::is_path(path) {
        return Err(shape("a procedure's id that is no part of a URL".into()));
    }
    let reply = connection.send(&Message::get(path)).await.map_err(|error| match error {
        target::Error::Refused => Error::NothingListens(target.clone()),
        target::Error::NotHttp => Error::NotHttp(target.clone()),
        target::Error::Certificate => Error::Untrusted(target.clone()),
        target::Error::NoCommonProtocol => Error::NoCommonProtocol(target.clone()),
        target::Error::Tls => Error::NoTls(target.clone()),
        target::Error::Closed | target::Error::Reset => Error::Closes(target.clone()),
        other => Error::NoAnswer(target.clone(), other),
    })?;
    if reply.is_html {
        return Err(Error::Html(target.clone()));
    }
    if reply.status != 200 {
        let (target, path) = (target.clone(), path.to_owned());
        return Err(Error::Status { target, path, status: reply.status });
    }
    serde_json::from_slice(&reply.body).map_err(|error| shape(error.to_string()))
}
