//! Peers over TLS, with and without a certificate of their own.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use loglite_e2e::sockets::{connect, home, messages, status, wait_to_listen};
use loglite_e2e::{Home, Server, eventually};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

const ENTRY: &[u8] = b"{\"message\": \"over TLS\"}\n";

/// An authority, and what it has signed.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    fn sign(&self, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn client(&self, identity: Option<&Identity>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let Some(identity) = identity else { return builder.with_no_client_auth() };
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).expect("a key");
        builder.with_client_auth_cert(vec![certificate.expect("one")], key).expect("they fit")
    }
}

fn write(home: &Path, name: &str, text: &str) {
    fs::write(home.join(name), text).expect("the test's directory is writable");
}

/// The home of a service that shows a certificate of this authority, and these further keys for TLS.
fn tls_home(authority: &Authority, more: &[(&str, &str)]) -> Home {
    let mut tls = json!({"certificate": "server.pem", "key": "server.key"});
    let keys = tls.as_object_mut().expect("an object");
    keys.extend(more.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))));
    let config = json!({"host": "127.0.0.1", "port": 0, "tls": tls});
    let home = home(&json!([{"type": "socket", "name": "in", "config": config}]), "");
    let server = authority.sign("localhost");
    write(home.path(), "server.pem", &server.certificate);
    write(home.path(), "server.key", &server.key);
    write(home.path(), "ca.pem", &authority.0.pem());
    home
}

fn secured(server: &Server, config: ClientConfig) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(client, connect(server))
}

/// Sends an entry, says that it is all, and waits until the service does so, too.
fn send(server: &Server, config: ClientConfig) -> std::io::Result<()> {
    let mut peer = secured(server, config);
    peer.write_all(ENTRY)?;
    peer.conn.send_close_notify();
    peer.flush()?;
    peer.read_to_end(&mut Vec::new()).map(drop)
}

#[test]
fn lines_over_tls_are_stored_and_the_end_is_confirmed() {
    let authority = Authority::new();
    let server = tls_home(&authority, &[]).start();

    send(&server, authority.client(None)).expect("closed in order");

    assert_eq!(messages(&server), ["over TLS"]);
}

#[test]
fn only_clients_with_a_certificate_of_the_authority_get_in_where_it_is_asked_for() {
    let authority = Authority::new();
    let server = tls_home(&authority, &[("client_ca", "ca.pem")]).start();
    let stranger = Authority::new().sign("client");

    send(&server, authority.client(None)).expect_err("no certificate");
    send(&server, authority.client(Some(&stranger))).expect_err("a stranger's");
    let known = authority.sign("client");
    send(&server, authority.client(Some(&known))).expect("closed in order");

    assert_eq!(messages(&server), ["over TLS"]);
    assert_eq!(server.log_lines(&["WARN", "TLS"]).len(), 1, "told once a minute");
}

#[test]
fn a_peer_without_tls_and_one_that_says_nothing_hurt_nobody() {
    let authority = Authority::new();
    let server = tls_home(&authority, &[]).start();
    let _silent = connect(&server);
    let mut plain = connect(&server);
    plain.write_all(ENTRY).expect("connected");
    plain.read_to_end(&mut Vec::new()).ok();

    send(&server, authority.client(None)).expect("closed in order");

    assert_eq!(messages(&server), ["over TLS"]);
    eventually("only the silent one is left", || (status(&server, "inputs") == 1).then_some(()));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_came_over_tls_before_a_stop_is_stored() {
    let authority = Authority::new();
    let server = tls_home(&authority, &[]).start();
    let mut peer = secured(&server, authority.client(None));
    peer.write_all(ENTRY).expect("connected");
    peer.flush().expect("connected");
    let home = server.home().clone();

    assert_eq!(server.stop().code, Some(0));

    peer.read_to_end(&mut Vec::new()).expect("closed in order");
    assert_eq!(messages(&home.start()), ["over TLS"]);
}

#[test]
fn a_file_that_is_missing_or_wrong_is_named_and_read_anew_at_the_next_start() {
    let authority = Authority::new();
    let home = tls_home(&authority, &[]);
    let key = fs::read_to_string(home.path().join("server.key")).expect("it is there");
    write(home.path(), "server.key", "no key");
    let server = home.start();
    server.wait_for_log(&["WARN", "cannot read a private key", "server.key"]);
    write(home.path(), "server.key", &authority.sign("localhost").key);
    server.wait_for_log(&["WARN", "server.pem", "server.key", "don't work"]);

    write(home.path(), "server.key", &key);

    wait_to_listen(&server);
    send(&server, authority.client(None)).expect("closed in order");
    assert_eq!(messages(&server), ["over TLS"]);
}
