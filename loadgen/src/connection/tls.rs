//! TLS: whom to believe, and the greeting.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Protocol;
use crate::target::{Error, Target};

/// Who may vouch for a target.
#[derive(Clone, Copy, Debug)]
pub enum Authorities<'a> {
    /// Those that the system trusts.
    System,
    /// Those of a file in PEM, and nobody else.
    File(&'a Path),
    /// Nobody is asked: whoever answers is believed.
    Unchecked,
}

/// Why a file of authorities is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    /// It cannot be read, or is not PEM.
    #[error("{0}: {1}")]
    File(String, rustls::pki_types::pem::Error),
    /// It has none.
    #[error("{0}: there is no certificate in it")]
    Empty(String),
    /// One is none.
    #[error("{0}: {1}")]
    Certificate(String, rustls::Error),
}

/// Whom to believe.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// Believes whom these vouch for.
    ///
    /// # Errors
    /// Where their file is of no use.
    pub fn new(authorities: Authorities<'_>, protocol: Protocol) -> Result<Self, Untrusted> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has what both versions of TLS need");
        let builder = match authorities {
            Authorities::System => builder.with_root_certificates(of_system()),
            Authorities::File(path) => builder.with_root_certificates(of_file(path)?),
            Authorities::Unchecked => {
                let verifier = Arc::new(Unchecked(ring::default_provider()));
                builder.dangerous().with_custom_certificate_verifier(verifier)
            }
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = match protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        // Each connection stands for somebody else, who was not here before.
        config.resumption = Resumption::disabled();
        Ok(Self(Arc::new(config)))
    }

    pub(super) async fn greet(
        &self,
        target: &Target,
        protocol: Protocol,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let name = ServerName::try_from(target.host().to_owned()).map_err(|_| Error::Tls)?;
        let greeted = TlsConnector::from(self.0.clone()).connect(name, stream).await;
        let stream = greeted.map_err(|error| {
            let inner = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
            match inner {
                Some(rustls::Error::InvalidCertificate(_)) => Error::Certificate,
                Some(rustls::Error::NoApplicationProtocol) => Error::NoCommonProtocol,
                Some(rustls::Error::AlertReceived(
                    rustls::AlertDescription::NoApplicationProtocol,
                )) => Error::NoCommonProtocol,
                Some(_) => Error::Tls,
                None => super::stream::told(&error),
            }
        })?;
        let agreed = stream.get_ref().1.alpn_protocol();
        // A server that knows nothing of ALPN speaks HTTP/1.1.
        match protocol == Protocol::Http2 && agreed != Some(b"h2") {
            true => Err(Error::NoCommonProtocol),
            false => Ok(stream),
        }
    }
}

/// Where a system has none, nobody is believed.
fn of_system() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn of_file(path: &Path) -> Result<RootCertStore, Untrusted> {
    let name = path.display().to_string();
    let unreadable = |error| Untrusted::File(name.clone(), error);
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|error| Untrusted::Certificate(name.clone(), error))?;
    }
    if roots.is_empty() { Err(Untrusted::Empty(name)) } else { Ok(roots) }
}

/// Believes every certificate, but only whoever has its key.
#[derive(Debug)]
struct Unchecked(CryptoProvider);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
