//! The command line: `engine demo`, `engine check`, `engine probe`, `engine audit`.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use engine::backup;
use engine::catalogue::{Catalogue, Mistake, Source};
use engine::ledger::{self, AuditError, Report, Witness, Witnessed};
use engine::logs;
use engine::probe::Probed;
use engine::registers::Outcome;
use engine::store;

/// The engine of the once-only principle.
#[derive(Parser)]
#[command(version, about)]
struct Command {
    /// How the log on standard error is written; RUST_LOG says how much of it.
    #[arg(long, global = true, default_value = "text", value_enum)]
    log: logs::Format,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Run registers, people, ledger and API of a synthetic country.
    #[cfg(feature = "demo")]
    Demo(engine::demo::Options),
    /// Report every mistake of a catalogue.
    Check {
        /// The folder that holds organisations, registers/ and procedures/.
        #[arg(long)]
        catalogue: PathBuf,
    },
    /// Ask a register once and compare its answer with its description.
    Probe(engine::probe::Options),
    /// Copy a data directory, whose engine may be running, and prove the copy.
    ///
    /// The master key to citizens' own data is kept elsewhere, and must be kept
    /// beside the backup by other means.
    Backup {
        /// The engine's data directory.
        #[arg(long)]
        data: PathBuf,
        /// A directory that is not there yet, or empty.
        #[arg(long)]
        to: PathBuf,
    },
    /// Bring a backup back as a data directory, where there is none yet.
    Restore {
        /// What `backup` made.
        #[arg(long)]
        from: PathBuf,
        /// A directory that is not there yet, or empty.
        #[arg(long)]
        data: PathBuf,
        /// The newest head that is known: a backup that ends before it is refused.
        #[arg(long, value_parser = ledger::parse_head)]
        expect_head: Option<store::Head>,
        /// Restore a backup that ends before the expected head all the same. What
        /// citizens refused, withdrew or had erased after it is forgotten.
        #[arg(long, requires = "expect_head")]
        roll_back: bool,
    },
    /// Prove a ledger's promises from the ledger alone.
    Audit {
        /// The engine's data directory; the engine may be running.
        #[arg(long)]
        data: PathBuf,
        /// An old head, as `/v1/ledger/head` gave it: shows whether the ledger was cut.
        #[arg(long, value_parser = ledger::parse_head)]
        expect_head: Option<store::Head>,
        /// A bundle, as its exact bytes: tells whether it left here, when, to whom.
        #[arg(long)]
        bundle: Option<PathBuf>,
    },
}

/// What was asked holds; it is violated; it was asked wrongly; it cannot be told.
const HOLDS: u8 = 0;
const VIOLATED: u8 = 1;
const USAGE: u8 = 2;
const UNREADABLE: u8 = 3;

fn main() -> ExitCode {
    let command = Command::parse();
    logs::start(command.log);
    keep_memory_private();
    open_as_many_files_as_allowed();
    let done = match command.what {
        #[cfg(feature = "demo")]
        What::Demo(options) => engine::demo::run(&options).map(|()| HOLDS),
        What::Check { catalogue } => check(&catalogue),
        What::Probe(options) => probe(&options),
        What::Backup { data, to } => copied("backed up", backup::backup(&data, &to)),
        What::Restore { from, data, expect_head, roll_back } => {
            copied("restored", backup::restore(&from, &data, expect_head.as_ref(), roll_back))
        }
        What::Audit { data, expect_head, bundle } => {
            audit(&data, expect_head.as_ref(), bundle.as_deref())
        }
    };
    ExitCode::from(done.unwrap_or_else(|error| {
        complain(&format!("engine: {error:#}"));
        UNREADABLE
    }))
}

/// Answers of registers are in memory only, so a crash must not write memory out.
fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
}

/// Each connection is an open file, and a process is often begun with 1,024.
fn open_as_many_files_as_allowed() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "no more files can be open at a time");
    }
}

fn check(folder: &Path) -> anyhow::Result<u8> {
    let (sources, mut mistakes) = read_catalogue(folder)?;
    let compiled = Catalogue::compile(&sources);
    match compiled {
        Ok(catalogue) if mistakes.is_empty() => {
            say(&format!(
                "{} registers, {} organisations, {} procedures; digest {}",
                catalogue.registers().len(),
                catalogue.organisations().len(),
                catalogue.procedures().len(),
                ledger::hex(catalogue.digest()),
            ));
            return Ok(HOLDS);
        }
        Ok(_) => {}
        Err(more) => {
            // What a bad byte leads to on its own line is said already.
            let place = |mistake: &Mistake| (mistake.file.clone(), mistake.line);
            let said: HashSet<_> = mistakes.iter().map(place).collect();
            mistakes.extend(more.into_iter().filter(|mistake| !said.contains(&place(mistake))));
        }
    }
    mistakes.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    mistakes.iter().for_each(|mistake| complain(&mistake.to_string()));
    complain(&match mistakes.len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    });
    Ok(VIOLATED)
}

