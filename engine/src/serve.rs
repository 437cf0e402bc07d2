//! `engine serve`: real registers, real identities, by one configuration file.

mod reload;

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::cache;
use crate::clock::Civil;
use crate::config::{self, Config};
use crate::drain::Pauses;
use crate::engine::{self, Parts, Running};
use crate::entropy::Entropy;
use crate::http;
use crate::identity::Issued;
use crate::ledger;
use crate::net::Tcp;
use crate::signals::Signals;
use crate::store::Room;
use reload::InForce;

/// `engine serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The configuration; paths in it start at its own folder.
    #[arg(long)]
    pub config: PathBuf,
    /// Written once the API answers, with its URL and that of the admin listener.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
}

/// Starts an engine as its configuration says.
///
/// # Errors
/// Where a port or the data directory cannot be had.
pub fn start(config: Config) -> anyhow::Result<Running> {
    // A socket that the process was given is whose process it is, not the engine's.
    begin(config, None).map(|(running, _)| running)
}

/// Starts an engine, with what a change of its configuration is compared with.
pub(crate) fn begin(
    config: Config,
    given: Option<TcpListener>,
) -> anyhow::Result<(Running, InForce)> {
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("the data directory {}", config.data.display()))?;
    let mut listen = http::Listen::on(config.listen);
    listen.limits = config.limits;
    listen.admin = Some(config.admin);
    if let Some(socket) = given {
        tracing::info!("`listen` gives way to the socket that this process was given");
        listen.at = http::At::Inherited(socket);
    }
    if let Some(pem) = &config.tls {
        listen.tls = Some(Arc::new(http::Tls::from_pem(&pem.certificates, &pem.key)?));
    }
    let (civil, tls) = (Civil::system(), listen.tls.clone());
    let parts = Parts {
        catalogue: config.catalogue.clone(),
        directory: Arc::new(Issued::new(config.trusted.clone(), civil.clone())),
        endpoints: config.endpoints.clone(),
        connect: Arc::new(Tcp),
        room: Arc::new(Room::new(&config.data, config.disk_floor)),
        civil: civil.clone(),
        retention: config.retention,
        cache: cache::Config { bytes: config.cache_bytes },
        master_key: config.master_key.clone(),
        spans: spans(&config)?,
        tells_how: false,
        entropy: Box::new(Entropy::system),
    };
    let running = engine::start(parts, &config.data, listen)
        .with_context(|| format!("the engine cannot start (data in {})", config.data.display()))?;
    Ok((running, InForce { config, tls, civil }))
}

/// Where spans go, as the configuration says.
#[cfg(feature = "otlp")]
fn spans(config: &Config) -> anyhow::Result<Option<Arc<dyn crate::trace::Spans>>> {
    let Some(export) = &config.spans else { return Ok(None) };
    let spans = crate::otlp::Otlp::start(&export.endpoint, export.share).context("[spans]")?;
    Ok(Some(Arc::new(spans)))
}

/// This build has no exporter, and its configuration names none.
#[cfg(not(feature = "otlp"))]
fn spans(_: &Config) -> anyhow::Result<Option<Arc<dyn crate::trace::Spans>>> {
    Ok(None)
}

/// Runs until told to end.
///
/// # Errors
/// Where it cannot start, or cannot say that it did.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = config::load(&options.config)?;
    let secured = config.tls.is_some();
    let digest = ledger::hex(config.catalogue.digest());
    // Before anybody is told that it runs: who is told may end it at once.
    let signals = Signals::catch().context("signals cannot be caught")?;
    let given = http::inherited()?.into_iter().next();
    let (running, mut in_force) = begin(config, given)?;
    let scheme = if secured { "https" } else { "http" };
    let url = format!("{scheme}://{}", running.address());
    let admin = running.admin().map_or_else(String::new, |admin| format!("http://{admin}"));
    // However little is logged; who closed the output wants to know nothing.
    let _ = writeln!(std::io::stdout(), "Prefill serves at {url}, its admin listener is {admin}");
    tracing::info!(%url, %admin, catalogue = %digest, "the engine serves");
    if let Some(file) = &options.ready_file {
        write_ready(file, &format!("{url}\n{admin}\n"))?;
    }
    let read_again = async || in_force.read_again(&running, &options.config).await;
    signals.obey(&running, Pauses::default(), read_again);
    options.ready_file.as_ref().map_or(Ok(()), std::fs::remove_file).context("--ready-file")
}

/// Whole or not at all: whoever waits for the file reads it at once.
fn write_ready(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let written = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, file));
    written.with_context(|| format!("--ready-file {}", file.display()))
}
