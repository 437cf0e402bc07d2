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
use engine::store::{Head, Time};
use fixtures::{Country, Person};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::check::{Broken, Promise};
use crate::history::{Bundle, Held, Operation, Told, Wanted};
use crate::stands::{Known, Standing, bundles, naming, stands};

const POPULATION: u64 = 1_000;
const CLIENTS: u64 = 4;
/// How long it lives under load, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 50..400;
/// Every so many requests are a change of mind: of a register, and of a mandate, in turns.
const CHANGE_EVERY: u64 = 4;
/// Two years, after which entries are cut, are two thirds of a second, so that what one
/// life wrote the next one cuts.
const TIME_SCALE: u32 = 100_000_000;
/// After every so many lives somebody is erased.
const ERASE_EVERY: u64 = 3;
/// How long an erasure lives that is killed, in milliseconds.
const ERASURE_MS: std::ops::Range<u64> = 0..40;

/// What was survived.
#[derive(Clone, Copy, Debug, Default)]
pub struct Killed {
    /// How often it was killed.
    pub times: u64,
    /// Bundles that clients held.
    pub bundles: u64,
    /// Changes that were acknowledged.
    pub changes: u64,
    /// People who were erased.
    pub erased: u64,
    /// Erasures that were killed before they had told anything.
    pub erasures_killed: u64,
    /// Lives in which entries were cut.
    pub cuts: u64,
}

/// Starts `program demo`, whose calendar runs fast, so that it cuts what is beyond
/// retention all the time; asks it for bundles and tells it of changes, kills it, and
/// holds what clients were told against its ledger; so many times. Between two of these
/// it may erase somebody, and kill that as well.
///
/// # Errors
/// Where it does not start, and where something that was told is lost.
pub fn kill(program: &Path, times: u64, seed: u64) -> anyhow::Result<Killed> {
    let dir = tempfile::tempdir().context("a temporary directory")?;
    let data = dir.path().join("data");
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut killed, mut before) = (Killed::default(), None::<Standing>);
    for time in 0..times {
        let life = Duration::from_millis(rng.random_range(LIFE_MS));
        let told = one_life(program, &data, life)?;
        let told: Vec<&Operation> = told.iter().collect();
        let new = bundles(&told);
        killed.times += 1;
        killed.bundles += new;
        killed.changes += told.len() as u64 - new;
        let after = || format!("after it was killed for the {}. time", time + 1);
        let older = before.map(|before| before.head);
        let standing = stands(&data, &killed.known(&told, older.as_ref())).with_context(after)?;
        killed.cuts += u64::from(standing.cut > before.map_or(0, |before| before.cut));
        if (time + 1) % ERASE_EVERY == 0 {
            erase(program, &data, &mut rng, &mut killed).with_context(after)?;
            stands(&data, &killed.known(&[], Some(&standing.head))).with_context(after)?;
        }
        // The next audit holds this head against the ledger, and so all of these.
        before = Some(standing);
    }
    Ok(killed)
}

impl Killed {
    fn known<'a>(&self, held: &'a [&'a Operation], older: Option<&'a Head>) -> Known<'a> {
        let Self { bundles, erased, .. } = *self;
        Known { time: Time::Scaled, held, older, bundles, erased }
    }
}

/// Erases somebody who asked, or whose form was asked for: that is killed, and then done
/// again.
fn erase(program: &Path, data: &Path, rng: &mut StdRng, killed: &mut Killed) -> anyhow::Result<()> {
    let client = rng.random_range(0..CLIENTS);
    let whom = &people(client)[rng.random_range(0..PEOPLE)].matricule;
    let start = || {
        let mut key = data.as_os_str().to_owned();
        key.push(".key");
        let mut command = Command::new(program);
        command.arg("erase").arg("--data").arg(data).arg("--master-key").arg(key);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| program.display().to_string())?;
        let mut input = child.stdin.take().expect("it is piped");
        // Whoever is killed at once does not read it.
        let _ = input.write_all(whom.as_bytes());
        anyhow::Ok(child)
    };
    let subject: Subject = whom.parse().context("an identifier")?;
    let is_known = !naming(data, subject)?.is_empty();
    let mut child = start()?;
    let output = child.stdout.take().expect("it is piped");
    pause(Duration::from_millis(rng.random_range(ERASURE_MS)));
    child.kill().context("an erasure cannot be killed")?;
    child.wait().context("an erasure does not end")?;
    let was_killed = std::io::read_to_string(output)?.is_empty();
    let done = start()?.wait_with_output().context("an erasure does not end")?;
    let said = String::from_utf8_lossy(&done.stdout);
    anyhow::ensure!(done.status.success(), "an erasure: {}: {said}", done.status);
    let files = naming(data, subject)?;
    let how = || format!("somebody who was erased is named in {files:?}");
    let promise = Promise::AnAcknowledgedChangeIsInForce;
    anyhow::ensure!(files.is_empty(), Broken { promise, how: how() });
    killed.erased += u64::from(is_known);
    killed.erasures_killed += u64::from(was_killed);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it is killed after some time, whatever it does")]
