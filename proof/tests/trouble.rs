//! A disk and a clock that fail: no disclosure, a clear reason, nothing lost that
//! was acknowledged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use engine::clock::monotonic;
use engine::ledger::{self, AuditError, head_text, parse_head};
use engine::store::{self, Read, Sqlite, Storage, Time};
use proof::check::check;
use proof::history::{History, Told, Wanted};
use proof::run::{Incident, Plan, reopen, run};
use rusqlite::Connection;
use vfs::{Disk, Trouble, write_private};

fn open(dir: &Path) -> Sqlite {
    Sqlite::open(dir, [1; 16], Time::Real, ledger::subjects_of).expect("a ledger")
}

fn reader(dir: &Path) -> Box<dyn Read> {
    open(dir).reader().expect("a reader")
}

/// Bundles of requests that began after the incident; those that repeat one from
/// before it are not new.
fn new_bundles(history: &History) -> usize {
    let incident = history.incident.expect("the plan has one");
    let new = history.operations.iter().filter(|operation| operation.invoked > incident);
    let new = new.filter(|it| matches!(&it.wanted, Wanted::Bundle(wanted) if wanted.key.is_none()));
    new.filter(|operation| matches!(operation.told, Told::Bundle(_))).count()
}

/// Runs an engine whose disk fails half-way, and starts another when it is well.
#[track_caller]
fn fails(trouble: Trouble) {
    let dir = tempfile::tempdir().expect("a place");
    let disk = Disk::watch(dir.path(), || 0);
    let plan = Plan::new(1, 2_000).with(Incident::Disk(disk.clone(), trouble));
    let history = run(&plan, Box::new(open(dir.path()))).expect("it starts");
    assert_eq!(history.latch.as_deref(), Some("a write failed; restart the engine to recover"));
    assert_eq!(new_bundles(&history), 0, "{trouble:?}");
    disk.trouble(None);
    let summary = check(&history, &plan.catalogue, reader(dir.path()).as_mut());
    let summary = summary.unwrap_or_else(|broken| panic!("{trouble:?}: {broken}"));
    assert!(summary.bundles > 300 && summary.changes > 50, "{summary:?}");
    // It goes on from there.
    let again = run(&Plan { seed: 2, incident: None, ..plan }, Box::new(open(dir.path())));
    assert!(again.expect("it starts again").latch.is_none());
    ledger::audit(reader(dir.path()).as_mut(), summary.audit.head.as_ref()).expect("it holds");
}

#[test]
fn a_disk_that_is_full_stops_disclosure_and_loses_nothing() {
    fails(Trouble::Full);
}

#[test]
fn a_sync_that_fails_stops_disclosure_and_loses_nothing() {
    fails(Trouble::FailingSync);
}

#[test]
fn a_file_that_became_read_only_stops_disclosure_and_loses_nothing() {
    fails(Trouble::ReadOnly);
}

#[test]
fn a_copy_of_the_log_that_fails_closes_the_storage() {
    let dir = tempfile::tempdir().expect("a place");
    let disk = Disk::watch(dir.path(), || 0);
    let mut storage = open(dir.path());
    let mut head = storage.reader().and_then(|mut reader| reader.head()).expect("a head");
    head.sequence = 1;
    let row = store::Row { sequence: 1, salt: [0; 16], body: vec![0; 1 << 20] };
    storage.append(&row).and_then(|()| storage.commit(&head)).expect("nothing is wrong yet");
    // Only what copies the log syncs from here on.
    disk.trouble(Some(Trouble::FailingSync));
    let until = monotonic() + Duration::from_secs(20);
    let mut checkpoint = storage.checkpoint();
    while checkpoint.is_ok() && monotonic() < until {
        std::thread::yield_now();
        checkpoint = storage.checkpoint();
    }
    let error = checkpoint.expect_err("it is told").to_string();
    assert!(error.starts_with("SQLite failed: "), "{error}");
    disk.trouble(None);
    assert!(matches!(storage.commit(&head), Err(store::Error::Poisoned)));
    drop(storage);
    assert_eq!(reader(dir.path()).head().expect("a head"), head, "nothing is lost");
}

#[test]
fn a_ledger_that_cannot_be_written_is_not_opened() {
    for trouble in [Trouble::Full, Trouble::ReadOnly, Trouble::FailingSync, Trouble::Unreadable] {
        let dir = tempfile::tempdir().expect("a place");
        let disk = Disk::watch(dir.path(), || 0);
        drop(open(dir.path()));
        disk.trouble(Some(trouble));
        let plan = Plan::new(1, 1);
        let opened = Sqlite::open(dir.path(), [1; 16], Time::Real, ledger::subjects_of);
        let opened = opened.map_err(anyhow::Error::from);
        let error = opened.and_then(|storage| reopen(&plan, Box::new(storage)));
        let error = error.expect_err("nothing can be recorded");
        assert!(error.to_string().starts_with("SQLite failed: "), "{trouble:?}: {error:#}");
        disk.trouble(None);
        reopen(&plan, Box::new(open(dir.path()))).expect("it is well again");
    }
}

