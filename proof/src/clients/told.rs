//! What a client was told, as the history has it.

use std::sync::Arc;
use std::time::Duration;

use engine::consent::{Bundle as Composed, Consent};
use engine::ledger::{Disclosed, Own};
use engine::prefill::Rejection;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::history::{Held, Told};
use crate::world::{CHILD, COMPANY, register_index};

/// What came in time; a client that gives up drops its request.
pub(super) async fn in_time<T>(late: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match late {
        None => Some(work.await),
        Some(patience) => tokio::time::timeout(patience, work).await.ok(),
    }
}

/// The version that a change came back with.
pub(super) fn version(changed: Option<Result<Own<Arc<Consent>>, Rejection>>) -> Told {
    match changed {
        Some(Ok(consent)) => Told::Version(consent.into_inner().version, None),
        Some(Err(rejection)) => refused(&rejection),
        None => Told::Unknown,
    }
}

pub(super) fn told(answered: Result<Disclosed<Composed>, Rejection>) -> Told {
    match answered {
        Ok(disclosed) => Told::Bundle(held(&disclosed.into_inner())),
        Err(rejection) => refused(&rejection),
    }
}

pub(super) fn refused(rejection: &Rejection) -> Told {
    match rejection {
        Rejection::NotRecorded => Told::Unknown,
        // Of more than stand at a time, which is told after the change.
        other => Told::Refused(other.kind()),
    }
}

/// A bundle as its receiver reads it.
fn held(bundle: &Composed) -> Held {
    #[derive(Deserialize)]
    struct Read<'a> {
        disclosure: &'a str,
        #[serde(borrow)]
        fields: std::collections::BTreeMap<&'a str, Field<'a>>,
    }
    #[derive(Deserialize)]
    struct Field<'a> {
        value: Option<&'a str>,
        source: Option<&'a str>,
    }
    let read: Read<'_> = serde_json::from_slice(&bundle.body).expect("a bundle is JSON");
    let filled = read.fields.iter().filter_map(|(name, field)| {
        let register = register_index(field.source?).expect("a register of the catalogue");
        let number = field.value?.parse().expect("a register answers with a number");
        Some(((*name).to_owned(), register, number))
    });
    debug_assert!(
        read.fields.keys().all(|it| [CHILD, COMPANY].contains(it) || register_index(it).is_some())
    );
    Held {
        id: read.disclosure.parse().expect("a bundle's id is a UUID"),
        digest: Sha256::digest(&bundle.body).into(),
        filled: filled.collect(),
    }
}
