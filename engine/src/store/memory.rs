//! Storage in memory that can lose power, for simulations and crash tests.
//!
//! What is committed lives on a shared [`Disk`]; the open batch lives in the [`Memory`] that writes
//! it and dies with it. A test schedules a power loss on the disk and restarts from it.

use super::cutting::PARTS_AT_ONCE;
use super::{Cut, Digest, Error, Head, Read, Row, RowRef, Storage, SubjectsOf, is_about, stored};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt {
    /// Which operation from now on fails; the next one is 1. `append`, every `put_*` and `commit`
    /// count.
    pub operation: u64,
    /// Whether the batch is durable nevertheless, should that operation be a `commit`.
    pub commit_survives: bool,
}

/// What survives a power loss. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    subjects_of: SubjectsOf,
}

struct State {
    head: Head,
    entries: Vec<Row>,
    subjects: BTreeMap<u64, String>,
    erased: BTreeSet<u64>,
    consents: BTreeMap<u64, Vec<u8>>,
    texts: BTreeMap<Digest, Vec<u8>>,
    facts: BTreeMap<(u64, u64), Vec<u8>>,
    cut: Option<Cut>,
    crash_at: Option<CrashAt>,
    /// Which instance may write: each restart takes the disk from the one before.
    owner: u64,
}

impl Disk {
    /// Schedules a power loss, in place of the one scheduled before.
    pub fn crash_at(&self, at: CrashAt) {
        self.lock().crash_at = Some(at);
    }