/// A catalogue's files, and where they are no text.
fn read_catalogue(folder: &Path) -> anyhow::Result<(Vec<Source>, Vec<Mistake>)> {
    let mut read = (Vec::new(), Vec::new());
    for part in ["", "organisations", "registers", "procedures"] {
        let within = folder.join(part);
        // Organisations stand in one file or in a folder of files.
        if part == "organisations" && !within.exists() {
            continue;
        }
        read_folder(folder, &within, !part.is_empty(), &mut read)?;
    }
    Ok(read)
}

/// Folders within a catalogue's own are read, too, so that their files are said to
/// be in the wrong place.
fn read_folder(
    root: &Path,
    within: &Path,
    deep: bool,
    read: &mut (Vec<Source>, Vec<Mistake>),
) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(within).with_context(|| within.display().to_string())?;
    for entry in entries {
        let entry = entry.with_context(|| within.display().to_string())?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead to where it stands.
        if deep && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            read_folder(root, &path, deep, read)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            let (source, mistake) = Source::from_bytes(name, bytes);
            read.0.push(source);
            read.1.extend(mistake);
        }
    }
    Ok(())
}

fn probe(options: &engine::probe::Options) -> anyhow::Result<u8> {
    match engine::probe::run(options)? {
        Probed::Called { outcome, text } => {
            say(&text);
            Ok(match outcome {
                Outcome::Conforms => HOLDS,
                Outcome::DoesNotConform => VIOLATED,
                Outcome::NoAnswer => UNREADABLE,
            })
        }
        Probed::Mistakes(mistakes) => {
            mistakes.iter().for_each(|mistake| complain(mistake));
            Ok(USAGE)
        }
    }
}

fn audit(data: &Path, expected: Option<&store::Head>, bundle: Option<&Path>) -> anyhow::Result<u8> {
    let bundle = bundle.map(|file| std::fs::read(file).with_context(|| file.display().to_string()));
    let bundle = bundle.transpose()?;
    let mut storage = store::open_read_only(data, ledger::subjects_of)
        .with_context(|| format!("no ledger can be read in {}", data.display()))?;
    match ledger::audit(&mut storage, expected) {
        Ok(report) => {
            say(&told(&report));
            bundle.map_or(Ok(HOLDS), |bundle| witness(&mut storage, &bundle))
        }
        Err(AuditError::Violated(violation)) => {
            complain(&format!("violated: {violation}"));
            Ok(VIOLATED)
        }
        Err(AuditError::Unreadable(error)) => Err(error.into()),
    }
}

fn copied(what: &str, done: Result<Report, backup::Error>) -> anyhow::Result<u8> {
    match done {
        Ok(report) => {
            say(&format!("{what}: {}", told(&report)));
            Ok(HOLDS)
        }
        Err(error @ (backup::Error::Violated(_) | backup::Error::Behind { .. })) => {
            complain(&error.to_string());
            Ok(VIOLATED)
        }
        Err(error @ backup::Error::Taken(_)) => {
            complain(&error.to_string());
            Ok(USAGE)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether a bundle that somebody holds left here.
fn witness(storage: &mut dyn store::Read, bundle: &[u8]) -> anyhow::Result<u8> {
    let of = |it: &Witnessed| {
        format!(
            "{} at {}, entry {}: {} version {} for {}, asked by {}, {}",
            it.disclosure,
            engine::clock::rfc3339(it.at),
            it.sequence,
            it.procedure,
            it.version,
            it.organisation,
            it.operator,
            it.channel,
        )
    };
    match ledger::witness(storage, bundle)? {
        Witness::Disclosed(found) => {
            say(&format!("disclosed: {}", of(&found)));
            return Ok(HOLDS);
        }
        Witness::Altered(found) => {
            complain(&format!("altered: these are not the bytes that left as {}", of(&found)));
        }
        Witness::Unknown => complain("unknown: no bundle of this id left here"),
        Witness::NoBundle => complain("no bundle: the file names no disclosure"),
    }
    Ok(VIOLATED)
}

fn told(report: &Report) -> String {
    let head = report.head.map_or_else(String::new, |head| ledger::head_text(&head));
    format!(
        "the chain holds: {} disclosures, {} changes of consent, {} denials, {} starts\nhead {head}",
        report.disclosures, report.changes, report.denials, report.catalogues,
    )
}

/// Prints the result of a command. Whoever closes the pipe has read enough.
fn say(text: &str) {
    print(&mut std::io::stdout().lock(), text);
}

fn complain(text: &str) {
    print(&mut std::io::stderr().lock(), text);
}

/// A command's exit code tells the same as its text: it holds where nobody reads on.
fn print(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}
