//! Bulk in process: bunches of requests begun on the composing threads, all answers in
//! the cache, the ledger in memory.

use benches::whole::{PEOPLE, Warm};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn bulk(criterion: &mut Criterion) {
    let warm = Warm::start();
    let filled = warm.calls();
    let mut group = criterion.benchmark_group("bulk");
    group.throughput(Throughput::Elements(PEOPLE as u64));
    group.bench_function("bundles in bunches", |it| it.iter(|| warm.ask_in_bulk()));
    group.finish();
    assert_eq!(warm.calls(), filled, "a hit calls no register");
}

criterion_group! { name = jobs; config = benches::timing::slow(); targets = bulk }
criterion_main!(jobs);
