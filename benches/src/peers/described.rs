//! A peer as a file describes it: how it is started and asked, and what it lacks.
//!
//! ```toml
//! name = "tailcall"
//! lacks = "ledger, consent"
//! start = ["tailcall", "start", "{dir}/peers.graphql"]
//! ready = "/healthz"
//! [request]
//! method = "POST"
//! path = "/prefill"
//! authorization = "Bearer demo-org-snca"
//! body = '{"applicant":"{person}"}'
//! [files]
//! "peers.graphql" = "..."
//! ```
//!
//! In `start` and in files, `{port}` is where it must listen, `{dir}` a directory
//! of its own, `{people}` the list of refusals (a matricule and a register a line),
//! and `{snca}`, `{driving}`, `{adem}`, `{cae}` are the registers' addresses.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::form;

/// A peer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What it is called.
    pub name: String,
    /// What it does not do.
    pub lacks: String,
    /// The command that starts it in the foreground.
    pub start: Vec<String>,
    /// A path that is answered with 200 as soon as it is ready; any answer on the
    /// port, if not said.
    pub ready: Option<String>,
    /// How it is asked.
    #[serde(rename = "request")]
    pub asking: Asking,
    /// Files that it reads, by name.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Whether its answers are compared with what is true.
    #[serde(default = "yes")]
    pub verified: bool,
}

/// A request, in which `{person}` is a matricule.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asking {
    /// GET or POST.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header of that name.
    pub authorization: String,
    /// The body.
    #[serde(default)]
    pub body: String,
}

impl Asking {
    /// As the engine's API has it.
    #[must_use]
    pub fn of_the_engine() -> Self {
        Self {
            method: "POST".to_owned(),
            path: "/v1/prefill".to_owned(),
            authorization: format!("Bearer demo-org-{}", form::OWNER),
            body: form::body("{person}"),
        }
    }

    /// The head of a request up to its host, and the body.
    #[must_use]
    pub fn about(&self, person: &str) -> (String, String) {
        let Self { method, path, authorization, body } = self;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nauthorization: {authorization}\r\n\
             content-type: application/json\r\n"
        );
        (head, body.replace("{person}", person))
    }
}

fn yes() -> bool {
    true
}
