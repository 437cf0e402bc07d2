//! The way to a register: looked up, secured, and what it is shown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fixtures::{Authority, Profile};
use hyper::header::{HeaderName, HeaderValue};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::super::{Clients, Endpoint, Endpoints, Failure, Host, Rates, exchange};
use super::network::{NOW, country as people, holders};
use crate::clock::Civil;
use crate::metrics::Metrics;
use crate::model::{Answer, AttributeMask, RegisterId, Unavailable};
use crate::net::{Connect, Connecting, LookingUp, Stream};
use crate::registers::{Group, PROTOCOLS, Query};

/// An authority that certifies, and one certificate of its own.
pub(super) struct Authenticated {
    roots: RootCertStore,
    chain: Vec<rustls::pki_types::CertificateDer<'static>>,
    key: KeyPair,
}

pub(super) fn authenticated(name: &str) -> Authenticated {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().unwrap();
    let root = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    Authenticated { roots, chain: vec![leaf.der().clone()], key }
}

impl Authenticated {
    fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    /// A client that trusts this authority, and shows `shown` where it has one.
    pub(super) fn trusted_by(&self, shown: Option<&Authenticated>) -> Arc<ClientConfig> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let mut config = match shown {
            None => config.with_no_client_auth(),
            Some(own) => config.with_client_auth_cert(own.chain.clone(), own.key()).unwrap(),
        };
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Arc::new(config)
    }

    /// A server that asks for a certificate of `clients`, where it knows any.
    fn server(&self, clients: Option<&Authenticated>) -> TlsAcceptor {
        self.speaking(clients, &[])
    }

    /// One that agrees upon one of these protocols, where there are any.
    pub(super) fn speaking(
        &self,
        clients: Option<&Authenticated>,
        protocols: &[&[u8]],
    ) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(known) => config.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(known.roots.clone().into(), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let mut config = config.with_single_cert(self.chain.clone(), self.key()).unwrap();
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        Arc::new(config).into()
    }
}

/// A register behind TLS, found by a name.
struct Secured {
    acceptor: TlsAcceptor,
    looked_up: Mutex<Vec<String>>,
}

impl Connect for Secured {
    fn connect(&self, _: SocketAddr) -> Connecting {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            let register = fixtures::Register::new(Authority::Snca, people(), Profile::Instant);
            if let Ok(stream) = acceptor.accept(far).await {
                fixtures::registers::serve(Arc::new(register), stream).await;
            }
        });
        Box::pin(async move { Ok(Box::new(near) as Box<dyn Stream>) })
    }

    fn look_up(&self, host: Box<str>, port: u16) -> LookingUp {
        self.looked_up.lock().unwrap().push(format!("{host}:{port}"));
        Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
    }
}

/// What comes of asking a register by name over TLS.
async fn asked(acceptor: TlsAcceptor, tls: Arc<ClientConfig>) -> Result<Answer, Failure> {
    let network = Arc::new(Secured { acceptor, looked_up: Mutex::default() });
    let connect: Arc<dyn Connect> = network.clone();
    let (clients, id, all) = by_name(&connect, tls);
    let answer = ask(&clients, id, all).await;
    assert_eq!(*network.looked_up.lock().unwrap(), ["snca.example:443"]);
    answer
}

/// One core's clients of a register that is found by its name, its id, and all it has.
pub(super) fn by_name(
    connect: &Arc<dyn Connect>,
    tls: Arc<ClientConfig>,
) -> (Clients, RegisterId, AttributeMask) {
    let catalogue = super::country();
    let id = catalogue.find_register("snca").unwrap();
    let endpoint = Endpoint {
        host: Host::Name("snca.example".into()),
        port: 443,
        base: "".into(),
        headers: Vec::new(),
        tls: Some(super::super::Secured { config: tls, digest: [0; 32] }),
    };
    let endpoints: Endpoints = [("snca".into(), endpoint)].into();
    let (rates, civil, metrics) =
        (Rates::new(&catalogue), Civil::running(NOW, 1), Arc::new(Metrics::default()));
    let clients = Clients::new(&catalogue, &endpoints, connect, &rates, &civil, &metrics, 1);
    (clients, id, catalogue.register(id).all())
}

/// What it says about somebody.
pub(super) async fn ask(
    clients: &Clients,
    id: RegisterId,
    attributes: AttributeMask,
) -> Result<Answer, Failure> {
    ask_for(clients, id, attributes, "o").await
}

/// What it says about somebody, for an organisation. Calls for different ones never
/// wait for each other to make a batch.
pub(super) async fn ask_for(
    clients: &Clients,
    id: RegisterId,
    attributes: AttributeMask,
    organisation: &str,
) -> Result<Answer, Failure> {
    let group = Group { attributes, organisation: organisation.into(), procedure: "p".into() };
    let key = holders(1).remove(0).into();
    clients.ask(id, Query { key, disclosure: uuid::Uuid::nil(), group, trace: None }).await
}

#[tokio::test]
async fn a_register_behind_tls_is_asked_when_it_is_who_it_says() {
    let register = authenticated("snca.example");
    let answer = asked(register.server(None), register.trusted_by(None)).await.unwrap();
    assert!(answer.found);
    let failed = Err(Failure::from(Unavailable::Error));
    let stranger = authenticated("snca.example");
    assert_eq!(asked(stranger.server(None), register.trusted_by(None)).await, failed);
    let other = authenticated("other.example");
    assert_eq!(asked(other.server(None), other.trusted_by(None)).await, failed);
}

#[tokio::test]
async fn a_register_that_wants_to_know_its_client_sees_its_certificate() {
    let (register, engine) = (authenticated("snca.example"), authenticated("engine.example"));
    let closed = || register.server(Some(&engine));
    let shown = register.trusted_by(Some(&engine));
    assert!(asked(closed(), shown).await.unwrap().found);
    let failed = Err(Failure::from(Unavailable::Error));
    assert_eq!(asked(closed(), register.trusted_by(None)).await, failed);
    let stranger = authenticated("engine.example");
    assert_eq!(asked(closed(), register.trusted_by(Some(&stranger))).await, failed);
}

#[test]
fn every_request_carries_the_credentials_below_the_base_and_debug_shows_none() {
    let catalogue = super::country();
    let register = super::described(&catalogue, "rnpp");
    let mut secret = HeaderValue::from_static("s3cret");
    secret.set_sensitive(true);
    let endpoint = Endpoint {
        host: Host::Name("rnpp.example".into()),
        port: 8443,
        base: "/gateway/v2".into(),
        headers: vec![(HeaderName::from_static("x-api-key"), secret)],
        tls: None,
    };
    let group =
        Group { attributes: register.all(), organisation: "o".into(), procedure: "p".into() };
    let keys = [("k".into(), uuid::Uuid::nil())];
    let head = exchange::Head::of(&endpoint, register).unwrap();
    let request = exchange::request(&head, register, &group, &keys).unwrap();
    assert!(request.uri().to_string().starts_with("/gateway/v2/persons/k?"), "{}", request.uri());
    assert_eq!(request.headers()["host"], "rnpp.example:8443");
    assert_eq!(request.headers()["x-api-key"], "s3cret");
    assert!(!format!("{endpoint:?} {request:?}").contains("s3cret"));
}