    /// A fresh instance over what is durable; the one before can write no more.
    #[must_use]
    pub fn restart(&self) -> Memory {
        let mut state = self.lock();
        state.crash_at = None;
        state.owner += 1;
        Memory { disk: self.clone(), owner: state.owner, batch: Batch::default(), poisoned: false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A batch is applied without a step that can panic, so a poisoned lock guards a whole
        // state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The writer's side of a [`Disk`].
pub struct Memory {
    disk: Disk,
    owner: u64,
    batch: Batch,
    poisoned: bool,
}

#[derive(Default)]
struct Batch {
    entries: Vec<Row>,
    subjects: BTreeMap<u64, String>,
    erased: BTreeSet<u64>,
    consents: BTreeMap<u64, Vec<u8>>,
    texts: BTreeMap<Digest, Vec<u8>>,
    facts: BTreeMap<(u64, u64), Vec<u8>>,
    cut: Option<Cut>,
    /// How many entries go, oldest first.
    swept: usize,
    swept_facts: BTreeSet<(u64, u64)>,
}

impl Memory {
    /// An empty ledger.
    #[must_use]
    pub fn new(stream: [u8; 16], subjects_of: SubjectsOf) -> Memory {
        let state = State {
            head: Head { stream, sequence: 0, hash: [0; 32], stamp: 0 },
            entries: Vec::new(),
            subjects: BTreeMap::new(),
            erased: BTreeSet::new(),
            consents: BTreeMap::new(),
            texts: BTreeMap::new(),
            facts: BTreeMap::new(),
            cut: None,
            crash_at: None,
            owner: 0,
        };
        Disk { state: Arc::new(Mutex::new(state)), subjects_of }.restart()
    }

    /// The disk under it, for whoever schedules a power loss after the writer took this instance
    /// away.
    #[must_use]
    pub fn disk(&self) -> Disk {
        self.disk.clone()
    }

    /// Schedules a power loss; see [`Disk::crash_at`].
    pub fn crash_at(&self, at: CrashAt) {
        self.disk.crash_at(at);
    }

    /// A fresh instance over what is durable; see [`Disk::restart`].
    #[must_use]
    pub fn restart(&self) -> Memory {
        self.disk.restart()
    }

    /// Runs one counted operation; whatever fails closes this instance, and its batch with it.
    fn operate(
        &mut self,
        kind: Kind,
        operation: impl FnOnce(&mut Batch, &mut State) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut state = self.disk.lock();
        if self.poisoned || state.owner != self.owner {
            return Err(Error::Poisoned);
        }
        let outcome = match state.power_loss() {
            None => operation(&mut self.batch, &mut state),
            Some(at) if at.commit_survives && kind == Kind::Commit => {
                operation(&mut self.batch, &mut state).and(Err(Error::PowerLoss))
            }
            Some(_) => Err(Error::PowerLoss),
        };
        self.poisoned = outcome.is_err();
        outcome
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gather,
    Commit,
}

impl State {
    /// The entries that are not cut.
    fn kept(&self) -> impl DoubleEndedIterator<Item = &Row> {
        let cut = self.cut.map_or(0, |cut| cut.sequence);
        self.entries.iter().filter(move |row| row.sequence > cut)
    }

    /// Counts one operation; what was scheduled, if the power goes with it.
    fn power_loss(&mut self) -> Option<CrashAt> {
        let at = self.crash_at.as_mut()?;
        at.operation = at.operation.saturating_sub(1);
        if at.operation == 0 { self.crash_at.take() } else { None }
    }
}

impl Batch {
    fn last(&self, state: &State) -> u64 {
        self.entries.last().map_or(state.head.sequence, |row| row.sequence)
    }

    fn check(&self, state: &State, head: &Head) -> Result<(), Error> {
        if head.stream != state.head.stream {
            return Err(Error::Stream);
        }
        let expected = self.last(state);
        if head.sequence != expected {
            return Err(Error::Sequence { expected, got: head.sequence });
        }
        Ok(())
    }

    fn apply(&mut self, state: &mut State, head: &Head) {
        state.entries.append(&mut self.entries);
        state.subjects.append(&mut self.subjects);
        state.consents.append(&mut self.consents);
        for number in std::mem::take(&mut self.erased) {
            state.subjects.remove(&number);
            state.consents.remove(&number);
            state.erased.insert(number);
        }
        for (digest, text) in std::mem::take(&mut self.texts) {
            state.texts.entry(digest).or_insert(text);
        }
        state.facts.append(&mut self.facts);
        for part in std::mem::take(&mut self.swept_facts) {
            state.facts.remove(&part);
        }
        state.cut = self.cut.take().or(state.cut);
        state.entries.drain(..std::mem::take(&mut self.swept));
        state.head = *head;
    }

    /// Marks what the next commit deletes.
    fn sweep(&mut self, state: &State, limit: usize) -> usize {
        let cut = self.cut.or(state.cut).map(|cut| cut.sequence);
        let going = state.entries[self.swept..].iter();
        let going = going.take_while(|row| Some(row.sequence) <= cut).take(limit).count();
        if going > 0 {
            self.swept += going;
            return going;
        }
        let other = |part: &&(u64, u64)| Some(part.0) != cut && !self.swept_facts.contains(*part);
        let parts = state.facts.keys().filter(other).take(PARTS_AT_ONCE.min(limit));
        let parts: Vec<_> = parts.copied().collect();
        self.swept_facts.extend(&parts);
        parts.len()
    }
}

impl Storage for Memory {
    fn append(&mut self, row: &Row) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, state| {
            let expected = batch.last(state) + 1;
            if row.sequence != expected {
                return Err(Error::Sequence { expected, got: row.sequence });
            }
            batch.entries.push(row.clone());
            Ok(())
        })
    }

    fn put_subject(&mut self, number: u64, identifier: &str) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, state| {
            stored(number)?;
            let known = |given: &BTreeMap<u64, String>| given.contains_key(&number);
            if known(&state.subjects) || known(&batch.subjects) || state.erased.contains(&number) {
                return Err(Error::SubjectTaken(number));
            }
            batch.subjects.insert(number, identifier.to_owned());
            Ok(())
        })
    }

