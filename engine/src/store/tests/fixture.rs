//! A ledger under test beside a naive model of it, over any kind of storage.

use crate::store::{Cut, Digest, Disk, Head, Indexer, Memory, Read, Row, Sqlite, Storage, Time};
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

pub(super) const STREAM: [u8; 16] = [5; 16];

pub(super) type Body = Vec<u8>;

/// The fake format: a body is the numbers of its subjects, eight bytes each.
pub(super) fn subjects_of(body: &[u8], each: &mut dyn FnMut(u64)) {
    for number in body.chunks_exact(8) {
        each(u64::from_le_bytes(number.try_into().unwrap()));
    }
}

pub(super) fn body(subjects: &[u64]) -> Body {
    subjects.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The salt differs by sequence, as a random one would.
pub(super) fn row(sequence: u64, body: &[u8]) -> Row {
    let mut salt = [9; 16];
    salt[..8].copy_from_slice(&sequence.to_le_bytes());
    Row { sequence, salt, body: body.to_vec() }
}

pub(super) fn head_of(sequence: u64, stamp: i64) -> Head {
    Head { stream: STREAM, sequence, hash: [u8::try_from(stamp % 251).unwrap(); 32], stamp }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Memory,
    SqliteUnindexed,
    SqliteBehind,
    SqliteIndexed,
}

enum Place {
    Memory(Disk),
    Files(TempDir),
}

/// What is committed, kept in the plainest way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Model {
    pub(super) head: Head,
    pub(super) rows: Vec<Row>,
    pub(super) subjects: BTreeMap<u64, String>,
    pub(super) consents: BTreeMap<u64, Vec<u8>>,
    pub(super) texts: BTreeMap<Digest, Vec<u8>>,
    pub(super) cut: Option<Cut>,
}

impl Model {
    pub(super) fn new() -> Model {
        Model {
            head: head_of(0, 0),
            rows: Vec::new(),
            subjects: BTreeMap::new(),
            consents: BTreeMap::new(),
            texts: BTreeMap::new(),
            cut: None,
        }
    }

    /// Everything that a reader finds.
    pub(super) fn read(reader: &mut dyn Read, texts: impl Iterator<Item = Digest>) -> Model {
        let mut found = Model::new();
        found.head = reader.head().unwrap();
        found.cut = reader.cut().unwrap();
        found.rows = reader.entries(0, usize::MAX).unwrap();
        reader
            .subjects(&mut |number, identifier| {
                drop(found.subjects.insert(number, identifier.into()));
            })
            .unwrap();
        reader
            .consents(&mut |number, state| drop(found.consents.insert(number, state.into())))
            .unwrap();
        for digest in texts {
            found.texts.extend(reader.text(&digest).unwrap().map(|text| (digest, text)));
        }
        found
    }

    pub(super) fn check(&self, reader: &mut dyn Read) {
        assert_eq!(&Model::read(reader, self.texts.keys().copied()), self);
        for subject in 0..5 {
            for page in [1, 3, 100] {
                assert_eq!(
                    paged_usages(reader, subject, page),
                    self.usages(subject),
                    "pages of {page}"
                );
            }
        }
    }

    fn usages(&self, subject: u64) -> Vec<Row> {
        let cut = self.cut.map_or(0, |cut| cut.sequence);
        let about = |row: &&Row| {
            let mut subjects = row.body.chunks_exact(8);
            row.sequence > cut && subjects.any(|number| number == subject.to_le_bytes())
        };
        self.rows.iter().filter(about).rev().cloned().collect()
    }
}

fn paged_usages(reader: &mut dyn Read, subject: u64, limit: usize) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    let count = reader.usage_count(subject).unwrap();
    loop {
        let page = reader.usages(subject, all.last().map(|row| row.sequence), limit).unwrap();
        assert!(page.len() <= limit);
        if page.is_empty() {
            assert_eq!(count, all.len() as u64);
            return all;
        }
        all.extend(page);
    }
}

pub(super) struct Ledger {
    kind: Kind,
    // Before the place, so that the files are closed when their directory goes.
    pub(super) storage: Box<dyn Storage>,
    indexer: Option<Indexer>,
    place: Place,
    pub(super) model: Model,
    open: Vec<Row>,
}

