//! Reads TOML tables and gathers every mistake on the way, with its line.

mod table;
mod words;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use toml::Spanned;
use toml::de::DeTable;

use super::{Mistake, Source};
pub(crate) use table::Table;
pub(crate) use words::{nearest, spelled};

/// Whether a catalogue is new, or was in force before and is only read again.
///
/// What is demanded of new catalogues may grow; entries of the ledger name old
/// ones, which must stay readable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    Due,
    Passed,
}

/// One file being read, and what is wrong with it so far.
pub(crate) struct File<'a> {
    source: &'a Source,
    review: Review,
    line_starts: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
    /// Names that nothing bears, each said once.
    said: RefCell<HashSet<Box<str>>>,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line(pub(super) usize);

/// A text and the line it stands on.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) text: Box<str>,
    pub(crate) line: Line,
}

impl Placed {
    /// Whether it says something; a name that could not be read does not.
    pub(crate) fn is_said(&self) -> bool {
        !self.text.is_empty()
    }
}

impl<'a> File<'a> {
    pub(crate) fn new(source: &'a Source, review: Review) -> Self {
        let newlines = source.text.match_indices('\n');
        let line_starts = std::iter::once(0).chain(newlines.map(|(at, _)| at + 1)).collect();
        Self { source, review, line_starts, mistakes: RefCell::default(), said: RefCell::default() }
    }

    /// Parses the file; what does not parse is a mistake, and the rest is read.
    pub(crate) fn parse(&self) -> Spanned<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.mistake(self.line(at), error.message().replace('\n', ", "));
        }
        table
    }

    pub(crate) fn text(&self) -> &str {
        &self.source.text
    }

    pub(crate) fn mistake(&self, line: Line, what: impl Into<String>) {
        let file = self.source.path.clone();
        self.mistakes.borrow_mut().push(Mistake { file, line: line.0, what: what.into() });
    }

    /// What is a mistake in a new catalogue only.
    pub(super) fn demand(&self, line: Line, what: impl Into<String>) {
        if self.review == Review::Due {
            self.mistake(line, what);
        }
    }

    /// What is wrong wherever the name stands, and said at its first place only.
    pub(super) fn once(&self, name: &str, line: Line, what: impl Into<String>) {
        if self.said.borrow_mut().insert(name.into()) {
            self.mistake(line, what);
        }
    }

    /// Whether it stands in a folder within a catalogue's folders.
    pub(super) fn is_deep(&self) -> bool {
        self.source.path.matches('/').count() > 1
    }

    /// The name that the path gives it: `rnpp` of `registers/rnpp.toml`.
    pub(super) fn stem(&self) -> &str {
        let name = self.source.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".toml").unwrap_or(name)
    }

    /// Demands that what a file describes is called as the file is.
    pub(super) fn is_called(&self, name: &Placed) {
        let stem = self.stem();
        if &*name.text != stem {
            let what = format!(
                "`id` = \"{}\" is not the name of the file; write id = \"{stem}\", or call the \
                 file {0}.toml",
                name.text,
            );
            self.demand(name.line, what);
        }
    }

    /// Whether nothing is wrong in it so far.
    pub(crate) fn is_clear(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    pub(crate) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    fn line(&self, at: usize) -> Line {
        Line(self.line_starts.partition_point(|start| *start <= at))
    }
}

/// Says where a name is given that another file, or this one, gave already.
pub(super) fn no_name_twice<'a, 'f: 'a>(
    names: impl Iterator<Item = (&'a Box<str>, (&'a File<'f>, Line))>,
) {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (name, (file, line)) in names {
        if !name.is_empty() && seen.insert(name, ()).is_some() {
            file.mistake(line, format!("there is an id = \"{name}\" already"));
        }
    }
}
