//! A SQLite VFS for tests: it knows what was synced, and fails when told to.
//!
//! SIGKILL loses nothing that a process wrote, since the kernel still has it; only a
//! power loss does. This VFS passes everything through to SQLite's own, and writes
//! down what happens to the files of a watched directory. A [`Shadow`] replays that
//! up to any sync: what had been synced by then stands, and of the rest as much as a
//! test likes, sector by sector.
//!
//! It is the default of the whole process once a directory is watched, and leaves
//! the files of all others alone.

mod disk;
mod hooks;
mod shadow;

pub use disk::{Disk, Event, Trouble, What};
pub use shadow::{Shadow, write_private};

#[cfg(test)]
mod tests;
