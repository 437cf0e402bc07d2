//! `loadgen report`: prints, merges and compares what runs have written.

use clap::{Args, ValueEnum};

use super::tell::say_document;
use super::{Failure, say};
use crate::compare;
use crate::document::{self, Document, Parts};
use crate::report::{self, Verdict};

/// What to report.
#[derive(Clone, Debug, Args)]
pub(super) struct Options {
    /// What `--json` has written: one file to print it, two to compare the
    /// second with the first.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Merge the files, of processes that ran side by side, and print the whole.
    #[arg(long)]
    merge: bool,
    /// Merge them also where they were asked for different things, or not at the
    /// same time.
    #[arg(long, requires = "merge")]
    unlike: bool,
    /// Print the merged report as JSON.
    #[arg(long, requires = "merge")]
    json: bool,
    /// Print the verdict only.
    #[arg(long)]
    quiet: bool,
    /// Print what was found of each procedure, channel and so on, as a table; of
    /// two files, what the first has beside what the second has.
    #[arg(long, value_enum)]
    by: Option<By>,
}

/// How results are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Procedures, and other kinds of requests.
    Procedure,
    /// Who asked: an organisation with or without the citizen, or the citizen.
    Channel,
    /// Bundles that call themselves complete, and the others.
    Completeness,
    /// Bundles with at least one such gap.
    Gap,
    /// Whether the target had it already, where it told.
    Cache,
}

impl By {
    fn parts(self, document: &Document) -> &Parts {
        match self {
            Self::Procedure => &document.groups,
            Self::Channel => &document.channels,
            Self::Completeness => &document.completeness,
            Self::Gap => &document.gaps,
            Self::Cache => &document.cache,
        }
    }
}

/// Does it. Two compared files hold when both do.
pub(super) fn report(options: &Options) -> Result<Verdict, Failure> {
    let read = |path: &String| Document::read(path).map_err(|error| unreadable(&error));
    let documents: Result<Vec<_>, _> = options.files.iter().map(read).collect();
    let documents = documents?;
    if options.merge {
        check_mergeable(&documents, options)?;
    }
    let mut documents = documents.into_iter();
    let first = documents.next().ok_or_else(|| Failure::Usage("no file".to_owned()))?;
    let rest: Vec<_> = documents.collect();
    if options.merge {
        return merged(first, rest, options);
    }
    match &rest[..] {
        [] => Ok(told(&first, options)),
        [second] => {
            say(&match options.by {
                Some(by) => compare::table(&first, second, |document| by.parts(document)),
                None => compare::text(&first, second),
            });
            Ok(compare::verdict(&first, second))
        }
        _ => Err(Failure::Usage("two files are compared; to add more together, --merge".into())),
    }
}

fn check_mergeable(documents: &[Document], options: &Options) -> Result<(), Failure> {
    let checked = match options.unlike {
        true => Document::check_once(documents),
        false => Document::check_alike(documents),
    };
    checked.map_err(|error| match error {
        document::Error::Unlike(_) => {
            Failure::Usage(format!("{error}; to merge them all the same, --unlike"))
        }
        error => Failure::Usage(error.to_string()),
    })
}

fn merged(mut whole: Document, rest: Vec<Document>, options: &Options) -> Result<Verdict, Failure> {
    for document in rest {
        whole.merge(document).map_err(|error| unreadable(&error))?;
    }
    if options.json {
        say(&whole.json());
        return Ok(report::verdict(&whole));
    }
    Ok(told(&whole, options))
}

fn told(document: &Document, options: &Options) -> Verdict {
    let Some(by) = options.by else { return say_document(document, options.quiet) };
    say(&report::table(by.parts(document)));
    report::verdict(document)
}

fn unreadable(error: &document::Error) -> Failure {
    Failure::Void(error.to_string())
}
