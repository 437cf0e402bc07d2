//! The other side: a bare SQLite that writes the same bytes, and nothing else.

use std::path::Path;
use std::time::Duration;

use engine::clock::monotonic;
use rusqlite::Connection;

/// How long each commit of these rows takes, in ascending order, once they came for so long. SQLite is as it comes, but for
/// what makes a commit durable: it checkpoints within a commit, every thousand pages.
pub(super) fn commits(
    file: &Path,
    bodies: &[Vec<u8>],
    warm: Duration,
    time: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE IF NOT EXISTS entry (sequence INTEGER PRIMARY KEY, salt BLOB, body BLOB);",
    )?;
    let mut insert = connection.prepare("INSERT INTO entry (salt, body) VALUES (?1, ?2)")?;
    let (from, mut took) = (monotonic() + warm, Vec::new());
    loop {
        let commit = monotonic();
        if commit >= from + time {
            break;
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for body in bodies {
            insert.execute(([3_u8; 16], body))?;
        }
        connection.execute_batch("COMMIT")?;
        if commit >= from {
            took.push(monotonic() - commit);
        }
    }
    took.sort_unstable();
    Ok(took)
}
