//! `loadgen run` asks an engine, verifies every answer and measures.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // A mistake in the arguments ends here, with exit code 2.
    loadgen::command::execute(&loadgen::command::Arguments::parse())
}
