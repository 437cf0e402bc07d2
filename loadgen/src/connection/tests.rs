//! Answers of every framing, and what is none.

mod http2;
mod secure;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::results::Cache;

/// Connections that a target has seen.
type Seen = Arc<AtomicU64>;

/// What a target says, in these pieces, to each request on a connection; it
/// hangs up afterwards where `closes`.
async fn target(pieces: &[&'static [u8]], closes: bool) -> (Target, Seen) {
    let pieces: Arc<[&[u8]]> = pieces.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Seen::default();
    let counted = seen.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let pieces = pieces.clone();
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    for piece in pieces.iter() {
                        stream.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                    if closes {
                        return;
                    }
                }
            });
        }
    });
    (format!("http://{address}").parse().unwrap(), seen)
}

async fn ask(pieces: &[&'static [u8]], closes: bool) -> Result<Reply, Error> {
    let (target, _) = target(pieces, closes).await;
    let keeping = Keeping { timeout: Duration::from_secs(5), ..Keeping::default() };
    let mut connection = Connection::new(target, keeping);
    let first = connection.send(&Message::get("/")).await;
    // What is left of an answer must not stand before the next one.
    let second = connection.send(&Message::get("/")).await;
    let told = |it: &Result<Reply, Error>| match it {
        Ok(reply) => Ok((reply.status, reply.body.clone())),
        Err(error) => Err(*error),
    };
    assert_eq!(told(&first), told(&second));
    first
}

#[tokio::test]
async fn answers_of_every_framing_are_read_whole() {
    for (pieces, closes) in [
        (&[&b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..]][..], false),
        (&[b"HTTP/1.1 200 OK\r\nContent-", b"Length:  5\r\n\r\nhe", b"llo"], false),
        (
            &[
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r",
                b"\n3;ext=1\r\nllo\r\n0\r\n",
                b"trailer: x\r\n\r\n",
            ],
            false,
        ),
        (&[b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhel", b"lo"], true),
        (&[b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello"], true),
        (
            &[b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"],
            false,
        ),
    ] {
        let reply = ask(pieces, closes).await.expect("an answer");
        assert_eq!((reply.status, &reply.body[..]), (200, &b"hello"[..]));
    }
    let none = ask(&[b"HTTP/1.1 204 No Content\r\n\r\n"], false).await.unwrap();
    assert_eq!((none.status, none.body.len()), (204, 0));
}

#[tokio::test]
async fn what_is_no_whole_answer_is_an_error() {
    for (pieces, expected) in [
        (&[&b"SSH-2.0-fake\r\n\r\n"[..]][..], Error::NotHttp),
        (&[b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello"], Error::Closed),
        (&[b"HTTP/1.1 200 OK\r\ncontent-len"], Error::Closed),
        (&[b"HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello"], Error::NotHttp),
        (&[b"HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello"], Error::NotHttp),
        (
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"],
            Error::NotHttp,
        ),
        (
            &[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello"],
            Error::NotHttp,
        ),
        (&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello"], Error::NotHttp),
        (&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"], Error::NotHttp),
        (&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhello\r\n"], Error::NotHttp),
        (&[b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n"], Error::TooLong),
        (&[b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFF\r\n"], Error::TooLong),
    ] {
        let said = ask(pieces, true).await.map(|reply| reply.status);
        assert_eq!(said, Err(expected), "{:?}", String::from_utf8_lossy(pieces[0]));
    }
}

#[tokio::test]
async fn hit_or_miss_is_read_where_the_target_tells() {
    let reply = ask(
        &[b"HTTP/1.1 200 OK\r\nserver-timing: cache;desc=hit, total;dur=0.1\r\ncontent-length: 0\r\n\r\n"],
        false,
    );
    assert_eq!(reply.await.unwrap().cache, Some(Cache::Hit));
    let reply =
        ask(&[b"HTTP/1.1 200 OK\r\nserver-timing: db;dur=3, cache;desc=\"miss\"\r\ncontent-length: 0\r\n\r\n"], false);
    assert_eq!(reply.await.unwrap().cache, Some(Cache::Miss));
    let reply = ask(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"], false);
    assert_eq!(reply.await.unwrap().cache, None);
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up_on() {
    let (target, _) = target(&[], false).await;
    let keeping = Keeping { timeout: Duration::from_millis(50), ..Keeping::default() };
    let said = Connection::new(target, keeping).send(&Message::get("/")).await;
    assert_eq!(said.map(|reply| reply.status), Err(Error::Timeout));
}

#[tokio::test]
async fn a_connection_is_kept_for_so_many_requests_only() {
    for (requests_max, expected) in [(None, 1), (Some(2), 2), (Some(1), 4)] {
        let ok: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (target, seen) = target(&[ok], false).await;
        let mut connection =
            Connection::new(target, Keeping { requests_max, ..Keeping::default() });
        for _ in 0..4 {
            connection.send(&Message::get("/")).await.unwrap();
        }
        assert_eq!(seen.load(Ordering::SeqCst), expected, "{requests_max:?}");
    }
}

#[tokio::test]
async fn the_answer_to_head_has_a_length_and_no_body() {
    let (target, _) = target(&[b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"], false).await;
    let mut connection = Connection::new(target, Keeping::default());
    for _ in 0..2 {
        let reply = connection.send(&Message { method: "HEAD", ..Message::get("/") }).await;
        assert_eq!(reply.map(|it| (it.status, it.body.len())), Ok((200, 0)));
    }
}
