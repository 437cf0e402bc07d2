//! What one submission becomes at its place in the order: entries, or a refusal.

use std::sync::Arc;

use super::{Batch, Writer};
use crate::catalogue::Catalogue;
use crate::consent::{self, Consent};
use crate::ledger::entry::{ByMandate, Change, Denial, Draft, Encoded, Event, SubjectVersion};
use crate::ledger::post::{Post, Reply};
use crate::ledger::queue::{By, Changed, Chore, Denied, Submission, Wish};
use crate::ledger::{Refused, chain};
use crate::model::{CivilMs, Subject};
use crate::planted::{self, Fault};
use crate::store::{self, Head, Row};

impl Writer {
    /// Gives one submission its place, or refuses it.
    pub(super) fn order(
        &mut self,
        stamp: CivilMs,
        submission: Submission,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        match submission {
            Submission::Change(Changed { subject, by: Some(by), .. }, reply)
                if !self.still_acts(subject, by, batch) =>
            {
                self.metrics.ledger().refused(Refused::Stale.kind());
                batch.answers.push((reply, Err(Refused::Stale)));
                Ok(())
            }
            Submission::Change(changed, reply) => {
                let written = self.change(stamp, changed, batch);
                let reply = early(Fault::AcknowledgeBeforeCommit, reply);
                batch.answers.extend(reply.map(|reply| (reply, Ok(()))));
                written
            }
            Submission::Disclosure(draft, reply) | Submission::Bulk(draft, reply) => {
                self.checked(stamp, draft, reply, batch)
            }
            Submission::Denial(denied) => self.deny(stamp, denied, batch),
            Submission::Catalogue(catalogue, reply) => {
                let known = self.in_force.is(catalogue.digest());
                let written = if known { Ok(()) } else { self.supersede(stamp, &catalogue) };
                batch.answers.push((reply, Ok(())));
                written
            }
            Submission::Chore(Chore::Snapshot(snapshot), reply) if !snapshot.holds_at(stamp) => {
                batch.answers.push((reply, Err(Refused::Stale)));
                Ok(())
            }
            Submission::Chore(chore, reply) => {
                batch.answers.push((reply, Ok(())));
                batch.changed = true;
                self.chore(stamp, chore, batch)
            }
        }
    }

    /// A disclosure, where its decision still holds.
    fn checked(
        &mut self,
        stamp: CivilMs,
        draft: Draft,
        reply: Reply,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        if let Err(refused) = self.check(stamp, &draft, batch) {
            self.metrics.ledger().refused(refused.kind());
            batch.answers.push((reply, Err(refused)));
            return Ok(());
        }
        let written = self.disclose(stamp, draft, batch);
        let reply = early(Fault::RespondBeforeCommit, reply);
        batch.answers.extend(reply.map(|reply| (reply, Ok(()))));
        written
    }

    /// From here on, another catalogue holds.
    pub(super) fn supersede(
        &mut self,
        stamp: CivilMs,
        catalogue: &Catalogue,
    ) -> Result<(), store::Error> {
        self.storage.put_text(catalogue.digest(), catalogue.text().as_bytes())?;
        self.append(stamp, &Event::Catalogue(*catalogue.digest()))?;
        self.in_force.enter(*catalogue.digest(), stamp);
        Ok(())
    }

    fn change(
        &mut self,
        stamp: CivilMs,
        changed: Changed,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        let Changed { subject, what, by } = changed;
        let known = self.consent(subject, batch);
        let Some(what) = self.named(what, &known, batch)? else { return Ok(()) };
        let Some(next) = known.after(&what, stamp) else { return Ok(()) };
        self.turn += 1;
        let number = self.number(subject, batch)?;
        if !planted::is(Fault::ConsentStateNotStored) {
            self.storage.put_consent(number, &next.encode())?;
        }
        let subject_version = SubjectVersion { subject: number, version: next.version };
        let change = Change { subject: subject_version, what };
        let event = match by {
            None => Event::Change(change),
            Some(By { person, versions: (version, _) }) => {
                batch.named.insert(number, subject);
                let by = SubjectVersion { subject: self.number(person, batch)?, version };
                Event::ByMandate(ByMandate { by, change })
            }
        };
        self.append(stamp, &event)?;
        batch.consents.insert(subject, Arc::new(next));
        Ok(())
    }

    /// Whether both sides' consents are those under which a mandate was shown.
    fn still_acts(&self, company: Subject, by: By, batch: &Batch) -> bool {
        let version = |subject| self.consent(subject, batch).version;
        by.versions == (version(by.person), version(company))
    }

