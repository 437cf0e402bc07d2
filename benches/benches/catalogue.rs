//! Compiling catalogues: what a start and a reload cost.

use criterion::{Criterion, criterion_group, criterion_main};
use engine::catalogue::Catalogue;

fn compile(criterion: &mut Criterion) {
    criterion.bench_function("catalogue/compile demo", |it| {
        it.iter(|| engine::demo::catalogue().expect("it compiles"));
    });
    let large = benches::large::sources();
    criterion.bench_function("catalogue/compile 1,000 procedures and 100 registers", |it| {
        it.iter(|| Catalogue::compile(&large).expect("it compiles"));
    });
}

criterion_group! { name = catalogue; config = benches::timing::quick(); targets = compile }
criterion_main!(catalogue);
