//! Bulk: lines of JSON in, lines of JSON out, both streamed.
//!
//! The response is what drives a job. Where its reader does not read, nothing
//! asks for further answers, no further line is read, and the sender waits: memory
//! holds one window of lines, however long the job is. Where the reader hangs up,
//! what is under way ends, and nothing further is read. Where the engine leaves, a job
//! would last as long as its sender likes: what is under way is answered, and nothing
//! further is read.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::EXPECT;
use tokio::sync::{mpsc, watch};

use super::lines::Lines;
use super::respond::{self, Line};
use super::route::Answered;
use super::{prefill, wire};
use crate::clock;
use crate::drain::Phase;
use crate::identity::Operator;
use crate::prefill::{BUNCH, Core, Job, Rejection, Turn, WINDOW, Work, prefill_in_bulk};

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
    let running = Running {
        core: core.clone(),
        operator,
        lines: Some(lines),
        under_way: 0,
        answers: mpsc::channel(WINDOW),
        untaken: None,
        phase: core.shared().drain.watch(),
        job: Arc::new(job),
    };
    let answers = stream::unfold(running, |mut running| async move {
        let answers = running.next().await?;
        Some((answers, running))
    });
    Ok(respond::lines(answers))
}

/// A job, as long as its reader is there.
struct Running {
    core: Arc<Core>,
    operator: Operator,
    /// Until the last has been read.
    lines: Option<Lines>,
    /// Lines whose answers have not come back.
    under_way: usize,
    /// The way back. It has room for a whole window.
    answers: (mpsc::Sender<Vec<Line>>, mpsc::Receiver<Vec<Line>>),
    /// The answer to the first line that was not begun when the engine left.
    untaken: Option<Line>,
    phase: watch::Receiver<Phase>,
    /// Its place is free when its last line has ended, also where the reader hung up.
    job: Arc<Job>,
}

impl Running {
    /// The next answers, as they come, while as many lines are begun as may be.
    async fn next(&mut self) -> Option<Vec<Line>> {
        loop {
            let room = (WINDOW - self.under_way).min(self.core.shared().bulk.bunch());
            let reads = room > 0 && self.lines.is_some();
            if !reads && self.under_way == 0 {
                return self.untaken.take().map(|line| vec![line]);
            }
            let reading = self.lines.is_some();
            let lines = &mut self.lines;
            tokio::select! {
                biased;
                () = closes(&mut self.phase), if reading => self.leave(),
                Some(answers) = self.answers.1.recv(), if self.under_way > 0 => {
                    self.under_way -= answers.len();
                    return Some(answers);
                }
                bunch = bunch(lines, room), if reads => match bunch {
                    Some(bunch) => self.begin(bunch),
                    None => self.lines = None,
                },
            }
        }
    }

    /// Begins no further line. Those without an answer are to be sent again, to whoever
    /// goes on: a body that has not ended is told from which line on, whether or not that
    /// one is there already.
    fn leave(&mut self) {
        let Some(mut lines) = self.lines.take() else { return };
        let untaken = match lines.next().now_or_never() {
            Some(next) => next.map(|(index, _)| index),
            None => Some(lines.place()),
        };
        self.untaken = untaken.map(|index| respond::line(index, Err(Rejection::Overloaded)));
    }

    /// Answers lines in a task of their own: it goes on while the reader pauses.
    fn begin(&mut self, bunch: Bunch) {
        self.under_way += bunch.len();
        let (core, operator) = (self.core.clone(), self.operator.clone());
        let (back, job) = (self.answers.0.clone(), self.job.clone());
        tokio::spawn(async move {
            let _job = job;
            let bulk = &core.shared().bulk;
            let turns = bulk.turns(bunch.len()).await;
            let work = bunch.into_iter().zip(turns);
            let work =
                work.map(|((index, line), turn)| work_of(&core, &operator, index, line, turn));
            let (done, left) = bulk.begin(work.collect()).await;
            // Nobody takes them where the reader hung up; what is under way ends all the same.
            if !done.is_empty() {
                drop(back.send(done).await);
            }
            let mut left = left.ready_chunks(BUNCH);
            while let Some(done) = left.next().await {
                drop(back.send(done).await);
            }
        });
    }
}

async fn closes(phase: &mut watch::Receiver<Phase>) {
    if phase.wait_for(|phase| *phase >= Phase::Closing).await.is_err() {
        std::future::pending().await
    }
}

/// Lines, by their places.
type Bunch = Vec<(u64, Result<Vec<u8>, Rejection>)>;

async fn bunch(lines: &mut Option<Lines>, most: usize) -> Option<Bunch> {
    lines.as_mut()?.bunch(most).await
}

/// What becomes of one line.
fn work_of(
    core: &Arc<Core>,
    operator: &Operator,
    index: u64,
    line: Result<Vec<u8>, Rejection>,
    turn: Turn,
) -> Work<Line> {
    let (core, operator) = (core.clone(), operator.clone());
    let answered = async move {
        let began = clock::monotonic();
        let asked = line.and_then(|line| wire::read::<wire::Prefill>(&line)?.asked_by(operator));
        let answered = match asked {
            Ok(asked) => prefill_in_bulk(&core, &asked, turn).await,
            Err(rejection) => Err(rejection),
        };
        let metrics = &core.shared().metrics;
        if let Err(rejection) = &answered {
            metrics.problem(rejection.kind());
        }
        let line = respond::line(index, answered);
        metrics.answer("batch-line", line.status().as_u16(), clock::monotonic() - began);
        line
    };
    // What panicked told nobody anything; its entry may stand.
    let answered = AssertUnwindSafe(answered).catch_unwind();
    Box::pin(async move {
        answered.await.unwrap_or_else(|_| respond::line(index, Err(Rejection::NotRecorded)))
    })
}
