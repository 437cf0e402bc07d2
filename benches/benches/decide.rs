//! The decision and its plan: one subject, and a parent with their child.

use std::hint::black_box;

use benches::{NOW, catalogue, grant, parties, request};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::consent;

fn decide(criterion: &mut Criterion) {
    let catalogue = catalogue();
    for form in benches::FORMS {
        let request = request(&catalogue, form);
        let parties = parties(&request);
        criterion.bench_function(&format!("decide/{form}"), |it| {
            it.iter(|| consent::decide(&catalogue, black_box(&request), parties.clone(), NOW));
        });
    }
}

fn plan(criterion: &mut Criterion) {
    let catalogue = catalogue();
    for form in benches::FORMS {
        let grant = grant(&catalogue, &request(&catalogue, form));
        criterion.bench_function(&format!("plan/{form}"), |it| {
            it.iter(|| black_box(&grant).plan(&catalogue));
        });
    }
}

criterion_group! { name = decisions; config = benches::timing::quick(); targets = decide, plan }
criterion_main!(decisions);
