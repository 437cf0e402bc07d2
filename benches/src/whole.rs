//! A whole engine on one thread: one core, its writer, and a ledger in memory.

use std::sync::Arc;
use std::time::Duration;

use engine::cache;
use engine::clock::Civil;
use engine::engine::{Engine, Parts};
use engine::entropy::Entropy;
use engine::identity::{Demo, Operator};
use engine::ledger;
use engine::model::{Channel, Language};
use engine::net::Tcp;
use engine::prefill::{Asked, BUNCH, Core, Turn, Work, prefill, prefill_in_bulk};
use engine::space::{self, MasterKey};
use engine::store::{Memory, Read, Readers, Storage as _};
use fixtures::{Fleet, Person, Profile};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use tokio::runtime::{Builder, Runtime};

use crate::{ORGANISATION, catalogue, country};

/// People whose answers are in the cache.
pub const PEOPLE: usize = 64;

/// An engine whose every request is a hit.
pub struct Warm {
    runtime: Runtime,
    fleet: Fleet,
    core: Arc<Core>,
    people: Vec<Arc<Asked>>,
    reader: Box<dyn Read>,
    _engine: Engine,
}

impl Warm {
    /// Starts it, and asks about everybody once.
    #[must_use]
    pub fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let fleet = Fleet::start(country(), Profile::Instant, None).expect("ports for registers");
        let (engine, core, reader) = core(&runtime, &fleet);
        let person = |index| Arc::new(asked(&country().person(index as u64 * 2_000)));
        let people = (0..PEOPLE).map(person).collect();
        let warm = Self { runtime, fleet, core, people, reader, _engine: engine };
        warm.ask(PEOPLE);
        warm
    }

    /// `together` bundles at once, of which the ledger commits those that wait.
    pub fn ask(&self, together: usize) {
        self.runtime.block_on(async {
            let people = self.people[..together].iter();
            let bundles = join_all(people.map(|asked| prefill(&self.core, asked))).await;
            assert!(bundles.iter().all(Result::is_ok), "a rejection is no hit");
        });
    }

    /// A bundle for everybody, as a bulk job has them made: in bunches.
    ///
    /// # Panics
    /// Where one is not made.
    pub fn ask_in_bulk(&self) {
        let bulk = &self.core.shared().bulk;
        let bunch = async |people: &[Arc<Asked>]| {
            let turns = bulk.turns(people.len()).await;
            let (done, left) = bulk.begin(self.work(people, turns)).await;
            done.into_iter().chain(left.collect::<Vec<_>>().await).filter(|made| *made).count()
        };
        self.runtime.block_on(async {
            let made = join_all(self.people.chunks(BUNCH).map(bunch)).await;
            assert_eq!(made.iter().sum::<usize>(), PEOPLE, "a rejection is no hit");
        });
    }

    fn work(&self, people: &[Arc<Asked>], turns: Vec<Turn>) -> Vec<Work<bool>> {
        let work = people.iter().zip(turns).map(|(asked, turn)| {
            let (core, asked) = (self.core.clone(), asked.clone());
            let work = async move { prefill_in_bulk(&core, &asked, turn).await.is_ok() };
            Box::pin(work) as Work<bool>
        });
        work.collect()
    }

    /// Proves what the ledger holds.
    ///
    /// # Panics
    /// Where it does not hold.
    pub fn audit(&mut self) -> ledger::Report {
        ledger::audit(&mut *self.reader, None).expect("a ledger that holds")
    }

    /// How often the form's registers were called.
    #[must_use]
    pub fn calls(&self) -> [u64; 2] {
        ["rnpp", "caclr"].map(|name| self.fleet.register(name).calls())
    }
}

/// One core and its writer on this thread; the engine goes with the runtime.
fn core(runtime: &Runtime, fleet: &Fleet) -> (Engine, Arc<Core>, Box<dyn Read>) {
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
        retention: ledger::RETENTION_DEFAULT,
        civil: Civil::system(),
        cache: cache::Config::default(),
        master_key: MasterKey::new([7; 32]),
        entropy: Box::new(Entropy::system),
        spans: None,
        tells_how: false,
    };
    let storage = Memory::new([7; 16], ledger::subjects_of);
    let audited = storage.reader().expect("memory has readers");
    let readers = Readers::inline(storage.reader().expect("memory has readers"));
    let vault = Box::new(space::Memory::default());
    let opened = Engine::open(parts, Box::new(storage), readers, vault);
    let (engine, writer) = opened.expect("an empty ledger opens");
    let (seat, deliver) = engine.seat();
    runtime.spawn(deliver);
    runtime.spawn(writer.run());
    (engine, seat.core(), audited)
}

fn asked(person: &Person) -> Asked {
    let matricule = person.matricule().to_string();
    Asked {
        operator: Operator { organisation: ORGANISATION.into() },
        procedure: crate::FORM.to_owned(),
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
