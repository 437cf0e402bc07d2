//! One side: a process of its own, ready to be asked.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use engine::clock::monotonic;
use fixtures::Fleet;
use rustix::process::{Pid, Signal, kill_process};

use super::client::Client;
use super::described::{Asking, Description};
use super::form;

/// How long a side may take to be ready.
const READY_TIME_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running side; dropping it ends its process.
pub struct Side {
    /// What it is called.
    pub name: String,
    /// What it does not do.
    pub lacks: String,
    /// How it is asked.
    pub asking: Asking,
    /// Where.
    pub address: SocketAddr,
    /// Whether its answers are compared with what is true.
    pub verified: bool,
    child: Child,
}

impl Side {
    /// Starts what a description says, in a directory of its own.
    ///
    /// # Errors
    /// Where it does not start, or does not become ready.
    pub fn start(
        description: Description,
        dir: &Path,
        refusals: &Path,
        fleet: &Fleet,
    ) -> anyhow::Result<Self> {
        let Description { name, lacks, start, ready, asking, files, verified } = description;
        let dir = dir.join(name.replace(' ', "-"));
        std::fs::create_dir_all(&dir)?;
        let address = free()?;
        let filled = |text: &str| {
            let text = text
                .replace("{port}", &address.port().to_string())
                .replace("{dir}", &dir.display().to_string())
                .replace("{people}", &refusals.display().to_string());
            form::REGISTERS.iter().fold(text, |text, (register, _)| {
                text.replace(&format!("{{{register}}}"), &fleet.address(register).to_string())
            })
        };
        for (file, text) in &files {
            std::fs::write(dir.join(file), filled(text))?;
        }
        let start: Vec<String> = start.iter().map(|word| filled(word)).collect();
        let (program, words) = start.split_first().context("`start` is empty")?;
        let log = std::fs::File::create(dir.join("stderr"))?;
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("`{program}` cannot be started"))?;
        let mut side = Self { name, lacks, asking, address, verified, child };
        side.become_ready(ready.as_deref()).with_context(|| {
            let told = std::fs::read_to_string(dir.join("stderr")).unwrap_or_default();
            format!("{} does not become ready: {told}", side.name)
        })?;
        Ok(side)
    }

    fn become_ready(&mut self, path: Option<&str>) -> anyhow::Result<()> {
        let until = monotonic() + READY_TIME_MAX;
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("it ended with {status}");
            }
            let ready = match path {
                None => TcpStream::connect(self.address).is_ok(),
                Some(path) => Client::connect(self.address)
                    .and_then(|mut client| client.ask(&format!("GET {path} HTTP/1.1\r\n"), ""))
                    .is_ok_and(|(status, _)| status == 200),
            };
            if ready {
                return Ok(());
            }
            anyhow::ensure!(monotonic() < until, "it took too long");
            pause(LOOK_EVERY);
        }
    }

    /// Asks about one person.
    ///
    /// # Errors
    /// Where the answer is none.
    pub fn ask(&self, person: &str) -> anyhow::Result<Vec<u8>> {
        let (head, body) = self.asking.about(person);
        let (status, body) = Client::connect(self.address)?.ask(&head, &body)?;
        let told = || String::from_utf8_lossy(&body).into_owned();
        anyhow::ensure!(status == 200, "{}: status {status}: {}", self.name, told());
        Ok(body)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        // Not a kill: a server with processes of its own must end them.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

/// Another process's doing cannot be waited for.
#[expect(clippy::disallowed_methods, reason = "there is no event of another process's port")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A port that nobody listens on. Somebody could take it before its side does, which
/// then says so.
///
/// # Errors
/// Where there is none.
pub fn free() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
