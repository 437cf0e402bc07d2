//! The one ordered, durable log of consent changes and disclosures.
//!
//! Everything goes through one writer, in one total order. It takes what
//! arrived during its last commit and meanwhile, checks each disclosure's consent versions
//! *in order*, makes the batch durable with one sync, publishes the new consent
//! state and only then answers. Only this module makes a [`Disclosed`], so that
//! nothing leaves unrecorded.

mod accesses;
mod audit;
mod catalogues;
mod chain;
mod entry;
mod erase;
mod facts;
mod force;
mod history;
mod keeper;
mod left;
mod post;
mod published;
mod queue;
mod repeat;
mod skim;
mod stamps;
mod uses;
mod writer;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

pub use accesses::{Accesses, PAGE_MAX, Page, Usage, Usages};
pub use audit::{Error as AuditError, Report, Violation, Witness, Witnessed, audit, witness};
pub use chain::next as next_hash;
pub use entry::{
    ByMandate, Change, Denial, Digests, Disclosure, Entry, Event, Snapshot, SubjectVersion,
    Undecodable, subjects_of,
};
pub use erase::erase;
pub use history::{Held, Moment, What};
pub use keeper::{Keeper, RETENTION_DEFAULT, Unkept};
pub use published::{Latch, Published, Took};
pub use repeat::Repeatable;
pub use uses::{Count, Kind, Uses, uses};
pub use writer::Writer;

use crate::catalogue::{Catalogue, DEADLINE_MAX};
use crate::clock::{Civil, Instant};
use crate::consent::{self, Bundle, Consent};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::model::{CivilMs, Subject};
use crate::store::{self, Head, Storage};
use post::{Mailbox, Reply};
use queue::{Queue, Submission};

/// Something that the ledger has recorded: it may leave. Only the ledger makes
/// one.
#[derive(Debug)]
pub struct Disclosed<T>(T);

impl<T> Disclosed<T> {
    /// What was disclosed.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// For counting it, not for letting it out.
    pub(crate) fn get(&self) -> &T {
        &self.0
    }
}

/// A bundle with the digest of its exact bytes, which its entry will hold.
#[derive(Debug)]
pub struct Digested {
    bundle: Bundle,
    digest: store::Digest,
}

impl From<Bundle> for Digested {
    fn from(bundle: Bundle) -> Self {
        let digest = Sha256::digest(&bundle.body).into();
        Self { bundle, digest }
    }
}

/// What the ledger holds about one citizen, read for that citizen. Only the
/// ledger makes one.
#[derive(Debug)]
pub struct Own<T>(T);

impl<T> Own<T> {
    /// What is held.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// What is held, to look at.
    pub(crate) fn get(&self) -> &T {
        &self.0
    }

    /// The same in another shape.
    pub fn map<U>(self, shape: impl FnOnce(T) -> U) -> Own<U> {
        Own(shape(self.0))
    }
}

impl<T> Own<Option<T>> {
    /// What is held, where it is.
    pub fn transpose(self) -> Option<Own<T>> {
        self.0.map(Own)
    }
}

/// Why an entry was not written, or is not known to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A consent changed since the decision: decide again.
    #[error("consent changed since the decision")]
    Stale,
    /// The grant's time is over: decide again.
    #[error("the grant is no longer valid")]
    Expired,
    /// The catalogue it was decided under no longer holds.
    #[error("another catalogue holds, and for too long already")]
    Superseded,
    /// Too much waits to be written.
    #[error("the ledger's queue is full")]
    Full,
    /// It could not be made durable in time. The entry may stand.
    #[error("the entry could not be committed in time")]
    TooLate,
    /// The ledger takes nothing more until a restart.
    #[error("the ledger is closed: {0}")]
    Closed(Latch),
}

impl Refused {
    /// In one word, as metrics count it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Full => "full",
            Self::TooLate => "too-late",
            Self::Closed(_) => "closed",
        }
    }
}

/// What a disclosure's entry says beside what the bundle itself knows.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The subjects and the versions decided on.
    pub subjects: Vec<(Subject, u64)>,
    /// The first moment at which the grant no longer holds.
    pub valid_until: CivilMs,
    /// Who asked, for whom, for what.
    pub about: About,
}

/// Where a ledger's parts go: the writer runs on a thread of its own, or as a
/// task in a simulation.
pub struct Opened {
    /// For those who write and read.
    pub ledger: Ledger,
    /// Runs until the last [`Ledger`] is gone.
    pub writer: Writer,
}

