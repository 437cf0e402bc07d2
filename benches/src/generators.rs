//! `loadgen` beside other generators, in turns, against the same servers in one run:
//! how fast it is on one core, and whether it measures what they measure.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use loadgen::document::Document;
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::figures::{median, say, spread};
use crate::peers::serve;
use crate::peers::side::{free, pause};

/// What `loadgen` must reach of `wrk`'s rate on one core.
const PEAK_MIN: f64 = 0.6;
/// How far two generators may be apart on a server whose delays are fixed.
const RATE_OFF_MAX: f64 = 0.03;
const PERCENTILE_OFF_MAX: f64 = 0.05;
/// The percentiles that are compared.
const QUANTILES: [f64; 4] = [0.5, 0.75, 0.9, 0.99];
/// Delays in milliseconds: so many from the first on, in turns. The longest is
/// shorter than two average ones: `wrk` adds requests of its own invention for
/// each answer that took longer than that.
const DELAY_FIRST_MS: u64 = 20;
const DELAYS: u64 = 17;
const CONNECTIONS: &str = "64";
/// Half of what so many connections get of such a server.
const RATE: u32 = 1_000;

/// `benches generators`.
#[derive(Args)]
pub struct Options {
    /// How often each is measured, in turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The processor that generators are pinned to.
    #[arg(long, default_value_t = 0)]
    cpu: usize,
    /// Where `oha` is.
    #[arg(long, default_value = "oha")]
    oha: PathBuf,
}

/// How one generator fared.
struct Went {
    requests: f64,
    seconds: f64,
    /// Of latency, in microseconds.
    micros: [f64; QUANTILES.len()],
    /// What it used of processors, in seconds.
    busy: f64,
}

impl Went {
    fn rate(&self) -> f64 {
        self.requests / self.seconds
    }

    /// What it would reach with a core that does nothing else.
    fn per_busy_second(&self) -> f64 {
        self.requests / self.busy
    }
}

/// Who sends.
struct Generator<'a> {
    options: &'a Options,
    dir: &'a Path,
}

/// One measurement, at a rate or in a closed loop.
type Run<'a> = fn(&Generator<'a>, SocketAddr, Option<u32>) -> anyhow::Result<Went>;

/// Measures, and prints ratios.
///
/// # Errors
/// Where something fails, or a bound does not hold.
pub fn run(options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.rounds > 0 && options.seconds > 0, "nothing is to be measured");
    let dir = tempfile::Builder::new().prefix("generators-").tempdir()?;
    let dir = dir.path();
    std::fs::write(dir.join("wrk.lua"), include_str!("generators.lua"))?;
    std::fs::write(dir.join("template.toml"), "[[request]]\npath = \"/\"\nstatus = [200]\n")?;
    let generator = Generator { options, dir };
    let is_there = |program: &Path| Command::new(program).arg("--version").output().is_ok();
    let mut holds = true;
    match is_there(Path::new("wrk")) {
        true => holds &= peak(&generator)?,
        false => say("wrk: skipped, not installed"),
    }
    let slow = delaying()?;
    // `wrk` knows no rates.
    let others: [(&Path, Option<u32>, Run<'_>); 3] = [
        (Path::new("wrk"), None, |generator, at, _| generator.wrk(at)),
        (&options.oha, None, Generator::oha),
        (&options.oha, Some(RATE), Generator::oha),
    ];
    for (program, rate, other) in others {
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        match is_there(program) {
            true => holds &= agreement(&generator, &name, slow, rate, other)?,
            false => say(&format!("{name}: skipped, not installed")),
        }
    }
    anyhow::ensure!(holds, "a bound does not hold");
    Ok(())
}

