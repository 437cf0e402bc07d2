//! A whole engine in one thread under a seed: simulated network and time,
//! in-memory storage, and the same bytes again.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::cache;
use engine::clock::Civil;
use engine::demo;
use engine::engine::{Engine, Parts};
use engine::entropy::Entropy;
use engine::http;
use engine::identity::Demo;
use engine::ledger;
use engine::net::{Connect, Connecting, Stream};
use engine::space::{self, MasterKey};
use engine::store::{Memory, Readers, Storage};
use fixtures::{Authority, Country, Profile, Register};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;

const PORT: u16 = 80;
/// 2026-06-01, in milliseconds since the epoch.
const TODAY: i64 = 1_780_272_000_000;

/// What a run leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Trace {
    whole: Vec<u8>,
    partitioned: Vec<u8>,
    repaired: Vec<u8>,
    head: String,
}

struct Simulated;

impl Connect for Simulated {
    fn connect(&self, address: SocketAddr) -> Connecting {
        Box::pin(async move {
            let stream = turmoil::net::TcpStream::connect(address).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

fn country() -> Country {
    Country::new(7, 10_000).unwrap()
}

/// Runs a register on its own simulated host.
async fn run_register(authority: Authority) -> turmoil::Result {
    let register = Arc::new(Register::new(authority, country(), Profile::Realistic));
    let listener = turmoil::net::TcpListener::bind((IpAddr::from([0, 0, 0, 0]), PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(fixtures::registers::serve(register.clone(), stream));
    }
}

/// Runs the engine on its simulated host, over a storage that the test keeps.
async fn run_engine(seed: u64, storage: Box<dyn Storage>) -> turmoil::Result {
    let catalogue = Arc::new(demo::catalogue()?);
    let address = |name: &str| SocketAddr::new(turmoil::lookup(name), PORT);
    let seeds = AtomicU64::new(seed);
    let parts = Parts {
        endpoints: catalogue
            .registers()
            .iter()
            .map(|r| (r.name.clone(), address(&r.name).into()))
            .collect(),
        catalogue,
        directory: Arc::new(Demo::new([0; 16])),
        connect: Arc::new(Simulated),
        room: Arc::new(engine::store::Room::endless()),
        retention: ledger::RETENTION_DEFAULT,
        civil: Civil::running(TODAY, 1),
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        spans: None,
        tells_how: false,
        entropy: Box::new(move || Entropy::seeded(seeds.fetch_add(1, Ordering::Relaxed))),
    };
    let readers = Readers::inline(storage.reader()?);
    let vault = Box::new(space::Memory::default());
    let (engine, writer) = Engine::open(parts, storage, readers, vault)?;
    tokio::spawn(writer.run());
    let (seat, deliver) = engine.seat();
    tokio::spawn(deliver);
    let listener = turmoil::net::TcpListener::bind((IpAddr::from([0, 0, 0, 0]), PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(http::serve_connection(
            seat.clone(),
            Box::new(stream),
            http::Limits::default(),
        ));
    }
}

async fn ask(index: u64) -> Vec<u8> {
    let matricule = country().person(index).matricule();
    let body = format!(
        r#"{{"procedure":"criminal-record-extract","subjects":{{"applicant":"{matricule}"}},
            "presence":"demo-person-{matricule}"}}"#
    );
    let stream = turmoil::net::TcpStream::connect(("engine", PORT)).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::post("/v1/prefill")
        .header("host", "engine")
        .header("authorization", "Bearer demo-org-justice")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

/// Asks while all is well, while one register is cut off, and after its repair.
fn run(seed: u64) -> Trace {
    let mut sim =
        turmoil::Builder::new().rng_seed(seed).simulation_duration(Duration::from_secs(60)).build();
    for authority in Authority::ALL {
        sim.host(authority.name(), move || run_register(authority));
    }
    let memory = Memory::new([1; 16], ledger::subjects_of);
    let disk = memory.disk();
    let storage = Mutex::new(Some(memory));
    sim.host("engine", move || {
        let storage = storage.lock().unwrap().take().expect("the engine's host starts once");
        run_engine(seed, Box::new(storage))
    });
    let trace = Arc::new(Mutex::new(Trace::default()));
    let seen = trace.clone();
    sim.client("form-server", async move {
        let whole = ask(1).await;
        turmoil::partition("engine", "caclr");
        let partitioned = ask(2).await;
        turmoil::repair("engine", "caclr");
        let repaired = ask(2).await;
        *seen.lock().unwrap() = Trace { whole, partitioned, repaired, head: String::new() };
        Ok(())
    });
    sim.run().unwrap();
    let report = ledger::audit(&mut disk.clone(), None).unwrap();
    assert_eq!(report.disclosures, 3);
    let mut trace = trace.lock().unwrap().clone();
    trace.head = ledger::head_text(&report.head.unwrap());
    trace
}

fn statuses<'a>(bundle: &'a Value, source: &str) -> Vec<&'a str> {
    let fields = bundle["fields"].as_object().unwrap().values();
    let theirs = fields.filter(|field| field["source"] == source);
    theirs.map(|field| field["status"].as_str().unwrap()).collect()
}

#[test]
fn a_seeded_engine_survives_a_partition_and_gives_the_same_bytes_twice() {
    let trace = run(42);
    assert_eq!(trace, run(42));
    assert_ne!(trace, run(43));

    let [whole, partitioned, repaired] = [&trace.whole, &trace.partitioned, &trace.repaired]
        .map(|bytes| serde_json::from_slice::<Value>(bytes).unwrap());
    assert_eq!(whole["complete"], true);
    assert_eq!(partitioned["complete"], false);
    assert_eq!(partitioned["sources"]["caclr"]["outcome"], "timeout");
    assert_eq!(statuses(&partitioned, "caclr"), ["unavailable"; 5]);
    assert!(statuses(&partitioned, "rnpp").iter().all(|status| *status == "filled"));
    assert_eq!(repaired["complete"], true);
}
