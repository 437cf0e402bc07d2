//! Looking up what is held about a subject, and finding one answer in it.

use std::hint::black_box;
use std::time::Duration;

use benches::{answers, catalogue, country, subject};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::cache::{Cache, Config, Slot};
use engine::clock::Civil;
use engine::model::{ProcedureId, Subject};

/// People in the cache: their entries do not fit a processor's own caches.
const HELD: u64 = 20_000;

fn lookup(criterion: &mut Criterion) {
    let (catalogue, country) = (catalogue(), country());
    let register = catalogue.register(catalogue.find_register("rnpp").expect("a register"));
    let slot = Slot {
        terms: 0,
        register: register.id,
        key: None,
        organisation: None,
        purpose: ProcedureId(0),
        epoch: 0,
    };
    let civil = Civil::system();
    let cache = Cache::new(Config { bytes: 1 << 30 }, civil.clone());
    let mut people: Vec<Subject> = Vec::new();
    let key = country.example_parent().matricule().to_string();
    let mut body = answers::body(register, &[&key], register.all());
    let now = civil.now();
    let decoded = engine::registers::decode(register, &[&key], register.all(), now, &mut body);
    let answer = decoded.ok().and_then(|mut it| it.pop()?.ok()).map(std::sync::Arc::new);
    let answer = answer.expect("a right answer");
    for index in 0..HELD {
        // A stride that visits people in no order.
        let person = country.person(index * 7_919 % country.population());
        cache.keep(subject(&person), slot.clone(), answer.clone(), Duration::from_secs(3600));
        people.push(subject(&person));
    }
    let mut turn = 0;
    let mut next = || {
        turn = (turn + 1) % people.len();
        people[turn]
    };
    let found = |subject| {
        let held = cache.get(subject)?;
        held.find(&slot, register.all(), now, None)
    };
    assert!(found(next()).is_some(), "a benchmark of misses would look fast");
    criterion.bench_function("cache/get held", |it| it.iter(|| cache.get(black_box(next()))));
    criterion.bench_function("cache/get and find answer", |it| it.iter(|| found(next())));
    let stranger = subject(&country.person(country.population() - 1));
    assert!(cache.get(stranger).is_none());
    criterion.bench_function("cache/get nothing", |it| it.iter(|| cache.get(black_box(stranger))));
}

criterion_group! { name = cache; config = benches::timing::quick(); targets = lookup }
criterion_main!(cache);
