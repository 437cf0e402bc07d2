//! The fuzzer: libFuzzer around the target that `FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    Target::named(&name).expect("FUZZ_TARGET names one of the targets")
});

/// Writes the seeds into the corpus, where `FUZZ_CORPUS` names one.
fn prepare() {
    let Ok(corpus) = std::env::var("FUZZ_CORPUS") else { return };
    for (index, seed) in TARGET.seeds().iter().enumerate() {
        let path = format!("{corpus}/seed-{index:03}");
        std::fs::write(path, seed).expect("the corpus takes a seed");
    }
}

libfuzzer_sys::fuzz_target!(init: prepare(), |data: &[u8]| (TARGET.run)(data));
