//! Lines, however their bytes arrive.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use proptest::prelude::*;

use super::{LATE_FRAMES, LINE_MAX, LINE_TIME_MAX, Lines};
use crate::clock;

/// What a body has next.
type Next = Poll<Option<Result<Vec<u8>, &'static str>>>;

/// A body that is told what it has.
struct Told<F>(F);

impl<F: FnMut(&mut Context<'_>) -> Next + Unpin> Body for Told<F> {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        (self.0)(cx).map_ok(|bytes| Frame::data(bytes.into()))
    }
}

/// A body in pieces; `None` stands for one that breaks, and at its end it stays
/// open where it is `open`.
#[derive(Default)]
struct Pieces {
    left: VecDeque<Option<Vec<u8>>>,
    open: bool,
}

impl Pieces {
    fn body(mut self) -> impl Body<Data = Bytes> + Unpin {
        Told(move |_: &mut Context<'_>| match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(piece.ok_or("broken"))),
            None if self.open => Poll::Pending,
            None => Poll::Ready(None),
        })
    }
}

/// Each line's place and text, or the problem that it is answered with.
async fn read_all(body: Pieces) -> Vec<(u64, Result<String, &'static str>)> {
    let mut lines = Lines::of(body.body());
    let mut read = Vec::new();
    while let Some((index, line)) = lines.next().await {
        let line = line.map(|line| String::from_utf8_lossy(&line).into_owned());
        read.push((index, line.map_err(|rejection| rejection.kind())));
    }
    read
}

fn pieces(pieces: &[&str]) -> Pieces {
    let left = pieces.iter().map(|piece| Some(piece.as_bytes().to_vec())).collect();
    Pieces { left, ..Pieces::default() }
}

#[tokio::test]
async fn empty_lines_count_and_have_no_answer() {
    let line = |index, text: &str| (index, Ok(text.to_owned()));
    let cases: [(&[&str], Vec<_>); 6] = [
        (&["a\nb\n"], vec![line(0, "a"), line(1, "b")]),
        (&["a\nb"], vec![line(0, "a"), line(1, "b")]),
        (&["a", "b\n", "\n \r\n", "c\r\n"], vec![line(0, "ab"), line(3, "c\r")]),
        (&["\n\n\n"], vec![]),
        (&[], vec![]),
        (&["", "\n", "", "a", ""], vec![line(1, "a")]),
    ];
    for (body, expected) in cases {
        assert_eq!(read_all(pieces(body)).await, expected, "{body:?}");
    }
}

