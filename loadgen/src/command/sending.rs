//! How to send, as options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rustix::thread::CpuSet;

use super::{Failure, complain, duration};
use crate::connection::{Authorities, Dial, Keeping, Protocol, Trust};
use crate::target::Target;

const CLOSED_REQUESTS: u32 = 64;
/// A target that answers within 100 ms has them all at 10,000 a second.
const OPEN_REQUESTS: u32 = 1_024;
/// What a browser has at once on one connection, more or less.
const STREAMS: u32 = 16;

/// How to send.
#[derive(Clone, Debug, Args)]
pub(super) struct Sending {
    /// Connections, each with one request on its way, or as many as --streams
    /// says: 64 in a closed loop; at a rate at most 1024, opened as they are
    /// needed. Over HTTP/2 a sixteenth of that.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    connections: Option<u32>,
    /// Close each connection after so many requests.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_connection: Option<u64>,
    /// A new connection for each request.
    #[arg(long, conflicts_with = "requests_per_connection")]
    no_keep_alive: bool,
    #[command(flatten)]
    reaching: Reaching,
    /// Requests at once on each connection of HTTP/2, 16 where nothing is said;
    /// where the target allows fewer, they wait for it.
    #[arg(long, requires = "http2", value_parser = clap::value_parser!(u32).range(1..=1_024))]
    streams: Option<u32>,
    /// Threads that send and verify.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Pin the threads to these processors, such as 0,2: theirs alone, since they
    /// turn on them for the last 40 us before each request.
    #[arg(long, value_delimiter = ',')]
    pub(super) cpus: Vec<usize>,
}

/// How a target is reached.
#[derive(Clone, Debug, Args)]
pub(super) struct Reaching {
    /// Speak HTTP/2: within TLS by agreement (ALPN), without TLS at once.
    #[arg(long)]
    http2: bool,
    /// Whose certificates vouch for a target that speaks TLS, in PEM; those
    /// that the system trusts where nothing is said.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Believe every certificate.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// How long an answer may take, such as 10s.
    #[arg(long, default_value = "10s", value_parser = duration)]
    timeout: Duration,
}

impl Sending {
    pub(super) fn connections(&self, is_closed: bool) -> usize {
        let default = if is_closed { CLOSED_REQUESTS } else { OPEN_REQUESTS };
        let default = if self.reaching.http2 { default / STREAMS } else { default };
        self.connections.unwrap_or(default) as usize
    }

    pub(super) fn streams(&self) -> usize {
        if self.reaching.http2 { self.streams.unwrap_or(STREAMS) as usize } else { 1 }
    }

    pub(super) fn threads(&self, connections: usize) -> usize {
        usize::from(self.threads).min(connections)
    }

    /// Refuses processors that this program has no part of.
    fn check_cpus(&self) -> Result<(), Failure> {
        let own = rustix::thread::sched_getaffinity(None);
        let own = own.map_err(|error| Failure::Void(format!("--cpus: {error}")))?;
        let has = |cpu: usize| cpu < CpuSet::MAX_CPU && own.is_set(cpu);
        match self.cpus.iter().find(|cpu| !has(**cpu)) {
            None => Ok(()),
            Some(cpu) => {
                let own = (0..CpuSet::MAX_CPU).filter(|cpu| has(*cpu)).map(|it| it.to_string());
                let own: Vec<_> = own.collect();
                let why = format!("--cpus: not {cpu}: this program may run on {}", own.join(", "));
                Err(Failure::Usage(why))
            }
        }
    }

    /// How connections to this target are made and kept.
    pub(super) fn keeping(&self, target: &Target) -> Result<Keeping, Failure> {
        self.check_cpus()?;
        let requests_max = if self.no_keep_alive { Some(1) } else { self.requests_per_connection };
        Ok(Keeping { requests_max, ..self.reaching.keeping(target)? })
    }
}

impl Reaching {
    /// How connections to this target are made; they are kept for long.
    pub(super) fn keeping(&self, target: &Target) -> Result<Keeping, Failure> {
        let protocol = if self.http2 { Protocol::Http2 } else { Protocol::Http1 };
        let trust = self.trust(target, protocol)?;
        let timeout = self.timeout;
        Ok(Keeping { timeout, requests_max: None, protocol, trust, dial: Dial::Tcp })
    }

    fn trust(&self, target: &Target, protocol: Protocol) -> Result<Option<Trust>, Failure> {
        if !target.is_secure() {
            let said = if self.insecure { Some("--insecure") } else { None };
            let said = said.or_else(|| self.ca.is_some().then_some("--ca"));
            return match said {
                Some(option) => {
                    let why = format!("{option}: {target} does without TLS; say https://");
                    Err(Failure::Usage(why))
                }
                None => Ok(None),
            };
        }
        if self.insecure && !target.is_loopback() {
            complain(&format!(
                "warning: --insecure: whoever answers is taken for {target}, and is sent whatever \
                 tokens requests bear"
            ));
        }
        let authorities = match &self.ca {
            Some(path) => Authorities::File(path),
            None if self.insecure => Authorities::Unchecked,
            None => Authorities::System,
        };
        let trust = Trust::new(authorities, protocol);
        trust.map(Some).map_err(|error| Failure::Usage(format!("--ca {error}")))
    }
}
