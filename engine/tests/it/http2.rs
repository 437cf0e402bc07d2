//! HTTP/2 beside HTTP/1.1 on one port, in the clear and under TLS.

use std::sync::Arc;

use engine::http::{Tls, TlsError};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Custom, Modern, api, at_once, bundle, certificate, demo, form, somebody};

#[test]
fn a_bundle_is_the_same_over_both_versions_on_one_port() {
    let demo = demo();
    let form = form("criminal-record-extract", &somebody(demo.country));
    let one = bundle(api(&demo), &form);
    let two = at_once(async {
        let mut client = Modern::connect(demo.engine.address()).await.unwrap();
        let reply = client.ask("justice", &form).await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["cache-control"], "no-store");
        serde_json::from_slice::<Value>(reply.body()).unwrap()
    });
    assert_eq!(one["fields"], two["fields"]);
}

#[test]
fn many_requests_go_over_one_connection_at_once() {
    let demo = demo();
    let form = form("criminal-record-extract", &somebody(demo.country));
    at_once(async {
        let client = Modern::connect(demo.engine.address()).await.unwrap();
        let asked = (0..100).map(|_| {
            let (mut client, form) = (client.clone(), form.clone());
            tokio::spawn(async move { client.ask("justice", &form).await.unwrap().status() })
        });
        for status in asked.collect::<Vec<_>>() {
            assert_eq!(status.await.unwrap(), 200);
        }
    });
}

#[test]
fn under_tls_the_client_chooses_the_version() {
    let known = certificate();
    let tls = Tls::from_pem(known.certificate.as_bytes(), known.key.as_bytes()).unwrap();
    let engine = Custom::listening(|listen| listen.tls = Some(Arc::new(tls)));
    let address = engine.api().0;
    at_once(async {
        let (stream, agreed) = known.connect(address, "h2").await.unwrap();
        assert_eq!(agreed.as_deref(), Some(&b"h2"[..]));
        let mut client = Modern::over(stream).await.unwrap();
        assert_eq!(client.get("/healthz").await.unwrap().status(), 200);

        let (mut stream, agreed) = known.connect(address, "http/1.1").await.unwrap();
        assert_eq!(agreed.as_deref(), Some(&b"http/1.1"[..]));
        let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n"), "{reply}");
    });
}

#[test]
fn a_certificate_is_exchanged_while_its_connections_go_on() {
    let (first, second) = (certificate(), certificate());
    let tls = Tls::from_pem(first.certificate.as_bytes(), first.key.as_bytes()).unwrap();
    let tls = Arc::new(tls);
    let of = tls.clone();
    let engine = Custom::listening(|listen| listen.tls = Some(of));
    let address = engine.api().0;
    at_once(async {
        let (stream, _) = first.connect(address, "h2").await.unwrap();
        let mut before = Modern::over(stream).await.unwrap();
        tls.replace(second.certificate.as_bytes(), second.key.as_bytes()).unwrap();
        assert!(first.connect(address, "h2").await.is_err(), "the old certificate is gone");
        let (stream, _) = second.connect(address, "h2").await.unwrap();
        let mut after = Modern::over(stream).await.unwrap();
        assert_eq!(before.get("/healthz").await.unwrap().status(), 200);
        assert_eq!(after.get("/healthz").await.unwrap().status(), 200);
        // What cannot be used changes nothing.
        assert!(tls.replace(first.certificate.as_bytes(), second.key.as_bytes()).is_err());
        second.connect(address, "h2").await.unwrap();
    });
}

#[test]
fn files_that_make_no_tls_are_told_apart() {
    let (known, other) = (certificate(), certificate());
    let refused = |certificate: &str, key: &str| {
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).err().expect("it is no TLS")
    };
    assert!(matches!(refused("", &known.key), TlsError::NoCertificate));
    assert!(matches!(refused(&known.certificate, ""), TlsError::Key(_)));
    assert!(matches!(refused(&known.key, &known.key), TlsError::NoCertificate));
    assert!(matches!(refused(&known.certificate, &other.key), TlsError::Unusable(_)));
    let cut = known.certificate.replace("-----END", "-----AND");
    assert!(matches!(refused(&cut, &known.key), TlsError::Certificates(_)));
}

#[test]
fn in_the_clear_a_client_of_tls_is_refused_and_harms_nobody() {
    let demo = demo();
    at_once(async {
        let known = certificate();
        assert!(known.connect(demo.engine.address(), "h2").await.is_err());
    });
    assert_eq!(api(&demo).get("/healthz").status, 200);
}