fn pause(time: Duration) {
    thread::sleep(time);
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
    command.args(["--time-scale", &TIME_SCALE.to_string()]);
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
    let people = people(client);
    let Ok(stream) = TcpStream::connect(address) else { return };
    let mut connection = Connection { address, stream: BufReader::new(stream) };
    for turn in 0.. {
        let somebody = &people[turn as usize % people.len()];
        let wanted = match turn % CHANGE_EVERY {
            0 => somebody.change(turn / CHANGE_EVERY),
            _ => bundle(somebody.matricule.parse().expect("both check the same digits")),
        };
        // Where the process has ended, nothing was told.
        let Ok((status, body)) = connection.ask(&somebody.matricule, &wanted) else { return };
        match read(wanted, status, &body) {
            Ok(operation) => told.lock().expect("no panic under it").push(operation),
            Err(error) => {
                let _ = failed.try_send(error);
                return;
            }
        }
    }
}

/// Whom a client asks for.
struct Somebody {
    matricule: String,
    /// A company for which they act.
    company: String,
}

/// How many are a client's own: odd, so that each of them changes their mind.
const PEOPLE: usize = 15;

/// A client's own, each of whom acts for a company.
fn people(client: u64) -> Vec<Somebody> {
    let country = Country::new(1, POPULATION).expect("a population within bounds");
    let somebody = |person: Person| {
        let company = person.mandates().next()?.rcs().to_string();
        Some(Somebody { matricule: person.matricule().to_string(), company })
    };
    let all = country.people().filter_map(somebody);
    all.skip(client as usize).step_by(CLIENTS as usize).take(PEOPLE).collect()
}

impl Somebody {
    /// What they change as the `nth` thing: a mandate or a preference, back and forth.
    fn change(&self, nth: u64) -> Wanted {
        let subject = self.matricule.parse().expect("both check the same digits");
        let allow = nth / PEOPLE as u64 % 2 == 1;
        match nth.is_multiple_of(2) {
            true => Wanted::Preference { subject, register: 0, allow },
            false => {
                let other = self.company.parse().expect("a register number");
                Wanted::Mandate { subject, other, allow }
            }
        }
    }
}

fn read(wanted: Wanted, status: u16, body: &[u8]) -> anyhow::Result<Operation> {
    #[derive(Deserialize)]
    struct Read {
        disclosure: Option<Uuid>,
        #[serde(rename = "consentVersion")]
        version: Option<u64>,
    }
    anyhow::ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(body));
    let read: Read = serde_json::from_slice(body).context("an answer is JSON")?;
    let told = match (read.disclosure, read.version) {
        (Some(id), _) => {
            let digest = Sha256::digest(body).into();
            Told::Bundle(Held { id, digest, filled: Vec::new() })
        }
        (None, Some(version)) => Told::Version(version, None),
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
    /// Asks in somebody's own name, or with them present.
    fn ask(&mut self, person: &str, wanted: &Wanted) -> std::io::Result<(u16, Vec<u8>)> {
        let own = format!("demo-person-{person}");
        match wanted {
            Wanted::Mandate { other, allow, .. } => {
                let body = format!("{{\"company\":\"{other}\",\"allow\":{allow}}}");
                self.send("PUT /v1/me/consents/mandates", &own, &body)
            }
            Wanted::Preference { allow, .. } => {
                let body = format!("{{\"allow\":{allow}}}");
                self.send("PUT /v1/me/consents/preferences/rnpp", &own, &body)
            }
            _ => {
                let body = format!(
                    "{{\"procedure\":\"criminal-record-extract\",\
                     \"subjects\":{{\"applicant\":\"{person}\"}},\"presence\":\"{own}\"}}"
                );
                self.send("POST /v1/prefill", "demo-org-justice", &body)
            }
        }
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