/// A handle on the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    queue: Arc<Open>,
    published: Arc<Published>,
}

/// The queue, open as long as anybody can write. Closed by the drop itself: whoever
/// counted handles instead would miss two that go at once.
struct Open(Arc<Queue>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Ledger {
    /// Opens a ledger over its storage, and records under which catalogue.
    ///
    /// # Errors
    /// Where the storage cannot be read or holds what nobody can decode.
    pub fn open(
        storage: Box<dyn Storage>,
        civil: Civil,
        entropy: Entropy,
        catalogue: &Catalogue,
        metrics: Arc<Metrics>,
    ) -> Result<Opened, OpenError> {
        let published = Arc::new(Published::load(&mut *storage.reader()?)?);
        let queue = Arc::new(Queue::default());
        let open = Arc::new(Open(queue.clone()));
        let ledger = Self { queue: open, published: published.clone() };
        let mut writer = Writer::new(storage, queue, published, civil, entropy, metrics);
        writer.record_catalogue(catalogue)?;
        Ok(Opened { ledger, writer })
    }

    /// The part of one core, and the task that wakes that core's waiters.
    pub fn port(&self) -> (Port, impl Future<Output = ()> + Send + use<>) {
        let mailbox = Arc::new(Mailbox::default());
        let port = Port { ledger: self.clone(), mailbox: mailbox.clone() };
        (port, async move { mailbox.deliver().await })
    }

    /// Records that another catalogue holds from here on; nothing, where it does
    /// already. It waits as long as it takes: an entry that stands unknown to
    /// whoever decides would end all disclosure.
    ///
    /// # Errors
    /// Where it is not recorded.
    pub async fn supersede(&self, catalogue: Arc<Catalogue>) -> Result<(), Refused> {
        let (port, deliver) = self.port();
        let size = entry::SMALL + catalogue.text().len();
        tokio::select! {
            recorded = port.post(size, |reply| Submission::Catalogue(catalogue, reply)) => recorded,
            () = deliver => Err(Refused::Closed(Latch::Stopped)),
        }
    }

    /// The consent state and everything else that is read without waiting.
    #[must_use]
    pub fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// How many changes of consent, and how many other submissions, wait to be
    /// written.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        self.queue.0.waiting()
    }
}

/// One core's way into the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Port {
    ledger: Ledger,
    mailbox: Arc<Mailbox>,
}

impl Port {
    /// The consent state and everything else that is read without waiting.
    #[must_use]
    pub fn published(&self) -> &Arc<Published> {
        &self.ledger.published
    }

    /// Records that `bundle` leaves. What comes back is durable.
    ///
    /// # Errors
    /// Where it is not recorded, or not known to be before `until`.
    pub async fn disclose(
        &self,
        bundle: impl Into<Digested>,
        facts: Facts,
        until: Instant,
    ) -> Result<Disclosed<Bundle>, Refused> {
        self.record(bundle.into(), facts, until, Submission::Disclosure).await
    }

    /// The same for one bundle of a bulk job: whoever waits before a form goes before it, and
    /// it waits for a moment for others of its kind.
    ///
    /// # Errors
    /// As [`Port::disclose`].
    pub async fn disclose_in_bulk(
        &self,
        bundle: impl Into<Digested>,
        facts: Facts,
        until: Instant,
    ) -> Result<Disclosed<Bundle>, Refused> {
        self.record(bundle.into(), facts, until, Submission::Bulk).await
    }

    async fn record(
        &self,
        Digested { bundle, digest }: Digested,
        facts: Facts,
        until: Instant,
        submission: impl FnOnce(entry::Draft, Reply) -> Submission,
    ) -> Result<Disclosed<Bundle>, Refused> {
        let draft = entry::Draft::of(&bundle, digest, facts, self.published());
        let size = draft.size();
        self.submit(size, until, |reply| submission(draft, reply)).await?;
        Ok(Disclosed(bundle))
    }

    /// Records a change of a citizen's consent. What comes back is durable and in
    /// force; it is as before where the change changes nothing.
    ///
    /// # Errors
    /// Where it is not recorded, or not known to be before `until`.
    pub async fn change(
        &self,
        subject: Subject,
        what: consent::Change,
        until: Instant,
    ) -> Result<Own<Arc<Consent>>, Refused> {
        let size = entry::size_of(&what);
        self.wish(subject, Wish::Change(what), size, None, until).await
    }

