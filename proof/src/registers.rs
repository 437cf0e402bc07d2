//! Registers inside of this process that number each of their answers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::model::Subject;
use engine::net::{Connect, Connecting, Stream};
use engine::registers::Endpoints;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;

use crate::world::{REGISTERS, Ticks, company, managers};

/// What one side of a connection holds for the other.
const BUFFER: usize = 16 << 10;

/// One call, as the register saw it. Its place in the log is the value that the
/// register answered.
#[derive(Clone, Debug)]
pub struct Seen {
    /// About whom.
    pub key: Box<str>,
    /// For whom, where the register asks that.
    pub organisation: Option<Box<str>>,
    /// For which disclosure.
    pub disclosure: Box<str>,
    /// When it came in, in ticks.
    pub at: u64,
}

/// All of them.
pub struct Registers {
    ticks: Arc<Ticks>,
    children: HashMap<String, String>,
    companies: HashMap<String, Vec<String>>,
    logs: [Mutex<Vec<Seen>>; REGISTERS.len()],
}

impl Registers {
    /// Registers that know these parents' children and companies.
    #[must_use]
    pub fn new(families: &[(Subject, Subject)], ticks: Arc<Ticks>) -> Self {
        let pairs = families.iter().map(|(parent, child)| (parent.to_string(), child.to_string()));
        let mut companies: HashMap<String, Vec<String>> = HashMap::new();
        for family in 0..families.len() {
            for manager in managers(families, family) {
                let theirs = companies.entry(manager.to_string()).or_default();
                theirs.push(format!("\"{}\"", company(family)));
            }
        }
        Self { ticks, children: pairs.collect(), companies, logs: Default::default() }
    }

    /// Where each is; only [`Wire`] finds the way.
    #[must_use]
    pub fn endpoints() -> Endpoints {
        let place = |index: usize| SocketAddr::from(([127, 0, 0, 1], index as u16 + 1));
        let known = REGISTERS.iter().enumerate();
        known.map(|(index, name)| ((*name).into(), place(index).into())).collect()
    }

    /// Every call so far, by register.
    #[must_use]
    pub fn logs(&self) -> [Vec<Seen>; REGISTERS.len()] {
        self.logs.each_ref().map(|log| log.lock().expect("no panic under it").clone())
    }

    fn saw(&self, register: usize, request: &Request<Incoming>) -> (usize, Seen) {
        let header = |name: &str| request.headers().get(name)?.to_str().ok().map(Box::from);
        let seen = Seen {
            key: request.uri().path().trim_start_matches('/').into(),
            organisation: header("x-organisation"),
            disclosure: header("x-disclosure").unwrap_or_default(),
            at: self.ticks.tick(),
        };
        let mut log = self.logs[register].lock().expect("no panic under it");
        log.push(seen.clone());
        (log.len() - 1, seen)
    }

    async fn answer(&self, register: usize, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (number, seen) = self.saw(register, request);
        // Most are fast, some slow, few hang or fail.
        match number % 61 {
            0 => tokio::time::sleep(Duration::from_secs(1)).await,
            1..=8 => tokio::time::sleep(Duration::from_millis(number as u64 % 5)).await,
            9 => {
                let mut failed = Response::new(Full::default());
                *failed.status_mut() = hyper::StatusCode::SERVICE_UNAVAILABLE;
                return failed;
            }
            _ => tokio::task::yield_now().await,
        }
        let key = &seen.key;
        let child = self.children.get(&**key).map_or(String::new(), |child| format!("\"{child}\""));
        let companies = self.companies.get(&**key).map_or(String::new(), |known| known.join(","));
        let body = format!(
            "{{\"id\":\"{key}\",\"value\":\"{number}\",\"children\":[{child}],\
             \"companies\":[{companies}]}}"
        );
        Response::new(Full::new(body.into()))
    }
}

/// The way to [`Registers`]: no socket, but a pipe.
pub struct Wire(pub Arc<Registers>);

impl Connect for Wire {
    fn connect(&self, address: SocketAddr) -> Connecting {
        let (registers, register) = (self.0.clone(), usize::from(address.port()) - 1);
        Box::pin(async move {
            let (near, far) = tokio::io::duplex(BUFFER);
            tokio::spawn(serve(registers, register, far));
            Ok(Box::new(near) as Box<dyn Stream>)
        })
    }
}

async fn serve(registers: Arc<Registers>, register: usize, stream: DuplexStream) {
    let answer = service_fn(|request| {
        let registers = registers.clone();
        async move { Ok::<_, Infallible>(registers.answer(register, &request).await) }
    });
    // A client that goes ends it, which is no failure.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .await;
}