    /// A wish as an entry says it; `None` where it can change nothing.
    fn named(
        &mut self,
        wish: Wish,
        consent: &Consent,
        batch: &mut Batch,
    ) -> Result<Option<consent::Change>, store::Error> {
        let (other, allow) = match wish {
            Wish::Change(change) => return Ok(Some(change)),
            Wish::Mandate { other, allow } => (other, allow),
        };
        let known = self.known_number(other, batch);
        // Nobody gets a number for a word that is not kept.
        if known.is_none() && (allow || !consent.takes_mandates()) {
            return Ok(None);
        }
        let number = self.number(other, batch)?;
        batch.named.insert(number, other);
        Ok(Some(consent::Change::Mandate { other: number, allow }))
    }

    /// Whether a disclosure's decision still holds at its place in the order.
    fn check(&self, stamp: CivilMs, draft: &Draft, batch: &Batch) -> Result<(), Refused> {
        if draft.valid_until <= stamp && !planted::is(Fault::GrantTimeNotChecked) {
            return Err(Refused::Expired);
        }
        if !self.in_force.admits(&draft.catalogue, stamp) {
            return Err(Refused::Superseded);
        }
        let current =
            |(subject, version): &(Subject, u64)| self.consent(*subject, batch).version == *version;
        let overtaking = planted::is(Fault::QueueOvertakingWithoutRecheck);
        match overtaking || self.holds(draft) || draft.subjects.iter().all(current) {
            true => Ok(()),
            false => Err(Refused::Stale),
        }
    }

    fn disclose(
        &mut self,
        stamp: CivilMs,
        draft: Draft,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        // While it is watched whom entries name, each name is looked at.
        if self.holds(&draft) && self.watched.is_none() {
            return self.append_encoded(stamp, &draft.event);
        }
        let mut subjects = Vec::with_capacity(draft.subjects.len());
        for (subject, version) in draft.subjects {
            let subject = self.number(subject, batch)?;
            subjects.push(SubjectVersion { subject, version });
        }
        self.append(stamp, &draft.event.about(subjects))
    }

    /// Whether nobody's consent or number is another since they were looked up for it.
    fn holds(&self, draft: &Draft) -> bool {
        draft.held_at == Some(self.turn)
    }

    fn deny(
        &mut self,
        stamp: CivilMs,
        denied: Denied,
        batch: &mut Batch,
    ) -> Result<(), store::Error> {
        let Denied { about, subjects: named, reason, count } = denied;
        let mut subjects = Vec::with_capacity(named.len());
        for subject in named {
            subjects.push(self.number(subject, batch)?);
        }
        let denial = Denial { about, subjects, reason: reason.into(), count };
        self.append(stamp, &Event::Denial(denial))
    }

    pub(super) fn append(&mut self, stamp: CivilMs, event: &Event) -> Result<(), store::Error> {
        self.append_encoded(stamp, &event.encode())
    }

    fn append_encoded(&mut self, stamp: CivilMs, event: &Encoded) -> Result<(), store::Error> {
        let sequence = self.head.sequence + 1;
        let body = event.body(&self.head.stream, sequence, stamp);
        let row = Row { sequence, salt: self.entropy.bytes(), body };
        self.storage.append(&row)?;
        let hash = match planted::is(Fault::ChainSkipsAnEntry) && sequence.is_multiple_of(64) {
            true => self.head.hash,
            false => chain::next(&self.head.hash, &row),
        };
        self.head = Head { sequence, stamp, hash, ..self.head };
        Ok(())
    }

    fn consent(&self, subject: Subject, batch: &Batch) -> Arc<Consent> {
        batch.consents.get(&subject).cloned().unwrap_or_else(|| self.published.consent(subject))
    }

    fn known_number(&self, subject: Subject, batch: &Batch) -> Option<u64> {
        batch.numbers.get(&subject).copied().or_else(|| self.published.number(subject))
    }

    /// The number by which an entry is to name a subject.
    fn number(&mut self, subject: Subject, batch: &mut Batch) -> Result<u64, store::Error> {
        let known = self.known_number(subject, batch);
        let number = known.unwrap_or(self.next_number);
        self.watched.iter_mut().for_each(|watched| watched.extend([number]));
        if known.is_none() {
            self.storage.put_subject(number, &subject.to_string())?;
            self.next_number += 1;
            batch.numbers.insert(subject, number);
        }
        Ok(number)
    }
}

/// The reply, where no fault answers it before its batch is durable.
fn early(fault: Fault, reply: Reply) -> Option<Reply> {
    if !planted::is(fault) {
        return Some(reply);
    }
    let mut post = Post::default();
    reply.answer(Ok(()), &mut post);
    post.send();
    None
}
