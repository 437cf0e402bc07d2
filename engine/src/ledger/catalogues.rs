//! Catalogues by digest, as the ledger keeps them for its old entries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest as _, Sha256};

use crate::catalogue::Catalogue;
use crate::store::{self, Digest, Read};

/// How many old catalogues are kept compiled.
const KEPT_MAX: usize = 8;

/// Reads a catalogue back. Its text must be what the digest says.
pub(super) fn load(
    storage: &mut dyn Read,
    digest: &Digest,
) -> Result<Arc<Catalogue>, store::Error> {
    let text = storage.text(digest)?;
    let text = text.ok_or(store::Error::Damaged("no text of a catalogue that an entry names"))?;
    if Digest::from(Sha256::digest(&text)) != *digest {
        return Err(store::Error::Damaged("a catalogue's text that is not what its digest says"));
    }
    let text = String::from_utf8(text).map_err(|_| store::Error::Damaged("a catalogue's text"))?;
    let compiled = Catalogue::from_text(&text)
        .map_err(|_| store::Error::Damaged("a catalogue that no longer compiles"))?;
    Ok(Arc::new(compiled))
}

/// Those that were read, compiled when an entry first names them.
#[derive(Default)]
pub(super) struct Catalogues(Mutex<HashMap<Digest, Arc<Catalogue>>>);

impl Catalogues {
    pub(super) fn get(
        &self,
        storage: &mut dyn Read,
        digest: &Digest,
    ) -> Result<Arc<Catalogue>, store::Error> {
        if let Some(known) = self.lock().get(digest) {
            return Ok(known.clone());
        }
        let compiled = load(storage, digest)?;
        let mut known = self.lock();
        if known.len() == KEPT_MAX {
            known.clear();
        }
        known.insert(*digest, compiled.clone());
        Ok(compiled)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Catalogue>>> {
        self.0.lock().expect("no panic under it")
    }
}
