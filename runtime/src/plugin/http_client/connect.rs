//! A connection to one of the addresses that a target may have.

use std::io;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::plugin::grants::{Host, HttpGate, Target};

use super::HttpFailure;

/// A connection, plain or TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Trusts what browsers trust; made when the first plugin needs it.
static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has the ciphers of TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
});

/// Resolves, connects and, for `https`, proves who answers.
pub(super) async fn connect(
    gate: &HttpGate,
    target: &Target,
) -> Result<Box<dyn Stream>, HttpFailure> {
    let addresses = gate.addresses(target).await?;
    // Not by name: the addresses that were checked are those that are connected to.
    let stream = TcpStream::connect(&*addresses).await.map_err(HttpFailure::Connect)?;
    if !target.is_tls {
        return Ok(Box::new(stream));
    }
    let name = server_name(&target.host).map_err(HttpFailure::Tls)?;
    let stream = TlsConnector::from(Arc::clone(&TLS)).connect(name, stream).await;
    Ok(Box::new(stream.map_err(HttpFailure::Tls)?))
}

fn server_name(host: &Host) -> io::Result<ServerName<'static>> {
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => ServerName::try_from(name.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error)),
    }
}
