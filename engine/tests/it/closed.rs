//! A ledger that is closed: nothing is shown, and nobody is asked any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::cache;
use engine::clock::Civil;
use engine::demo;
use engine::engine::{Engine, Parts};
use engine::entropy::Entropy;
use engine::identity::Demo;
use engine::ledger::{self, Latch};
use engine::net::{Connect, Connecting};
use engine::prefill::{Asked, Rejection, prefill};
use engine::space::{self, MasterKey};
use engine::store::{CrashAt, Memory, Readers, Storage as _};

/// Counts who would have been asked.
#[derive(Default)]
struct Nobody(AtomicU64);

impl Connect for Nobody {
    fn connect(&self, _: SocketAddr) -> Connecting {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(std::io::ErrorKind::ConnectionRefused.into()) })
    }
}

fn asked() -> Asked {
    Asked {
        presence: Some("demo-person-1893120105732".into()),
        deadline: Some(Duration::from_secs(2)),
        ..Asked::of("justice", "criminal-record-extract", &[("applicant", "1893120105732")])
    }
}

#[tokio::test(start_paused = true)]
async fn no_register_is_asked_for_what_cannot_be_recorded() {
    let catalogue = Arc::new(demo::catalogue().unwrap());
    let nobody = Arc::new(Nobody::default());
    let here = SocketAddr::from(([127, 0, 0, 1], 1));
    let parts = Parts {
        endpoints: catalogue
            .registers()
            .iter()
            .map(|known| (known.name.clone(), here.into()))
            .collect(),
        catalogue,
        directory: Arc::new(Demo::new([0; 16])),
        connect: nobody.clone(),
        room: Arc::new(engine::store::Room::endless()),
        retention: ledger::RETENTION_DEFAULT,
        civil: Civil::running(1_780_272_000_000, 1),
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        spans: None,
        tells_how: false,
        entropy: Box::new(|| Entropy::seeded(1)),
    };
    let memory = Memory::new([1; 16], ledger::subjects_of);
    let disk = memory.disk();
    let readers = Readers::inline(memory.reader().unwrap());
    let vault = Box::new(space::Memory::default());
    let (engine, writer) = Engine::open(parts, Box::new(memory), readers, vault).unwrap();
    tokio::spawn(writer.run());
    let (seat, deliver) = engine.seat();
    tokio::spawn(deliver);
    let core = seat.core();

    prefill(&core, &asked()).await.unwrap();
    let before = nobody.0.load(Ordering::Relaxed);
    assert!(before > 0);
    disk.crash_at(CrashAt { operation: 1, commit_survives: false });
    assert_eq!(prefill(&core, &asked()).await.unwrap_err(), Rejection::NotRecorded);
    assert_eq!(core.shared().ledger.published().latch(), Some(Latch::WriteFailed));

    let before = nobody.0.load(Ordering::Relaxed);
    assert_eq!(prefill(&core, &asked()).await.unwrap_err(), Rejection::NotRecorded);
    assert_eq!(nobody.0.load(Ordering::Relaxed), before);
}
