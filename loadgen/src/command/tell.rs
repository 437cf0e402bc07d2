//! What a run tells: its levels, its files and its last lines.

use std::fs;

use clap::Args;

use super::{Failure, complain, say};
use crate::document::Document;
use crate::hlog;
use crate::outputs;
use crate::report::{self, Heading, Verdict};
use crate::run::Outcome;
use crate::slo::Slo;

/// What to hold a run against, and what to tell of it.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Telling {
    /// A service level, such as 'p99 < 50ms', 'errors < 0.1%', 'complete > 99%',
    /// 'rate >= 0.99' (of the wanted rate), 'rate > 100/s' or, of one procedure,
    /// 'p99[income-tax-return] < 80ms'. May be repeated.
    #[arg(long = "slo", value_name = "LEVEL")]
    slos: Vec<Slo>,
    /// Write everything that was measured to this file, as JSON, for
    /// `loadgen report`.
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Write the verdict and the levels to this file, as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<String>,
    /// Write the verdict, the levels and the summary to this file, as Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<String>,
    /// Write latency, service time and send lag over time to this file, as an
    /// interval log of HdrHistogram, version 2.
    #[arg(long, value_name = "FILE")]
    hlog: Option<String>,
    /// Print the verdict only, and nothing while it runs.
    #[arg(long)]
    quiet: bool,
}

impl Telling {
    /// Whether nothing is shown while it runs.
    pub(super) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Refuses levels that this run cannot be held against.
    pub(super) fn check(&self, groups: &[String], is_closed: bool) -> Result<(), Failure> {
        for slo in &self.slos {
            if is_closed && slo.needs_schedule() {
                let why = "a closed loop wants no rate; give one with --rate";
                return Err(Failure::Usage(format!("--slo '{slo}': {why}")));
            }
            let Some(group) = slo.group() else { continue };
            if !groups.iter().any(|known| known == group) {
                let known = groups.join(", ");
                let why = format!("no `{group}` is asked for; there is {known}");
                return Err(Failure::Usage(format!("--slo '{slo}': {why}")));
            }
        }
        Ok(())
    }

    /// Says what came of a run, and writes its files. The summary is printed
    /// whatever becomes of the files.
    pub(super) fn tell(&self, heading: &Heading, outcome: &Outcome) -> Result<Verdict, Failure> {
        let document = Document::new(heading, outcome, &self.slos);
        let verdict = say_document(&document, self.quiet);
        match self.write(&document) {
            true => Ok(verdict),
            // What was seen wrong outweighs a file that is not there.
            false if verdict == Verdict::Violated => Ok(verdict),
            false => Ok(Verdict::Void),
        }
    }

    fn write(&self, document: &Document) -> bool {
        type Output = fn(&Document) -> String;
        let files: [(_, _, Output); 4] = [
            (&self.json, "--json", Document::json),
            (&self.junit, "--junit", outputs::junit),
            (&self.markdown, "--markdown", outputs::markdown),
            (&self.hlog, "--hlog", hlog::text),
        ];
        files.into_iter().fold(true, |all, (path, option, text)| {
            let written = path.as_ref().is_none_or(|path| write(path, option, &text(document)));
            all && written
        })
    }
}

/// Prints a document, and gives its verdict.
pub(super) fn say_document(document: &Document, quiet: bool) -> Verdict {
    match quiet {
        true => say(&format!("{}\n", report::conclusion(document))),
        false => say(&report::text(document)),
    }
    report::verdict(document)
}

/// A file that is there has all of its bytes.
fn write(path: &str, option: &str, text: &str) -> bool {
    let written = fs::write(path, text);
    if let Err(error) = &written {
        complain(&format!("{option} {path}: {error}; the file is not whole"));
    }
    written.is_ok()
}
