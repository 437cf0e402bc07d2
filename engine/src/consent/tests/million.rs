//! A million random decisions and releases, each against the naive model.
//!
//! `PREFILL_CASES=100000000 cargo test --release -p engine --lib million` tries a
//! hundred million.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use uuid::Uuid;

use super::decided::{authorised, verdict, wanted};
use super::leaks::{marker, resolution};
use super::random::{Asked, FITS, NOW, asked};
use crate::catalogue::Catalogue;
use crate::catalogue::tests::world::Candidate;
use crate::consent::{Denied, Grant, decide};
use crate::model::{Call, Channel, RegisterId, Resolution};

/// Cases where nobody says how many.
const CASES: u64 = 1_000_000;
/// Cases of one catalogue, whose compilation costs as much as so many decisions.
const OF_ONE_WORLD: u64 = 2_000;
/// Every so many bundles are read as their receiver does, which costs the most.
const READ_EVERY: u64 = 32;

/// A catalogue, its candidates, and calls that ended in several ways.
struct Stage {
    asked: Asked,
    catalogue: Catalogue,
    candidates: Vec<Candidate>,
    /// The register of each candidate.
    registers: Vec<RegisterId>,
    resolutions: Vec<Resolution>,
}

impl Stage {
    fn draw(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let asked = asked().new_tree(&mut runner).expect("every world can be drawn").current();
        let catalogue = asked.world.compile();
        let endings = prop::collection::vec(0..10_u8, 1..8);
        let endings = (0..8).map(|_| endings.new_tree(&mut runner).expect("drawn").current());
        let resolutions = endings.map(|endings| resolution(&catalogue, &endings)).collect();
        let registers = catalogue.procedures()[0].candidates.iter();
        Self {
            candidates: asked.world.candidates(),
            registers: registers.map(|candidate| candidate.register).collect(),
            asked,
            catalogue,
            resolutions,
        }
    }

    /// Other people, who have decided otherwise, and another request about them.
    fn redraw(&mut self, rng: &mut StdRng) {
        let asked = &mut self.asked;
        let (fields, registers) = (asked.world.fields.len(), asked.world.registers.len());
        let channels = [Channel::FrontOffice, Channel::BackOffice, Channel::Own];
        asked.organisation = rng.random_range(0..asked.world.authority.len());
        asked.channel = channels[rng.random_range(0..channels.len())];
        let mut some = |most: usize, of: usize| -> Vec<usize> {
            let count = rng.random_range(0..most);
            (0..count).map(|_| rng.random_range(0..of)).collect()
        };
        asked.fields = Some(some(6, fields)).filter(|wanted| wanted.len() > 1);
        asked.refused.iter_mut().for_each(|refused| *refused = some(3, registers));
        let roles = asked.minors.len();
        let (one, other) = (some(3, roles), some(3, roles));
        asked.withdrawn = one.into_iter().zip(other).collect();
        let reuse = some(3, FITS.len()).into_iter();
        asked.reuse = reuse.map(|fit| (some(4, fields), FITS[fit])).collect();
        asked.minors.iter_mut().for_each(|minor| *minor = rng.random_ratio(7, 10));
    }

    /// One decision and one release. What is found is worth a panic.
    fn check(&self, number: u64) {
        let request = self.asked.request(&self.catalogue);
        let parties = self.asked.parties(&self.catalogue);
        let authority =
            |(_, _, register, name): &Candidate| authorised(&self.asked, *register, name);
        let decided = decide(&self.catalogue, &request, parties, NOW);
        if !self.candidates.iter().any(authority) {
            assert_eq!(decided.map(drop), Err(Denied::NoAuthority), "{:?}", self.asked);
            return;
        }
        let grant = decided.expect("there is authority");
        for (index, candidate) in self.candidates.iter().enumerate() {
            let allowed =
                verdict(&self.asked, candidate).is_none() && wanted(&self.asked, candidate.0);
            let granted = grant.allowed().contains(index);
            assert_eq!(granted, allowed, "{candidate:?} of {:?}", self.asked);
        }
        self.release(number, &grant);
    }

    /// The first allowed source that answered fills each field, and nothing else.
    fn release(&self, number: u64, grant: &Grant) {
        let resolution = &self.resolutions[number as usize % self.resolutions.len()];
        let bundle = grant.release(&self.catalogue, resolution, Uuid::nil(), NOW);
        let mut expected: Vec<(u8, RegisterId)> = Vec::new();
        let mut texts = Vec::new();
        for (index, candidate) in self.candidates.iter().enumerate() {
            let call = self.catalogue.procedures()[0].candidates[index].call;
            let answered = matches!(resolution.call(call), Call::Answered(_) | Call::Stale { .. });
            let filled = expected.iter().any(|(field, _)| usize::from(*field) == candidate.0);
            let allowed =
                verdict(&self.asked, candidate).is_none() && wanted(&self.asked, candidate.0);
            if allowed && answered && !filled {
                expected.push((candidate.0 as u8, self.registers[index]));
                let (field, role, register, attribute) = candidate;
                let register = &self.asked.world.registers[*register].name;
                texts.push((format!("f{field}"), marker(*role, register, attribute)));
            }
        }
        assert_eq!(bundle.released.fields, expected, "{:?}", self.asked);
        if number.is_multiple_of(READ_EVERY) {
            let read: Value = serde_json::from_slice(&bundle.body).expect("a bundle is JSON");
            let fields = read["fields"].as_object().expect("an object");
            let valued =
                fields.iter().filter_map(|(name, field)| Some((name, field.get("value")?)));
            let mut shown: Vec<_> = valued
                .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
                .collect();
            shown.sort();
            texts.sort();
            assert_eq!(shown, texts, "{:?}", self.asked);
        }
    }
}

fn cases() -> u64 {
    let named = std::env::var("PREFILL_CASES").ok();
    named.map_or(CASES, |text| text.parse().expect("PREFILL_CASES is a number"))
}

#[test]
fn a_million_decisions_and_releases_are_those_of_the_model() {
    let worlds = cases().div_ceil(OF_ONE_WORLD);
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= worlds {
                return;
            }
            let mut stage = Stage::draw(seed);
            let mut rng = StdRng::seed_from_u64(seed);
            for number in 0..OF_ONE_WORLD {
                stage.redraw(&mut rng);
                stage.check(number);
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}
