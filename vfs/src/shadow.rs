//! What stands on a disk after a power loss.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::{fs, io};

use super::disk::{Event, What};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The files of a disk, as events make them.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    durable: BTreeMap<String, Vec<u8>>,
    pending: BTreeMap<String, Vec<What>>,
}

impl Shadow {
    /// One more event; a sync makes durable what happened to its file.
    pub fn apply(&mut self, event: &Event) {
        match &event.what {
            What::Sync => {
                let pending = self.pending.remove(&event.file).unwrap_or_default();
                let mut file = self.durable.remove(&event.file);
                for change in &pending {
                    file = changed(file, change, &mut |_| true);
                }
                self.durable.extend(file.map(|bytes| (event.file.clone(), bytes)));
            }
            What::SyncDir => self.sync_dir(),
            what => self.pending.entry(event.file.clone()).or_default().push(what.clone()),
        }
    }

    fn sync_dir(&mut self) {
        for (name, pending) in &mut self.pending {
            let last = pending.iter().rposition(|change| matches!(change, What::Delete));
            if let Some(last) = last {
                pending.drain(..=last);
                self.durable.remove(name);
            }
        }
    }

    /// Writes the files as a power loss leaves them now. `survives` tells of each
    /// sector that was written and not synced whether it is there all the same.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write_to(&self, dir: &Path, mut survives: impl FnMut() -> bool) -> io::Result<()> {
        let mut files = self.durable.clone();
        for (name, pending) in &self.pending {
            let mut file = files.remove(name);
            for change in pending {
                // What came after a removal is in another file of that name.
                if matches!(change, What::Delete) {
                    file = if survives() { None } else { file };
                    break;
                }
                file = changed(file, change, &mut |_| survives());
            }
            files.extend(file.map(|bytes| (name.clone(), bytes)));
        }
        files.iter().try_for_each(|(name, bytes)| write_private(dir, name, bytes))
    }
}

/// Writes a file as its owner's alone into a directory that is so as well, and is
/// made where it is missing.
///
/// # Errors
/// Where either cannot be written.
pub fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(name));
    file?.write_all(bytes)
}

/// A file after a change, of which `survives` tells of each sector whether it was
/// made.
fn changed(
    file: Option<Vec<u8>>,
    change: &What,
    survives: &mut dyn FnMut(usize) -> bool,
) -> Option<Vec<u8>> {
    match change {
        What::Sync | What::SyncDir => file,
        What::Delete => None,
        What::Truncate(size) => {
            let mut bytes = file.unwrap_or_default();
            if survives(0) {
                bytes.resize(*size as usize, 0);
            }
            Some(bytes)
        }
        What::Write { offset, data } => {
            let mut bytes = file.unwrap_or_default();
            for (index, sector) in data.chunks(SECTOR).enumerate() {
                if !survives(index) {
                    continue;
                }
                let start = *offset as usize + index * SECTOR;
                if bytes.len() < start + sector.len() {
                    bytes.resize(start + sector.len(), 0);
                }
                bytes[start..start + sector.len()].copy_from_slice(sector);
            }
            Some(bytes)
        }
    }
}