#[test]
fn a_clock_an_hour_ahead_stops_disclosure_until_a_restart() {
    let dir = tempfile::tempdir().expect("a place");
    let plan = Plan::new(1, 2_000).with(Incident::Calendar(60 * 60 * 1_000));
    let history = run(&plan, Box::new(open(dir.path()))).expect("it starts");
    let latch = history.latch.as_deref().expect("it is closed");
    assert!(latch.starts_with("the clock jumped forward by 3"), "{latch}");
    assert_eq!(new_bundles(&history), 0);
    let summary = check(&history, &plan.catalogue, reader(dir.path()).as_mut());
    assert!(summary.unwrap_or_else(|broken| panic!("{broken}")).bundles > 300);
    let plan = Plan { seed: 2, incident: None, ..plan };
    let again = run(&plan, Box::new(open(dir.path()))).expect("it starts again");
    assert_eq!(again.latch, None);
}

#[test]
fn a_clock_an_hour_back_revives_nothing_and_stops_nothing() {
    let dir = tempfile::tempdir().expect("a place");
    let plan = Plan::new(1, 4_000).with(Incident::Calendar(-60 * 60 * 1_000));
    let history = run(&plan, Box::new(open(dir.path()))).expect("it starts");
    assert_eq!(history.latch, None);
    assert!(new_bundles(&history) > 300, "{}", new_bundles(&history));
    let summary = check(&history, &plan.catalogue, reader(dir.path()).as_mut());
    summary.unwrap_or_else(|broken| panic!("{broken}"));
}

/// Everything that a ledger says, to compare.
#[derive(PartialEq, Debug)]
struct Said {
    rows: Vec<store::Row>,
    subjects: Vec<(u64, String)>,
    consents: Vec<(u64, Vec<u8>)>,
    head: store::Head,
}

/// What a reader is told, where the audit and a start find nothing wrong.
fn said(dir: &Path, plan: &Plan) -> anyhow::Result<Said> {
    let mut reader = store::open_read_only(dir, ledger::subjects_of)?;
    ledger::audit(&mut reader, None)?;
    let (mut subjects, mut consents) = (Vec::new(), Vec::new());
    reader.subjects(&mut |number, text| subjects.push((number, text.to_owned())))?;
    reader.consents(&mut |number, state| consents.push((number, state.to_owned())))?;
    let said =
        Said { rows: reader.entries(0, usize::MAX)?, subjects, consents, head: reader.head()? };
    drop(reader);
    reopen(plan, Box::new(Sqlite::open(dir, [1; 16], Time::Real, ledger::subjects_of)?))?;
    Ok(said)
}

/// What SQLite makes of a page, and more than a head has.
const PAGE: usize = 4_096;
const HEAD: usize = 80;

#[test]
fn no_damaged_byte_of_the_ledger_changes_what_it_says_unseen() {
    let dir = tempfile::tempdir().expect("a place");
    let plan = Plan::new(1, 300);
    run(&plan, Box::new(open(dir.path()))).expect("it starts");
    let whole = fs::read(dir.path().join("ledger.db")).expect("the file");
    let copied = |bytes: &[u8]| {
        let copy = tempfile::tempdir().expect("a place");
        let data = copy.path().join("data");
        write_private(&data, "ledger.db", bytes).expect("room");
        said(&data, &plan)
    };
    let expected = copied(&whole).expect("it is whole");
    // Every byte of the head, which is the last thing of its page, and many of the rest.
    let page: usize = Connection::open(dir.path().join("ledger.db"))
        .and_then(|file| {
            let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'head'";
            file.query_row(root, [], |row| row.get::<_, u32>(0))
        })
        .expect("a head") as usize;
    let head = page * PAGE - HEAD..page * PAGE;
    let mut seen = 0;
    for place in (0..whole.len()).step_by(997).chain(head) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        match copied(&damaged) {
            // A byte that says nothing, such as one of a page's free space.
            Ok(said) => assert!(said == expected, "byte {place} changes what it says"),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "{seen} of the damages were seen");
}

#[test]
fn a_log_that_was_cut_is_a_shorter_ledger_and_an_old_head_tells() {
    let dir = tempfile::tempdir().expect("a place");
    let plan = Plan::new(1, 300);
    let storage = open(dir.path());
    let mut reader = storage.reader().expect("a reader");
    // Who reads what was there at first keeps all of the log from being copied, and so from
    // starting over.
    let first = Connection::open(dir.path().join("ledger.db")).expect("it is there");
    first.execute_batch("BEGIN; SELECT * FROM head").expect("a head");
    run(&plan, Box::new(storage)).expect("it starts");
    // And the reader keeps it from being dropped.
    let head = parse_head(&head_text(&reader.head().expect("a head"))).expect("a head");
    let files = ["ledger.db", "ledger.db-wal"].map(|name| fs::read(dir.path().join(name)));
    let [ledger, log] = files.map(|file| file.expect("a file"));
    let mut shorter = 0;
    for tenth in 0..10 {
        let copy = tempfile::tempdir().expect("a place");
        let data = copy.path().join("data");
        write_private(&data, "ledger.db", &ledger).expect("room");
        write_private(&data, "ledger.db-wal", &log[..log.len() * tenth / 10]).expect("room");
        let mut reader = match store::open_read_only(&data, ledger::subjects_of) {
            Ok(reader) => reader,
            // Nothing is left of it.
            Err(error) => {
                assert!(error.to_string().contains("empty"), "{error}");
                continue;
            }
        };
        ledger::audit(&mut reader, None).expect("what is left of it stands");
        match ledger::audit(&mut reader, Some(&head)) {
            Err(AuditError::Violated(violation)) => {
                assert!(violation.what.contains("ends before the expected head"), "{violation}");
                shorter += 1;
            }
            other => panic!("a cut at {tenth} tenths is not seen: {other:?}"),
        }
    }
    assert!(shorter > 4, "{shorter}");
    drop(reader);
}
