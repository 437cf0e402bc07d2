//! Compiling the demonstration's catalogue: what a start and a reload cost.

use criterion::{Criterion, criterion_group, criterion_main};

fn compile(criterion: &mut Criterion) {
    criterion.bench_function("catalogue/compile demo", |it| {
        it.iter(|| engine::demo::catalogue().expect("it compiles"));
    });
}

criterion_group! { name = catalogue; config = benches::timing::quick(); targets = compile }
criterion_main!(catalogue);
