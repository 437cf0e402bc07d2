//! A whole request in process: identify to disclose, on one thread, all
//! answers in the cache, the ledger in memory.

use benches::whole::{PEOPLE, Warm};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Requests on their way at a time; the ledger commits those that wait together.
const TOGETHER: [usize; 2] = [1, PEOPLE];

fn hit(criterion: &mut Criterion) {
    let warm = Warm::start();
    let filled = warm.calls();
    let mut group = criterion.benchmark_group("prefill/hits together");
    for count in TOGETHER {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |it| it.iter(|| warm.ask(count)));
    }
    group.finish();
    assert_eq!(warm.calls(), filled, "a hit calls no register");
}

criterion_group! { name = whole; config = benches::timing::slow(); targets = hit }
criterion_main!(whole);
