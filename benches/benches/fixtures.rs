//! What a simulated register's answer costs: at most 2 us, so that a run
//! measures the engine and not the simulation.

use std::hint::black_box;

use benches::answers::{call, simulated};
use benches::{catalogue, country};
use criterion::{Criterion, criterion_group, criterion_main};
use fixtures::Authority;

fn answer(criterion: &mut Criterion) {
    let person = country().example_parent();
    for register in catalogue().registers() {
        let key = match Authority::named(&register.name) {
            Some(Authority::Caclr) => person.address().id().to_string(),
            _ => person.matricule().to_string(),
        };
        let (simulated, call) = (simulated(register), call(register, &[&key], register.all()));
        assert!(simulated.answer(&call).status().is_success());
        criterion.bench_function(&format!("fixtures/answer of {}", register.name), |it| {
            it.iter(|| simulated.answer(black_box(&call)));
        });
    }
}

criterion_group! { name = fixtures_answers; config = benches::timing::quick(); targets = answer }
criterion_main!(fixtures_answers);
