//! What goes into the log, and in which shape. Never an identifier or a value:
//! what a panic says is not written either, since it may quote anything.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal as _, Write as _};
use std::panic;
use std::thread;

use tracing_subscriber::EnvFilter;

/// What is logged where `RUST_LOG` says nothing.
const LEVELS: &str = "warn,engine=info";

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends this process's log to standard error. `RUST_LOG` says how much of it.
///
/// A program has one log; a service that embeds the engine keeps its own, and
/// should [`keep_panics_private`] as well.
pub fn start(format: Format) {
    let levels = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LEVELS));
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(levels).with_ansi(colours);
    let log = log.with_writer(io::stderr);
    let started = match format {
        Format::Text => log.try_init(),
        Format::Json => log.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::warn!("the log is another's already, and stays as it is");
    }
    keep_panics_private();
}

/// Logs where a thread panicked, and not with what words. `RUST_BACKTRACE` adds
/// the way there, in names of functions.
pub fn keep_panics_private() {
    panic::set_hook(Box::new(|panicked| {
        let thread = thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let at = panicked.location().map(ToString::to_string).unwrap_or_default();
        let backtrace = Backtrace::capture();
        if tracing::enabled!(tracing::Level::ERROR) {
            tracing::error!(thread, at, "a thread panicked; what it said is not logged");
        } else {
            // Also where nothing is logged, or not yet.
            let _ = writeln!(io::stderr(), "thread {thread} panicked at {at}");
        }
        if backtrace.status() == BacktraceStatus::Captured {
            let _ = writeln!(io::stderr(), "{backtrace}");
        }
    }));
}
