//! A caller's place in a trace.

use engine::trace::Context;

/// `tracestate` is shorter (W3C Trace Context, section 3.3.1.5).
const STATE_MAX: usize = 512;

/// `traceparent` on the first line, `tracestate` on the others: what is taken is passed
/// on in a form that is taken again.
pub(crate) fn trace(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let Some(context) = Context::parse(lines.next().unwrap_or_default()) else { return };
    let context = context.with_state(lines);
    let parent = context.traceparent();
    assert_eq!(parent.len(), 55, "{parent}");
    assert!(parent.starts_with("00-"), "only the version that is known is passed on");
    let again = Context::parse(&parent).expect("what is passed on is taken");
    assert_eq!((again.traceparent(), again.id()), (parent, context.id()));
    if let Some(state) = context.tracestate() {
        assert!(!state.is_empty() && state.len() <= STATE_MAX, "{} bytes", state.len());
        assert!(state.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "no text for a header");
        let again = again.with_state(std::iter::once(state));
        assert_eq!(again.tracestate(), Some(state));
    }
}
