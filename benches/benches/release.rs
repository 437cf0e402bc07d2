//! Composing a bundle whose registers have all answered.

use std::hint::black_box;

use benches::{NOW, catalogue, grant, request, resolution};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

fn release(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let mut group = criterion.benchmark_group("release");
    for form in benches::FORMS {
        let request = request(&catalogue, form);
        let grant = grant(&catalogue, &request);
        let resolution = resolution(&catalogue, &request, &grant);
        let compose = || grant.release(&catalogue, black_box(&resolution), Uuid::nil(), NOW);
        let bundle = compose();
        assert!(bundle.released.complete, "every register has answered");
        group.throughput(Throughput::Bytes(bundle.body.len() as u64));
        group.bench_function(form, |it| it.iter(compose));
    }
    group.finish();
}

criterion_group! { name = releasing; config = benches::timing::quick(); targets = release }
criterion_main!(releasing);
