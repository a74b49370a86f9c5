//! TLS: what clients are shown and asked for.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsConfig;
use crate::harvest::Failure;

/// Reads certificates and keys, off the async threads.
///
/// # Errors
/// When a file can't be used; the message names it. Files change, so another start may do better.
pub(super) async fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, Failure> {
    let config = config.clone();
    let read = tokio::task::spawn_blocking(move || server_config(&config));
    let read = read.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    read.map(|server| TlsAcceptor::from(Arc::new(server))).map_err(Failure::Passing)
}

fn server_config(config: &TlsConfig) -> Result<ServerConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = certificates(&config.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&config.key)
        .map_err(|error| refuse(&config.key, "a private key", &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &config.client_ca {
        Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
        None => builder.with_no_client_auth(),
    };
    builder.with_single_cert(certificates, key).map_err(|error| {
        let (certificate, key) = (config.certificate.display(), config.key.display());
        format!("the certificate {certificate} and the key {key} don't work: {error}")
    })
}

fn verifier(
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates(path)? {
        authorities.add(certificate).map_err(|error| refuse(path, "an authority", &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(authorities.into(), provider)
        .build()
        .map_err(|error| refuse(path, "an authority", &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = || -> Result<Vec<_>, pem::Error> {
        CertificateDer::pem_file_iter(path)?.collect::<Result<_, _>>()
    };
    let certificates = read().map_err(|error| refuse(path, "a certificate", &error))?;
    if certificates.is_empty() {
        return Err(refuse(path, "a certificate", &pem::Error::NoItemsFound));
    }
    Ok(certificates)
}

fn refuse(path: &Path, what: &str, error: &dyn std::error::Error) -> String {
    format!("cannot read {what} in PEM from {}: {error}", path.display())
}
