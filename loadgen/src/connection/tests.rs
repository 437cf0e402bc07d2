//! Answers of every framing, and what is none.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::*;
use crate::results::Cache;

/// What a target says, in these pieces, to each request on a connection; it
/// hangs up afterwards where `closes`.
async fn answers(pieces: &[&'static [u8]], closes: bool) -> (Connection, u16) {
    let pieces: Arc<[&[u8]]> = pieces.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
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
    let target = format!("http://{address}").parse().unwrap();
    let keeping = Keeping { timeout: Duration::from_secs(5), requests_max: None };
    (Connection::new(target, keeping), address.port())
}

async fn ask(pieces: &[&'static [u8]], closes: bool) -> Result<Reply, Error> {
    let (mut connection, _) = answers(pieces, closes).await;
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
    let (mut connection, _) = answers(&[], false).await;
    connection.keeping.timeout = Duration::from_millis(50);
    let said = connection.send(&Message::get("/")).await;
    assert_eq!(said.map(|reply| reply.status), Err(Error::Timeout));
}

#[tokio::test]
async fn a_connection_is_kept_for_so_many_requests_only() {
    const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    let (mut connection, _) = answers(&[OK], false).await;
    let ports = async |connection: &mut Connection| {
        let mut ports = std::collections::BTreeSet::new();
        for _ in 0..4 {
            connection.open().await.unwrap();
            ports.insert(connection.stream.as_ref().unwrap().local_addr().unwrap().port());
            connection.send(&Message::get("/")).await.unwrap();
        }
        ports.len()
    };
    assert_eq!(ports(&mut connection).await, 1);
    connection.stream = None;
    connection.keeping.requests_max = Some(2);
    assert_eq!(ports(&mut connection).await, 2);
    connection.keeping.requests_max = Some(1);
    connection.stream = None;
    assert_eq!(ports(&mut connection).await, 4);
}
