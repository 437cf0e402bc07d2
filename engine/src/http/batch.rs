//! Bulk: lines of JSON in, lines of JSON out, both streamed.
//!
//! The response is what drives a job. Where its reader does not read, nothing
//! asks for further answers, no further line is read, and the sender waits: memory
//! holds one window of lines, however long the job is. Where the reader hangs up,
//! what is under way ends, and nothing further is read.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, stream};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::EXPECT;

use super::lines::Lines;
use super::respond::{self, Line};
use super::route::Answered;
use super::{prefill, wire};
use crate::clock;
use crate::identity::Operator;
use crate::prefill::{Core, Rejection, WINDOW, prefill_in_bulk};

/// `POST /v1/prefill/batch`.
pub(super) async fn batch(
    core: &Arc<Core>,
    operator: Operator,
    request: Request<Incoming>,
) -> Answered {
    let detail = "a batch takes no key: send the lines again that have no answer";
    prefill::no_key(request.headers(), detail)?;
    let job = core.shared().bulk.admit()?;
    let continues = request.headers().contains_key(EXPECT);
    let mut lines = Lines::of(request.into_body());
    if continues {
        // Asking for the body sends `100 Continue`, which cannot follow the head.
        lines.fill().await;
    }
    let core = core.clone();
    let answers = each(lines).map(move |(index, line)| {
        // Its place is the job's as long as its stream is there.
        let _job = &job;
        answer(&core, &operator, index, line)
    });
    Ok(respond::lines(answers.buffer_unordered(WINDOW)))
}

fn each(lines: Lines) -> impl Stream<Item = (u64, Result<Vec<u8>, Rejection>)> + Send {
    stream::unfold(lines, |mut lines| async move { Some((lines.next().await?, lines)) })
}

/// Answers one line in a task of its own: it goes on while the reader pauses.
fn answer(
    core: &Arc<Core>,
    operator: &Operator,
    index: u64,
    line: Result<Vec<u8>, Rejection>,
) -> impl Future<Output = Line> + Send + use<> {
    let (core, operator) = (core.clone(), operator.clone());
    let answered = tokio::spawn(async move {
        let began = clock::monotonic();
        let asked = line.and_then(|line| wire::read::<wire::Prefill>(&line)?.asked_by(operator));
        let answered = match asked {
            Ok(asked) => prefill_in_bulk(&core, &asked).await,
            Err(rejection) => Err(rejection),
        };
        let metrics = &core.shared().metrics;
        if let Err(rejection) = &answered {
            metrics.problem(rejection.kind());
        }
        let line = respond::line(index, answered);
        let took = clock::monotonic() - began;
        metrics.answer("batch-line", line.status().as_u16(), took);
        line
    });
    // What panicked told nobody anything; its entry may stand.
    async move { answered.await.unwrap_or_else(|_| respond::line(index, Err(Rejection::NotRecorded))) }
}
