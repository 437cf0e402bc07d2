//! Where a request stands among those of other services: W3C Trace Context.
//!
//! Who sends `traceparent` finds its trace in the registers' own logs. Where none
//! came in, none goes out, unless our spans are collected: then a trace begins here.
//! Our ids are random, as the standard's privacy section asks.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::clock::Instant;
use crate::entropy::Entropy;

/// Members of a `tracestate` that is passed on (section 3.3.1.1).
const STATE_MEMBERS_MAX: usize = 32;
/// Characters of it that must be passed on at least; longer ones are dropped.
const STATE_MAX: usize = 512;
/// Sampled, and (level 2) that the trace's id is random: what is passed on.
const KNOWN_FLAGS: u8 = 3;

/// A trace, and the span in it that others are children of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
    state: Option<Arc<str>>,
}

/// The id of one span.
pub type SpanId = [u8; 8];

/// One step of a request, when it has ended. Neither an identifier nor a value is in
/// it.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its trace, and its own id in it.
    pub context: Context,
    /// The span that it is a part of.
    pub parent: Option<SpanId>,
    /// What was done: `prefill`, `resolve`, `call`, `release` or `record`.
    pub name: &'static str,
    /// When it began.
    pub began: Instant,
    /// When it ended.
    pub ended: Instant,
    /// What is known of it by name, such as the procedure or the register.
    pub facts: Vec<(&'static str, Box<str>)>,
    /// Whether it did not do what it was to do.
    pub failed: bool,
}

/// Where spans go when they have ended.
pub trait Spans: Send + Sync {
    /// What part of the traces that begin here is collected, from none to all.
    fn share(&self) -> f64;
    /// Takes the spans of one request. It does not wait; what it cannot take is lost.
    fn take(&self, spans: Vec<Span>);
}

impl Context {
    /// Begins a trace, of which a share is collected.
    #[must_use]
    pub fn begin(entropy: &Entropy, share: f64) -> Self {
        let mut trace = entropy.bytes();
        trace[15] |= u8::from(trace == [0; 16]);
        let context = Self { trace, span: [0; 8], flags: 2, state: None }.child(entropy);
        // As good as random, and the same for whoever samples by the id.
        let place = u64::from_be_bytes(*trace.last_chunk().expect("eight of sixteen"));
        let sampled = place as f64 / u64::MAX as f64 <= share && share > 0.0;
        Self { flags: context.flags | u8::from(sampled), ..context }
    }

    /// Whether somebody wants its spans.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The trace, the span in it, and whether it is sampled, as bytes.
    #[must_use]
    pub fn parts(&self) -> ([u8; 16], SpanId, bool) {
        (self.trace, self.span, self.sampled())
    }

    /// Reads `traceparent` (section 3.2). What is malformed counts as absent, as
    /// the standard wants it.
    #[must_use]
    pub fn parse(parent: &str) -> Option<Self> {
        let parts: Vec<&str> = parent.trim_matches([' ', '\t']).split('-').collect();
        let [version, trace, span, flags, rest @ ..] = parts.as_slice() else { return None };
        let [version] = hex(version)?;
        // Later versions may say more; this one has four parts.
        if version == 0xff || (version == 0 && !rest.is_empty()) {
            return None;
        }
        let (trace, span, [flags]) = (hex(trace)?, hex(span)?, hex(flags)?);
        let zero = trace == [0; 16] || span == [0; 8];
        (!zero).then_some(Self { trace, span, flags: flags & KNOWN_FLAGS, state: None })
    }

    /// Takes `tracestate` along, unless it is malformed or beyond the limits: then
    /// none is passed on.
    #[must_use]
    pub fn with_state<'a>(mut self, lines: impl Iterator<Item = &'a str>) -> Self {
        let members = lines.flat_map(|line| line.split(',')).map(|it| it.trim_matches([' ', '\t']));
        let members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
        let keys = members.iter().map(|member| member.split('=').next());
        let unique =
            keys.clone().enumerate().all(|(at, key)| !keys.clone().take(at).any(|it| it == key));
        let state = members.join(",");
        let fits = members.len() <= STATE_MEMBERS_MAX && state.len() <= STATE_MAX;
        if fits && unique && !state.is_empty() && members.iter().all(|member| is_member(member)) {
            self.state = Some(state.into());
        }
        self
    }

    /// The same trace, at a span of our own.
    #[must_use]
    pub fn child(&self, entropy: &Entropy) -> Self {
        let bytes = entropy.bytes();
        let mut span: [u8; 8] = *bytes.first_chunk().expect("eight of sixteen");
        span[0] |= u8::from(span == [0; 8]);
        Self { span, ..self.clone() }
    }

    /// As `traceparent` writes it.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let (trace, span) = (text(&self.trace), text(&self.span));
        format!("00-{trace}-{span}-{:02x}", self.flags)
    }

    /// As `tracestate` writes it, where there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace's id, for a log.
    #[must_use]
    pub fn id(&self) -> String {
        text(&self.trace)
    }
}

/// Lower-case digits only, as the standard wants them.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let good = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(good) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `key=value` (sections 3.3.1.3.1 and 3.3.1.3.2).
fn is_member(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let first = key.bytes().next().is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_-*/@".contains(&it);
    let plain = |it: u8| (b' '..=b'~').contains(&it) && it != b',' && it != b'=';
    let value_good = (1..=256).contains(&value.len()) && value.bytes().all(plain);
    first && key.len() <= 256 && key.bytes().all(inner) && value_good
}

#[cfg(test)]
mod tests;
