//! Decoding one answer of each dialect, all attributes asked; and a batch of 20.

use std::hint::black_box;

use benches::answers::body;
use benches::{NOW, catalogue, country};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::catalogue::Register;
use engine::registers;
use fixtures::{Authority, Person};

fn decode(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let person = country().example_parent();
    for register in catalogue.registers() {
        let key = match Authority::named(&register.name) {
            Some(Authority::Caclr) => person.address().id().to_string(),
            _ => person.matricule().to_string(),
        };
        decode_of(criterion, register, &[&key]);
        if register.http().batch > 1 {
            let owners = country().people().filter(|person| person.vehicle().is_some());
            let keys =
                owners.take(register.http().batch).map(|it: Person| it.matricule().to_string());
            let keys: Vec<String> = keys.collect();
            decode_of(criterion, register, &keys.iter().map(|key| &**key).collect::<Vec<_>>());
        }
    }
}

fn decode_of(criterion: &mut Criterion, register: &Register, keys: &[&str]) {
    let body = body(register, keys, register.all());
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function(format!("{} x {}", register.name, keys.len()), |it| {
        let decode = |mut body: Vec<u8>| {
            registers::decode(register, black_box(keys), register.all(), NOW, &mut body)
        };
        it.iter_batched(|| body.clone(), decode, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group! { name = decoding; config = benches::timing::quick(); targets = decode }
criterion_main!(decoding);
