//! A template as it is written, and where in it a mistake is.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

/// A file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// A CSV file, beside this one.
    pub(super) rows: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) counters: BTreeMap<String, Spanned<Counter>>,
    #[serde(default, rename = "request")]
    pub(super) requests: Vec<Spanned<Request>>,
}

/// Numbers in turn.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counter {
    #[serde(default)]
    pub(super) from: u64,
    /// The last before the first comes again.
    #[serde(default = "last")]
    pub(super) to: u64,
}

fn last() -> u64 {
    i64::MAX as u64
}

/// A request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    pub(super) name: Option<String>,
    /// How many of these come in a turn.
    pub(super) weight: Option<Spanned<u32>>,
    pub(super) method: Option<Spanned<String>>,
    pub(super) path: Spanned<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<Spanned<String>, Spanned<String>>,
    pub(super) body: Option<Spanned<String>>,
    /// Those that may come; any below 400 where nothing is said.
    pub(super) status: Option<Spanned<Vec<u16>>>,
    /// What must stand in the answer.
    pub(super) text: Option<Spanned<String>>,
    /// What must stand where, by JSON pointer.
    #[serde(default)]
    pub(super) json: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// Why a template cannot be used; the place is part of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It, or its rows, cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// Not TOML, or not of this shape.
    #[error("{0}: {1}")]
    Toml(PathBuf, toml::de::Error),
    /// Something in it cannot be.
    #[error("{0}: {1}")]
    At(Place, String),
}

/// A place in a file, from one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The line.
    pub line: usize,
    /// The character in it, where it is known.
    pub column: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.path.display(), self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ", column {column}"))
    }
}

/// A file and its text.
pub(super) struct Original<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl Original<'_> {
    /// A mistake at this byte.
    pub(super) fn at(&self, byte: usize, what: impl Into<String>) -> Error {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let begins = before.rfind('\n').map_or(0, |it| it + 1);
        let line = before.matches('\n').count() + 1;
        let column = Some(before[begins..].chars().count() + 1);
        Error::At(Place { path: self.path.to_owned(), line, column }, what.into())
    }

    /// A mistake in a value, at a byte of the value: the first of its kind in
    /// it. As it is written in the file, the value may be longer: what stands
    /// there is looked for.
    pub(super) fn within(&self, value: &Spanned<String>, byte: usize, what: String) -> Error {
        let span = value.span();
        let said = value.get_ref();
        let rest: String = said[byte..].chars().take(12).collect();
        let written = self.text.get(span.clone()).unwrap_or_default();
        self.at(span.start + written.find(&rest).unwrap_or(0), what)
    }
}
