//! How the way to a register is secured: whom we believe, and what we show.

use std::cell::OnceCell;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};

use super::{Reading, secret};
use crate::catalogue::reader::{Placed, Table};
use crate::registers::{PROTOCOLS, Secured};

/// The certificates that everybody trusts here: read for the first register that
/// needs them, where the system keeps them or `SSL_CERT_FILE` says.
#[derive(Default)]
pub(super) struct SystemRoots(OnceCell<Vec<CertificateDer<'static>>>);

impl SystemRoots {
    fn get(&self) -> &[CertificateDer<'static>] {
        self.0.get_or_init(|| rustls_native_certs::load_native_certs().certs)
    }
}

/// Whether a URL is one of TLS.
pub(super) fn is(url: &Placed) -> bool {
    // A scheme is the same in capitals (RFC 3986, section 3.1).
    url.text.get(..8).is_some_and(|begins| begins.eq_ignore_ascii_case("https://"))
}

/// `roots`, `certificate` and `key` of a register; nothing for one in the clear, and
/// then none of them may be there. `None` where a mistake was said.
pub(super) fn read(
    reading: &Reading<'_>,
    table: &Table<'_>,
    url: Option<&Placed>,
    system: &SystemRoots,
) -> Option<Option<Secured>> {
    let written = ["roots", "certificate", "key"].map(|key| (key, table.text(key)));
    let url = url?;
    if !is(url) {
        for (key, value) in &written {
            if let Some(value) = value {
                let what = format!("`{key}` is for https:// alone, and `url` is not");
                reading.mistake(value.line, what);
            }
        }
        return Some(None);
    }
    let [(_, roots), (_, certificate), (_, key)] = written;
    let mut digest = Sha256::new();
    let store = believed(reading, url, roots.as_ref(), system, &mut digest);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?;
    let mut config = match (certificate, key) {
        (None, None) => config.with_root_certificates(store?).with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let (chain, key) = shown(reading, &certificate, &key, &mut digest)?;
            let made = config.with_root_certificates(store?).with_client_auth_cert(chain, key);
            let wrong = |error: &rustls::Error| {
                let what = format!("it cannot be used with its key: {error}");
                reading.mistake(certificate.line, what);
            };
            made.inspect_err(wrong).ok()?
        }
        _ => {
            let what = "a client's `certificate` needs its `key`, and the reverse";
            reading.mistake(table.line(), what);
            return None;
        }
    };
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Some(Some(Secured { config: Arc::new(config), digest: digest.finalize().into() }))
}

/// Whom we believe to be the register.
fn believed(
    reading: &Reading<'_>,
    url: &Placed,
    roots: Option<&Placed>,
    system: &SystemRoots,
    digest: &mut Sha256,
) -> Option<RootCertStore> {
    let mut store = RootCertStore::empty();
    let (added, _) = match roots {
        Some(file) => {
            store.add_parsable_certificates(pem(&reading.bytes(file)?).unwrap_or_default())
        }
        None => store.add_parsable_certificates(system.get().iter().cloned()),
    };
    if added == 0 {
        match roots {
            Some(file) => {
                reading.mistake(file.line, format!("{} has no certificate", file.text));
            }
            None => {
                let what = "nobody would be believed to be this register: the system has no \
                            certificates that everybody trusts (on Debian, ca-certificates); \
                            install them, or write roots = \"ca.pem\"";
                reading.mistake(url.line, what);
            }
        }
        return None;
    }
    digest.update([u8::from(roots.is_some())]);
    for root in &store.roots {
        digest.update(Sha256::digest(&root.subject_public_key_info));
        digest.update(Sha256::digest(&root.subject));
    }
    Some(store)
}

type Shown = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What shows who asks.
fn shown(
    reading: &Reading<'_>,
    certificate: &Placed,
    key: &Placed,
    digest: &mut Sha256,
) -> Option<Shown> {
    let chain = pem(&reading.bytes(certificate)?);
    let key = secret::of_file(reading, key)?;
    digest.update(Sha256::digest(&*key));
    let (Ok(chain), Ok(key)) = (chain, PrivateKeyDer::from_pem_slice(&key)) else {
        reading.mistake(certificate.line, "the certificate or its key is not PEM");
        return None;
    };
    chain.iter().for_each(|certificate| digest.update(Sha256::digest(certificate)));
    Some((chain, key))
}

fn pem(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(text).collect()
}
