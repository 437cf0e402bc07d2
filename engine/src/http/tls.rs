//! TLS on a listener: certificates from PEM, exchanged while it runs.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::net::Stream;

/// The certificate in force. A connection keeps the one that it began with.
pub struct Tls(ArcSwap<ServerConfig>);

/// Why there is no TLS with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates are no PEM.
    #[error("the certificates are not PEM: {0}")]
    Certificates(pem::Error),
    /// There is none among them.
    #[error("there is no certificate in the file of certificates")]
    NoCertificate,
    /// The key is no PEM, or there is none.
    #[error("there is no private key in PEM: {0}")]
    Key(pem::Error),
    /// They do not fit, or nobody can use them.
    #[error("the certificate and its key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Tls {
    /// From a chain of certificates, the server's own first, and its key.
    ///
    /// # Errors
    /// Where they are not well-formed or do not belong together.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(ArcSwap::from_pointee(config(certificates, key)?)))
    }

    /// Puts others in force, for connections from now on; or, after an error,
    /// leaves all as it is.
    ///
    /// # Errors
    /// As for [`Tls::from_pem`].
    pub fn replace(&self, certificates: &[u8], key: &[u8]) -> Result<(), TlsError> {
        self.0.store(Arc::new(config(certificates, key)?));
        Ok(())
    }

    /// Puts another's certificate in force, for connections from now on.
    pub fn follow(&self, other: &Self) {
        self.0.store(other.0.load_full());
    }

    /// Shakes hands. The caller bounds the time it may take.
    pub(super) async fn accept(&self, stream: Box<dyn Stream>) -> io::Result<Box<dyn Stream>> {
        let acceptor = TlsAcceptor::from(self.0.load_full());
        Ok(Box::new(acceptor.accept(stream).await?))
    }
}

fn config(certificates: &[u8], key: &[u8]) -> Result<ServerConfig, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
    let chain = chain.map_err(TlsError::Certificates)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let provider = Arc::new(ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A client resumes with whichever core it meets, and no core keeps a session.
    config.ticketer = ring::Ticketer::new()?;
    Ok(config)
}
