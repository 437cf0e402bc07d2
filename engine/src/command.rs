//! The command line: `engine demo`, `engine check`, `engine probe`, `engine audit`.

mod proven;

use std::io::{Read as _, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::backup;
use crate::catalogue::{Catalogue, Difference, Mistake};
use crate::config;
use crate::ledger;
use crate::logs;
use crate::model::Subject;
use crate::probe::Probed;
use crate::registers::Outcome;
use crate::report;
use crate::space::MasterKey;
use crate::store;
use proven::{audit, copied};

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
    Demo(crate::demo::Options),
    /// Run with real registers and real identities.
    Serve(crate::serve::Options),
    /// Make a key for an operator: the key, and the digest that a configuration holds.
    Key {
        /// Make the master key to citizens' own data instead, in a new file.
        #[arg(long)]
        master: Option<PathBuf>,
    },
    /// Report every mistake of a catalogue, or of a configuration and its catalogue.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Check {
        /// The folder that holds organisations, registers/ and procedures/.
        #[arg(long, group = "what")]
        catalogue: Option<PathBuf>,
        /// A configuration, as `serve` takes it.
        #[arg(long, group = "what")]
        config: Option<PathBuf>,
        /// An older catalogue, as its folder or the configuration that names it: tells
        /// which organisation gains or loses what. That something differs is no failure.
        #[arg(long)]
        against: Option<PathBuf>,
        /// Tell the difference as JSON.
        #[arg(long, requires = "against")]
        json: bool,
    },
    /// Ask a register once and compare its answer with its description.
    Probe(crate::probe::Options),
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
    /// Forget everything held about somebody: identifier, consent and own data. The
    /// chain stands, and knows a number.
    ///
    /// The identifier comes on standard input, or in a file: never as an argument,
    /// where others could see it. No engine may run on the directory meanwhile.
    Erase {
        /// The engine's data directory.
        #[arg(long)]
        data: PathBuf,
        /// The file that holds the master key to citizens' own data.
        #[arg(long)]
        master_key: Option<PathBuf>,
        /// A file that holds the identifier, and nothing else.
        #[arg(long)]
        subject_file: Option<PathBuf>,
    },
    /// Tell how often which form, organisation and register was used, so that nobody
    /// can be told from it.
    Report {
        /// The engine's data directory; the engine may be running.
        #[arg(long)]
        data: PathBuf,
        /// The first civil year, in UTC.
        #[arg(long, value_name = "YEAR", value_parser = year)]
        from: i16,
        /// The last one.
        #[arg(long, value_name = "YEAR", value_parser = year)]
        to: i16,
        /// Tell it as JSON.
        #[arg(long)]
        json: bool,
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

/// An identifier is far shorter.
const IDENTIFIER_MAX: u64 = 1_024;

/// Does what the arguments of the process say.
#[must_use]
pub fn main() -> ExitCode {
    let command = Command::parse();
    logs::start(command.log);
    #[cfg(feature = "planted-faults")]
    if let Err(error) = crate::planted::from_environment() {
        complain(&format!("engine: {error}"));
        return ExitCode::from(USAGE);
    }
    keep_memory_private();
    open_as_many_files_as_allowed();
    let done = match command.what {
        #[cfg(feature = "demo")]
        What::Demo(options) => crate::demo::run(&options).map(|()| HOLDS),
        What::Serve(options) => serve(&options),
        What::Key { master } => key(master.as_deref()),
        What::Check { catalogue, config, against, json } => {
            check(catalogue.as_deref(), config.as_deref(), against.as_deref(), json)
        }
        What::Probe(options) => probe(&options),
        What::Backup { data, to } => copied("backed up", backup::backup(&data, &to)),
        What::Restore { from, data, expect_head, roll_back } => {
            copied("restored", backup::restore(&from, &data, expect_head.as_ref(), roll_back))
        }
        What::Erase { data, master_key, subject_file } => {
            erase(&data, master_key.as_deref(), subject_file.as_deref())
        }
        What::Report { data, from, to, json } => report(&data, from..=to, json),
        What::Audit { data, expect_head, bundle } => {
            audit(&data, expect_head.as_ref(), bundle.as_deref())
        }
    };
    ExitCode::from(done.unwrap_or_else(|error| {
        complain(&format!("engine: {}", said_once(&error)));
        UNREADABLE
    }))
}

fn year(text: &str) -> Result<i16, String> {
    let year = text.parse().ok().filter(|year| (1..=9999).contains(year));
    year.ok_or_else(|| "it must be a year, such as 2026".to_owned())
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

fn serve(options: &crate::serve::Options) -> anyhow::Result<u8> {
    let served = crate::serve::run(options);
    match served.as_ref().map_err(|error| error.downcast_ref::<config::Error>()) {
        Err(Some(config::Error::Mistakes(mistakes))) => {
            complain_of(mistakes);
            Ok(USAGE)
        }
        _ => served.map(|()| HOLDS),
    }
}

fn key(master: Option<&Path>) -> anyhow::Result<u8> {
    use crate::entropy::Entropy;

    if let Some(file) = master {
        if let Err(error) = MasterKey::create(file, &Entropy::system()) {
            let name = file.display();
            anyhow::bail!(match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    format!("{name} is there already, and stays as it is; name a new file")
                }
                _ => format!("{name}: {error}"),
            });
        }
        say(&format!("{} holds a new master key; keep a copy elsewhere", file.display()));
        return Ok(HOLDS);
    }
    let (key, digest) = crate::identity::Keys::generate(&Entropy::system());
    say(&format!("key         {key}\nkey-sha256  {}", ledger::hex(&digest)));
    Ok(HOLDS)
}

