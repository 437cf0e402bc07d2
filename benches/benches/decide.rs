//! The decision and its plan: one subject, a parent with their child, somebody with a
//! company for which they act, and both stages together for sixteen fields.

use std::hint::black_box;
use std::sync::Arc;

use benches::peers::form;
use benches::{NOW, catalogue, grant, parties, procedure, request};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::consent::{self, Change, Consent};

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

/// A form for a company, while nobody ever said anything of a mandate, and once both
/// sides did, so that their numbers are compared.
fn mandates(criterion: &mut Criterion) {
    const FORM: &str = "company-name-change";
    let catalogue = catalogue();
    let mut request = request(&catalogue, FORM);
    request.subjects[1] = Some("B523212".parse().expect("a register number"));
    let silent = parties(&request);
    let withdrew = |other| {
        let withdrawn = Consent::default().after(&Change::Mandate { other, allow: false }, NOW);
        Some(Arc::new(withdrawn.expect("it is something new")))
    };
    let mut said = silent.clone();
    said.consents = [withdrew(3), withdrew(4), None, None];
    said.numbers = [Some(1), Some(2), None, None];
    let fields = catalogue.procedure(request.procedure).fields.len();
    for (what, parties) in [("nothing said of mandates", silent), ("two others withdrawn", said)] {
        criterion.bench_function(&format!("decide/{FORM}, {fields} fields, {what}"), |it| {
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

/// The form of `peers`: sixteen fields out of four registers.
fn sixteen(criterion: &mut Criterion) {
    let catalogue = form::catalogue(false).expect("the catalogue of `peers` compiles");
    let fields = procedure(&catalogue, form::NAME).fields.len();
    assert_eq!(fields, 16);
    let request = request(&catalogue, form::NAME);
    let parties = parties(&request);
    criterion.bench_function(&format!("decide and plan/{}, {fields} fields", form::NAME), |it| {
        it.iter(|| {
            let decided = consent::decide(&catalogue, black_box(&request), parties.clone(), NOW);
            decided.expect("the owner of a form may ask").plan(&catalogue)
        });
    });
}

criterion_group! { name = decisions; config = benches::timing::quick(); targets = decide, mandates, plan, sixteen }
criterion_main!(decisions);