    /// Records that one side of a mandate withdraws or restores it, as
    /// [`Port::change`] does. Where as many stand as are kept, nothing changes.
    ///
    /// # Errors
    /// As [`Port::change`].
    pub async fn mandate(
        &self,
        subject: Subject,
        other: Subject,
        allow: bool,
        until: Instant,
    ) -> Result<Own<Arc<Consent>>, Refused> {
        let wish = Wish::Mandate { other, allow };
        self.wish(subject, wish, entry::SMALL, None, until).await
    }

    /// Records what somebody who acts for a company changes in its consent, as
    /// [`Port::change`] and [`Port::mandate`] do.
    ///
    /// # Errors
    /// As [`Port::change`], and where either side's consent changed since.
    pub async fn change_by(
        &self,
        by: By,
        company: Subject,
        what: Wish,
        until: Instant,
    ) -> Result<Own<Arc<Consent>>, Refused> {
        self.wish(company, what, entry::SMALL, Some(by), until).await
    }

    async fn wish(
        &self,
        subject: Subject,
        what: Wish,
        size: usize,
        by: Option<By>,
        until: Instant,
    ) -> Result<Own<Arc<Consent>>, Refused> {
        let changed = queue::Changed { subject, what, by };
        self.submit(size, until, |reply| Submission::Change(changed, reply)).await?;
        Ok(self.consent_of(subject))
    }

    /// A citizen's own consent state.
    #[must_use]
    pub fn consent_of(&self, subject: Subject) -> Own<Arc<Consent>> {
        Own(self.published().consent(subject))
    }

    /// Records that an operator was denied; without waiting, since nothing leaves.
    pub fn deny(&self, denial: Denied) {
        // When the queue is full, the denial is still in the metrics.
        let _ = self.ledger.queue.0.push(entry::SMALL, Submission::Denial(denial));
    }

    async fn submit(
        &self,
        size: usize,
        until: Instant,
        submission: impl FnOnce(Reply) -> Submission,
    ) -> Result<(), Refused> {
        let posted = tokio::time::timeout_at(until, self.post(size, submission));
        posted.await.unwrap_or(Err(Refused::TooLate))
    }

    async fn post(
        &self,
        size: usize,
        submission: impl FnOnce(Reply) -> Submission,
    ) -> Result<(), Refused> {
        if let Some(latch) = self.published().latch() {
            return Err(Refused::Closed(latch));
        }
        let (sender, receiver) = oneshot::channel();
        let reply = Reply::new(sender, self.mailbox.clone());
        self.ledger.queue.0.push(size, submission(reply))?;
        receiver.await.unwrap_or(Err(Refused::Closed(Latch::Stopped)))
    }
}

pub use entry::About;
pub use queue::{By, Denied, Wish};

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] store::Error),
    /// What it holds cannot be understood.
    #[error("the ledger holds {0}")]
    Damaged(&'static str),
}

/// The least time kept for a commit when a deadline is set.
pub const RESERVE_MIN: Duration = Duration::from_millis(5);
/// How long past its deadline a bundle may wait to be recorded.
pub const GRACE: Duration = Duration::from_secs(1);
/// How long after another catalogue's entry, in ledger time, a disclosure may still
/// stand under the one before: as long as a request may take that began under it.
pub const SUPERSEDED_MAX: Duration = DEADLINE_MAX.saturating_add(GRACE);

/// A digest or hash as text.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A head as `audit --expect-head` takes it: stream, sequence and hash.
#[must_use]
pub fn head_text(head: &Head) -> String {
    format!("{}:{}:{}", hex(&head.stream), head.sequence, hex(&head.hash))
}

/// Reads what [`head_text`] wrote; the stamp is not part of it.
///
/// # Errors
/// What a head looks like, where this is none.
pub fn parse_head(text: &str) -> Result<Head, String> {
    let wrong = || "a head is <32 hex digits>:<sequence>:<64 hex digits>".to_owned();
    let mut parts = text.split(':');
    let (Some(stream), Some(sequence), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    Ok(Head {
        stream: unhex(stream).ok_or_else(wrong)?,
        sequence: sequence.parse().map_err(|_| wrong())?,
        hash: unhex(hash).ok_or_else(wrong)?,
        stamp: 0,
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
