//! A client of HTTP/2, and TLS under any client.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use engine::net::Stream;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

/// A certificate that nobody but its holder trusts.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

/// A new one, for `localhost`.
pub(crate) fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name");
    Certificate {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        der: made.cert.der().clone(),
    }
}

impl Certificate {
    /// Shakes hands with whoever must have this certificate, and tells the protocol
    /// that was agreed on.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
        protocol: &str,
    ) -> std::io::Result<(Box<dyn Stream>, Option<Vec<u8>>)> {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.der.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the versions that ring has")
            .with_root_certificates(trusted)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = TcpStream::connect(address).await?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        Ok((Box::new(stream), agreed))
    }
}

/// A connection of HTTP/2. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Modern(http2::SendRequest<Full<Bytes>>);

impl Modern {
    pub(crate) async fn connect(address: SocketAddr) -> hyper::Result<Self> {
        let stream = TcpStream::connect(address).await.expect("the engine listens");
        Self::over(Box::new(stream)).await
    }

    pub(crate) async fn over(stream: Box<dyn Stream>) -> hyper::Result<Self> {
        let io = TokioIo::new(stream);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    pub(crate) async fn get(&mut self, path: &str) -> hyper::Result<Response<Bytes>> {
        let request = Request::get(format!("http://localhost{path}")).body(Full::default());
        self.send(request.expect("a request")).await
    }

    /// Asks for a bundle.
    pub(crate) async fn ask(
        &mut self,
        operator: &str,
        form: &serde_json::Value,
    ) -> hyper::Result<Response<Bytes>> {
        let request = Request::post("http://localhost/v1/prefill")
            .header("authorization", format!("Bearer demo-org-{operator}"))
            .body(Full::new(form.to_string().into()));
        self.send(request.expect("a request")).await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Bytes>> {
        let (head, body) = self.0.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
    }
}

/// Runs a test that waits for several things at once.
pub(crate) fn at_once<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    let patience = super::PATIENCE;
    runtime.block_on(async { tokio::time::timeout(patience, test).await }).expect("in time")
}
