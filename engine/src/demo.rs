//! The whole country in one process: registers, people, ledger, API.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fixtures::{Country, Fleet, Profile};
use tempfile::TempDir;

use crate::catalogue::{Catalogue, Source};
use crate::clock::Civil;
use crate::drain::Pauses;
use crate::engine::{self, Parts, Running};
use crate::entropy::Entropy;
use crate::identity::Demo as Tokens;
use crate::model::Subject;
use crate::net::Tcp;
use crate::signals::Signals;
use crate::space::{self, MasterKey};
use crate::store::Room;
use crate::store::files::create_private_dir;
use crate::{cache, http};

/// `engine demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Where the API listens; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Where the ledger and the citizens' own data are kept; without it, in a fresh
    /// temporary directory. The key to own data is kept beside it, in DIR.key.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// How many people live in the country.
    #[arg(long, default_value_t = 170_000, value_parser = clap::value_parser!(u64).range(10..=20_000_000))]
    pub population: u64,
    /// The same seed makes the same country.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How fast, and how well, the registers answer: instant, realistic or degraded.
    #[arg(long, default_value = "realistic", value_parser = profile)]
    pub registers: Profile,
    /// The first register's port, the others on those after it; 0 takes free ones.
    #[arg(long, default_value_t = 18_081)]
    pub registers_port: u16,
    /// How many times as fast as real time calendars run, for a replay: a year in
    /// two minutes is 262800. Deadlines and latencies stay real; registers take their
    /// calls in seconds of the calendar. Data written so opens only so.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub time_scale: u32,
    /// On how many cores it works; without it, on as many as it may use.
    #[arg(long)]
    pub cores: Option<NonZeroUsize>,
    /// How many MiB must stay free where the data is; with less, the engine says that it
    /// is not ready.
    #[arg(long, default_value_t = 64)]
    pub disk_floor_mib: u64,
    /// The API's certificates in PEM, its own first; without them it speaks in the clear.
    #[arg(long, requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// The private key of the first of them, in PEM.
    #[arg(long, requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// Written once the API answers, with its URL.
    #[arg(long)]
    pub ready_file: Option<PathBuf>,
}

impl Default for Options {
    /// For test suites and services that embed it: free ports, registers that answer
    /// at once, and a temporary directory.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: None,
            population: 170_000,
            seed: 1,
            registers: Profile::Instant,
            registers_port: 0,
            time_scale: 1,
            cores: None,
            disk_floor_mib: 64,
            tls_certificate: None,
            tls_key: None,
            ready_file: None,
        }
    }
}

/// A running demonstration.
pub struct Demo {
    /// The engine.
    pub engine: Running,
    /// Its registers.
    pub fleet: Fleet,
    /// Its people.
    pub country: Country,
    data: PathBuf,
    tls: bool,
    /// Removed with everything in it at the end, unless the data was named.
    _temporary: Option<TempDir>,
}

