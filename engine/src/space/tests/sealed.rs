//! What is sealed opens under its own key, for its own subject and purpose, and
//! not after a bit of it has changed.

use super::*;
use crate::space::seal::{DataKey, Keyring};

const PLAIN: &[u8] = b"what somebody wrote";

#[test]
fn a_tag_tells_subjects_apart_and_nothing_else() {
    let ring = Keyring::new(&key(1));
    assert_eq!(ring.tag(alice()), Keyring::new(&key(1)).tag(alice()));
    assert_ne!(ring.tag(alice()), ring.tag(bob()));
    assert_ne!(ring.tag(alice()), Keyring::new(&key(2)).tag(alice()));
}

#[test]
fn a_wrapped_key_opens_under_its_master_key_and_for_its_subject_only() {
    let (ring, entropy) = (Keyring::new(&key(1)), Entropy::seeded(1));
    let (tag, other) = (ring.tag(alice()), ring.tag(bob()));
    let data = DataKey::random(&entropy);
    let wrapped = ring.wrap(&tag, &data, &entropy);
    let sealed = data.seal(&tag, PLAIN, &entropy);
    let opens =
        |ring: &Keyring, tag: &Tag| Some(ring.unwrap(tag, &wrapped)?.open(tag, &sealed)?.to_vec());
    assert_eq!(opens(&ring, &tag).as_deref(), Some(PLAIN));
    assert!(ring.unwrap(&other, &wrapped).is_none());
    assert!(Keyring::new(&key(2)).unwrap(&tag, &wrapped).is_none());
}

#[test]
fn a_document_opens_under_its_key_and_for_its_subject_only() {
    let (ring, entropy) = (Keyring::new(&key(1)), Entropy::seeded(1));
    let (tag, other) = (ring.tag(alice()), ring.tag(bob()));
    let data = DataKey::random(&entropy);
    let sealed = data.seal(&tag, PLAIN, &entropy);
    assert!(data.open(&other, &sealed).is_none());
    assert!(DataKey::random(&entropy).open(&tag, &sealed).is_none());
    assert!(!sealed.windows(4).any(|it| PLAIN.windows(4).any(|plain| plain == it)));
}

#[test]
fn no_bit_of_what_is_sealed_can_change() {
    let (ring, entropy) = (Keyring::new(&key(1)), Entropy::seeded(1));
    let (tag, data) = (ring.tag(alice()), DataKey::random(&entropy));
    let (wrapped, sealed) = (ring.wrap(&tag, &data, &entropy), data.seal(&tag, PLAIN, &entropy));
    let flips = |bytes: &[u8]| {
        (0..bytes.len() * 8)
            .map(|bit| {
                let mut changed = bytes.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                changed
            })
            .collect::<Vec<_>>()
    };
    assert!(flips(&wrapped).iter().all(|it| ring.unwrap(&tag, it).is_none()));
    assert!(flips(&sealed).iter().all(|it| data.open(&tag, it).is_none()));
    assert!((0..sealed.len()).all(|length| data.open(&tag, &sealed[..length]).is_none()));
}

#[test]
fn the_same_is_never_sealed_twice_in_the_same_way() {
    let (ring, entropy) = (Keyring::new(&key(1)), Entropy::seeded(1));
    let (tag, data) = (ring.tag(alice()), DataKey::random(&entropy));
    assert_ne!(data.seal(&tag, PLAIN, &entropy), data.seal(&tag, PLAIN, &entropy));
    assert_ne!(ring.wrap(&tag, &data, &entropy), ring.wrap(&tag, &data, &entropy));
}

/// What an earlier engine has written must open for ever.
#[test]
fn the_format_of_what_is_sealed_does_not_change() {
    let ring = Keyring::new(&key(1));
    let tag = ring.tag(alice());
    assert_eq!(hex(&tag), TAG);
    let data = ring.unwrap(&tag, &unhex(WRAPPED)).expect("it was wrapped for her");
    let plain = data.open(&tag, &unhex(SEALED)).expect("it was sealed under that key");
    assert_eq!(&*plain, PLAIN);
}

const TAG: &str = "d35a5205806d0c495ab5d1b235d4e562";
const WRAPPED: &str = "\
    0154743dc5e24d2a413b159584c1226df6eccfc4caa8cd7b639d7e7b69a985ac8fb58dd9a4bba4b7ff955fcfe1\
    2a7f98bea601f61064568aecf0718c70d1c7af7b72eaf6d572d32443";
const SEALED: &str = "\
    01c7cb56ff66cd60b5a6b3b31c1c3f3585ea88e527a819b062cf2a17f9c30ccc7403b7192864fd39a25a2a86a9\
    1d590cd90354680e1ffc9d5491c74a";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
