//! What is kept about one subject: all answers in one piece of memory.
//!
//! It begins with a moment, from which those of its answers are told. Each answer
//! stands behind its length: who answered, flags, for what, since when and for how
//! long, and what `Answer::pack` wrote.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use super::{ANSWERS_MAX, Found, Slot};
use crate::model::packed::{Reader, Shared, put_number, put_signed};
use crate::model::{Answer, AttributeMask, CivilMs, OrganisationId, ProcedureId, RegisterId};
use crate::planted::{self, Fault};

/// Beside the three of an answer.
const ORGANISATION: u8 = 1 << 3;
const KEY: u8 = 1 << 4;
const EPOCH: u8 = 1 << 5;
/// Terms and purpose are those of the answer before.
const SAME: u8 = 1 << 6;
const OF_AN_ANSWER: u8 = 7;

/// The answers about one subject. `Debug` shows none.
#[derive(Clone)]
pub struct Held(Shared);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// One answer, and whom it may serve.
struct Kept<'a> {
    register: RegisterId,
    terms: u32,
    purpose: ProcedureId,
    organisation: Option<OrganisationId>,
    key: Option<&'a [u8]>,
    epoch: u64,
    since: CivilMs,
    lasts: u64,
    flags: u8,
    /// What `Answer::pack` wrote.
    answer: Range<usize>,
}

impl Kept<'_> {
    fn serves(&self, wanted: &Slot) -> bool {
        self.register == wanted.register
            && (self.epoch == wanted.epoch || planted::is(Fault::FillAfterPurge))
            && (self.terms, self.purpose) == (wanted.terms, wanted.purpose)
            && self.organisation == wanted.organisation
            && self.key == wanted.key.as_deref().map(str::as_bytes)
    }

    fn expires(&self) -> CivilMs {
        self.since.saturating_add_unsigned(self.lasts)
    }
}

impl Held {
    /// The newest answer in a slot that covers `attributes`.
    #[must_use]
    pub fn find(
        &self,
        slot: &Slot,
        attributes: AttributeMask,
        now: CivilMs,
        max_age: Option<Duration>,
    ) -> Option<Found> {
        let usable = self.kept().filter(|kept| kept.serves(slot) && now < kept.expires());
        let answers = usable.map(|kept| self.answer(&kept));
        let covering = answers.filter(|answer| answer.asked.covers(attributes));
        let answer = covering.max_by_key(|answer| answer.since)?;
        let age = (now - answer.since).max(0) as u128;
        let young = max_age.is_none_or(|most| age < most.as_millis());
        let found = if young { Found::Fresh } else { Found::Old };
        Some(found(answer))
    }

    /// Whether an answer's time is not over.
    pub(super) fn is_alive(&self, now: CivilMs) -> bool {
        self.kept().any(|kept| now < kept.expires())
    }

    /// What is kept from now on, of `before` and with another answer.
    pub(super) fn with(
        before: Option<&Self>,
        number: u64,
        slot: &Slot,
        (answer, lasts): (&Answer, u64),
        now: CivilMs,
    ) -> Self {
        let superseded = |it: &Held, kept: &Kept<'_>| {
            let same = kept.serves(slot)
                && kept.epoch == slot.epoch
                && kept.since <= answer.since
                && answer.asked.covers(it.answer(kept).asked);
            same || kept.terms < slot.terms
        };
        let mut made = Making::of(before, answer.since);
        if let Some(before) = before {
            let stays = |kept: &Kept<'_>| now < kept.expires() && !superseded(before, kept);
            let excess = (before.kept().filter(&stays).count() + 1).saturating_sub(ANSWERS_MAX);
            let kept = before.kept().filter(stays).skip(excess);
            kept.for_each(|kept| {
                made.put(&kept, |out| out.extend_from_slice(&before.0[kept.answer.clone()]))
            });
        }
        let new = Kept {
            register: slot.register,
            terms: slot.terms,
            purpose: slot.purpose,
            organisation: slot.organisation,
            key: slot.key.as_deref().map(str::as_bytes),
            epoch: slot.epoch,
            since: answer.since,
            lasts,
            flags: answer.flags(),
            answer: 0..0,
        };
        made.put(&new, |out| answer.pack(out));
        Self(Shared::new(number, &made.bytes))
    }

    /// What stays when a register of these terms is refused; `None` where that is
    /// nothing. Of what was fetched under others, nobody can tell here whose it is.
    pub(super) fn without(&self, terms: u32, register: RegisterId) -> Option<Self> {
        let mut made = Making::of(Some(self), 0);
        let empty = made.bytes.len();
        let stays = |kept: &Kept<'_>| kept.terms == terms && kept.register != register;
        for kept in self.kept().filter(stays) {
            made.put(&kept, |out| out.extend_from_slice(&self.0[kept.answer.clone()]));
        }
        (made.bytes.len() > empty).then(|| Self(Shared::new(self.0.number(), &made.bytes)))
    }

    /// Whose it is, as it was made, and what was marked since.
    pub(super) fn number(&self) -> u64 {
        self.0.number()
    }

    pub(super) fn set_number(&self, number: u64) {
        self.0.set_number(number);
    }

    /// Bytes of its piece of memory.
    pub(super) fn size(&self) -> usize {
        Shared::HEAD + self.0.len()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.kept().count()
    }

    fn answer(&self, kept: &Kept<'_>) -> Answer {
        Answer::unpacked(&self.0, kept.answer.clone(), kept.flags, kept.since)
    }

    fn kept(&self) -> impl Iterator<Item = Kept<'_>> {
        let mut reader = Reader::at(&self.0, 0);
        let base = reader.signed();
        let mut before = (0, ProcedureId(0));
        std::iter::from_fn(move || {
            if reader.is_at_end() {
                return None;
            }
            let kept = read(&mut reader, base, before);
            before = (kept.terms, kept.purpose);
            Some(kept)
        })
    }
}

