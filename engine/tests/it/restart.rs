//! A restart behind a socket that outlives it: no connection is refused, and no
//! request is lost.

use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use engine::http;

use crate::hardness::Raw;
use crate::serve::Place;
use crate::support::{Api, Modern, at_once, audit, data_folder, demo, eventually, form, somebody};

/// Does what systemd does: the socket is file 3, and the process knows that it is its.
const GIVE: &str = r#"exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@""#;

/// A demonstration as a process of its own, at a socket of the test's.
pub(crate) struct Engine(Child);

impl Engine {
    pub(crate) fn start(socket: &TcpListener, data: &Path) -> Self {
        Self::start_by(GIVE, socket, data)
    }

    /// One that may open so many files, and no more.
    pub(crate) fn start_with_files(files: u32, socket: &TcpListener, data: &Path) -> Self {
        Self::start_by(&format!("ulimit -n {files}; {GIVE}"), socket, data)
    }

    fn start_by(script: &str, socket: &TcpListener, data: &Path) -> Self {
        let socket: OwnedFd = socket.try_clone().expect("a socket").into();
        let child = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_engine"), "demo", "--data"])
            .arg(data)
            .args(["--registers-port", "0", "--registers", "instant", "--population", "1000"])
            .env("RUST_LOG", "error")
            .stdin(socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("a shell");
        Self(child)
    }

    pub(crate) fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Ended already, where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Load {
    address: SocketAddr,
    form: serde_json::Value,
    answered: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// One connection after the other, as the engine asks for it.
    fn run(&self) {
        let form = self.form.to_string();
        while !self.over.load(Relaxed) {
            let mut line = Raw::connect(Api(self.address));
            loop {
                line.post("justice", &form);
                let reply = line.reply();
                assert_eq!(reply.status, 200);
                self.answered.fetch_add(1, Relaxed);
                if reply.header("connection") == Some("close") || self.over.load(Relaxed) {
                    break;
                }
            }
        }
    }

    fn run_over_two(&self) {
        at_once(async {
            while !self.over.load(Relaxed) {
                let mut client = Modern::connect(self.address).await.unwrap();
                while !self.over.load(Relaxed) {
                    match client.ask("justice", &self.form).await {
                        Ok(reply) => assert_eq!(reply.status(), 200),
                        // It was never sent.
                        Err(error) if error.is_canceled() || error.is_closed() => break,
                        Err(error) => panic!("a request is lost: {error:?}"),
                    }
                    self.answered.fetch_add(1, Relaxed);
                }
            }
        });
    }

    fn goes_on(&self, what: &str) {
        let before = self.answered.load(Relaxed);
        eventually(what, || self.answered.load(Relaxed) > before + 50);
    }
}

/// Ends the load also where the test fails, so that it fails at once.
struct Over<'a>(&'a Load);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Relaxed);
    }
}

#[test]
fn a_restart_that_inherits_its_socket_refuses_and_loses_nothing() {
    let data = data_folder();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let country = fixtures::Country::new(1, 1_000).unwrap();
    let load = Load {
        address: socket.local_addr().unwrap(),
        form: form("criminal-record-extract", &somebody(country)),
        answered: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    let mut engine = Engine::start(&socket, data.path());
    let engine = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| load.run());
            scope.spawn(|| load.run_over_two());
        }
        let over = Over(&load);
        load.goes_on("the first answers");
        for _ in 0..2 {
            engine.stop();
            engine = Engine::start(&socket, data.path());
            load.goes_on("the next answers");
        }
        drop(over);
        engine
    });
    engine.stop();
    assert_eq!(audit(data.path()).disclosures as usize, load.answered.into_inner());
}

#[test]
fn sockets_of_another_process_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("ready");
    let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
        .args(["demo", "--listen", "127.0.0.1:0", "--registers-port", "0", "--ready-file"])
        .arg(&ready)
        .args(["--registers", "instant", "--population", "1000"])
        .env("RUST_LOG", "error")
        .env("LISTEN_PID", "1")
        .env("LISTEN_FDS", "1")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let read = || std::fs::read_to_string(&ready).unwrap_or_default();
    eventually("it listens on its own", || read().ends_with('\n'));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A service's own sockets are not its engine's: only the commands take what they were
/// given. The test is a process of its own again, which is given the socket.
#[test]
fn whoever_embeds_an_engine_keeps_the_sockets_that_were_given() {
    const TEST: &str = "restart::whoever_embeds_an_engine_keeps_the_sockets_that_were_given";
    if let Ok(given) = std::env::var("ADDRESS_OF_THE_SOCKET_GIVEN") {
        let (demo, serve) = (demo(), Place::new());
        assert_ne!(demo.engine.address().to_string(), given);
        assert_ne!(serve.start().address().to_string(), given);
        assert_eq!(http::inherited().unwrap()[0].local_addr().unwrap().to_string(), given);
        return;
    }
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let service = Command::new("sh")
        .args(["-c", GIVE])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST])
        .env("ADDRESS_OF_THE_SOCKET_GIVEN", &address)
        .stdin(OwnedFd::from(socket))
        .output()
        .unwrap();
    assert!(service.status.success(), "{}", String::from_utf8_lossy(&service.stdout));
    assert!(String::from_utf8_lossy(&service.stdout).contains("1 passed"));
}
