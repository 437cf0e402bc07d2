//! Bundles over HTTP.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, Request};

use super::caller::{read, trace};
use super::respond;
use super::route::Answered;
use super::wire;
use crate::clock;
use crate::identity::Operator;
use crate::prefill::{self, Asked, Core, Rejection};

/// Names a request, so that its client can repeat it
/// (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// `POST /v1/prefill`.
pub(super) async fn bundle(
    core: &Arc<Core>,
    operator: Operator,
    request: Request<Incoming>,
) -> Answered {
    let began = clock::monotonic();
    let idempotency = key(request.headers())?;
    let asked = Asked { idempotency, ..asked(operator, request).await? };
    let bundle = prefill::prefill(core, &asked).await?;
    let took = core.shared().tells_how.then(|| clock::monotonic() - began);
    Ok(respond::disclosed(bundle, took))
}

/// `POST /v1/prefill/explain`.
pub(super) async fn explain(
    core: &Arc<Core>,
    operator: Operator,
    request: Request<Incoming>,
) -> Answered {
    no_key(request.headers(), "an explanation takes no key: each is a disclosure")?;
    let asked = asked(operator, request).await?;
    let explained = prefill::explain(core, &asked).await?;
    Ok(respond::disclosed(explained, None))
}

async fn asked(operator: Operator, request: Request<Incoming>) -> Result<Asked, Rejection> {
    let trace = trace(request.headers());
    let body = read(request).await?;
    let asked = wire::read::<wire::Prefill>(&body)?.asked_by(operator)?;
    Ok(Asked { trace, ..asked })
}

/// Refuses a key where it would promise what is not kept.
pub(super) fn no_key(headers: &HeaderMap, detail: &str) -> Result<(), Rejection> {
    match headers.contains_key(IDEMPOTENCY_KEY) {
        true => Err(Rejection::value("Idempotency-Key", detail)),
        false => Ok(()),
    }
}

/// The key of a request: a quoted string, as the draft has it, or bare, as many
/// clients send it.
fn key(headers: &HeaderMap) -> Result<Option<String>, Rejection> {
    let wrong = |detail| Rejection::value("Idempotency-Key", detail);
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(wrong("stands twice in the request's head"));
    }
    let text = value.to_str().map_err(|_| wrong("must be visible ASCII characters"))?.trim();
    let bare = text.strip_prefix('"').map_or(Some(text), |rest| rest.strip_suffix('"'));
    match bare {
        // Neither escapes nor parameters: nobody makes up keys that need them.
        Some(bare) if !bare.contains(['"', '\\', ' ']) => Ok(Some(bare.to_owned())),
        _ => Err(wrong("must be one quoted string without escapes, or the same without quotes")),
    }
}

#[cfg(test)]
mod tests;
