//! The program `engine`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

// An entry is made on one thread and freed on another, which costs least here.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    engine::command::main()
}