impl Demo {
    /// Starts registers and engine.
    ///
    /// # Errors
    /// Where a port or the data directory cannot be had.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        // A socket that the process was given is whose process it is, not the engine's.
        Self::begin(options, None)
    }

    fn begin(options: &Options, given: Option<TcpListener>) -> anyhow::Result<Self> {
        let country = Country::new(options.seed, options.population).context("--population")?;
        let (data, temporary) = match &options.data {
            Some(named) => (named.clone(), None),
            None => {
                let temporary = tempfile::Builder::new().prefix("prefill-").tempdir();
                let temporary = temporary.context("no temporary directory for the ledger")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let master_key = match temporary {
            // Nobody opens what goes with this process.
            Some(_) => MasterKey::random(&Entropy::system()),
            None => master_key(&data)?,
        };
        let fresh = std::fs::read_dir(&data).map_or(true, |mut files| files.next().is_none());
        let port = (options.registers_port != 0).then_some(options.registers_port);
        let fleet = Fleet::start(country, options.registers, port)
            .context("the simulated registers cannot start; see --registers-port")?;
        fleet.hurry(options.time_scale);
        let catalogue = Arc::new(catalogue_at(options.time_scale)?);
        let endpoints = catalogue.registers().iter();
        let endpoints =
            endpoints.map(|known| (known.name.clone(), fleet.address(&known.name).into()));
        let parts = Parts {
            endpoints: endpoints.collect(),
            catalogue,
            directory: Arc::new(Tokens::new(Entropy::system().bytes())),
            room: Arc::new(Room::new(&data, options.disk_floor_mib << 20)),
            connect: Arc::new(Tcp),
            retention: crate::ledger::RETENTION_DEFAULT,
            civil: match options.time_scale {
                1 => Civil::system(),
                scale => Civil::scaled(scale),
            },
            cache: cache::Config::default(),
            master_key,
            spans: None,
            tells_how: true,
            entropy: Box::new(Entropy::system),
        };
        let engine = engine::start(parts, &data, listen(options, given)?)
            .with_context(|| format!("the engine cannot start (data in {})", data.display()))?;
        if fresh {
            refuse(&engine, country).context("the personas' preferences cannot be recorded")?;
        }
        let tls = options.tls_key.is_some();
        Ok(Self { engine, fleet, country, data, tls, _temporary: temporary })
    }

    /// What a newcomer needs: where it is, and three commands to paste.
    #[must_use]
    pub fn welcome(&self) -> String {
        let url = self.url();
        let matricule = self.country.example_adult().matricule();
        let mut text = String::new();
        let registers: Vec<_> = self.names().map(|name| self.place(&name)).collect();
        let registers: Vec<_> = registers.chunks(4).map(|row| row.join("  ")).collect();
        let personas = self.country.personas();
        let personas: Vec<_> = personas
            .iter()
            .map(|it| format!("{}  {}", it.subject, it.line(&self.country)))
            .collect();
        let _ = write!(
            text,
            "\
Prefill demo: {} synthetic people, every name and number invented.

  API        {url}
  registers  {}
  ledger     {}{}

  {}

Fill a form for one of them, see who saw it, and say No to a register:

  curl -s {url}/v1/prefill -H 'authorization: Bearer demo-org-justice' \\
    -d '{{\"procedure\":\"criminal-record-extract\",\"subjects\":{{\"applicant\":\"{matricule}\"}},\"presence\":\"demo-person-{matricule}\"}}'

  curl -s {url}/v1/me/accesses -H 'authorization: Bearer demo-person-{matricule}'

  curl -s -X PUT {url}/v1/me/consents/preferences/rnpp -H 'authorization: Bearer demo-person-{matricule}' -d '{{\"allow\":false}}'

Ctrl-C stops it.
",
            self.country.population(),
            registers.join("\n             "),
            self.data.display(),
            if self._temporary.is_some() { " (removed at the end; keep it with --data DIR)" } else { "" },
            personas.join("\n  "),
        );
        text
    }

    /// Where its API answers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.engine.address())
    }

    fn place(&self, register: &str) -> String {
        format!("{register} {}", self.fleet.address(register))
    }

    fn names(&self) -> impl Iterator<Item = String> {
        fixtures::Authority::ALL.into_iter().map(|authority| authority.name().to_owned())
    }
}

/// Records what some personas refuse, so that a newcomer sees it. Only in a new
/// ledger: what they say later is theirs.
fn refuse(engine: &Running, country: Country) -> anyhow::Result<()> {
    let refuse = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        for persona in country.personas() {
            let subject = persona.subject.to_string().parse::<Subject>()?;
            for register in persona.refuses {
                runtime.block_on(engine.handle().prefer(subject, register, false))?;
            }
        }
        Ok(())
    };
    // Whoever embeds it may be on a runtime of their own, where nothing may block.
    std::thread::scope(|scope| scope.spawn(refuse).join())
        .unwrap_or_else(|_| anyhow::bail!("what personas refuse cannot be recorded"))
}

