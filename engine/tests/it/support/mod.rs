//! What the tests start, ask and wait for.

mod client;
mod curl;
mod custom;
mod described;
mod expected;
mod modern;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use engine::catalogue::Catalogue;
use engine::demo::{Demo, Options};
use engine::ledger::{self, Report};
use engine::{clock, store};
use fixtures::registers::Control;
use fixtures::{Country, Fleet, Mode, Person};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) use client::{Api, Pending, Reply};
pub(crate) use curl::curls;
pub(crate) use custom::{Custom, Edit};
pub(crate) use expected::{Trouble, expected, expected_under};
pub(crate) use modern::{Certificate, Modern, at_once, certificate};

/// Enough for every kind of person, and few enough to look through.
pub(crate) const POPULATION: u64 = 4_000;

/// What a second engine on a directory is told.
pub(crate) const LOCKED: &str = "another process has the ledger open";

/// The changes of consent that a demonstration begins with: what one persona
/// refuses.
pub(crate) const CHANGES_AT_FIRST: u64 = 1;

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The catalogue that demonstrations run on.
pub(crate) static CATALOGUE: LazyLock<Catalogue> =
    LazyLock::new(|| engine::demo::catalogue().expect("it has no mistake"));

/// A demonstration on free ports, with registers that answer at once.
pub(crate) fn options() -> Options {
    Options { population: POPULATION, disk_floor_mib: 0, ..Options::default() }
}

/// A demonstration in a directory that goes with it.
pub(crate) fn demo() -> Demo {
    Demo::start(&options()).expect("a demonstration starts")
}

/// A directory for an engine's data inside of another, which takes the key that
/// the engine puts beside it. Both go at the end.
pub(crate) struct Data {
    path: PathBuf,
    _outer: TempDir,
}

impl Data {
    /// The directory, which is not there yet.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for Data {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// A directory for [`demo_in`].
pub(crate) fn data_folder() -> Data {
    let outer = tempfile::tempdir().expect("a temporary directory");
    Data { path: outer.path().join("data"), _outer: outer }
}

/// A demonstration whose ledger stays.
pub(crate) fn demo_in(data: &Path) -> Demo {
    demo_with(&Options { data: Some(data.to_owned()), ..options() })
}

/// A demonstration, as soon as nobody else holds its directory.
pub(crate) fn demo_with(options: &Options) -> Demo {
    let until = clock::monotonic() + PATIENCE;
    loop {
        match Demo::start(options) {
            Ok(demo) => return demo,
            // A process that another test is starting holds a copy of every open
            // file, and so of a lock just given back, until it is that program.
            Err(error) if clock::monotonic() < until && format!("{error:#}").contains(LOCKED) => {}
            Err(error) => panic!("{error:#}"),
        }
    }
}

/// Its API.
pub(crate) fn api(demo: &Demo) -> Api {
    Api(demo.engine.address())
}

/// The organisation that owns a procedure.
pub(crate) fn owner(procedure: &str) -> &'static str {
    let id = CATALOGUE.find_procedure(procedure).expect("a procedure of the catalogue");
    &CATALOGUE.organisation(CATALOGUE.procedure(id).owner).name
}

/// A front-office request about an applicant who is present.
pub(crate) fn form(procedure: &str, applicant: &str) -> Value {
    json!({
        "procedure": procedure,
        "subjects": {"applicant": applicant},
        "presence": format!("demo-person-{applicant}"),
    })
}

/// The same with other members.
pub(crate) fn with(mut form: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("an object") };
    form.as_object_mut().expect("an object").extend(members);
    form
}

/// The bundle that a procedure's owner gets.
#[track_caller]
pub(crate) fn bundle(api: Api, form: &Value) -> Value {
    let procedure = form["procedure"].as_str().expect("a procedure");
    let reply = api.ask(owner(procedure), form).reply();
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    reply.ok()
}

/// Checks that these fields of a bundle have this status.
#[track_caller]
pub(crate) fn statuses(bundle: &Value, names: &[&str], status: &str) {
    for name in names {
        assert_eq!(bundle["fields"][name]["status"], status, "{name} of {bundle}");
    }
}

/// The matricule of somebody ordinary: employed, with a vehicle.
pub(crate) fn somebody(country: Country) -> String {
    country.example_adult().matricule().to_string()
}

/// Somebody of a kind.
pub(crate) fn find(country: Country, kind: impl Fn(&Person) -> bool) -> Person {
    country.people().find(kind).expect("somebody like that")
}

/// An ordinary parent's matricule, and that of a child who stays one for long.
pub(crate) fn family(country: Country) -> (String, String) {
    let parent = find(country, |it| young_child(it).is_some() && it.affiliation().is_some());
    let child = young_child(&parent).expect("just found");
    (parent.matricule().to_string(), child.matricule().to_string())
}

/// A child of this person, born in 2020 or later.
pub(crate) fn young_child(parent: &Person) -> Option<Person> {
    parent.children().find(|child| child.date_of_birth().civil().0 >= 2020)
}

/// Whether somebody refuses a register from the start.
pub(crate) fn refuses(country: Country, person: &Person) -> bool {
    let personas = country.personas();
    personas.iter().any(|it| it.subject == person.matricule() && !it.refuses.is_empty())
}

/// Puts a register into a mode.
pub(crate) fn set(fleet: &Fleet, register: &str, mode: Mode) {
    let register = fleet.register(register);
    register.set_control(Control { mode, ..register.control() });
}

/// How often each register has been called.
pub(crate) fn calls(fleet: &Fleet, register: &str) -> u64 {
    fleet.register(register).calls()
}

/// Waits until something that has been set going has happened.
#[track_caller]
pub(crate) fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    let until = clock::monotonic() + PATIENCE;
    while !happened() {
        assert!(clock::monotonic() < until, "never: {what}");
        std::thread::yield_now();
    }
}

/// Audits the ledger in a directory, whose engine may be running.
pub(crate) fn audit(data: &Path) -> Report {
    let mut storage = store::open_read_only(data, ledger::subjects_of).expect("a ledger");
    ledger::audit(&mut storage, None).expect("it holds")
}