/// Both against bare hyper, as fast as they can.
fn peak(generator: &Generator<'_>) -> anyhow::Result<bool> {
    let bundle = format!("{{\"it\":\"{}\"}}", "x".repeat(1_500)).into();
    let address = free()?;
    thread::spawn(move || serve::hyper(&bundle, address.port()));
    generator.loadgen(address, None)?;
    let (mut rates, mut own, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut busy = Vec::new();
    for _ in 0..generator.options.rounds {
        let (ours, wrk) = (generator.loadgen(address, None)?, generator.wrk(address)?);
        rates.push(ours.rate() / wrk.rate());
        busy.push(ours.per_busy_second() / wrk.per_busy_second());
        own.push(ours.rate());
        others.push(wrk.rate());
    }
    let holds = median(&rates) >= PEAK_MIN;
    say(&format!(
        "peak on one core, against bare hyper with 1.5 KB, {CONNECTIONS} connections:\n  loadgen \
         {:.0}/s, wrk -t1 {:.0}/s: {} of its rate, at least {PEAK_MIN} wanted: {}\n  for each \
         second of a processor {} of its requests",
        median(&own),
        median(&others),
        spread(&rates),
        word(holds),
        spread(&busy),
    ));
    Ok(holds)
}

/// Both against the same delays, in pairs.
fn agreement<'a>(
    generator: &Generator<'a>,
    name: &str,
    address: SocketAddr,
    rate: Option<u32>,
    other: Run<'a>,
) -> anyhow::Result<bool> {
    let mut off: Vec<Vec<f64>> = vec![Vec::new(); 1 + QUANTILES.len()];
    for _ in 0..generator.options.rounds {
        let ours = generator.loadgen(address, rate)?;
        let theirs = other(generator, address, rate)?;
        off[0].push(ours.rate() / theirs.rate() - 1.0);
        for (place, (ours, theirs)) in ours.micros.iter().zip(theirs.micros).enumerate() {
            off[place + 1].push(ours / theirs - 1.0);
        }
    }
    let pace = rate.map_or_else(|| "in a closed loop".to_owned(), |rate| format!("at {rate}/s"));
    say(&format!(
        "loadgen against {name} {pace}, on a server of fixed delays, pairs, in per cent:"
    ));
    let mut all = true;
    for (place, off) in off.iter().enumerate() {
        let (what, most) = match place {
            0 => ("rate".to_owned(), RATE_OFF_MAX),
            _ => (format!("p{:.0}", QUANTILES[place - 1] * 100.0), PERCENTILE_OFF_MAX),
        };
        let holds = median(off).abs() <= most;
        all &= holds;
        say(&format!(
            "  {what:<5} {}, at most {:.0}: {}",
            spread(&off.iter().map(|off| off * 100.0).collect::<Vec<_>>()),
            most * 100.0,
            word(holds)
        ));
    }
    Ok(all)
}