    fn erase_subject(&mut self, number: u64) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, state| {
            stored(number)?;
            let given =
                state.subjects.contains_key(&number) || batch.subjects.contains_key(&number);
            if !given || !batch.erased.insert(number) {
                return Err(Error::NoSubject(number));
            }
            Ok(())
        })
    }

    fn put_consent(&mut self, number: u64, consent: &[u8]) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, _| {
            stored(number)?;
            batch.consents.insert(number, consent.to_vec());
            Ok(())
        })
    }

    fn put_text(&mut self, digest: &Digest, text: &[u8]) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, _| {
            batch.texts.entry(*digest).or_insert_with(|| text.to_vec());
            Ok(())
        })
    }

    fn put_facts(&mut self, cut: u64, part: u64, body: &[u8]) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, _| {
            stored(cut)?;
            stored(part)?;
            batch.facts.insert((cut, part), body.to_vec());
            Ok(())
        })
    }

    fn set_cut(&mut self, cut: &Cut) -> Result<(), Error> {
        self.operate(Kind::Gather, |batch, state| {
            cut.check(batch.cut.or(state.cut), batch.last(state))?;
            batch.cut = Some(*cut);
            Ok(())
        })
    }

    fn sweep(&mut self, limit: usize) -> Result<usize, Error> {
        let mut swept = 0;
        self.operate(Kind::Gather, |batch, state| {
            swept = batch.sweep(state, limit);
            Ok(())
        })?;
        Ok(swept)
    }

    fn commit(&mut self, head: &Head) -> Result<(), Error> {
        self.operate(Kind::Commit, |batch, state| {
            batch.check(state, head)?;
            batch.apply(state, head);
            Ok(())
        })
    }

    fn checkpoint(&mut self) -> Result<bool, Error> {
        if self.poisoned { Err(Error::Poisoned) } else { Ok(false) }
    }

    fn scrub(&mut self) -> Result<(), Error> {
        if self.poisoned { Err(Error::Poisoned) } else { Ok(()) }
    }

    fn reader(&self) -> Result<Box<dyn Read>, Error> {
        Ok(Box::new(self.disk.clone()))
    }
}

impl Read for Disk {
    fn head(&mut self) -> Result<Head, Error> {
        Ok(self.lock().head)
    }

    fn subjects(&mut self, each: &mut dyn FnMut(u64, &str)) -> Result<(), Error> {
        self.lock().subjects.iter().for_each(|(number, identifier)| each(*number, identifier));
        Ok(())
    }

    fn erased(&mut self, each: &mut dyn FnMut(u64)) -> Result<(), Error> {
        self.lock().erased.iter().for_each(|number| each(*number));
        Ok(())
    }

    fn consents(&mut self, each: &mut dyn FnMut(u64, &[u8])) -> Result<(), Error> {
        self.lock().consents.iter().for_each(|(number, consent)| each(*number, consent));
        Ok(())
    }

    fn cut(&mut self) -> Result<Option<Cut>, Error> {
        Ok(self.lock().cut)
    }

    fn facts(&mut self, cut: u64, each: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        self.lock().facts.range((cut, 0)..=(cut, u64::MAX)).for_each(|(_, body)| each(body));
        Ok(())
    }

    fn scan(
        &mut self,
        after: u64,
        limit: usize,
        each: &mut dyn FnMut(RowRef<'_>),
    ) -> Result<(), Error> {
        let state = self.lock();
        let gone = state.entries.first().map_or(0, |row| row.sequence - 1);
        let skipped = usize::try_from(after.saturating_sub(gone)).unwrap_or(usize::MAX);
        state.entries.iter().skip(skipped).take(limit).for_each(|row| each(row.borrowed()));
        Ok(())
    }

    fn text(&mut self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.lock().texts.get(digest).cloned())
    }

    fn usages(
        &mut self,
        subject: u64,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let before = before.unwrap_or(u64::MAX);
        let state = self.lock();
        let newest_first = state.kept().rev();
        let theirs = newest_first
            .filter(|row| row.sequence < before && is_about(self.subjects_of, &row.body, subject));
        Ok(theirs.take(limit).cloned().collect())
    }

    fn usage_count(&mut self, subject: u64) -> Result<u64, Error> {
        let state = self.lock();
        let theirs = state.kept().filter(|row| is_about(self.subjects_of, &row.body, subject));
        Ok(theirs.count() as u64)
    }
}