impl Ledger {
    pub(super) fn new(kind: Kind) -> Ledger {
        let place = match kind {
            Kind::Memory => Place::Memory(Memory::new(STREAM, subjects_of).disk()),
            _ => Place::Files(crate::store::files::temporary()),
        };
        let (storage, indexer) = place.open();
        Ledger { kind, storage, indexer, place, model: Model::new(), open: Vec::new() }
    }

    pub(super) fn dir(&self) -> &Path {
        match &self.place {
            Place::Files(dir) => dir.path(),
            Place::Memory(_) => panic!("memory has no directory"),
        }
    }

    pub(super) fn close(&mut self) {
        self.indexer = None;
        self.storage = Box::new(Memory::new(STREAM, subjects_of));
        self.open.clear();
    }

    pub(super) fn reopen(&mut self) {
        self.close();
        (self.storage, self.indexer) = self.place.open();
    }

    pub(super) fn reader(&self) -> Box<dyn Read> {
        self.storage.reader().unwrap()
    }

    pub(super) fn append(&mut self, body: &[u8]) {
        let sequence = self.model.head.sequence + self.open.len() as u64 + 1;
        self.open.push(row(sequence, body));
        self.storage.append(self.open.last().unwrap()).unwrap();
    }

    pub(super) fn put_subject(&mut self, number: u64, identifier: &str) {
        self.storage.put_subject(number, identifier).unwrap();
        self.model.subjects.insert(number, identifier.into());
    }

    pub(super) fn put_consent(&mut self, number: u64, state: &[u8]) {
        self.storage.put_consent(number, state).unwrap();
        self.model.consents.insert(number, state.into());
    }

    pub(super) fn put_text(&mut self, digest: u8, text: &[u8]) {
        self.storage.put_text(&[digest; 32], text).unwrap();
        self.model.texts.entry([digest; 32]).or_insert_with(|| text.into());
    }

    /// Appends, commits, and lets the index follow as its kind says.
    pub(super) fn commit(&mut self, bodies: &[Body]) {
        for body in bodies {
            self.append(body);
        }
        let sequence = self.model.head.sequence + self.open.len() as u64;
        self.model.rows.append(&mut self.open);
        self.model.head = head_of(sequence, self.model.head.stamp + 1);
        self.storage.commit(&self.model.head).unwrap();
        match (self.kind, &mut self.indexer) {
            (Kind::SqliteBehind, Some(indexer)) => drop(indexer.step(1).unwrap()),
            (Kind::SqliteIndexed, Some(indexer)) => while indexer.step(2).unwrap() > 0 {},
            _ => {}
        }
    }

    /// Cuts entries off, which the newest one says.
    pub(super) fn cut(&mut self, sequence: u64) {
        let entry = self.model.head.sequence;
        let cut = Cut { sequence, hash: [7; 32], before: 3, entry };
        self.storage.set_cut(&cut).unwrap();
        self.model.cut = Some(cut);
    }

    /// Sweeps at most `limit` rows; how many that were.
    pub(super) fn sweep(&mut self, limit: usize) -> usize {
        let cut = self.model.cut.map_or(0, |cut| cut.sequence);
        let gone = self.model.rows.iter().take(limit).filter(|row| row.sequence <= cut).count();
        self.model.rows.drain(..gone);
        let swept = self.storage.sweep(limit).unwrap();
        assert!(swept == gone || gone == 0, "{swept} were swept, not {gone}");
        swept
    }

    /// How many entries the index is still behind after one large step.
    pub(super) fn index_all(&mut self) -> u64 {
        self.indexer.as_mut().unwrap().step(usize::MAX).unwrap()
    }

    pub(super) fn take_indexer(&mut self) -> Indexer {
        self.indexer.take().unwrap()
    }

    pub(super) fn usages(&self, subject: u64, before: Option<u64>, limit: usize) -> Vec<u64> {
        self.reader()
            .usages(subject, before, limit)
            .unwrap()
            .iter()
            .map(|row| row.sequence)
            .collect()
    }

    pub(super) fn check(&self) {
        self.model.check(self.reader().as_mut());
    }
}

impl Place {
    fn open(&self) -> (Box<dyn Storage>, Option<Indexer>) {
        match self {
            Place::Memory(disk) => (Box::new(disk.restart()), None),
            Place::Files(dir) => {
                let storage = Sqlite::open(dir.path(), STREAM, Time::Real, subjects_of).unwrap();
                let indexer = storage.indexer().unwrap();
                (Box::new(storage), Some(indexer))
            }
        }
    }
}
