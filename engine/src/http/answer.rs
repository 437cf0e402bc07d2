//! One request on its connection: what makes it ambiguous, and what is owed.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HOST, HeaderValue, TRANSFER_ENCODING};
use hyper::{Request, Response, Version};

use super::open::{Line, Owed};
use super::{respond, route};
use crate::prefill::{Core, Rejection};

const CLOSE: HeaderValue = HeaderValue::from_static("close");
/// The longest name that there is, and a port.
const HOST_BYTES_MAX: usize = 260;

/// Answers one request.
pub(super) async fn answer(
    core: Arc<Core>,
    request: Request<Incoming>,
    owed: Owed,
) -> Response<impl Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>> {
    let mut waiting = Waiting { line: owed.line().clone(), answered: false };
    let alone = request.version() < Version::HTTP_2;
    let ambiguous = ambiguous(&request);
    let mut out = match ambiguous {
        None => route::answer(&core, request).await,
        Some(why) => {
            core.shared().metrics.answer("other", 400, Duration::ZERO);
            respond::rejected(&Rejection::Malformed(why.to_owned()))
        }
    };
    // What follows an ambiguous request may be a part of it.
    if alone && (ambiguous.is_some() || owed.line().leaves()) {
        out.headers_mut().insert(CONNECTION, CLOSE);
    }
    waiting.answered = out.body().is_end_stream();
    out.map(|body| Watched { body, waiting, owed: Some(owed) })
}

/// What two readers could understand in two ways.
fn ambiguous<B>(request: &Request<B>) -> Option<&'static str> {
    let headers = request.headers();
    // Twice chunked would have to be undone twice (RFC 9112, section 7).
    let mut coded = headers.get_all(TRANSFER_ENCODING).iter();
    let known = |it: &HeaderValue| it.as_bytes().eq_ignore_ascii_case(b"chunked");
    if coded.next().is_some_and(|it| !known(it)) || coded.next().is_some() {
        return Some("no transfer coding but `chunked`, once, is known");
    }
    let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let (host, again) = (hosts.next(), hosts.next().is_some());
    if again || host.is_some_and(|host| !is_host(host)) {
        return Some("a request names one host");
    }
    let named = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    match (request.version(), host, named) {
        (Version::HTTP_11, None, _) => Some("a request names its host in a header `Host`"),
        // In HTTP/1.1 the target goes before the header (RFC 9112, section 3.2.2).
        (Version::HTTP_2, Some(host), Some(named)) if !host.eq_ignore_ascii_case(named) => {
            Some("`:authority` and `host` name different hosts")
        }
        _ => None,
    }
}

/// A name or an address, and perhaps a port. No host is one, too: it is said so.
fn is_host(host: &[u8]) -> bool {
    let within = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=:[]".contains(byte);
    host.len() <= HOST_BYTES_MAX && host.iter().all(within)
}

/// A client that waits for its answer. Whoever resets a stream lets it be dropped
/// before its body is taken.
struct Waiting {
    line: Arc<Line>,
    answered: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.line.was_awaited(self.answered);
    }
}

/// A body of which it is known who waits for whom: we owe it as long as we have
/// nothing to give, and the client owes us as long as it does not take what there is.
struct Watched<B> {
    body: B,
    waiting: Waiting,
    owed: Option<Owed>,
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let me = &mut *self;
        if me.owed.is_none() {
            me.owed = Some(Owed::new(me.waiting.line.clone()));
        }
        let frame = ready!(Pin::new(&mut me.body).poll_frame(cx));
        me.owed = None;
        me.waiting.answered = true;
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: Version, target: &str, headers: &[(&str, &str)], ambiguity: Option<&str>) {
        let mut request = Request::get(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        assert_eq!(ambiguous(&request), ambiguity, "{version:?} {target} {headers:?}");
    }

    #[test]
    fn a_request_names_one_host_and_no_coding_that_nobody_undoes() {
        let (one, two) = (Version::HTTP_11, Version::HTTP_2);
        let several = Some("a request names one host");
        check(one, "/", &[("host", "it:80")], None);
        check(one, "/", &[("host", "[::1]:80")], None);
        check(one, "/", &[("host", "")], None);
        check(one, "/", &[], Some("a request names its host in a header `Host`"));
        check(Version::HTTP_10, "/", &[], None);
        check(one, "/", &[("host", "it"), ("host", "it")], several);
        check(one, "/", &[("host", "it, other")], several);
        check(one, "/", &[("host", "it/v1")], several);
        check(one, "/", &[("host", "me@it")], several);
        check(one, "http://other/", &[("host", "it")], None);
        check(two, "http://it/", &[], None);
        check(two, "http://it/", &[("host", "IT")], None);
        let different = Some("`:authority` and `host` name different hosts");
        check(two, "http://it/", &[("host", "other")], different);
        let unknown = Some("no transfer coding but `chunked`, once, is known");
        let coded = |coding| [("host", "it"), ("transfer-encoding", coding)];
        check(one, "/", &coded("Chunked"), None);
        check(one, "/", &coded("gzip, chunked"), unknown);
        check(one, "/", &coded("identity"), unknown);
        let twice =
            [("host", "it"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")];
        check(one, "/", &twice, unknown);
    }
}
