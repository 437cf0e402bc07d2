//! What makes own data unreadable in its files: a tag for an identifier, a key
//! for each subject, and that key wrapped.
//!
//! Everything sealed is `format byte, 24 bytes of nonce, ciphertext` under
//! XChaCha20-Poly1305. The subject's tag and what it is for are authenticated
//! with it, so that nothing can be put in another's place.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::master::{KEY, MasterKey};
use crate::entropy::Entropy;
use crate::model::Subject;

const FORMAT: u8 = 1;
/// Long enough that random nonces never meet.
const NONCE: usize = 24;

/// What stands for a subject in the files: a keyed hash of the identifier, which
/// tells nothing to whoever lacks the master key.
pub type Tag = [u8; 16];

/// What something is sealed for.
#[derive(Clone, Copy)]
enum Purpose {
    Key,
    Document,
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Key => b"prefill space key",
            Self::Document => b"prefill space document",
        }
    }
}

/// The keys that the master key gives.
pub(super) struct Keyring {
    tagging: Hmac<Sha256>,
    wrapping: XChaCha20Poly1305,
}

impl Keyring {
    pub(super) fn new(master: &MasterKey) -> Self {
        Self {
            tagging: keyed(derived(master, b"prefill space tags").as_ref()),
            wrapping: cipher(&derived(master, b"prefill space wrapping")),
        }
    }

    /// What stands for a subject.
    pub(super) fn tag(&self, subject: Subject) -> Tag {
        let whole = self.tagging.clone().chain_update(subject.to_string()).finalize().into_bytes();
        *whole.first_chunk().expect("16 of 32")
    }

    /// A subject's key, as it may be stored.
    pub(super) fn wrap(&self, tag: &Tag, key: &DataKey, entropy: &Entropy) -> Vec<u8> {
        seal(&self.wrapping, Purpose::Key, tag, key.0.as_ref(), entropy)
    }

    /// The key that was wrapped for this subject under this master key.
    pub(super) fn unwrap(&self, tag: &Tag, wrapped: &[u8]) -> Option<DataKey> {
        let plain = open(&self.wrapping, Purpose::Key, tag, wrapped)?;
        let mut key = Zeroizing::new([0; KEY]);
        (plain.len() == KEY).then(|| key.copy_from_slice(&plain))?;
        Some(DataKey(key))
    }
}

/// One subject's key. Whoever forgets it has erased what it sealed.
pub(super) struct DataKey(Zeroizing<[u8; KEY]>);

impl DataKey {
    pub(super) fn random(entropy: &Entropy) -> Self {
        let mut key = Zeroizing::new([0; KEY]);
        entropy.fill(key.as_mut());
        Self(key)
    }

    /// Seals what this subject's document says.
    pub(super) fn seal(&self, tag: &Tag, plain: &[u8], entropy: &Entropy) -> Vec<u8> {
        seal(&cipher(&self.0), Purpose::Document, tag, plain, entropy)
    }

    /// What was sealed for this subject under this key.
    pub(super) fn open(&self, tag: &Tag, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&cipher(&self.0), Purpose::Document, tag, sealed)
    }
}

fn derived(master: &MasterKey, label: &[u8]) -> Zeroizing<[u8; KEY]> {
    let key = keyed(master.bytes()).chain_update(label).finalize();
    Zeroizing::new(key.into_bytes().into())
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn cipher(key: &[u8; KEY]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

fn bound(purpose: Purpose, tag: &Tag) -> Vec<u8> {
    [&[FORMAT], purpose.label(), tag].concat()
}

fn seal(
    cipher: &XChaCha20Poly1305,
    purpose: Purpose,
    tag: &Tag,
    msg: &[u8],
    entropy: &Entropy,
) -> Vec<u8> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    let aad = bound(purpose, tag);
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad: &aad });
    let sealed = sealed.expect("what is sealed is shorter than 256 GiB");
    [&[FORMAT], &nonce[..], &sealed].concat()
}

fn open(
    cipher: &XChaCha20Poly1305,
    purpose: Purpose,
    tag: &Tag,
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (&FORMAT, rest) = sealed.split_first()? else { return None };
    let (nonce, msg) = rest.split_first_chunk::<NONCE>()?;
    let aad = bound(purpose, tag);
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad: &aad }).ok().map(Zeroizing::new)
}
