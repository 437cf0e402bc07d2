//! A whole request in process: identify to disclose, on one thread, all
//! answers in the cache, the ledger in memory.

use std::sync::Arc;
use std::time::Duration;

use benches::{ORGANISATION, catalogue, country};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::cache;
use engine::clock::Civil;
use engine::engine::{Engine, Parts};
use engine::entropy::Entropy;
use engine::identity::{Demo, Operator};
use engine::ledger;
use engine::model::{Channel, Language};
use engine::net::Tcp;
use engine::prefill::{Asked, Core, prefill};
use engine::space::{self, MasterKey};
use engine::store::{Memory, Readers, Storage as _};
use fixtures::{Fleet, Person, Profile};
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

/// Requests on their way at a time; the ledger commits those that wait together.
const TOGETHER: [usize; 2] = [1, 64];

/// One core and its writer on this thread; the engine goes with the runtime.
fn core(runtime: &Runtime, fleet: &Fleet) -> (Engine, Arc<Core>) {
    let catalogue = catalogue();
    let address = |register: &engine::catalogue::Register| {
        (register.name.clone(), fleet.address(&register.name).into())
    };
    let parts = Parts {
        endpoints: catalogue.registers().iter().map(address).collect(),
        catalogue,
        directory: Arc::new(Demo::new([0; 16])),
        connect: Arc::new(Tcp),
        room: Arc::new(engine::store::Room::endless()),
        civil: Civil::system(),
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        tells_how: false,
        entropy: Box::new(Entropy::system),
    };
    let storage = Memory::new([7; 16], ledger::subjects_of);
    let readers = Readers::inline(storage.reader().expect("memory has readers"));
    let vault = Box::new(space::Memory::default());
    let opened = Engine::open(parts, Box::new(storage), readers, vault);
    let (engine, writer) = opened.expect("an empty ledger opens");
    let (seat, deliver) = engine.seat();
    runtime.spawn(deliver);
    runtime.spawn(writer.run());
    (engine, seat.core())
}

fn asked(person: &Person) -> Asked {
    let matricule = person.matricule().to_string();
    Asked {
        operator: Operator { organisation: ORGANISATION.into() },
        procedure: benches::FORM.to_owned(),
        presence: Some(format!("demo-person-{matricule}")),
        subjects: vec![("applicant".to_owned(), matricule)],
        channel: Channel::FrontOffice,
        organisation: None,
        case: None,
        fields: None,
        deadline: Some(Duration::from_secs(2)),
        max_age: None,
        language: Language::default(),
        trace: None,
        idempotency: None,
    }
}

fn hit(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let fleet = Fleet::start(country(), Profile::Instant, None).expect("ports for the registers");
    let (_engine, core) = core(&runtime, &fleet);
    let people: Vec<Asked> = (0..64).map(|index| asked(&country().person(index * 2_000))).collect();
    let all = |count: usize| {
        runtime.block_on(async {
            let bundles = join_all(people[..count].iter().map(|asked| prefill(&core, asked))).await;
            assert!(bundles.iter().all(Result::is_ok), "a rejection is no hit");
        });
    };
    all(people.len());
    let calls = || ["rnpp", "caclr"].map(|name| fleet.register(name).calls());
    let filled = calls();
    let mut group = criterion.benchmark_group("prefill/hits together");
    for count in TOGETHER {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |it| it.iter(|| all(count)));
    }
    group.finish();
    assert_eq!(calls(), filled, "a hit calls no register");
}

criterion_group! { name = whole; config = benches::timing::slow(); targets = hit }
criterion_main!(whole);
