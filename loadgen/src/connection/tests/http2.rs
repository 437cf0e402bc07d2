//! HTTP/2, without TLS.

use hyper::Response;

use super::*;

/// Echoes a request's head and body, once as many are on their way as `at_once`.
/// Counts its connections.
async fn echoing(at_once: usize) -> (Target, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Seen::default();
    let counted = seen.clone();
    tokio::spawn(async move {
        let barrier = Arc::new(tokio::sync::Barrier::new(at_once));
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let barrier = barrier.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, answer))) = connection.accept().await {
                    let barrier = barrier.clone();
                    tokio::spawn(async move {
                        barrier.wait().await;
                        echo(request, answer).await;
                    });
                }
            });
        }
    });
    (target, seen)
}

async fn echo(
    request: hyper::Request<h2::RecvStream>,
    mut answer: h2::server::SendResponse<bytes::Bytes>,
) {
    let (head, mut body) = request.into_parts();
    let token = head.headers.get("authorization").map_or(&b"none"[..], |it| it.as_bytes());
    let length = head.headers.get("content-length").map_or(&b"none"[..], |it| it.as_bytes());
    let (token, length) = (String::from_utf8_lossy(token), String::from_utf8_lossy(length));
    let mut said = format!("{} {} {token} {length} ", head.method, head.uri).into_bytes();
    while let Some(Ok(part)) = body.data().await {
        said.extend_from_slice(&part);
    }
    let response = Response::builder().status(201).header("server-timing", "cache;desc=miss");
    let response = response.header("content-type", "text/html").body(()).unwrap();
    // Whoever gave up on it wants none.
    let Ok(mut stream) = answer.send_response(response, false) else { return };
    // In two frames, as a long answer comes.
    let rest = said.split_off(said.len() / 2);
    stream.send_data(said.into(), false).unwrap();
    stream.send_data(rest.into(), true).unwrap();
}

fn keeping(requests_max: Option<u64>) -> Keeping {
    let timeout = Duration::from_secs(5);
    Keeping { timeout, requests_max, protocol: Protocol::Http2, ..Keeping::default() }
}

#[tokio::test]
async fn what_is_sent_over_http2_arrives_whole_and_so_does_the_answer() {
    let (target, _) = echoing(1).await;
    let mut connection = Connection::new(target.clone(), keeping(None));
    let message = Message {
        method: "POST",
        path: "/v1/it?a=b".into(),
        head: "authorization: Bearer x\r\ncontent-type: application/json\r\n".into(),
        body: "{}".into(),
    };
    let reply = connection.send(&message).await.unwrap();
    let said = format!("POST {target}/v1/it?a=b Bearer x 2 {{}}");
    assert_eq!((reply.status, &reply.body[..]), (201, said.as_bytes()));
    assert_eq!((reply.is_html, reply.cache), (true, Some(Cache::Miss)));
    let reply = connection.send(&Message::get("/")).await.unwrap();
    assert_eq!(reply.body, format!("GET {target}/ none none "));
}

#[tokio::test]
async fn requests_share_a_connection_of_http2_and_are_on_their_way_together() {
    let (target, seen) = echoing(20).await;
    let first = Connection::new(target, keeping(None));
    // Each is answered only once all twenty have come.
    let asked = (0..20).map(|_| {
        let mut connection = first.beside();
        async move { connection.send(&Message::get("/")).await.map(|reply| reply.status) }
    });
    let local = tokio::task::LocalSet::new();
    let asked: Vec<_> = asked.map(|it| local.spawn_local(it)).collect();
    local.await;
    for it in asked {
        assert_eq!(it.await.unwrap(), Ok(201));
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_shared_connection_is_kept_for_so_many_requests_only() {
    for (requests_max, expected) in [(None, 1), (Some(2), 2), (Some(1), 4)] {
        let (target, seen) = echoing(1).await;
        let mut connection = Connection::new(target, keeping(requests_max));
        for _ in 0..4 {
            assert_eq!(connection.send(&Message::get("/")).await.unwrap().status, 201);
        }
        assert_eq!(seen.load(Ordering::SeqCst), expected, "{requests_max:?}");
    }
}

#[tokio::test]
async fn a_stream_that_hangs_is_given_up_and_its_connection_serves_on() {
    let (target, seen) = echoing(2).await;
    let timeout = Duration::from_millis(100);
    let mut connection = Connection::new(target, Keeping { timeout, ..keeping(None) });
    let said = connection.send(&Message::get("/")).await;
    assert_eq!(said.map(|reply| reply.status), Err(Error::Timeout));
    // The first one still waits there for a second, which this is.
    assert_eq!(connection.send(&Message::get("/")).await.unwrap().status, 201);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_target_without_http2_is_told_from_one_that_hangs_up() {
    let old: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    for (pieces, expected) in [(&[old][..], Error::NotHttp), (&[], Error::Closed)] {
        let (target, _) = target(pieces, true).await;
        let said = Connection::new(target, keeping(None)).send(&Message::get("/")).await;
        assert_eq!(said.map(|reply| reply.status), Err(expected));
    }
}

#[tokio::test]
async fn what_no_header_can_hold_is_not_sent() {
    let (target, _) = echoing(1).await;
    let message = Message { head: "bad name: x\r\n".into(), ..Message::get("/") };
    let said = Connection::new(target, keeping(None)).send(&message).await;
    assert_eq!(said.map(|reply| reply.status), Err(Error::NotSendable));
}
