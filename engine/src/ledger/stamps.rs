//! Entries by their ledger time, which never goes back.

use super::entry::Entry;
use crate::model::CivilMs;
use crate::store::{self, Head, Read};

/// The last sequence whose ledger time is before `moment`, of those above `low` and up
/// to `high`; `low` where there is none.
pub(super) fn last_before(
    storage: &mut dyn Read,
    moment: CivilMs,
    mut low: u64,
    mut high: u64,
) -> Result<u64, store::Error> {
    while low < high {
        let middle = low + (high - low) / 2;
        let mut earlier = false;
        storage.scan(middle, 1, &mut |row| {
            earlier = Entry::decode(row.body).is_ok_and(|entry| entry.stamp < moment);
        })?;
        if earlier { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

/// The ledger time of the entry that the head names; nothing where there is none.
pub(super) fn newest(storage: &mut dyn Read, head: &Head) -> Result<Option<CivilMs>, store::Error> {
    let Some(before) = head.sequence.checked_sub(1) else { return Ok(None) };
    let mut newest = None;
    storage.scan(before, 1, &mut |row| newest = Some(Entry::decode(row.body)))?;
    match newest {
        Some(Ok(entry)) => Ok(Some(entry.stamp)),
        _ => Err(store::Error::Damaged("the newest entry cannot be read")),
    }
}
