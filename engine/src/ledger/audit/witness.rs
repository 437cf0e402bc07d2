//! Whether a bundle that somebody holds left here, when, and to whom.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Error;
use crate::ledger::catalogues;
use crate::ledger::entry::{Disclosure, Entry, Event};
use crate::ledger::keeper::kept_from;
use crate::ledger::stamps::last_before;
use crate::model::CivilMs;
use crate::store::{Digest, Read};

/// How many rows are looked through at a time.
const SLICE: usize = 4_096;

/// What the ledger says of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// These exact bytes left.
    Disclosed(Witnessed),
    /// A bundle of this id left, and these are not its bytes.
    Altered(Witnessed),
    /// No bundle of this id left.
    Unknown,
    /// It would have left before this ledger time, and entries of then are not kept.
    BeyondRetention(CivilMs),
    /// It names no disclosure, so that it is no bundle.
    NoBundle,
}

/// The entry of a bundle, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// Its place in the ledger.
    pub sequence: u64,
    /// Ledger time.
    pub at: CivilMs,
    /// Its id, which stands in the bundle.
    pub disclosure: Uuid,
    /// Who received.
    pub organisation: String,
    /// Who asked.
    pub operator: String,
    /// For which form.
    pub procedure: String,
    /// In which version.
    pub version: u32,
    /// How.
    pub channel: &'static str,
}

/// Looks a bundle up. The ledger itself is to be audited beside it.
///
/// # Errors
/// Where the ledger cannot be read.
pub fn witness(storage: &mut dyn Read, bundle: &[u8]) -> Result<Witness, Error> {
    let Some(id) = id(bundle) else { return Ok(Witness::NoBundle) };
    let made = made(id);
    let Some((sequence, at, found)) = find(storage, id, made.unwrap_or(0))? else {
        let kept_from = kept_from(storage)?;
        let gone = kept_from.filter(|from| made.is_some_and(|made| made < *from));
        return Ok(gone.map_or(Witness::Unknown, Witness::BeyondRetention));
    };
    let told = told(storage, sequence, at, &found)?;
    Ok(match found.digest == Digest::from(Sha256::digest(bundle)) {
        true => Witness::Disclosed(told),
        false => Witness::Altered(told),
    })
}

fn id(bundle: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Named<'a> {
        disclosure: &'a str,
    }
    serde_json::from_slice::<Named<'_>>(bundle).ok()?.disclosure.parse().ok()
}

/// The entry of a disclosure that was made at `made`, before it was committed: no
/// earlier entry can be its.
fn find(
    storage: &mut dyn Read,
    id: Uuid,
    made: CivilMs,
) -> Result<Option<(u64, CivilMs, Disclosure)>, Error> {
    let (cut, head) = (storage.cut()?, storage.head()?);
    let kept = cut.map_or(0, |cut| cut.sequence);
    let mut after = last_before(storage, made, kept, head.sequence)?;
    while after < head.sequence {
        let mut found = None;
        let mut last = after;
        storage.scan(after, SLICE, &mut |row| {
            last = row.sequence;
            if let Ok(Entry { stamp, event: Event::Disclosure(disclosure), .. }) =
                Entry::decode(row.body)
                && disclosure.id == id.into_bytes()
            {
                found = Some((row.sequence, stamp, disclosure));
            }
        })?;
        if found.is_some() || last == after {
            return Ok(found);
        }
        after = last;
    }
    Ok(None)
}

/// When an id was made, where it tells.
fn made(id: Uuid) -> Option<CivilMs> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(seconds as CivilMs * 1_000 + CivilMs::from(nanos / 1_000_000))
}

fn told(
    storage: &mut dyn Read,
    sequence: u64,
    at: CivilMs,
    found: &Disclosure,
) -> Result<Witnessed, Error> {
    let about = &found.about;
    let catalogue = catalogues::load(storage, &about.catalogue)?;
    Ok(Witnessed {
        sequence,
        at,
        disclosure: Uuid::from_bytes(found.id),
        organisation: catalogue.organisation(about.organisation).name.to_string(),
        operator: catalogue.organisation(about.operator).name.to_string(),
        procedure: catalogue.procedure(about.procedure).name.to_string(),
        version: about.version,
        channel: about.channel.as_str(),
    })
}
