//! Another way into a fake: over TLS, over HTTP/2, or both.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::fake::{Fake, Said};

/// What is spoken at a door.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speech {
    /// HTTP/1.1 within TLS.
    Secure,
    /// HTTP/2 within TLS.
    SecureHttp2,
    /// HTTP/2 without TLS.
    Http2,
}

/// An open door; dropping it closes it.
pub(crate) struct Door {
    address: SocketAddr,
    speech: Speech,
    /// The certificate of whoever stands there.
    pub(crate) certificate: NamedTempFile,
    seen: Arc<AtomicU64>,
    _runtime: tokio::runtime::Runtime,
}

impl Door {
    pub(crate) fn open(fake: &Fake, speech: Speech) -> Door {
        let (acceptor, certificate) = certified(speech);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a thread");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("bound");
        let (behind, answers) = (fake.address(), fake.answers());
        let seen = Arc::new(AtomicU64::new(0));
        let counted = seen.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, answers) = (acceptor.clone(), answers.clone());
                tokio::spawn(async move {
                    if speech == Speech::Http2 {
                        return serve(stream, answers).await;
                    }
                    // Who does not trust the certificate hangs up.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    if speech == Speech::SecureHttp2 {
                        return serve(stream, answers).await;
                    }
                    let mut behind = TcpStream::connect(behind).await.expect("the fake is there");
                    let _ = copy_bidirectional(&mut stream, &mut behind).await;
                });
            }
        });
        Door { address, speech, certificate, seen, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.speech == Speech::Http2 { "http" } else { "https" };
        format!("{scheme}://{}", self.address)
    }

    /// Connections so far.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

/// Somebody with a certificate of their own, and that in a file.
fn certified(speech: Speech) -> (TlsAcceptor, NamedTempFile) {
    let made = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]);
    let CertifiedKey { cert, signing_key } = made.expect("a name");
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), cert.pem()).expect("written");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("ring has both");
    let builder = builder.with_no_client_auth();
    let mut config = builder.with_single_cert(vec![cert.der().clone()], key).expect("its key");
    if speech == Speech::SecureHttp2 {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    (TlsAcceptor::from(Arc::new(config)), file)
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: impl Fn(&str, &str) -> Option<Said> + Clone + Send + 'static,
) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        let answers = answers.clone();
        tokio::spawn(async move {
            let (head, mut rest) = request.into_parts();
            let mut body = Vec::new();
            while let Some(Ok(part)) = rest.data().await {
                body.extend_from_slice(&part);
            }
            let path = head.uri.path_and_query().expect("not a tunnel");
            let line = format!("{} {path} HTTP/1.1", head.method);
            let body = String::from_utf8(body).expect("JSON");
            let Some((status, content, body)) = answers(&line, &body) else { return };
            let response = hyper::Response::builder().status(status);
            let response = response.header("content-type", content).body(());
            if let Ok(mut stream) = answer.send_response(response.expect("a head"), false) {
                let _ = stream.send_data(body.into(), true);
            }
        });
    }
}