fn read<'a>(reader: &mut Reader<'a>, base: CivilMs, before: (u32, ProcedureId)) -> Kept<'a> {
    let length = reader.number() as usize;
    let end = reader.place() + length;
    let (register, flags) = (RegisterId(reader.byte()), reader.byte());
    let is = |flag: u8| flags & flag != 0;
    let (terms, purpose) = match is(SAME) {
        true => before,
        false => (reader.number() as u32, ProcedureId(reader.number() as u16)),
    };
    let organisation = is(ORGANISATION).then(|| OrganisationId(reader.number() as u16));
    let key = is(KEY).then(|| {
        let length = reader.number() as usize;
        reader.bytes(length)
    });
    let epoch = if is(EPOCH) { reader.number() } else { 0 };
    let since = base + reader.signed();
    let lasts = match reader.number() {
        // Times are whole seconds, mostly.
        seconds if seconds & 1 == 0 => (seconds >> 1) * 1_000,
        milliseconds => milliseconds >> 1,
    };
    let answer = reader.place()..end;
    reader.go(end);
    let flags = flags & OF_AN_ANSWER;
    Kept { register, terms, purpose, organisation, key, epoch, since, lasts, flags, answer }
}

/// What is being made for a subject.
struct Making {
    bytes: Vec<u8>,
    one: Vec<u8>,
    base: CivilMs,
    before: (u32, ProcedureId),
}

impl Making {
    /// Moments are told from where they were, or else from `since` on.
    fn of(before: Option<&Held>, since: CivilMs) -> Self {
        let base = before.map_or(since, |held| Reader::at(&held.0, 0).signed());
        let room = before.map_or(0, |held| held.0.len());
        let mut bytes = Vec::with_capacity(room + 256);
        put_signed(&mut bytes, base);
        Self { bytes, one: Vec::with_capacity(256), base, before: (0, ProcedureId(0)) }
    }

    fn put(&mut self, kept: &Kept<'_>, answer: impl FnOnce(&mut Vec<u8>)) {
        let this = (kept.terms, kept.purpose);
        let flags = [
            (kept.organisation.is_some(), ORGANISATION),
            (kept.key.is_some(), KEY),
            (kept.epoch != 0, EPOCH),
            (this == self.before, SAME),
        ];
        let flags =
            flags.iter().filter(|(is, _)| *is).fold(kept.flags, |all, (_, flag)| all | flag);
        let one = &mut self.one;
        one.clear();
        one.extend([kept.register.0, flags]);
        if this != self.before {
            put_number(one, u64::from(kept.terms));
            put_number(one, u64::from(kept.purpose.0));
        }
        if let Some(organisation) = kept.organisation {
            put_number(one, u64::from(organisation.0));
        }
        if let Some(key) = kept.key {
            put_number(one, key.len() as u64);
            one.extend_from_slice(key);
        }
        if kept.epoch != 0 {
            put_number(one, kept.epoch);
        }
        put_signed(one, kept.since - self.base);
        put_number(
            one,
            match kept.lasts % 1_000 {
                0 => (kept.lasts / 1_000) << 1,
                _ => (kept.lasts << 1) | 1,
            },
        );
        answer(one);
        self.before = this;
        put_number(&mut self.bytes, one.len() as u64);
        self.bytes.extend_from_slice(one);
    }
}
