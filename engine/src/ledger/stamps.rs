//! Entries by their ledger time, which never goes back.

use super::entry::Entry;
use crate::model::CivilMs;
use crate::store::{self, Read};

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
