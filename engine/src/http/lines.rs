//! The lines of a body, one at a time and bounded.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};

use crate::clock;
use crate::prefill::Rejection;

/// As long as the body of a single request.
pub(super) const LINE_MAX: usize = 64 * 1024;
/// How long a line may take to arrive whole. Whoever has a pause ends the job.
const LINE_TIME_MAX: Duration = Duration::from_secs(60);
/// How many further pieces a line may come in that was there before its time was over.
const LATE_FRAMES: u64 = 64;
const LATE: &str = "no line came within 60 seconds; the job ends here";

/// Cuts a body into lines. It reads no further than to the end of the next one.
pub(super) struct Lines<B = hyper::body::Incoming> {
    body: B,
    held: BytesMut,
    /// How much of `held` is known to have no end of a line.
    searched: usize,
    /// Whether the rest of a line that is too long is being left out.
    leaving_out: bool,
    index: u64,
    /// When the next line must be there, once it is waited for: whoever stops waiting
    /// and begins again gives no more time.
    until: Option<clock::Instant>,
    state: State,
}

enum State {
    Open,
    Ended,
    Failed(&'static str),
    Done,
}

/// What a line is, or why it is none.
type Read = Result<Vec<u8>, Rejection>;

impl<B: Body<Data = Bytes> + Unpin> Lines<B> {
    pub(super) fn of(body: B) -> Self {
        let held = BytesMut::new();
        let state = State::Open;
        Self { body, held, searched: 0, leaving_out: false, index: 0, until: None, state }
    }

    /// The next lines, at most so many: those that are there, once there is one.
    pub(super) async fn bunch(&mut self, most: usize) -> Option<Vec<(u64, Read)>> {
        let first = self.next().await?;
        let mut bunch = Vec::with_capacity(most);
        bunch.push(first);
        bunch.extend(std::iter::from_fn(|| self.there()).take(most.saturating_sub(1)));
        Some(bunch)
    }

    /// The next line that is not empty, with its place among all lines, from zero. Empty
    /// ones take of its time: they would keep a job open for ever.
    pub(super) async fn next(&mut self) -> Option<(u64, Read)> {
        loop {
            if let Some(line) = self.there() {
                return Some(line);
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return None,
                State::Failed(why) => {
                    return Some((self.index, Err(Rejection::Malformed(why.to_owned()))));
                }
                // The last line needs no end.
                State::Ended if !self.leaving_out && !self.held.trim_ascii().is_empty() => {
                    self.searched = 0;
                    return Some((self.index, Ok(self.held.split().to_vec())));
                }
                State::Ended => return None,
                State::Open => {
                    self.state = State::Open;
                    let begun = self.until;
                    let until = begun.unwrap_or_else(|| clock::monotonic() + LINE_TIME_MAX);
                    self.until = Some(until);
                    self.fill_until(until).await;
                }
            }
        }
    }

    /// The same, without waiting.
    fn there(&mut self) -> Option<(u64, Read)> {
        while let Some(line) = self.take() {
            let index = self.index;
            self.index += 1;
            match line {
                Ok(line) if line.trim_ascii().is_empty() => {}
                line => {
                    self.until = None;
                    return Some((index, line));
                }
            }
        }
        None
    }

    /// The place that the next line will have, unless it is empty.
    pub(super) fn place(&self) -> u64 {
        self.index
    }

    /// Waits for more of the body.
    pub(super) async fn fill(&mut self) {
        self.fill_until(clock::monotonic() + LINE_TIME_MAX).await;
    }

    /// The same, where a line has begun: one that comes a byte at a time has no more
    /// time than another.
    async fn fill_until(&mut self, until: clock::Instant) {
        let Ok(frame) = tokio::time::timeout_at(until, self.body.frame()).await else {
            self.state = State::Failed(LATE);
            return;
        };
        self.state = match self.take_in(frame) {
            State::Open if clock::monotonic() >= until => self.late(),
            state => state,
        };
    }

    /// Where the time is over: what came in time was perhaps not looked at in time, and is
    /// there now; but a body that always has more is never waited for, and has no more
    /// time either.
    fn late(&mut self) -> State {
        for _ in 0..LATE_FRAMES {
            if self.holds_a_line() {
                return State::Open;
            }
            let Some(frame) = self.body.frame().now_or_never() else { break };
            let state = self.take_in(frame);
            if !matches!(state, State::Open) {
                return state;
            }
        }
        State::Failed(LATE)
    }

    /// Keeps what a frame brought, and tells how the body stands after it.
    fn take_in(&mut self, frame: Option<Result<Frame<Bytes>, B::Error>>) -> State {
        match frame {
            None => State::Ended,
            Some(Err(_)) => State::Failed("the body ended early"),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.held.extend_from_slice(data);
                }
                State::Open
            }
        }
    }

    /// Whether a whole line is there that is not empty.
    fn holds_a_line(&self) -> bool {
        let end = self.held.iter().rposition(|byte| *byte == b'\n');
        end.is_some_and(|end| !self.held[..end].trim_ascii().is_empty())
    }

    /// A line that is there whole, or is too long already.
    fn take(&mut self) -> Option<Read> {
        let end = self.held[self.searched..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.held.len();
            if self.leaving_out || self.searched > LINE_MAX {
                self.held.clear();
                self.searched = 0;
                let first = !std::mem::replace(&mut self.leaving_out, true);
                return first.then_some(Err(Rejection::TooLarge(LINE_MAX)));
            }
            return None;
        };
        self.searched = 0;
        if std::mem::take(&mut self.leaving_out) {
            self.held.advance(end + 1);
            return self.take();
        }
        let line = self.held.split_to(end + 1);
        match end > LINE_MAX {
            true => Some(Err(Rejection::TooLarge(LINE_MAX))),
            false => Some(Ok(line[..end].to_vec())),
        }
    }
}

#[cfg(test)]
mod tests;
