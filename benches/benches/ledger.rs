//! The ledger: an entry's body, its place in the chain, the digest of a
//! bundle's bytes, and a durable batch in SQLite.

use std::hint::black_box;
use std::time::Duration;

use benches::{NOW, catalogue, grant, request, resolution};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use engine::catalogue::Catalogue;
use engine::consent::Bundle;
use engine::ledger::{self, About, Disclosure, Entry, Event, SubjectVersion};
use engine::model::Channel;
use engine::store::{Head, Row, Sqlite, Storage, Time};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

const STREAM: [u8; 16] = [7; 16];

fn bundle(catalogue: &Catalogue) -> Bundle {
    let request = request(catalogue, benches::FORM);
    let grant = grant(catalogue, &request);
    let resolution = resolution(catalogue, &request, &grant);
    grant.release(catalogue, &resolution, Uuid::nil(), NOW)
}

/// The entry of one disclosure, as the writer makes it.
fn entry(catalogue: &Catalogue, bundle: &Bundle, sequence: u64) -> Entry {
    let procedure = benches::procedure(catalogue, benches::FORM);
    let about = About {
        catalogue: *catalogue.digest(),
        operator: procedure.owner,
        organisation: procedure.owner,
        procedure: procedure.id,
        version: procedure.version,
        channel: Channel::FrontOffice,
        case: None,
        presence: Some("0123456789abcdef".into()),
        idempotency: None,
    };
    let event = Event::Disclosure(Disclosure {
        id: bundle.disclosure.into_bytes(),
        about,
        subjects: vec![SubjectVersion { subject: sequence, version: 0 }],
        valid_until: i64::MAX,
        called: bundle.released.called.clone(),
        fields: bundle.released.fields.clone(),
        complete: bundle.released.complete,
        digest: Sha256::digest(&bundle.body).into(),
    });
    Entry { stream: STREAM, sequence, stamp: NOW, event }
}

fn entries(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let bundle = bundle(&catalogue);
    let entry = entry(&catalogue, &bundle, 1);
    let row = Row { sequence: 1, salt: [1; 16], body: entry.encode() };
    criterion.bench_function("ledger/encode entry", |it| it.iter(|| black_box(&entry).encode()));
    criterion.bench_function("ledger/next hash of the chain", |it| {
        it.iter(|| ledger::next_hash(black_box(&[3; 32]), &row));
    });
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Bytes(bundle.body.len() as u64));
    group.bench_function("digest of a bundle", |it| {
        it.iter(|| Sha256::digest(black_box(&bundle.body)));
    });
    group.finish();
}

/// One durable commit, with the syncs of the disk under the temporary folder.
fn append(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let body = entry(&catalogue, &bundle(&catalogue), 1).encode();
    let mut group = criterion.benchmark_group("ledger/append");
    for size in [1_u64, 50, 500] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let opened = Sqlite::open(dir.path(), STREAM, Time::Real, ledger::subjects_of);
        let mut storage = opened.expect("a new ledger");
        let mut last = 0;
        group.throughput(Throughput::Elements(size));
        group.bench_function(BenchmarkId::from_parameter(size), |it| {
            let commit = |rows: Vec<Row>| {
                for (sequence, row) in (last + 1..).zip(rows) {
                    storage.append(&Row { sequence, ..row }).expect("an entry in its order");
                }
                last += size;
                let head = Head { stream: STREAM, sequence: last, hash: [0; 32], stamp: NOW };
                storage.commit(&head).expect("a durable batch");
                storage.checkpoint().expect("a bounded log");
            };
            let rows =
                || vec![Row { sequence: 0, salt: [1; 16], body: body.clone() }; size as usize];
            it.iter_batched(rows, commit, BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group! { name = pure; config = benches::timing::quick(); targets = entries }
criterion_group! {
    name = durable;
    config = benches::timing::slow().measurement_time(Duration::from_secs(4));
    targets = append
}
criterion_main!(pure, durable);
