//! Every target takes every seed, and every seed a little damaged.

use fuzz::{TARGETS, Target};

/// Cuts, turned bits and repeats of a seed: few enough to take no time.
fn damaged(seed: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for at in (0..seed.len()).step_by(seed.len() / 24 + 1) {
        let mut turned = seed.to_vec();
        turned[at] ^= 1 << (at % 8);
        let doubled = [&seed[..at], &seed[at / 2..]].concat();
        let blank = [&seed[..at], b"\0", &seed[at + 1..]].concat();
        all.extend([seed[..at].to_vec(), turned, doubled, blank]);
    }
    all
}

#[test]
fn every_target_takes_its_seeds_whole_and_damaged() {
    for target in TARGETS {
        for seed in target.seeds() {
            (target.run)(&seed);
            damaged(&seed).iter().for_each(|input| (target.run)(input));
        }
    }
}

#[test]
fn every_target_has_seeds_and_every_folder_a_target() {
    for target in TARGETS {
        assert!(target.seeds().len() > 1, "{} starts from nothing", target.name);
    }
    for entry in std::fs::read_dir(fuzz::folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(Target::named(&name).is_some(), "seeds/{name} belongs to no target");
    }
}

#[test]
fn every_register_has_a_seed_that_it_reads() {
    let answers = Target::named("answer").unwrap().seeds();
    let files = fixtures::catalogue::files().iter();
    for (path, text) in files.filter(|(path, _)| path.starts_with("registers/")) {
        let source =
            engine::catalogue::Source { path: (*path).to_owned(), text: (*text).to_owned() };
        let register = engine::catalogue::Register::compile(&source).unwrap();
        let read = answers.iter().any(|seed| {
            let text = std::str::from_utf8(seed).unwrap_or_default();
            let Some((head, body)) = text.split_once('\n') else { return false };
            let mut words = head.split(' ');
            let named = words.next() == Some(&*register.name);
            let keys: Vec<&str> = words.collect();
            let mut body = body.as_bytes().to_vec();
            named
                && engine::registers::decode(&register, &keys, register.all(), 0, &mut body)
                    .is_ok_and(|all| all.iter().any(|it| it.as_ref().is_ok_and(|it| it.found)))
        });
        assert!(read, "{path} has no seed that becomes an answer");
    }
}
