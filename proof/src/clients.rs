//! Clients that ask, refuse, consent, withdraw and give up, at random.

mod companies;
mod told;

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::identity::Operator;
use engine::model::{Channel, Language, Subject};
use engine::prefill::{
    Asked, Consented, Core, consent_to, own, prefer, prefill, prefill_in_bulk, withdraw,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::history::{Bundle, NEVER, Operation, Told, Wanted};
use crate::run::{Incident, Plan};
use crate::world::{CHILD, COMPANY, FAMILY, FIRM, FORM, ORGANISATIONS, PLATFORM, REGISTERS, Ticks};
use told::{in_time, refused, told, version};

/// Of a thousand operations, so many are each kind's.
const BUNDLES: u32 = 500;
const FAMILIES: u32 = 70;
const FIRMS: u32 = 100;
const REREADS: u32 = 120;
const OWN_VIEWS: u32 = 20;
const COMPANY_VIEWS: u32 = 20;
const PREFERENCES: u32 = 80;
const MANDATES: u32 = 30;
const FOR_COMPANIES: u32 = 30;
const CONSENTS: u32 = 20;
/// Consents that are remembered of each person, to be used and withdrawn.
const REMEMBERED: usize = 4;

/// What all clients of a run share.
pub struct Shared {
    /// When things happen.
    pub ticks: Arc<Ticks>,
    /// The calendar.
    pub calendar: Arc<AtomicI64>,
    /// Operations that may still begin.
    pub left: AtomicI64,
    /// Parents and children.
    pub families: Vec<(Subject, Subject)>,
    /// Consents of late, by person.
    consents: Vec<Mutex<Vec<Given>>>,
    /// Who changes one preference waits for the one before, so that the order of
    /// a preference's changes is known.
    turns: Vec<tokio::sync::Mutex<()>>,
    /// The same for one side's word about a mandate, by company, citizen and side; and
    /// for the company's preference.
    mandates: Vec<[tokio::sync::Mutex<()>; 5]>,
    names: AtomicU64,
    incident: Option<(u64, Incident)>,
    /// When it had happened, in ticks.
    pub incident_at: AtomicU64,
}

#[derive(Clone)]
struct Given {
    id: Option<Uuid>,
    organisation: &'static str,
    case: String,
}

impl Shared {
    /// What the clients of this plan share.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let people = 2 * plan.families.len();
        Self {
            ticks: plan.ticks.clone(),
            calendar: plan.calendar.clone(),
            left: AtomicI64::new(plan.operations as i64),
            consents: (0..people).map(|_| Mutex::default()).collect(),
            turns: (0..people * REGISTERS.len()).map(|_| tokio::sync::Mutex::default()).collect(),
            mandates: plan.families.iter().map(|_| Default::default()).collect(),
            names: AtomicU64::new(0),
            incident: plan.incident.clone(),
            incident_at: AtomicU64::new(0),
            families: plan.families.clone(),
        }
    }

    /// Lets happen what happens when so many operations are left.
    fn pass(&self, left: u64) {
        match &self.incident {
            Some((at, Incident::Calendar(by))) if *at == left => {
                self.calendar.fetch_add(*by, Ordering::SeqCst);
            }
            Some((at, Incident::Disk(disk, trouble))) if *at == left => {
                disk.trouble(Some(*trouble));
            }
            _ => return,
        }
        self.incident_at.store(self.ticks.tick(), Ordering::SeqCst);
    }

    fn person(&self, index: usize) -> Subject {
        let (parent, child) = self.families[index / 2];
        if index.is_multiple_of(2) { parent } else { child }
    }

    fn name(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}

/// One client: what it did, until no operation is left.
pub async fn client(shared: Arc<Shared>, core: Arc<Core>, seed: u64) -> Vec<Operation> {
    let mut client = Client { shared, core, rng: StdRng::seed_from_u64(seed), key: None };
    let mut done = Vec::new();
    loop {
        let left = client.shared.left.fetch_sub(1, Ordering::Relaxed);
        if left <= 0 {
            return done;
        }
        client.shared.calendar.fetch_add(1, Ordering::Relaxed);
        client.shared.pass(left as u64);
        done.push(client.step().await);
    }
}

struct Client {
    shared: Arc<Shared>,
    core: Arc<Core>,
    rng: StdRng,
    /// A request that it may repeat.
    key: Option<(Bundle, Asked)>,
}

impl Client {
    async fn step(&mut self) -> Operation {
        let person = self.rng.random_range(0..2 * self.shared.families.len());
        let mut kind = self.rng.random_range(0..1_000);
        let mut is = |share: u32| {
            let taken = kind < share;
            kind = kind.saturating_sub(share);
            taken
        };
        if is(BUNDLES) {
            self.bundle(person).await
        } else if is(FAMILIES) {
            self.family(person / 2).await
        } else if is(FIRMS) {
            self.firm(person / 2).await
        } else if is(COMPANY_VIEWS) {
            self.company_view(person / 2).await
        } else if is(MANDATES) {
            self.mandate(person / 2).await
        } else if is(FOR_COMPANIES) {
            self.for_company(person / 2).await
        } else if is(REREADS) {
            self.reread(person).await
        } else if is(OWN_VIEWS) {
            self.own_view(person).await
        } else if is(PREFERENCES) {
            self.preference(person).await
        } else if is(CONSENTS) {
            self.consent(person).await
        } else {
            self.withdrawal(person).await
        }
    }

    async fn bundle(&mut self, person: usize) -> Operation {
        if self.rng.random_ratio(1, 12)
            && let Some((bundle, asked)) = self.key.clone()
        {
            return self.ask(bundle, asked).await;
        }
        let organisation = self.organisation();
        let mut bundle = Bundle {
            procedure: FORM,
            subjects: vec![self.shared.person(person)],
            organisation,
            channel: Channel::FrontOffice,
            case: None,
            key: None,
        };
        if self.rng.random_ratio(1, 16) {
            bundle.key = Some(self.shared.name("key"));
        }
        let asked = self.asked(&bundle);
        if bundle.key.is_some() {
            self.key = Some((bundle.clone(), asked.clone()));
        }
        self.ask(bundle, asked).await
    }

    /// A form about somebody and who stands beside them.
    async fn form(&mut self, procedure: &'static str, subjects: Vec<Subject>) -> Operation {
        let organisation = self.organisation();
        let channel = Channel::FrontOffice;
        let bundle = Bundle { procedure, subjects, organisation, channel, case: None, key: None };
        let asked = self.asked(&bundle);
        self.ask(bundle, asked).await
    }

    async fn family(&mut self, family: usize) -> Operation {
        let (parent, child) = self.shared.families[family];
        self.form(FAMILY, vec![parent, child]).await
    }

    /// A back office re-reads a case, whose consent may be over.
    async fn reread(&mut self, person: usize) -> Operation {
        let Some(given) = self.remembered(person) else { return self.consent(person).await };
        let bundle = Bundle {
            procedure: FORM,
            subjects: vec![self.shared.person(person)],
            organisation: given.organisation,
            channel: Channel::BackOffice,
            case: Some(given.case),
            key: None,
        };
        let asked = self.asked(&bundle);
        self.ask(bundle, asked).await
    }

    async fn own_view(&mut self, person: usize) -> Operation {
        let subject = self.shared.person(person);
        let bundle = Bundle {
            procedure: "mine",
            subjects: vec![subject],
            organisation: ORGANISATIONS[0],
            channel: Channel::Own,
            case: None,
            key: None,
        };
        let invoked = self.shared.ticks.tick();
        let told = told(own(&self.core, subject).await);
        self.operation(invoked, Wanted::Bundle(bundle), told)
    }

    async fn preference(&mut self, person: usize) -> Operation {
        let shared = self.shared.clone();
        let (subject, register) = (shared.person(person), self.rng.random_range(0..3));
        let allow = self.rng.random_ratio(3, 5);
        let late = self.late();
        let turn = shared.turns[person * REGISTERS.len() + register].lock().await;
        let id = self.core.catalogue().find_register(REGISTERS[register]);
        let id = id.expect("a register of the catalogue");
        let invoked = shared.ticks.tick();
        let changed = in_time(late, prefer(&self.core, subject, id, allow)).await;
        let wanted = Wanted::Preference { subject, register, allow };
        let operation = self.operation(invoked, wanted, version(changed));
        drop(turn);
        operation
    }

    async fn consent(&mut self, person: usize) -> Operation {
        let subject = self.shared.person(person);
        let fields: Vec<usize> = (0..3).filter(|_| self.rng.random_ratio(2, 3)).collect();
        let fields = if fields.is_empty() { vec![0] } else { fields };
        let stands = self.rng.random_range(50..6_000);
        let (organisation, case) = (self.organisation(), self.shared.name("case"));
        let expires = self.now() + stands;
        let consented = Consented {
            organisation: organisation.to_owned(),
            case: case.clone(),
            procedure: FORM.to_owned(),
            fields: fields.iter().map(|field| REGISTERS[*field].to_owned()).collect(),
            expires,
        };
        let late = self.late();
        let invoked = self.shared.ticks.tick();
        let given = in_time(late, consent_to(&self.core, subject, &consented)).await;
        let told = match given {
            Some(Ok((id, consent))) => Told::Version(consent.into_inner().version, Some(id)),
            Some(Err(rejection)) => refused(&rejection),
            None => Told::Unknown,
        };
        let id = if let Told::Version(_, id) = told { id } else { None };
        if !matches!(told, Told::Refused(_)) {
            self.remember(person, Given { id, organisation, case: case.clone() });
        }
        let wanted = Wanted::Consent { subject, organisation, case, fields, expires };
        self.operation(invoked, wanted, told)
    }

    async fn withdrawal(&mut self, person: usize) -> Operation {
        let id = self.remembered(person).and_then(|given| given.id);
        let Some(id) = id else { return self.consent(person).await };
        let subject = self.shared.person(person);
        let late = self.late();
        let invoked = self.shared.ticks.tick();
        let told = match in_time(late, withdraw(&self.core, subject, id)).await {
            Some(Ok(Some(consent))) => Told::Version(consent.into_inner().version, None),
            // One that had ended made room for others.
            Some(Ok(None)) => Told::Refused("unknown"),
            Some(Err(rejection)) => refused(&rejection),
            None => Told::Unknown,
        };
        self.operation(invoked, Wanted::Withdrawal { subject, id }, told)
    }

    async fn ask(&mut self, bundle: Bundle, asked: Asked) -> Operation {
        let in_bulk = bundle.key.is_none() && self.rng.random_ratio(1, 10);
        let late = self.late();
        let invoked = self.shared.ticks.tick();
        let answered = match in_bulk {
            true => {
                let turn = self.core.shared().bulk.turns(1).await.remove(0);
                in_time(late, prefill_in_bulk(&self.core, &asked, turn)).await
            }
            false => in_time(late, prefill(&self.core, &asked)).await,
        };
        let told = answered.map_or(Told::Unknown, told);
        self.operation(invoked, Wanted::Bundle(bundle), told)
    }

    fn asked(&mut self, bundle: &Bundle) -> Asked {
        let second = if bundle.procedure == FIRM { COMPANY } else { CHILD };
        let roles = ["applicant", second].into_iter().zip(&bundle.subjects);
        let subjects = roles.map(|(role, subject)| (role.to_owned(), subject.to_string()));
        let through_platform = self.rng.random_ratio(1, 4);
        let operator = if through_platform { PLATFORM } else { bundle.organisation };
        let present = self.rng.random_range(30..3_000);
        let until = self.now() + present;
        let front = bundle.channel == Channel::FrontOffice;
        Asked {
            operator: Operator { organisation: operator.into() },
            procedure: bundle.procedure.to_owned(),
            subjects: subjects.collect(),
            channel: bundle.channel,
            presence: front.then(|| format!("{}/{until}", bundle.subjects[0])),
            organisation: Some(bundle.organisation.to_owned()),
            case: bundle.case.clone(),
            // Not always from the register that is never kept.
            fields: (bundle.procedure == FORM && self.rng.random_ratio(3, 4))
                .then(|| REGISTERS[..2].iter().map(|name| (*name).to_owned()).collect()),
            deadline: Some(Duration::from_millis(self.rng.random_range(10..=120))),
            max_age: self.rng.random_ratio(1, 20).then_some(Duration::ZERO),
            language: Language::default(),
            trace: None,
            idempotency: bundle.key.clone(),
        }
    }

    fn operation(&self, invoked: u64, wanted: Wanted, told: Told) -> Operation {
        let completed = match told {
            Told::Unknown => NEVER,
            Told::Bundle(_) | Told::Version(..) | Told::Refused(_) => self.shared.ticks.tick(),
        };
        Operation { invoked, completed, wanted, told }
    }

    /// Ledger time as whoever issues a token sees it, where the calendar is behind.
    fn now(&self) -> i64 {
        let published = self.core.shared().ledger.published().stamp();
        self.shared.calendar.load(Ordering::Relaxed).max(published)
    }

    fn organisation(&mut self) -> &'static str {
        ORGANISATIONS[self.rng.random_range(0..ORGANISATIONS.len())]
    }

    /// How long this client waits, where it is one that gives up.
    fn late(&mut self) -> Option<Duration> {
        let micros = self.rng.random_range(50..3_000);
        self.rng.random_ratio(1, 25).then(|| Duration::from_micros(micros))
    }

    fn remembered(&mut self, person: usize) -> Option<Given> {
        let known = self.shared.consents[person].lock().expect("no panic under it");
        let index = self.rng.random_range(0..REMEMBERED);
        known.get(index).cloned()
    }

    fn remember(&mut self, person: usize, given: Given) {
        let mut known = self.shared.consents[person].lock().expect("no panic under it");
        known.push(given);
        if known.len() > REMEMBERED {
            known.remove(0);
        }
    }
}
