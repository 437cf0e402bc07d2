//! A data directory in a second place, and back.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use engine::backup::{Error, backup, restore};
use engine::ledger;
use engine::store::Head;
use serde_json::json;

use crate::support::{api, audit, bundle, data_folder, demo_in, form, somebody};

/// Places beside a data directory.
struct Places {
    data: crate::support::Data,
    outer: tempfile::TempDir,
}

impl Places {
    fn new() -> Self {
        Self { data: data_folder(), outer: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.outer.path().join(name)
    }
}

fn head(data: &Path) -> Head {
    audit(data).head.expect("entries")
}

/// Restores beside the master key, which no backup holds.
fn keyed(places: &Places, restored: &Path) {
    let key = |data: &Path| {
        let mut key = data.as_os_str().to_owned();
        key.push(".key");
        PathBuf::from(key)
    };
    fs::copy(key(places.data.path()), key(restored)).unwrap();
}

#[test]
fn a_backup_of_a_running_engine_is_whole_and_restores_to_an_engine_that_goes_on() {
    let places = Places::new();
    let demo = demo_in(places.data.path());
    let somebody = somebody(demo.country);
    let asked = form("criminal-record-extract", &somebody);
    let disclosure = bundle(api(&demo), &asked)["disclosure"].clone();
    api(&demo).prefer(&somebody, "snca", false).ok();
    let put = json!({"value": "a@example.lu"}).to_string();
    let token = format!("demo-person-{somebody}");
    let kept = api(&demo).send("PUT", "/v1/me/data/email", Some(&token), put.as_bytes()).reply();
    assert_eq!(kept.status, 200);
    let copy = places.at("backup");
    let report = backup(places.data.path(), &copy).unwrap();
    assert_eq!(report.head, Some(head(places.data.path())));
    // The engine goes on, and what it writes now is not in the copy.
    bundle(api(&demo), &asked);
    assert_eq!(head(&copy), report.head.unwrap());
    drop(demo);

    let restored = places.at("restored");
    restore(&copy, &restored, report.head.as_ref(), false).unwrap();
    keyed(&places, &restored);
    let demo = demo_in(&restored);
    let list = api(&demo).mine(&somebody, "/v1/me/accesses").ok();
    assert_eq!((&list["totalUsages"], &list["usages"][0]["disclosure"]), (&json!(1), &disclosure));
    let consents = api(&demo).mine(&somebody, "/v1/me/consents").ok();
    let refused = consents["preferences"].as_array().unwrap().iter();
    let refused: Vec<_> = refused.filter(|it| it["allow"] == false).collect();
    assert_eq!((refused.len(), &refused[0]["register"]), (1, &json!("snca")));
    let own = api(&demo).mine(&somebody, "/v1/me/data").ok();
    assert_eq!(own["fields"]["email"]["value"], "a@example.lu");
    bundle(api(&demo), &asked);
    drop(demo);
    ledger_goes_on(&restored, &report.head.unwrap());
}

/// Whether a ledger contains an old head.
#[track_caller]
fn ledger_goes_on(data: &Path, from: &Head) {
    let mut storage = engine::store::open_read_only(data, ledger::subjects_of).unwrap();
    let report = ledger::audit(&mut storage, Some(from)).unwrap();
    assert!(report.head.unwrap().sequence > from.sequence);
}

#[test]
fn only_its_owner_may_read_a_backup_or_what_is_restored() {
    let places = Places::new();
    drop(demo_in(places.data.path()));
    let (copy, restored) = (places.at("backup"), places.at("restored"));
    backup(places.data.path(), &copy).unwrap();
    restore(&copy, &restored, None, false).unwrap();
    for folder in [copy, restored] {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
            names.push(entry.file_name().into_string().unwrap());
        }
        names.retain(|name| !name.contains("-wal") && !name.contains("-shm"));
        names.sort();
        assert_eq!(names, ["keys.db", "ledger.db", "space.db"], "the index is derived");
    }
}

#[test]
fn a_backup_that_ends_before_the_expected_head_is_restored_only_when_told() {
    let places = Places::new();
    let demo = demo_in(places.data.path());
    let somebody = somebody(demo.country);
    let copy = places.at("backup");
    backup(places.data.path(), &copy).unwrap();
    api(&demo).prefer(&somebody, "rnpp", false).ok();
    drop(demo);
    let known = head(places.data.path());
    let restored = places.at("restored");
    let refused = restore(&copy, &restored, Some(&known), false).unwrap_err();
    let Error::Behind { found, expected } = refused else { panic!("{refused}") };
    assert_eq!((found + 1, expected), (known.sequence, known.sequence));
    assert!(!restored.exists());
    restore(&copy, &restored, Some(&known), true).unwrap();
    assert_eq!(head(&restored).sequence, found);
    // Being behind excuses nothing else.
    let other = Head { stream: [9; 16], sequence: 1, ..known };
    let refused = restore(&copy, &places.at("other"), Some(&other), true).unwrap_err();
    assert!(matches!(refused, Error::Violated(_)), "{refused}");
}

