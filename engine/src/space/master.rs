//! The master key: from it come the keys that wrap every subject's own key. It
//! is kept outside of the data directory, so that a copy of that directory
//! tells nobody anything.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::store::files::sync_dir;

/// Bytes of a key.
pub(super) const KEY: usize = 32;

/// The key above all keys. `Debug` hides it; its memory is wiped when it goes.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY]>);

impl PartialEq for MasterKey {
    /// In a time that tells nothing of either.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0.iter()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

impl MasterKey {
    /// The key with these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key that nobody can guess.
    #[must_use]
    pub fn random(entropy: &Entropy) -> Self {
        let mut key = Zeroizing::new([0; KEY]);
        entropy.fill(key.as_mut());
        Self(key)
    }

    /// The key that stands in a text of 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &[u8]) -> Option<Self> {
        unhex(text.trim_ascii()).map(Self)
    }

    /// Reads the key in a file, where there is such a file.
    ///
    /// # Errors
    /// Where it cannot be read, or holds anything but 64 hexadecimal digits.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let wrong = "a key file holds 64 hexadecimal digits, and this one does not";
        match Self::from_hex(&text) {
            Some(key) => Ok(Some(key)),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, wrong)),
        }
    }

    /// Makes a new key in a new file that only its owner may read. It is durable
    /// when it comes back: what is sealed under it must not outlive it.
    ///
    /// # Errors
    /// Where the file cannot be written, or is there.
    pub fn create(path: &Path, entropy: &Entropy) -> io::Result<Self> {
        let key = Self::random(entropy);
        let mut draft = path.to_owned().into_os_string();
        draft.push(".new");
        let draft = Path::new(&draft);
        // Left by a start that ended before its key had been used for anything.
        let _ = fs::remove_file(draft);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
        file.write_all(&hex(&key))?;
        file.sync_all()?;
        // A link fails where a file is, and replaces no key that another start made.
        let linked = fs::hard_link(draft, path);
        fs::remove_file(draft)?;
        linked?;
        sync_dir(folder_of(path))?;
        Ok(key)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn hex(key: &MasterKey) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // As long as it will be from the start: a vector that grew would leave copies.
    let mut text = Zeroizing::new(Vec::with_capacity(2 * KEY + 1));
    for byte in key.0.iter() {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0xf)]);
    }
    text.push(b'\n');
    text
}

fn unhex(text: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let mut key = Zeroizing::new([0; KEY]);
    if pairs.len() != KEY {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(key)
}
