//! What goes on where something else of an engine has ended, or has not begun.

use std::future::pending;
use std::num::NonZeroUsize;

use futures_util::FutureExt as _;

use super::*;
use crate::cache::Slot;
use crate::catalogue::tests::{demo, sources};
use crate::identity::Demo;
use crate::model::{AnswerBuilder, AttributeMask, ProcedureId, RegisterId};
use crate::net::Tcp;
use crate::prefill::Rejection;
use crate::store::Memory;

/// While nothing else is waited for, it goes by at once.
async fn goes_by(time: Duration) {
    assert!(tokio::time::timeout(time, pending::<()>()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_swept_also_where_retention_has_ended_with_the_ledger() {
    let civil = Civil::running(1_780_272_000_000, 1);
    let memory = Memory::new([3; 16], ledger::subjects_of);
    let storage = memory.reader().unwrap();
    let (memory, entropy) = (Box::new(memory), Entropy::seeded(1));
    let opened = Ledger::open(memory, civil.clone(), entropy, demo(), Arc::default()).unwrap();
    // Its writer closes it.
    drop(opened.writer);
    let hour = Duration::from_secs(3600);
    let cache = Arc::new(Cache::new(cache::Config::default(), civil.clone()));
    let slot = Slot {
        terms: 1,
        register: RegisterId(1),
        key: None,
        organisation: None,
        purpose: ProcedureId(1),
        epoch: 0,
    };
    let answer = AnswerBuilder::default().found(AttributeMask::first(1), civil.now(), None);
    cache.keep("1893120105732".parse().unwrap(), &slot, &answer, hour);
    goes_by(Duration::from_secs(60)).await;
    // Of a ledger of which everything is over, so that there is something to cut.
    let mut keeper = Keeper::new(storage, opened.ledger, civil, Duration::ZERO);
    assert!(keeper.look().await.is_err());
    tokio::spawn(keep_in_time(keeper, cache.clone()));
    goes_by(Duration::from_secs(60)).await;
    assert_eq!(cache.load().subjects, 1);
    goes_by(24 * hour).await;
    assert_eq!(cache.load().subjects, 0);
}

fn in_memory() -> Parts {
    let files = sources(fixtures::catalogue::files());
    let catalogue = Arc::new(Catalogue::compile(&files).unwrap());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    Parts {
        endpoints: catalogue
            .registers()
            .iter()
            .map(|it| (it.name.clone(), nowhere.into()))
            .collect(),
        catalogue,
        directory: Arc::new(Demo::new([0; 16])),
        connect: Arc::new(Tcp),
        room: Arc::new(Room::endless()),
        civil: Civil::running(1_780_272_000_000, 1),
        retention: ledger::RETENTION_DEFAULT,
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        spans: None,
        tells_how: false,
        entropy: Box::new(|| Entropy::seeded(1)),
    }
}

#[tokio::test]
async fn a_drain_waits_for_a_core_that_has_not_begun() {
    let storage = Memory::new([3; 16], ledger::subjects_of);
    let readers = Readers::inline(storage.reader().unwrap());
    let vault = Box::new(space::Memory::default());
    let (engine, writer) = Engine::open(in_memory(), Box::new(storage), readers, vault).unwrap();
    tokio::spawn(writer.run());
    let listen = http::Listen {
        cores: NonZeroUsize::new(1),
        ..http::Listen::on(SocketAddr::from(([127, 0, 0, 1], 0)))
    };
    let listener = listen.open().unwrap().listeners.remove(0);
    let (handle, mut jobs) = Handle::new(1);
    let (seat, deliver) = engine.seat();
    let core = run_core(seat, deliver, listener, jobs.remove(0));
    let subject = "1893120105732".parse().unwrap();
    let posted = tokio::spawn({
        let handle = handle.clone();
        async move { handle.prefer(subject, "rnpp", false).await.map(drop) }
    });

    let short = Duration::from_millis(1);
    let never = Duration::from_secs(3600);
    let drain = engine.shared.drain.clone();
    let drained = drain.run(Pauses { leaving: Duration::ZERO, closing: short, limit: never });
    tokio::pin!(drained);
    let mut phase = engine.shared.drain.watch();
    tokio::select! {
        _ = &mut drained => panic!("it is listened to"),
        reached = phase.wait_for(|phase| *phase == Phase::Last) => drop(reached.unwrap()),
    }
    drop(phase);
    assert!(drained.as_mut().now_or_never().is_none(), "the core has not begun");
    let core = tokio::spawn(core);
    assert_eq!(drained.await, 0);
    assert_eq!(posted.await.unwrap(), Ok(()));
    assert_eq!(handle.prefer(subject, "rnpp", true).await.map(drop), Err(Rejection::Overloaded));
    core.await.unwrap();
}
