//! The master key's file, and that no `Debug` shows the key.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn a_key_is_read_as_it_was_made_and_only_its_owner_may() {
    let folder = crate::store::files::temporary();
    let file = folder.path().join("data.key");
    assert!(MasterKey::read(&file).unwrap().is_none());
    let made = MasterKey::create(&file, &Entropy::seeded(1)).unwrap();
    let read = MasterKey::read(&file).unwrap().unwrap();
    assert_eq!(made.bytes(), read.bytes());
    assert_ne!(made.bytes(), MasterKey::random(&Entropy::seeded(2)).bytes());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn a_key_that_is_there_is_never_replaced() {
    let folder = crate::store::files::temporary();
    let file = folder.path().join("data.key");
    let made = MasterKey::create(&file, &Entropy::seeded(1)).unwrap();
    MasterKey::create(&file, &Entropy::seeded(2)).unwrap_err();
    assert_eq!(made.bytes(), MasterKey::read(&file).unwrap().unwrap().bytes());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
}

#[test]
fn a_file_that_holds_no_key_is_refused_and_none_of_it_is_told() {
    let folder = crate::store::files::temporary();
    let file = folder.path().join("data.key");
    let good = "0123456789abcdef".repeat(4);
    let wrong = ["", "\n", &good[1..], &good[2..], &format!("{good}00"), &good.replace('0', "g")];
    for text in wrong {
        fs::write(&file, text).unwrap();
        let told = MasterKey::read(&file).unwrap_err().to_string();
        assert!(told.contains("64 hexadecimal digits") && !told.contains("123456789"), "{told}");
    }
    fs::write(&file, format!(" {}\r\n", good.to_uppercase())).unwrap();
    let read = MasterKey::read(&file).unwrap().unwrap();
    assert_eq!(read.bytes()[..4], [0x01, 0x23, 0x45, 0x67]);
}

#[test]
fn a_key_does_not_show_in_a_log() {
    assert_eq!(format!("{:?}", key(0xab)), "MasterKey");
}
