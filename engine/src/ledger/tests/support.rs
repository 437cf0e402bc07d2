//! A ledger over the in-memory storage, with a clock set by hand.

use std::sync::atomic::AtomicI64;

use super::super::*;
use crate::catalogue::tests::demo;
use crate::consent::Released;
use crate::model::{Channel, RegisterSet};
use crate::store::{Disk, Memory, Read as _};

/// 2026-06-01, in milliseconds since the epoch.
pub(super) const TODAY: CivilMs = 1_780_272_000_000;
/// How long a submission waits here.
pub(super) const WAIT: Duration = Duration::from_secs(10);

/// Companies, since any number makes one.
pub(super) fn subject(index: u64) -> Subject {
    format!("B{}", index + 1).parse().unwrap()
}

/// Everything that outlives a restart.
#[derive(Clone)]
pub(super) struct Setup {
    disk: Disk,
    memory: Arc<std::sync::Mutex<Option<Memory>>>,
    pub(super) clock: Arc<AtomicI64>,
    pub(super) metrics: Arc<Metrics>,
    catalogue: &'static Catalogue,
}

/// A port, with the waiting of every submission bounded.
#[derive(Clone)]
pub(super) struct Started {
    pub(super) port: Arc<Port>,
}

impl Setup {
    pub(super) fn new() -> Self {
        Self::over(Memory::new([3; 16], subjects_of), Arc::new(AtomicI64::new(TODAY)))
    }

    fn over(memory: Memory, clock: Arc<AtomicI64>) -> Self {
        Self {
            disk: memory.disk(),
            memory: Arc::new(std::sync::Mutex::new(Some(memory))),
            clock,
            metrics: Arc::default(),
            catalogue: demo(),
        }
    }

    /// The same disk after a power loss, at the same clock.
    pub(super) fn restart(&self) -> Self {
        Self::over(self.disk.restart(), self.clock.clone())
    }

    /// As [`Setup::open`], where opening may fail.
    pub(super) fn try_open(&self) -> Result<(Started, Writer), OpenError> {
        let memory = self.memory.lock().unwrap().take().expect("opened once");
        let opened = Ledger::open(
            Box::new(memory),
            Civil::manual(self.clock.clone()),
            Entropy::seeded(1),
            self.catalogue,
            self.metrics.clone(),
        )?;
        let (port, deliver) = opened.ledger.port();
        tokio::spawn(deliver);
        Ok((Started { port: Arc::new(port) }, opened.writer))
    }

    /// A port, and a writer that does not run yet.
    pub(super) fn open(&self) -> (Started, Writer) {
        self.try_open().unwrap()
    }

    /// A port on a running ledger.
    pub(super) fn start(&self) -> Started {
        let (started, writer) = self.open();
        tokio::spawn(writer.run());
        started
    }

    pub(super) fn disk(&self) -> Disk {
        self.disk.clone()
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let rows = self.disk().entries(0, usize::MAX).unwrap();
        rows.iter().map(|row| Entry::decode(&row.body).unwrap()).collect()
    }

    pub(super) fn catalogue(&self) -> &Catalogue {
        self.catalogue
    }

    pub(super) fn about(&self) -> About {
        let justice = self.catalogue.find_organisation("justice").unwrap();
        let procedure = self.catalogue.find_procedure("criminal-record-extract").unwrap();
        About {
            catalogue: *self.catalogue.digest(),
            operator: justice,
            organisation: justice,
            procedure,
            version: 3,
            channel: Channel::FrontOffice,
            case: None,
            presence: Some("token".into()),
            idempotency: None,
        }
    }

    pub(super) fn facts(&self, subjects: &[(u64, u64)]) -> Facts {
        Facts {
            subjects: subjects.iter().map(|(index, version)| (subject(*index), *version)).collect(),
            valid_until: CivilMs::MAX,
            about: self.about(),
        }
    }

    pub(super) fn bundle(&self, index: u64) -> Bundle {
        let rnpp = self.catalogue.find_register("rnpp").unwrap();
        let released = Released {
            fields: vec![(0, rnpp), (1, rnpp)],
            called: vec![RegisterSet::only(rnpp.index())],
            complete: true,
        };
        let id = uuid::Uuid::from_u128(u128::from(index));
        let body = format!("{{\"bundle\":{index}}}").into_bytes();
        Bundle { disclosure: id, body, released, kept: true }
    }
}

impl Started {
    pub(super) async fn disclose(
        &self,
        bundle: Bundle,
        facts: Facts,
    ) -> Result<Disclosed<Bundle>, Refused> {
        self.port.disclose(bundle, facts, crate::clock::monotonic() + WAIT).await
    }

    pub(super) async fn prefer(
        &self,
        index: u64,
        register: &str,
        allow: bool,
    ) -> Result<Own<Arc<Consent>>, Refused> {
        let what = consent::Change::Preference { register: register.into(), allow };
        self.port.change(subject(index), what, crate::clock::monotonic() + WAIT).await
    }
}
