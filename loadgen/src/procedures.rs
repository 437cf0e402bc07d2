//! What the API offers: its procedures, read before anything is measured.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::target::{self, Connection, Message, Target};

/// A procedure, as `GET /v1/procedures/{id}` describes it.
#[derive(Clone, Debug, Deserialize)]
pub struct Form {
    /// Its name.
    pub id: String,
    /// Its version, which a bundle repeats.
    pub version: u64,
    /// Whose form it is, and who asks.
    pub organisation: String,
    /// At least one.
    pub roles: Vec<Role>,
    /// In the form's order.
    pub fields: Vec<Field>,
}

/// A subject's part.
#[derive(Clone, Debug, Deserialize)]
pub struct Role {
    /// Its name.
    pub id: String,
    /// `natural` or `legal`.
    #[serde(rename = "is")]
    pub kind: String,
    /// Whether it is a child of the applicant.
    #[serde(rename = "minorsOnly")]
    pub minors_only: bool,
}

/// One box of the form.
#[derive(Clone, Debug, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Whose data fills it.
    pub role: String,
    /// `register.attribute`, the first with a value wins.
    pub sources: Vec<String>,
}

impl Form {
    /// Whether people of the country can stand in each of its roles: one
    /// applicant, and perhaps a child of theirs.
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        let adults = self.roles.iter().filter(|role| !role.minors_only).count();
        let minors = self.roles.len() - adults;
        adults == 1 && minors <= 1 && self.roles.iter().all(|role| role.kind == "natural")
    }
}

/// Why the procedures cannot be read: nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody is there.
    #[error("nothing is listening at {0}; start the engine first, or name another --target")]
    NothingListens(Target),
    /// Something else is there.
    #[error("what is listening at {0} does not speak HTTP/1.1")]
    NotHttp(Target),
    /// It hangs up.
    #[error("{0} closes the connection without an answer; is it an HTTP server?")]
    Closes(Target),
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

/// Reads the descriptions of all procedures.
///
/// # Errors
/// Where the target is not an engine's API.
pub async fn read(target: &Target) -> Result<Vec<Arc<Form>>, Error> {
    let mut connection = Connection::new(target.clone());
    let mut names: Vec<String> = Vec::new();
    let mut path = "/v1/procedures".to_owned();
    loop {
        let page: Page = get(&mut connection, target, &path).await?;
        names.extend(page.procedures.into_iter().map(|row| row.id));
        let Some(after) = page.next else { break };
        path = format!("/v1/procedures?after={after}");
    }
    let mut forms = Vec::with_capacity(names.len());
    for name in names {
        forms.push(get(&mut connection, target, &format!("/v1/procedures/{name}")).await?);
    }
    Ok(forms.into_iter().map(Arc::new).collect())
}

#[derive(Deserialize)]
struct Page {
    procedures: Vec<Row>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Row {
    id: String,
}

async fn get<T: DeserializeOwned>(
    connection: &mut Connection,
    target: &Target,
    path: &str,
) -> Result<T, Error> {
    let shape = |error: String| Error::Shape { target: target.clone(), path: path.into(), error };
    let uri =
        path.parse().map_err(|_| shape("a procedure's id that is no part of a URL".into()))?;
    let reply = connection.send(&Message::get(uri)).await.map_err(|error| match error {
        target::Error::Refused => Error::NothingListens(target.clone()),
        target::Error::NotHttp => Error::NotHttp(target.clone()),
        target::Error::Closed => Error::Closes(target.clone()),
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
