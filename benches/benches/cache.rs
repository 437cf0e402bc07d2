//! Looking up what is held about a subject, and finding one answer in it.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use benches::{answers, catalogue, country, subject};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::cache::{Cache, Config, Slot};
use engine::clock::Civil;
use engine::model::{Answer, AnswerBuilder, ProcedureId, Subject};

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
    let answer = decoded.ok().and_then(|mut it| it.pop()?.ok());
    let answer = answer.expect("a right answer");
    for index in 0..HELD {
        // A stride that visits people in no order.
        let person = country.person(index * 7_919 % country.population());
        cache.keep(subject(&person), &slot, &answer, Duration::from_secs(3600));
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

/// What one hit over four registers looks up, in three layouts: the engine's, which
/// keeps what is known of a subject in one piece of memory; a list of answers for each
/// subject under moka; and an entry for each answer under moka.
fn layouts(criterion: &mut Criterion) {
    let (catalogue, country) = (catalogue(), country());
    let procedure = benches::procedure(&catalogue, benches::FORM);
    let asked = catalogue.registers()[0].all();
    let slots: [Slot; 4] = std::array::from_fn(|index| Slot {
        terms: 0,
        register: catalogue.registers()[index].id,
        key: None,
        organisation: None,
        purpose: procedure.id,
        epoch: 0,
    });
    let civil = Civil::system();
    let (now, ttl) = (civil.now(), Duration::from_secs(3600));
    let ours = Cache::new(Config { bytes: 1 << 30 }, civil);
    let apart = moka::sync::Cache::<(Subject, Slot), Arc<Answer>>::builder()
        .max_capacity(1 << 30)
        .time_to_live(ttl)
        .build();
    let lists = moka::sync::Cache::<Subject, Arc<[(Slot, Arc<Answer>)]>>::builder()
        .max_capacity(1 << 30)
        .time_to_live(ttl)
        .build();
    let people: Vec<Subject> = (0..HELD)
        .map(|index| subject(&country.person(index * 7_919 % country.population())))
        .collect();
    for person in &people {
        let answer = || AnswerBuilder::default().found(asked, now, None);
        for slot in &slots {
            ours.keep(*person, slot, &answer(), ttl);
            apart.insert((*person, slot.clone()), answer().into());
        }
        let list = slots.iter().map(|slot| (slot.clone(), answer().into()));
        lists.insert(*person, list.collect());
    }
    apart.run_pending_tasks();
    lists.run_pending_tasks();
    let mut turn = 0;
    let mut next = move || {
        turn = (turn + 1) % people.len();
        people[turn]
    };
    let mut group = criterion.benchmark_group("cache/four answers of a subject");
    let by_ours = |person| {
        let held = ours.get(person).expect("it is held");
        slots.each_ref().map(|slot| held.find(slot, asked, now, None).expect("it is held"))
    };
    group.bench_function("a piece of memory for each subject", |it| it.iter(|| by_ours(next())));
    let by_answer = |person: Subject| {
        slots.each_ref().map(|slot| apart.get(&(person, slot.clone())).expect("it is held"))
    };
    group
        .bench_function("an entry for each answer, under moka", |it| it.iter(|| by_answer(next())));
    let by_list = |person| {
        let held = lists.get(&person).expect("it is held");
        slots.each_ref().map(|slot| {
            let found = held.iter().find(|(known, _)| known == slot);
            found.expect("it is held").1.clone()
        })
    };
    group.bench_function("a list for each subject, under moka", |it| it.iter(|| by_list(next())));
    group.finish();
}

criterion_group! { name = cache; config = benches::timing::quick(); targets = lookup, layouts }
criterion_main!(cache);
