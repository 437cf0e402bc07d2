//! From a request's path to what answers it.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use super::caller;
use super::respond::{self, Out};
use super::table::{self, Citizens, Does, Everybody, Operation, Operators, Whoever};
use super::{batch, citizen, docs, openapi, operations, prefill, public, reuse};
use crate::clock;
use crate::prefill::{Core, Rejection};

/// What stands in place of a route where there is none.
const OTHER: &str = "other";

pub(super) type Answered = Result<Out, Rejection>;

/// Answers one request, and counts it.
pub(super) async fn answer(core: &Arc<Core>, request: Request<Incoming>) -> Out {
    let began = clock::monotonic();
    let metrics = &core.shared().metrics;
    let (label, answered) = match table::find(request.uri().path()) {
        None => (OTHER, Ok(respond::not_found("such path"))),
        Some((route, parameter)) => match route.operation(request.method()) {
            None => (OTHER, Ok(respond::no_such_method(&route.allowed()))),
            Some(operation) => {
                let parameter = parameter.to_owned();
                (route.label, answered_by(core, operation, &parameter, request).await)
            }
        },
    };
    let out = answered.unwrap_or_else(|rejection| {
        metrics.problem(rejection.kind());
        respond::rejected(&rejection)
    });
    let took = clock::monotonic() - began;
    metrics.answer(label, out.status().as_u16(), took);
    out
}

/// What is large stands in a box of its own: a future is moved several times before
/// it runs, as large as the largest that it may become.
///
/// Who may ask is seen first, then the query, and the body last.
async fn answered_by(
    core: &Arc<Core>,
    operation: &Operation,
    parameter: &str,
    request: Request<Incoming>,
) -> Answered {
    match operation.does {
        Does::Operator(what) => {
            let operator = caller::operator(core, request.headers())?;
            if !matches!(what, Operators::Batch) {
                core.shared().bulk.give_way();
            }
            operation.query(&request)?;
            match what {
                Operators::Prefill => Box::pin(prefill::bundle(core, operator, request)).await,
                Operators::Explain => Box::pin(prefill::explain(core, operator, request)).await,
                Operators::Batch => batch::batch(core, operator, request).await,
            }
        }
        Does::Citizen(what) => {
            Box::pin(answered_to_citizen(core, operation, what, parameter, request)).await
        }
        Does::Anybody(what) => {
            let query = operation.query(&request)?;
            match what {
                Everybody::Procedures => public::procedures(core, &query),
                Everybody::Procedure => public::procedure(core, parameter),
                Everybody::Registers => public::registers(core),
                Everybody::Organisations => public::organisations(core),
                Everybody::Head => public::head(core),
                Everybody::OpenApi => Ok(openapi::answer()),
                Everybody::Docs => Ok(docs::answer()),
            }
        }
        Does::Probe(what) => Ok(probed(core, what, &request)),
    }
}

async fn answered_to_citizen(
    core: &Arc<Core>,
    operation: &Operation,
    what: Citizens,
    parameter: &str,
    request: Request<Incoming>,
) -> Answered {
    let citizen = caller::citizen(core, request.headers())?;
    core.shared().bulk.give_way();
    let query = operation.query(&request)?;
    match what {
        Citizens::Consents => citizen::consents(core, citizen, &query).await,
        Citizens::Prefer => {
            citizen::put_preference(core, citizen, parameter, &query, request).await
        }
        Citizens::SetMandate => citizen::put_mandate(core, citizen, &query, request).await,
        Citizens::ConsentToReuse => reuse::give(core, citizen, request).await,
        Citizens::Withdraw => reuse::withdraw(core, citizen, parameter).await,
        Citizens::Receipt => reuse::receipt(core, citizen, parameter),
        Citizens::Accesses => citizen::accesses(core, citizen, &query).await,
        Citizens::Export => citizen::export(core, citizen).await,
        Citizens::Data => citizen::data(core, citizen, &query).await,
        Citizens::PutData => citizen::put_data(core, citizen, parameter, request).await,
        Citizens::DeleteData => citizen::delete_data(core, citizen, parameter).await,
    }
}

/// Probes may say what they like in their query.
fn probed(core: &Core, what: Whoever, request: &Request<Incoming>) -> Out {
    let shared = core.shared();
    match what {
        Whoever::Health => operations::health(shared, false, true),
        Whoever::Ready => operations::health(shared, true, !shared.has_admin),
        Whoever::Status | Whoever::Metrics if shared.has_admin => respond::not_found("such path"),
        Whoever::Status => operations::status(shared),
        Whoever::Metrics => operations::metrics(shared, request.headers()),
    }
}
