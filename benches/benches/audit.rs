//! The audit: what it takes to prove the entries of a ledger in memory.

use benches::whole::{PEOPLE, Warm};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// How often everybody is asked about: a quarter of a million entries, beside which it counts for
/// little that each audit compiles the catalogue first, as any does.
const ROUNDS: usize = 4_000;

fn audit(criterion: &mut Criterion) {
    let mut warm = Warm::start();
    (0..ROUNDS).for_each(|_| warm.ask(PEOPLE));
    let report = warm.audit();
    let disclosures = report.disclosures;
    assert!(disclosures >= (ROUNDS * PEOPLE) as u64, "everybody was asked about");
    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Elements(disclosures));
    group.bench_function("disclosures", |it| it.iter(|| warm.audit()));
    group.finish();
}

criterion_group! { name = proving; config = benches::timing::slow(); targets = audit }
criterion_main!(proving);
