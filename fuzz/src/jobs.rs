//! Bulk jobs: the lines of a body, in whatever pieces it arrives.

use bytes::Bytes;
use engine::http::doors::{self, LINE_MAX};
use engine::prefill::Rejection;
use tokio::runtime::Builder;

/// The first byte says how long the pieces are, the rest is the body. Where it is cut
/// changes nothing, and a naive reader finds the same lines.
pub(crate) fn lines(data: &[u8]) {
    let Some((size, body)) = data.split_first() else { return };
    // Without a runtime of its own for each input, which would be most of the work.
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    let pieces = body.chunks(usize::from(*size) + 1).map(Bytes::copy_from_slice).collect();
    let read = RUNTIME.with(|runtime| runtime.block_on(doors::lines(pieces)));
    let mut expected = naive(body);
    for (index, line) in read {
        let (place, text) = expected.next().expect("a line that is not in the body");
        assert_eq!(index, place as u64, "a line in another's place");
        match line {
            Ok(line) => assert_eq!(line, text, "line {place} is another"),
            Err(Rejection::TooLarge(most)) => assert!(most == LINE_MAX && text.len() > most),
            Err(rejection) => panic!("line {place}: {rejection}"),
        }
    }
    assert!(expected.next().is_none(), "a line has no answer");
}

/// The lines that are not blank, with their places.
fn naive(body: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let lines = body.split(|byte| *byte == b'\n').enumerate();
    // One that is too long has an answer whatever is in it.
    lines.filter(|(_, line)| line.len() > LINE_MAX || !line.trim_ascii().is_empty())
}

/// A line at its bound, and one past it.
pub(crate) fn derived() -> Vec<Vec<u8>> {
    let long = |length: usize| [&[63][..], &vec![b'x'; length], b"\n{}\n\n{}"].concat();
    vec![long(LINE_MAX), long(LINE_MAX + 1), b"\x03{\"a\":1}\n\n \n{}\n".to_vec()]
}
