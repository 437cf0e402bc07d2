//! The real process, killed under load, again and again on one directory.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use engine::model::{Channel, Subject};
use fixtures::Country;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::history::{Bundle, Held, Operation, Told, Wanted};
use crate::power::{newest_head, stands};

const POPULATION: u64 = 1_000;
const CLIENTS: u64 = 4;
/// How long it lives under load, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 50..400;
/// Every so many requests are a change of mind.
const CHANGE_EVERY: u64 = 4;

/// What was survived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Killed {
    /// How often it was killed.
    pub times: u64,
    /// Bundles that clients held.
    pub bundles: u64,
    /// Changes that were acknowledged.
    pub changes: u64,
}

/// Starts `program demo`, asks it for bundles and tells it of changes, kills it, and
/// holds what clients were told against its ledger; so many times.
///
/// # Errors
/// Where it does not start, and where something that was told is lost.
pub fn kill(program: &Path, times: u64, seed: u64) -> anyhow::Result<Killed> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let data = dir.path().join("data");
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut killed, mut told, mut head) = (Killed::default(), Vec::new(), None);
    for time in 0..times {
        told.extend(one_life(program, &data, Duration::from_millis(rng.random_range(LIFE_MS)))?);
        killed.times += 1;
        stands(&data, &told.iter().collect::<Vec<_>>(), head.as_ref())
            .with_context(|| format!("after it was killed for the {}. time", time + 1))?;
        head = Some(newest_head(&data)?);
        let is_bundle = |it: &&Operation| matches!(it.told, Told::Bundle(_));
        let bundles = told.iter().filter(is_bundle).count() as u64;
        killed.bundles += bundles;
        killed.changes += told.len() as u64 - bundles;
        // The next audit holds this head against the ledger, and so all of these.
        told.clear();
    }
    Ok(killed)
}

fn one_life(program: &Path, data: &Path, life: Duration) -> anyhow::Result<Vec<Operation>> {
    let (mut child, address) = start(program, data)?;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (failed, failures) = sync_channel::<anyhow::Error>(CLIENTS as usize);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (told, address, failed) = (told.clone(), address.clone(), failed.clone());
            thread::spawn(move || ask_until_it_ends(client, &address, &told, &failed))
        })
        .collect();
    drop(failed);
    let early = failures.recv_timeout(life);
    child.kill().context("it cannot be killed")?;
    child.wait().context("it does not end")?;
    for client in clients {
        client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?;
    }
    match early {
        Ok(error) => return Err(error.context("before it was killed")),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
    }
    Ok(std::mem::take(&mut *told.lock().expect("no panic under it")))
}

/// The process, and where its API answers.
fn start(program: &Path, data: &Path) -> anyhow::Result<(Child, String)> {
    let mut command = Command::new(program);
    command.args(["demo", "--listen", "127.0.0.1:0", "--registers-port", "0"]);
    command.args(["--registers", "instant", "--population", &POPULATION.to_string()]);
    command.args(["--disk-floor-mib", "0"]).arg("--data").arg(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| program.display().to_string())?;
    let out = child.stdout.take().expect("it is piped");
    for line in BufReader::new(out).lines() {
        let line = line.context("what it says when it starts")?;
        if let Some((_, address)) = line.split_once("API        http://") {
            return Ok((child, address.to_owned()));
        }
    }
    let code = child.wait().context("it does not end")?;
    anyhow::bail!("it does not start: {code}")
}

type ToldOf = Mutex<Vec<Operation>>;

/// One client with people of its own. The end of the process ends it.
fn ask_until_it_ends(
    client: u64,
    address: &str,
    told: &ToldOf,
    failed: &SyncSender<anyhow::Error>,
) {
    let country = Country::new(1, POPULATION).expect("a population within bounds");
    let adults: Vec<String> = country
        .people()
        .filter(|person| person.date_of_birth().civil().0 < 2000)
        .skip(client as usize)
        .step_by(CLIENTS as usize)
        .take(16)
        .map(|person| person.matricule().to_string())
        .collect();
    let Ok(stream) = TcpStream::connect(address) else { return };
    let mut connection = Connection { address, stream: BufReader::new(stream) };
    for turn in 0.. {
        let person = &adults[turn as usize % adults.len()];
        // Where the process has ended, nothing was told.
        let Ok((status, body)) = (match turn % CHANGE_EVERY {
            0 => connection.change(person, (turn / CHANGE_EVERY / 16) % 2 == 1),
            _ => connection.bundle(person),
        }) else {
            return;
        };
        match read(person, status, &body) {
            Ok(operation) => told.lock().expect("no panic under it").push(operation),
            Err(error) => {
                let _ = failed.try_send(error);
                return;
            }
        }
    }
}

fn read(person: &str, status: u16, body: &[u8]) -> anyhow::Result<Operation> {
    #[derive(Deserialize)]
    struct Read {
        disclosure: Option<Uuid>,
        #[serde(rename = "consentVersion")]
        version: Option<u64>,
    }
    anyhow::ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(body));
    let subject: Subject = person.parse().context("an identifier")?;
    let read: Read = serde_json::from_slice(body).context("an answer is JSON")?;
    let (wanted, told) = match (read.disclosure, read.version) {
        (Some(id), _) => {
            let digest = Sha256::digest(body).into();
            (bundle(subject), Told::Bundle(Held { id, digest, filled: Vec::new() }))
        }
        (None, Some(version)) => {
            let wanted = Wanted::Preference { subject, register: 0, allow: true };
            (wanted, Told::Version(version, None))
        }
        (None, None) => anyhow::bail!("neither a bundle nor a consent"),
    };
    Ok(Operation { invoked: 0, completed: 0, wanted, told })
}

fn bundle(subject: Subject) -> Wanted {
    Wanted::Bundle(Bundle {
        procedure: "criminal-record-extract",
        subjects: vec![subject],
        organisation: "justice",
        channel: Channel::FrontOffice,
        case: None,
        key: None,
    })
}

/// One connection, on which one request follows another.
struct Connection<'a> {
    address: &'a str,
    stream: BufReader<TcpStream>,
}

impl Connection<'_> {
    fn bundle(&mut self, person: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let body = format!(
            "{{\"procedure\":\"criminal-record-extract\",\"subjects\":{{\"applicant\":\"{person}\"}},\
             \"presence\":\"demo-person-{person}\"}}"
        );
        self.send("POST /v1/prefill", "demo-org-justice", &body)
    }

    fn change(&mut self, person: &str, allow: bool) -> std::io::Result<(u16, Vec<u8>)> {
        let token = format!("demo-person-{person}");
        let body = format!("{{\"allow\":{allow}}}");
        self.send("PUT /v1/me/consents/preferences/rnpp", &token, &body)
    }

    fn send(&mut self, what: &str, token: &str, body: &str) -> std::io::Result<(u16, Vec<u8>)> {
        let request = format!(
            "{what} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        Ok((status, answer))
    }
}

/// This program, which can be the one that is killed.
///
/// # Errors
/// Where it is not known.
pub fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("where this program is")
}
