//! The generator: `wrk` on one thread, which keeps every connection busy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use serde::Deserialize;

use super::described::Asking;

/// What it does with each request.
const SCRIPT: &str = include_str!("load.lua");

/// One load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many requests are under way.
    pub connections: usize,
    /// How long.
    pub seconds: u64,
    /// The first person of the list.
    pub from: usize,
    /// How many of them, one after the other, and again.
    pub count: usize,
    /// Whether nobody may be asked about twice.
    pub once: bool,
}

/// How a load went.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Went {
    requests: u64,
    micros: u64,
    /// The median latency in microseconds.
    pub p50: u64,
    /// And that of the slowest hundredth.
    pub p99: u64,
    failed: u64,
}

impl Went {
    /// Answers per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.micros as f64
    }
}

/// `wrk`, with the files that it reads.
pub struct Wrk {
    script: PathBuf,
    people: PathBuf,
}

impl Wrk {
    /// Writes its script beside the list of people.
    ///
    /// # Errors
    /// Where it is not installed.
    pub fn prepare(dir: &Path, people: PathBuf) -> anyhow::Result<Self> {
        let version = Command::new("wrk").arg("--version").output();
        version.context("no generator: `wrk` is not installed")?;
        let script = dir.join("load.lua");
        std::fs::write(&script, SCRIPT)?;
        Ok(Self { script, people })
    }

    /// Puts a side under load.
    ///
    /// # Errors
    /// Where it failed, or asked about somebody twice who should be new.
    pub fn run(&self, at: SocketAddr, asking: &Asking, load: Load) -> anyhow::Result<Went> {
        let out = Command::new("wrk")
            .args(["-t1", &format!("-c{}", load.connections), &format!("-d{}s", load.seconds)])
            .arg("-s")
            .arg(&self.script)
            .arg(format!("http://{at}"))
            .args(["--", &asking.method, &asking.path, &asking.authorization, &asking.body])
            .arg(&self.people)
            .args([load.from.to_string(), load.count.to_string()])
            .output()?;
        let text = String::from_utf8_lossy(&out.stdout);
        let line = text.lines().rev().find(|line| line.starts_with('{'));
        let line = line.with_context(|| {
            format!("wrk told nothing: {text}{}", String::from_utf8_lossy(&out.stderr))
        })?;
        let went: Went = serde_json::from_str(line)?;
        anyhow::ensure!(went.failed == 0, "{} of {} requests failed", went.failed, went.requests);
        anyhow::ensure!(
            !load.once || went.requests <= load.count as u64,
            "{} requests about {} people: some were hits",
            went.requests,
            load.count,
        );
        Ok(went)
    }
}