#[test]
fn nothing_is_overwritten_and_nothing_half_is_left() {
    let places = Places::new();
    drop(demo_in(places.data.path()));
    let copy = places.at("backup");
    fs::create_dir(&copy).unwrap();
    backup(places.data.path(), &copy).unwrap();
    let taken = backup(places.data.path(), &copy).unwrap_err();
    assert!(matches!(taken, Error::Taken(_)), "{taken}");
    let taken = restore(&copy, places.data.path(), None, false).unwrap_err();
    assert!(matches!(taken, Error::Taken(_)), "{taken}");
    // A damaged backup does not become a data directory.
    let file = copy.join("ledger.db");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(4).rposition(|it| it == [1, 0, 0, 0]).unwrap_or(bytes.len() / 2);
    bytes[at..].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(&file, bytes).unwrap();
    let restored = places.at("restored");
    restore(&copy, &restored, None, false).unwrap_err();
    backup(&places.at("nowhere"), &places.at("b")).unwrap_err();
    let left = fs::read_dir(places.outer.path()).unwrap();
    let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["backup"]);
}

/// What is erased later is searched for in the data directory, and not in those below it.
#[test]
fn no_backup_is_made_inside_the_directory_that_it_is_of() {
    let places = Places::new();
    drop(demo_in(places.data.path()));
    let data = places.data.path();
    let link = places.at("link");
    std::os::unix::fs::symlink(data, &link).unwrap();
    let name = data.file_name().unwrap();
    for to in [
        data.join("backup"),
        data.join("a/b"),
        link.join("backup"),
        data.join("../").join(name).join("backup"),
        data.join("nowhere/../backup"),
    ] {
        let refused = backup(data, &to).unwrap_err();
        assert!(matches!(refused, Error::Inside(_)), "{refused}");
        let refused = backup(&link, &to).unwrap_err();
        assert!(matches!(refused, Error::Inside(_)), "{refused}");
    }
    assert!(!data.join("a").exists() && !data.join("nowhere").exists(), "nothing is made");
    // Beside it, also under a name that goes on from its own.
    let mut beside = data.as_os_str().to_owned();
    beside.push("-backup");
    backup(data, Path::new(&beside)).unwrap();
    fs::remove_dir_all(&beside).unwrap();
}

#[test]
fn own_data_of_which_a_file_is_missing_or_damaged_is_neither_backed_up_nor_restored_nor_opened() {
    let places = Places::new();
    let demo = demo_in(places.data.path());
    let token = format!("demo-person-{}", somebody(demo.country));
    let put = json!({"value": "a@example.lu"}).to_string();
    let kept = api(&demo).send("PUT", "/v1/me/data/email", Some(&token), put.as_bytes()).reply();
    assert_eq!(kept.status, 200);
    drop(demo);
    let (copy, restored) = (places.at("backup"), places.at("restored"));
    backup(places.data.path(), &copy).unwrap();
    for file in ["space.db", "keys.db"] {
        let path = copy.join(file);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, vec![0xa5; whole.len()]).unwrap();
        let refused = restore(&copy, &restored, None, false).unwrap_err().to_string();
        assert!(refused.contains(&format!("{file} cannot be used")), "{refused}");
        fs::remove_file(&path).unwrap();
        let missing = format!("{file} is missing or empty");
        let refused = restore(&copy, &restored, None, false).unwrap_err().to_string();
        assert!(refused.contains(&missing), "{refused}");
        let refused = backup(&copy, &places.at("other")).unwrap_err().to_string();
        assert!(refused.contains(&missing), "{refused}");
        assert!(!restored.exists() && !places.at("other").exists());
        let refused = engine::space::Sqlite::open(&copy).err().expect("refused").to_string();
        assert!(refused.contains(&missing) && !path.exists(), "{refused}");
        fs::write(&path, whole).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    restore(&copy, &restored, None, false).unwrap();
    // Who never kept own data has neither file.
    fs::remove_file(copy.join("space.db")).unwrap();
    fs::remove_file(copy.join("keys.db")).unwrap();
    restore(&copy, &places.at("without"), None, false).unwrap();
}