impl Generator<'_> {
    fn loadgen(&self, at: SocketAddr, rate: Option<u32>) -> anyhow::Result<Went> {
        let (json, template) = (self.dir.join("loadgen.json"), self.dir.join("template.toml"));
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["side", "loadgen", "run", "--quiet", "--connections", CONNECTIONS]);
        command.args(["--target", &format!("http://{at}")]);
        command.args(["--duration", &format!("{}s", self.options.seconds)]);
        command.args(["--cpus", &self.options.cpu.to_string()]);
        command.arg("--template").arg(template).arg("--json").arg(&json);
        if let Some(rate) = rate {
            command.args(["--rate", &format!("{rate}/s")]);
        }
        let (busy, said) = output(&mut command)?;
        let document = Document::read(&json.display().to_string()).context(said)?;
        anyhow::ensure!(document.counts.errors.is_empty(), "loadgen: requests failed");
        Ok(Went {
            requests: document.counts.answers as f64,
            seconds: document.took().as_secs_f64(),
            micros: QUANTILES.map(|it| document.whole.latency.value_at_quantile(it) as f64),
            busy,
        })
    }

    fn wrk(&self, at: SocketAddr) -> anyhow::Result<Went> {
        #[derive(Deserialize)]
        struct Told {
            requests: f64,
            seconds: f64,
            micros: [f64; QUANTILES.len()],
            failed: u64,
        }

        let mut command = self.pinned(Path::new("wrk"));
        command.args(["-t1", "-c", CONNECTIONS, "-d", &format!("{}s", self.options.seconds), "-s"]);
        command.arg(self.dir.join("wrk.lua")).arg(format!("http://{at}/"));
        let (busy, said) = output(&mut command)?;
        let line = said.lines().rev().find(|line| line.starts_with('{'));
        let told: Told = serde_json::from_str(line.with_context(|| said.clone())?)?;
        anyhow::ensure!(told.failed == 0, "wrk: {} requests failed", told.failed);
        let Told { requests, seconds, micros, .. } = told;
        Ok(Went { requests, seconds, micros, busy })
    }

    fn oha(&self, at: SocketAddr, rate: Option<u32>) -> anyhow::Result<Went> {
        let mut command = self.pinned(&self.options.oha);
        if let Some(rate) = rate {
            command.args(["-q", &rate.to_string(), "--latency-correction"]);
        }
        command.args(["--no-tui", "--output-format", "json", "-c", CONNECTIONS, "-z"]);
        command.arg(format!("{}s", self.options.seconds)).arg(format!("http://{at}/"));
        let (busy, said) = output(&mut command)?;
        let told: serde_json::Value = serde_json::from_str(&said).with_context(|| said.clone())?;
        let number = |pointer: &str| {
            told.pointer(pointer).and_then(serde_json::Value::as_f64).context("oha told nothing")
        };
        let seconds = number("/summary/total")?;
        let mut micros = [0.0; QUANTILES.len()];
        for (micros, quantile) in micros.iter_mut().zip(QUANTILES) {
            *micros = number(&format!("/latencyPercentiles/p{:.0}", quantile * 100.0))? * 1e6;
        }
        let requests = number("/statusCodeDistribution/200")?;
        Ok(Went { requests, seconds, micros, busy })
    }

    /// On the processor that generators are pinned to.
    fn pinned(&self, program: &Path) -> Command {
        let mut command = Command::new("taskset");
        command.args(["-c", &self.options.cpu.to_string()]).arg(program);
        command
    }
}

/// Runs a program; how long it used processors, in seconds, and what it said.
fn output(command: &mut Command) -> anyhow::Result<(f64, String)> {
    let before = children_busy()?;
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let busy = children_busy()? - before;
    let said = [output.stdout, output.stderr].concat();
    // The next one finds the server at rest.
    pause(Duration::from_millis(200));
    Ok((busy, String::from_utf8_lossy(&said).into_owned()))
}

/// What children that have ended used of processors, in seconds.
fn children_busy() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, after) = stat.rsplit_once(") ").context("no /proc/self/stat")?;
    // The fields `cutime` and `cstime`, the 16th and 17th of proc_pid_stat(5).
    let fields: Vec<&str> = after.split(' ').collect();
    let ticks: f64 = fields[13].parse::<f64>()? + fields[14].parse::<f64>()?;
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}

/// A server that takes its time: the same delays in turns, whoever asks.
fn delaying() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::spawn(move || runtime.block_on(delay(listener)));
    Ok(address)
}

async fn delay(listener: std::net::TcpListener) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let turn = Arc::new(AtomicU64::new(0));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let turn = turn.clone();
        let service = service_fn(move |_| {
            // Seven has no divisor in common with their number: all of them come.
            let turn = turn.fetch_add(7, Ordering::Relaxed);
            let time = Duration::from_millis(DELAY_FIRST_MS + turn % DELAYS);
            async move {
                tokio::time::sleep(time).await;
                anyhow::Ok(hyper::Response::new(Full::new(bytes::Bytes::from_static(b"{}"))))
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn word(holds: bool) -> &'static str {
    if holds { "holds" } else { "DOES NOT HOLD" }
}
