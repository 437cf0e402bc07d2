//! `[ledger]`: how long entries are kept.

use std::time::Duration;

use super::Reading;
use crate::catalogue::reader::{Table, spelled};
use crate::ledger::RETENTION_DEFAULT;

/// Entries are cut once a day, and citizens look at their list less often.
const LEAST: Duration = Duration::from_hours(30 * 24);
/// Longer than anybody keeps anything; it still fits a calendar.
const MOST: Duration = Duration::from_hours(36_500 * 24);

/// The default where nothing is said; a mistake where what is said cannot be.
pub(super) fn read(reading: &Reading<'_>, table: &Table<'_>) -> Option<Duration> {
    let Some(written) = table.table("ledger") else { return Some(RETENTION_DEFAULT) };
    let line = written.line_of("retention");
    let said = written.has("retention");
    let retention = written.duration("retention");
    written.finish();
    let Some(retention) = retention else { return (!said).then_some(RETENTION_DEFAULT) };
    if retention < LEAST || retention > MOST {
        let what = format!(
            "`retention` must be from {} to {}: for so long a citizen sees who read what",
            spelled(LEAST),
            spelled(MOST)
        );
        reading.mistake(line, what);
        return None;
    }
    Some(retention)
}
