//! Visits as a file, one a line: JSON Lines, or CSV where its first line is
//! [`HEADER`]. A trace is checked whole before anything of it is sent.
//!
//! Logs of other systems are traces, too: their moments may be RFC 3339 with an
//! offset, people and cases may have any name, which stands for the same one
//! wherever it stands, and a line that names nobody is somebody's.

mod line;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;

use crate::schedule::{Kind, Visit};
use line::{Line, Moment, Name, csv, json};

#[cfg(test)]
mod tests;

/// The first line of a trace in CSV.
pub const HEADER: &str = "at,kind,procedure,subject,case";
/// A line has some 120 bytes.
const LINE_BYTES_MAX: usize = 64 << 10;
const PROCEDURES_MAX: usize = u16::MAX as usize;

/// Why a trace cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Read(PathBuf, io::Error),
    /// One of its lines is none.
    #[error("{path}, line {line}: {what}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From one on.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// It has no line.
    #[error("{0}: it has no visit")]
    Empty(PathBuf),
}

/// Writes visits, the first of them at this moment of the calendar or later.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(
    out: &mut impl Write,
    start: DateTime,
    procedures: &[String],
    visits: impl Iterator<Item = Visit>,
) -> io::Result<u64> {
    let mut count = 0;
    for visit in visits {
        let since = jiff::SignedDuration::try_from(visit.at).map_err(io::Error::other)?;
        // What is read again must not be earlier than it was.
        let at = start.checked_add(since).map_err(io::Error::other)?;
        let procedure =
            visit.kind.is_of_form().then(|| procedures[usize::from(visit.procedure)].clone());
        let (kind, subject) = (visit.kind.name().to_owned(), visit.subject);
        let (subject, case) = (Some(Name(subject)), Some(Name(visit.case)));
        let at = Moment::local(at);
        serde_json::to_writer(&mut *out, &Line { at, kind, procedure, subject, case })?;
        out.write_all(b"\n")?;
        count += 1;
    }
    Ok(count)
}

/// A trace that was checked.
#[derive(Clone, Debug)]
pub struct Trace {
    path: PathBuf,
    start: Moment,
    length: Duration,
    visits: u64,
    procedures: Vec<String>,
    /// The first line without any.
    without: Option<u64>,
    /// Who has the cases that some lines name without a subject, where others say.
    people: Arc<HashMap<Name, Name>>,
}

