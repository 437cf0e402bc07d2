//! How much room is left where the data is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What stays free: a ledger that grows by 200 MB an hour under full load leaves an operator hours
/// to act before SQLite fails.
pub const FLOOR_DEFAULT: u64 = 1 << 30;

/// The room on the disk of one directory, looked at now and then.
#[derive(Debug)]
pub struct Room {
    dir: Option<PathBuf>,
    floor: AtomicU64,
    free: AtomicU64,
    /// Whether it was too little when that was looked at last.
    short: AtomicBool,
}

impl Room {
    /// The disk of `dir`, of which `floor` bytes are to stay free.
    #[must_use]
    pub fn new(dir: &Path, floor: u64) -> Room {
        Room {
            dir: Some(dir.to_owned()),
            floor: AtomicU64::new(floor),
            free: AtomicU64::new(u64::MAX),
            short: AtomicBool::new(false),
        }
    }

    /// What never fills: for a simulation.
    #[must_use]
    pub fn endless() -> Room {
        Room {
            dir: None,
            floor: AtomicU64::new(0),
            free: AtomicU64::new(u64::MAX),
            short: AtomicBool::new(false),
        }
    }

    /// So much is to stay free from now on.
    pub fn set_floor(&self, floor: u64) {
        self.floor.store(floor, Ordering::Relaxed);
    }

    /// Looks how much is free; a crossing of the floor is news for whoever runs it.
    pub fn look(&self) -> io::Result<()> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let found = rustix::fs::statvfs(dir)?;
        self.free.store(found.f_bavail.saturating_mul(found.f_frsize), Ordering::Relaxed);
        let shortage = self.shortage();
        let before = self.short.swap(shortage.is_some(), Ordering::Relaxed);
        match shortage {
            Some((free, floor)) if !before => {
                let (free_mib, floor_mib) = (free >> 20, floor >> 20);
                tracing::warn!(free_mib, floor_mib, "less is free on the disk than must be");
            }
            None if before => tracing::info!("enough is free on the disk again"),
            _ => {}
        }
        Ok(())
    }

    /// What was free when it was last looked at, where that is below the floor; and the floor.
    pub fn shortage(&self) -> Option<(u64, u64)> {
        let free = self.free.load(Ordering::Relaxed);
        let floor = self.floor.load(Ordering::Relaxed);
        (free < floor).then_some((free, floor))
    }
}