#[tokio::test]
async fn a_bunch_is_what_is_there_and_no_more_than_is_wanted() {
    let mut lines = Lines::of(pieces(&["a\n\nb\nc\nd", "e\nf"]).body());
    let mut bunches: Vec<Vec<(u64, String)>> = Vec::new();
    while let Some(bunch) = lines.bunch(2).await {
        let line = |line: Vec<u8>| String::from_utf8(line).unwrap();
        bunches.push(bunch.into_iter().map(|(at, read)| (at, line(read.ok().unwrap()))).collect());
    }
    let line = |index, text: &str| (index, text.to_owned());
    // What comes in the next piece is not waited for.
    let expected: [Vec<_>; 4] = [
        vec![line(0, "a"), line(2, "b")],
        vec![line(3, "c")],
        vec![line(4, "de")],
        vec![line(5, "f")],
    ];
    assert_eq!(bunches, expected);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_one_answer_and_not_the_end() {
    let (most, beyond) = ("a".repeat(LINE_MAX), "a".repeat(LINE_MAX + 1));
    let long = "a".repeat(5 * LINE_MAX);
    for far in [beyond, long] {
        let at_once = format!("{most}\n{far}\nb\n");
        let expected = vec![(0, Ok(most.clone())), (1, Err("too-large")), (2, Ok("b".to_owned()))];
        assert_eq!(read_all(pieces(&[&at_once])).await, expected);
        let bits: Vec<_> = at_once.as_bytes().chunks(1_000).map(|it| Some(it.to_vec())).collect();
        assert_eq!(read_all(Pieces { left: bits.into(), open: false }).await, expected);
        assert_eq!(read_all(pieces(&[&far])).await, [(0, Err("too-large"))]);
    }
}

#[tokio::test]
async fn a_body_that_breaks_ends_with_a_line_that_says_so() {
    let mut body = pieces(&["a\n", "half of a li"]);
    body.left.push_back(None);
    assert_eq!(read_all(body).await, [(0, Ok("a".to_owned())), (1, Err("malformed"))]);
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_nothing_for_long_has_ended_the_job() {
    let body = Pieces { open: true, ..pieces(&["a\n", "half of a li"]) };
    assert_eq!(read_all(body).await, [(0, Ok("a".to_owned())), (1, Err("malformed"))]);
}

proptest! {
    #[test]
    fn where_a_body_is_cut_changes_no_line(
        lines in prop::collection::vec("[a-z ]{0,12}", 0..20),
        size in 1_usize..40,
        ended in any::<bool>(),
    ) {
        let mut text = lines.join("\n");
        if ended { text.push('\n'); }
        let expected: Vec<_> = text.split('\n').enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| (index as u64, Ok(line.to_owned()))).collect();
        let left = text.as_bytes().chunks(size).map(|it| Some(it.to_vec())).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        prop_assert_eq!(runtime.block_on(read_all(Pieces { left, open: false })), expected);
    }
}

/// The same byte again and again, each half a minute after the one before.
fn trickle(byte: u8) -> impl Body<Data = Bytes> + Unpin {
    let mut ticks = tokio::time::interval(LINE_TIME_MAX / 2);
    Told(move |cx: &mut Context<'_>| ticks.poll_tick(cx).map(|_| Some(Ok(vec![byte]))))
}

/// Has a line feed whenever it is asked; every thousand of them take a second.
fn flood() -> impl Body<Data = Bytes> + Unpin {
    let mut asked = 0_u32;
    Told(move |_: &mut Context<'_>| {
        asked += 1;
        assert!(asked < 100_000, "it is read for ever");
        if asked.is_multiple_of(1_000) {
            let mut second = std::pin::pin!(tokio::time::advance(Duration::from_secs(1)));
            let _ = second.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        }
        Poll::Ready(Some(Ok(vec![b'\n'])))
    })
}

/// Holds that a body ends the job when a line's time is over, and in which line.
async fn check_late<B: Body<Data = Bytes> + Unpin>(body: B, expected: std::ops::Range<u64>) {
    let began = clock::monotonic();
    let mut lines = Lines::of(body);
    let ends = tokio::time::timeout(2 * LINE_TIME_MAX, lines.next()).await;
    let (index, line) = ends.expect("no body keeps a job open").unwrap();
    assert_eq!(line.map_err(|it| it.kind()), Err("malformed"));
    assert!(expected.contains(&index), "{index}");
    assert_eq!(clock::monotonic() - began, LINE_TIME_MAX);
    assert!(lines.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_comes_a_byte_at_a_time_has_no_more_time_than_another() {
    check_late(trickle(b'{'), 0..1).await;
}

#[tokio::test(start_paused = true)]
async fn empty_lines_keep_no_job_open() {
    check_late(trickle(b'\n'), 2..4).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_always_has_more_has_no_more_time() {
    check_late(flood(), 59_998..60_001 + LATE_FRAMES).await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_came_in_time_are_read_however_late_somebody_looks() {
    // As where answers fill the window of a reader that is slow: nothing is read meanwhile.
    let began = clock::monotonic();
    let mut comes = tokio::time::interval_at(began + Duration::from_secs(5), 20 * LINE_TIME_MAX);
    let mut lines = Lines::of(Told(move |cx: &mut Context<'_>| {
        comes.poll_tick(cx).map(|_| Some(Ok(b"{}\n".to_vec())))
    }));
    let stopped = tokio::time::timeout(Duration::from_secs(1), lines.next()).await;
    assert!(stopped.is_err());
    tokio::time::advance(Duration::from_secs(69)).await;
    let (index, line) = lines.next().await.unwrap();
    assert_eq!((index, line.ok()), (0, Some(b"{}".to_vec())));
    // The next one has a time of its own, from here on.
    let (index, line) = lines.next().await.unwrap();
    assert_eq!((index, line.map_err(|it| it.kind())), (1, Err("malformed")));
    assert_eq!(clock::monotonic() - began, Duration::from_secs(70) + LINE_TIME_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_came_in_time_may_have_come_in_pieces() {
    let began = clock::monotonic();
    let mut comes = tokio::time::interval_at(began + Duration::from_secs(5), LINE_TIME_MAX / 60);
    let mut pieces = ["{", "}", "\n"].into_iter();
    let mut lines = Lines::of(Told(move |cx: &mut Context<'_>| {
        let ready = comes.poll_tick(cx).is_ready().then(|| pieces.next()).flatten();
        ready.map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(piece.as_bytes().to_vec()))))
    }));
    let stopped = tokio::time::timeout(Duration::from_secs(1), lines.next()).await;
    assert!(stopped.is_err());
    tokio::time::advance(Duration::from_secs(69)).await;
    let (index, line) = lines.next().await.unwrap();
    assert_eq!((index, line.ok()), (0, Some(b"{}".to_vec())));
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_for_a_line_and_begins_again_gives_no_more_time() {
    let began = clock::monotonic();
    let mut lines = Lines::of(Pieces { open: true, ..pieces(&["half of a li"]) }.body());
    let mut read = None;
    for _ in 0..7 {
        if read.is_none() {
            read = tokio::time::timeout(LINE_TIME_MAX / 6, lines.next()).await.unwrap_or(None);
        }
    }
    let (index, line) = read.unwrap();
    assert_eq!((index, line.map_err(|it| it.kind())), (0, Err("malformed")));
    assert_eq!(clock::monotonic() - began, LINE_TIME_MAX);
}