impl Trace {
    /// Reads all of it, keeping nothing but what stands here and, meanwhile, the
    /// cases that a line names without a subject.
    ///
    /// # Errors
    /// The first line that is none, or is earlier than the one before it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mut trace: Option<Self> = None;
        let mut nameless = HashSet::new();
        for item in Lines::open(path)? {
            let (line, number) = item?;
            let of_line = |what| Error::Line { path: path.into(), line: number, what };
            let known = trace.get_or_insert_with(|| Self {
                path: path.into(),
                start: line.at,
                length: Duration::ZERO,
                visits: 0,
                procedures: Vec::new(),
                without: None,
                people: Arc::default(),
            });
            let kind: Kind = line.kind.parse().map_err(of_line)?;
            if line.at.is_local != known.start.is_local {
                let what = "its time has no offset from UTC where those above have one, or one \
                            where they have none";
                return Err(of_line(what.into()));
            }
            let since = line.at.since(&known.start);
            match since.filter(|since| *since >= known.length) {
                Some(since) => known.length = since,
                None => {
                    let zone = if line.at.is_local { "" } else { " (in UTC)" };
                    let what = format!("{}{zone} is before the line above it", line.at);
                    return Err(of_line(what));
                }
            }
            if line.subject.is_none() {
                nameless.extend(line.case);
            }
            known.visits += 1;
            match line.procedure {
                Some(name) if !known.procedures.contains(&name) => {
                    if known.procedures.len() == PROCEDURES_MAX {
                        return Err(of_line("too many different procedures".into()));
                    }
                    known.procedures.push(name);
                }
                None if kind.is_of_form() => {
                    return Err(of_line(format!("a visit of kind `{kind}` names its procedure")));
                }
                None => known.without = known.without.or(Some(number)),
                Some(_) => {}
            }
        }
        let mut trace = trace.ok_or_else(|| Error::Empty(path.into()))?;
        trace.people = Arc::new(people(path, &nameless)?);
        Ok(trace)
    }

    /// From its first visit to its last.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.length
    }

    /// How many visits it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.visits
    }

    /// Never: a trace without visits is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visits == 0
    }

    /// The names of the forms, which visits count by their places.
    #[must_use]
    pub fn procedures(&self) -> &[String] {
        &self.procedures
    }

    /// Refuses a trace of which a line names no procedure.
    ///
    /// # Errors
    /// The first such line.
    pub fn check_named(&self) -> Result<(), Error> {
        let what = "it names no procedure, and a template has requests by their names only";
        match self.without {
            Some(line) => Err(Error::Line { path: self.path.clone(), line, what: what.into() }),
            None => Ok(()),
        }
    }

    /// The visits, in order. It ends early where the file was changed since it
    /// was checked; whoever counts notices.
    pub fn visits(&self) -> impl Iterator<Item = Visit> + Send + use<> {
        let (trace, lines) = (self.clone(), Lines::open(&self.path));
        lines.into_iter().flatten().map_while(move |item| {
            let (line, number) = item.ok()?;
            trace.visit(&line, number)
        })
    }

    fn visit(&self, line: &Line, number: u64) -> Option<Visit> {
        let of = |name: &String| self.procedures.iter().position(|known| known == name);
        let procedure = line.procedure.as_ref().map_or(Some(0), of)? as u16;
        let at = line.at.since(&self.start)?;
        let (kind, (subject, case)) = (line.kind.parse().ok()?, line.whose(number, &self.people));
        Some(Visit { at, kind, procedure, subject, case })
    }
}

/// Who has these cases, by the first line that says so: a session is one person's
/// also before they log in.
fn people(path: &Path, nameless: &HashSet<Name>) -> Result<HashMap<Name, Name>, Error> {
    let mut people = HashMap::new();
    if nameless.is_empty() {
        return Ok(people);
    }
    for item in Lines::open(path)? {
        let (line, _) = item?;
        if let (Some(subject), Some(case)) = (line.subject, line.case)
            && nameless.contains(&case)
        {
            people.entry(case).or_insert(subject);
        }
    }
    Ok(people)
}

/// The lines of a file with their numbers, in little memory.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
    is_csv: bool,
    text: String,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(|error| Error::Read(path.into(), error))?;
        let file = BufReader::new(file);
        Ok(Self { path: path.into(), file, number: 0, is_csv: false, text: String::new() })
    }

    fn wrong(&self, what: &str) -> Error {
        Error::Line { path: self.path.clone(), line: self.number, what: what.to_owned() }
    }

    fn read(&mut self) -> Result<Option<Line>, Error> {
        loop {
            self.text.clear();
            let mut bounded = io::Read::take(&mut self.file, LINE_BYTES_MAX as u64 + 1);
            let read = bounded.read_line(&mut self.text);
            self.number += 1;
            match read {
                Ok(0) => return Ok(None),
                Ok(read) if read > LINE_BYTES_MAX => return Err(self.wrong("the line is too long")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(self.wrong("it is not UTF-8"));
                }
                Err(error) => return Err(Error::Read(self.path.clone(), error)),
            }
            let text = self.text.trim();
            if self.number == 1 && text == HEADER {
                self.is_csv = true;
            } else if !text.is_empty() {
                let line = if self.is_csv { csv(text) } else { json(text) };
                return line.map(Some).map_err(|what| self.wrong(&what));
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Result<(Line, u64), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.read().transpose()?;
        Some(line.map(|line| (line, self.number)))
    }
}
