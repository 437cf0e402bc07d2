//! TLS: whom is believed, and what is agreed on within it.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A target with a certificate of its own for this name, which speaks these.
struct Secure {
    target: Target,
    seen: Seen,
    /// Who vouches for it.
    file: tempfile::NamedTempFile,
}

async fn secure(name: &str, protocols: &[&str]) -> Secure {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let mut config = builder
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("https://{}", listener.local_addr().unwrap()).parse().unwrap();
    let seen = Seen::default();
    let (counted, acceptor) = (seen.clone(), TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            counted.fetch_add(1, Ordering::SeqCst);
            let is_two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            match is_two {
                true => tokio::spawn(answer_in_two(stream)),
                false => tokio::spawn(answer_in_one(stream)),
            };
        }
    });
    Secure { target, seen, file }
}

type Accepted = tokio_rustls::server::TlsStream<tokio::net::TcpStream>;

async fn answer_in_one(mut stream: Accepted) {
    let mut request = [0; 4_096];
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        let said = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1";
        if stream.write_all(said).await.is_err() {
            return;
        }
    }
}

async fn answer_in_two(stream: Accepted) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut answer))) = connection.accept().await {
        let mut stream = answer.send_response(hyper::Response::new(()), false).unwrap();
        stream.send_data("2".into(), true).unwrap();
    }
}

/// Asks twice, and gives what it is told both times.
async fn ask_it(
    target: Target,
    trust: Option<Trust>,
    protocol: Protocol,
    requests_max: Option<u64>,
) -> Result<String, Error> {
    let timeout = Duration::from_secs(5);
    let keeping = Keeping { timeout, requests_max, protocol, trust, ..Keeping::default() };
    let mut connection = Connection::new(target, keeping);
    let mut said = Vec::new();
    for _ in 0..2 {
        said.extend_from_slice(&connection.send(&Message::get("/")).await?.body);
    }
    Ok(String::from_utf8(said).unwrap())
}

#[tokio::test]
async fn within_tls_both_protocols_are_spoken_and_connections_kept() {
    for (protocol, said) in [(Protocol::Http1, "11"), (Protocol::Http2, "22")] {
        for (requests_max, expected) in [(None, 1), (Some(1), 2)] {
            let it = secure("127.0.0.1", &["h2", "http/1.1"]).await;
            let trust = Trust::new(Authorities::File(it.file.path()), protocol).unwrap();
            let answered = ask_it(it.target, Some(trust), protocol, requests_max).await;
            assert_eq!(answered.as_deref(), Ok(said));
            assert_eq!(it.seen.load(Ordering::SeqCst), expected, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn whoever_is_not_vouched_for_is_not_asked() {
    let protocol = Protocol::Http1;
    let stranger = secure("127.0.0.1", &[]).await;
    let namesake = secure("somebody.else", &[]).await;
    let another = secure("127.0.0.1", &[]).await;
    let system = Trust::new(Authorities::System, protocol).unwrap();
    let of = |it: &Secure| Trust::new(Authorities::File(it.file.path()), protocol).unwrap();
    for (asked, trust) in [
        (&stranger, None),
        (&stranger, Some(system)),
        (&stranger, Some(of(&another))),
        (&namesake, Some(of(&namesake))),
    ] {
        let said = ask_it(asked.target.clone(), trust, protocol, None).await;
        assert_eq!(said, Err(Error::Certificate));
    }
    for it in [&stranger, &namesake] {
        let unchecked = Trust::new(Authorities::Unchecked, protocol).unwrap();
        let said = ask_it(it.target.clone(), Some(unchecked), protocol, None).await;
        assert_eq!(said.as_deref(), Ok("11"));
    }
}

#[tokio::test]
async fn what_is_not_spoken_within_tls_is_said() {
    let unchecked = |protocol| Some(Trust::new(Authorities::Unchecked, protocol).unwrap());
    for protocols in [&["http/1.1"][..], &[]] {
        let it = secure("127.0.0.1", protocols).await;
        let trust = unchecked(Protocol::Http2);
        let said = ask_it(it.target.clone(), trust, Protocol::Http2, None).await;
        assert_eq!(said, Err(Error::NoCommonProtocol), "{protocols:?}");
    }
    let (plain, _) = target(&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], true).await;
    let secure: Target = plain.to_string().replace("http:", "https:").parse().unwrap();
    let said = ask_it(secure, unchecked(Protocol::Http1), Protocol::Http1, None).await;
    assert_eq!(said, Err(Error::Tls));
}

#[test]
fn a_file_of_authorities_without_any_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = |path: &std::path::Path| {
        Trust::new(Authorities::File(path), Protocol::Http1).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(file.path()).contains("there is no certificate in it"));
    assert!(refused(std::path::Path::new("/nowhere")).contains("/nowhere: "));
}
