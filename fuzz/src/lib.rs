//! What is thrown at every parser that reads bytes from outside, and what must
//! hold whatever they are.
//!
//! A target is a function of bytes that panics where a promise does not hold.
//! The tests feed all of them with the seeds, and with small damage to each;
//! `fuzz/run` lets a fuzzer look for worse. What it finds becomes a seed.

mod answers;
mod api;
mod catalogues;
mod configured;
mod identifiers;
mod jobs;
mod stored;
mod tokens;
mod traces;

use std::path::{Path, PathBuf};

/// One parser, or a family of them.
pub struct Target {
    /// As `fuzz/run` names it; its seeds are in the folder of this name.
    pub name: &'static str,
    /// Panics where a promise does not hold.
    pub run: fn(&[u8]),
    /// Seeds that follow from the synthetic country, and so need no file.
    derived: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "request", run: api::request, derived: none },
    Target { name: "query", run: api::query, derived: none },
    Target { name: "bearer", run: api::bearer, derived: none },
    Target { name: "lines", run: jobs::lines, derived: jobs::derived },
    Target { name: "trace", run: traces::trace, derived: none },
    Target { name: "token", run: tokens::token, derived: tokens::tokens },
    Target { name: "signed", run: tokens::signed, derived: tokens::claims },
    Target { name: "keys", run: tokens::keys, derived: tokens::key_sets },
    Target { name: "config", run: configured::config, derived: configured::derived },
    Target { name: "answer", run: answers::answer, derived: none },
    Target { name: "register", run: catalogues::register, derived: catalogues::registers },
    Target { name: "catalogue", run: catalogues::catalogue, derived: catalogues::small },
    Target { name: "identifier", run: identifiers::identifier, derived: identifiers::derived },
    Target { name: "own-value", run: stored::own_value, derived: none },
    Target { name: "entry", run: stored::entry, derived: stored::entries },
    Target { name: "consent", run: stored::consent, derived: stored::states },
    Target { name: "document", run: stored::document, derived: stored::documents },
];

fn none() -> Vec<Vec<u8>> {
    Vec::new()
}

impl Target {
    /// The target of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// What a fuzzer starts from: files, and what follows from the country.
    ///
    /// # Panics
    /// Where the folder of seeds cannot be read.
    #[must_use]
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = (self.derived)();
        for path in files(&folder().join(self.name)) {
            seeds.push(std::fs::read(&path).expect("a seed can be read"));
        }
        seeds
    }
}

/// Where the seeds are, a folder for each target.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The files of a folder in the order of their names; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