fn check(
    folder: Option<&Path>,
    config: Option<&Path>,
    against: Option<&Path>,
    json: bool,
) -> anyhow::Result<u8> {
    let compiled = match (folder, config) {
        (Some(folder), _) => config::compile(folder)?.map(std::sync::Arc::new),
        (None, Some(file)) => match config::load(file) {
            Ok(config) => Ok(config.catalogue),
            Err(config::Error::Mistakes(mistakes)) => Err(mistakes),
            Err(error) => return Err(error.into()),
        },
        (None, None) => anyhow::bail!("--catalogue or --config"),
    };
    match compiled {
        Ok(new) if json => against.map_or(Ok(HOLDS), |old| differ(old, &new, json)),
        Ok(catalogue) => {
            say(&format!(
                "{} registers, {} organisations, {} procedures; digest {}",
                catalogue.registers().len(),
                catalogue.organisations().len(),
                catalogue.procedures().len(),
                ledger::hex(catalogue.digest()),
            ));
            against.map_or(Ok(HOLDS), |old| differ(old, &catalogue, json))
        }
        Err(mistakes) => {
            complain_of(&mistakes);
            Ok(VIOLATED)
        }
    }
}

/// Tells what a catalogue has that an older one has not, and the reverse.
fn differ(old: &Path, new: &Catalogue, json: bool) -> anyhow::Result<u8> {
    let old = match config::catalogue_of(old) {
        Ok(old) => old,
        Err(config::Error::Mistakes(mistakes)) => {
            complain_of(&mistakes);
            anyhow::bail!("{} cannot be compared with", old.display());
        }
        Err(error) => return Err(error.into()),
    };
    let difference = Difference::between(&old, new);
    if json {
        say(&serde_json::to_string_pretty(&difference)?);
    } else if difference.is_empty() {
        say("nothing differs");
    } else {
        say(difference.to_string().trim_end());
    }
    Ok(HOLDS)
}

fn complain_of(mistakes: &[Mistake]) {
    mistakes.iter().for_each(|mistake| complain(&mistake.to_string()));
    complain(&match mistakes.len() {
        1 => "1 mistake".to_owned(),
        count => format!("{count} mistakes"),
    });
}

fn probe(options: &crate::probe::Options) -> anyhow::Result<u8> {
    match crate::probe::run(options)? {
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

fn report(data: &Path, years: RangeInclusive<i16>, json: bool) -> anyhow::Result<u8> {
    match report::report(data, years, crate::clock::Civil::system().now()) {
        Ok(report) if json => say(&serde_json::to_string_pretty(&report)?),
        Ok(report) => say(report.to_string().trim_end()),
        Err(report::Error::Years(wrong)) => {
            complain(&wrong);
            return Ok(USAGE);
        }
        Err(error) => {
            return Err(error)
                .with_context(|| format!("no ledger can be read in {}", data.display()));
        }
    }
    Ok(HOLDS)
}

fn erase(data: &Path, master: Option<&Path>, subject: Option<&Path>) -> anyhow::Result<u8> {
    let text = match subject {
        Some(file) => std::fs::read_to_string(file).with_context(|| file.display().to_string())?,
        None => std::io::read_to_string(std::io::stdin().lock().take(IDENTIFIER_MAX))?,
    };
    let subject = match text.trim().parse::<Subject>() {
        Ok(subject) => subject,
        Err(error) => {
            complain(&format!("what was given is no identifier: {error}"));
            return Ok(USAGE);
        }
    };
    let master = master.map(|file| {
        let key = MasterKey::read(file).with_context(|| file.display().to_string())?;
        key.with_context(|| format!("{} is not there", file.display()))
    });
    let erased = crate::erase::erase(data, master.transpose()?.as_ref(), subject)?;
    say(&match erased.entry {
        Some(entry) => format!("erased, as entry {entry} records; the chain stands"),
        None => "the ledger knows nobody of that identifier; own data of theirs is gone".to_owned(),
    });
    if erased.found.is_empty() {
        return Ok(HOLDS);
    }
    for file in erased.found {
        complain(&format!(
            "{} still has the identifier in it: an organisation may have named a case by it",
            file.display()
        ));
    }
    Ok(VIOLATED)
}

/// Prints the result of a command. Whoever closes the pipe has read enough.
fn say(text: &str) {
    print(&mut std::io::stdout().lock(), text);
}

/// An error and its causes, without those that it names itself, as SQLite's do.
fn said_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| {
        let number = cause.strip_prefix("Error code ").and_then(|it| it.split_once(": "));
        let words = number.map_or(&*cause, |(_, words)| words);
        match said.as_str() {
            "" => cause,
            said if said.contains(words) => said.to_owned(),
            said => format!("{said}: {cause}"),
        }
    })
}

fn complain(text: &str) {
    print(&mut std::io::stderr().lock(), text);
}

/// A command's exit code tells the same as its text: it holds where nobody reads on.
fn print(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}").and_then(|()| to.flush());
}