/// At the address asked for, or at the socket that this process was given.
fn listen(options: &Options, given: Option<TcpListener>) -> anyhow::Result<http::Listen> {
    let mut listen = http::Listen::on(options.listen);
    listen.cores = options.cores;
    if let Some(socket) = given {
        tracing::info!("--listen gives way to the socket that this process was given");
        listen.at = http::At::Inherited(socket);
    }
    if let (Some(certificate), Some(key)) = (&options.tls_certificate, &options.tls_key) {
        let read = |file: &Path| std::fs::read(file).with_context(|| file.display().to_string());
        let tls = http::Tls::from_pem(&read(certificate)?, &read(key)?);
        listen.tls = Some(Arc::new(tls.context("--tls-certificate, --tls-key")?));
    }
    Ok(listen)
}

/// The key beside a data directory; at its first start a new one.
fn master_key(data: &Path) -> anyhow::Result<MasterKey> {
    let place = || format!("the data directory {}", data.display());
    create_private_dir(data).with_context(place)?;
    // So that `.` and `data/..` have a name, too.
    let data = data.canonicalize().with_context(place)?;
    let mut file = data.clone().into_os_string();
    file.push(".key");
    let file = PathBuf::from(file);
    let named = || format!("the master key in {}", file.display());
    if let Some(key) = MasterKey::read(&file).with_context(named)? {
        return Ok(key);
    }
    anyhow::ensure!(
        !space::Sqlite::holds_any(&data).with_context(place)?,
        "{} holds citizens' own data, but its master key is gone: put {} back",
        data.display(),
        file.display(),
    );
    MasterKey::create(&file, &Entropy::system()).with_context(named)
}

/// The demonstration's catalogue.
///
/// # Errors
/// Every mistake in it.
pub fn catalogue() -> anyhow::Result<Catalogue> {
    catalogue_at(1)
}

/// The same where calendars run so many times as fast as real time. What a
/// register takes in a second is said in seconds of its calendar: a year in two
/// minutes asks a thousand times as much of it as any year will.
fn catalogue_at(time_scale: u32) -> anyhow::Result<Catalogue> {
    let source =
        |(path, text): (&str, Cow<'_, str>)| Source { path: path.into(), text: text.into_owned() };
    let sources: Vec<_> = fixtures::catalogue::files_at(time_scale).map(source).collect();
    Catalogue::compile(&sources).map_err(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the catalogue has mistakes:\n{}", lines.join("\n"))
    })
}

/// Runs the demonstration until Ctrl-C.
///
/// # Errors
/// Where it cannot start, or cannot say that it did.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let demo = Demo::begin(options, http::inherited()?.into_iter().next())?;
    // Before anybody is told that it runs: who is told may end it at once.
    let signals = Signals::catch().context("signals cannot be caught")?;
    let mut out = std::io::stdout().lock();
    out.write_all(demo.welcome().as_bytes())
        .and_then(|()| out.flush())
        .context("standard output")?;
    drop(out);
    if let Some(file) = &options.ready_file {
        std::fs::write(file, demo.url() + "\n")
            .with_context(|| format!("--ready-file {}", file.display()))?;
    }
    let read_again = async || tracing::info!("a demonstration reads nothing again");
    signals.obey(&demo.engine, PAUSES, read_again);
    // It says that the API answers, which is over.
    options.ready_file.as_ref().map_or(Ok(()), std::fs::remove_file).context("--ready-file")
}

/// No load balancer stands before a demonstration.
const PAUSES: Pauses = Pauses {
    leaving: Duration::from_millis(200),
    closing: Duration::from_millis(500),
    limit: Duration::from_secs(35),
};

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "instant" => Ok(Profile::Instant),
        "realistic" => Ok(Profile::Realistic),
        "degraded" => Ok(Profile::Degraded),
        _ => Err("must be instant, realistic or degraded".to_owned()),
    }
}
