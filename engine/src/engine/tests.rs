//! What goes on where something else of an engine has ended.

use std::future::pending;

use super::*;
use crate::cache::Slot;
use crate::catalogue::tests::demo;
use crate::model::{AnswerBuilder, AttributeMask, ProcedureId, RegisterId};
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
