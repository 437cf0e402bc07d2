//! Flights: one that is begun and lands, and one that another request joins.

use std::future::{pending, ready};
use std::hint::black_box;
use std::sync::Arc;

use benches::{NOW, country, subject};
use criterion::{Criterion, criterion_group, criterion_main};
use engine::cache::Slot;
use engine::model::{AnswerBuilder, AttributeMask, ProcedureId, RegisterId};
use engine::resolver::{Flight, Flights, Landed};
use tokio::runtime::Builder;

fn flight(index: u64) -> Flight {
    let slot = Slot {
        terms: 0,
        register: RegisterId(0),
        key: None,
        organisation: None,
        purpose: ProcedureId(0),
        epoch: 0,
    };
    let subject = subject(&country().person(index));
    Flight { subject, slot, attributes: AttributeMask::first(4) }
}

fn flights(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let answer = AnswerBuilder::not_found(AttributeMask::first(4), NOW);
    let flights = Arc::new(Flights::default());
    let (long, short) = (flight(0), flight(1));
    runtime.block_on(async { flights.join(long.clone(), None, pending::<Landed>) });
    criterion.bench_function("flights/join one that is under way", |it| {
        it.iter(|| flights.join(black_box(&long).clone(), None, pending::<Landed>).1);
    });
    criterion.bench_function("flights/begin one and wait until it lands", |it| {
        it.iter(|| {
            let landed: Landed = Ok(answer.clone());
            runtime.block_on(async {
                let (landing, joined) = flights.join(short.clone(), None, || ready(landed));
                assert!(!joined, "the one before has landed");
                landing.wait().await
            })
        });
    });
    assert_eq!(flights.airborne(), 1, "all but the one that never lands have landed");
}

criterion_group! { name = joining; config = benches::timing::quick(); targets = flights }
criterion_main!(joining);
