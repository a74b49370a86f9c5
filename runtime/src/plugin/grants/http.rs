//! Outbound HTTP: only to granted authorities, and only at addresses that they may have.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use tokio::sync::Semaphore;

use crate::config::Limits;

use super::authority::Authority;
use super::{Denials, Host, Resolver};

/// Requests of one plugin under way. More would take the service's file descriptors.
const MAX_AT_ONCE: usize = 16;

/// What one plugin may send requests to.
#[derive(Debug)]
pub(in crate::plugin) struct HttpGate {
    grants: Vec<Authority>,
    resolver: Arc<Resolver>,
    denials: Arc<Denials>,
    /// How long an exchange may take.
    pub(in crate::plugin) time_limit: Duration,
    /// How many bytes a response may hold.
    pub(in crate::plugin) max_bytes: u64,
    pub(in crate::plugin) slots: Arc<Semaphore>,
}

/// Where a request that is granted goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plugin) struct Target {
    pub(in crate::plugin) host: Host,
    pub(in crate::plugin) port: u16,
    pub(in crate::plugin) is_tls: bool,
}

/// Why a request is not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::plugin) enum HttpRefusal {
    /// It is malformed.
    #[error("{0}")]
    Invalid(String),
    /// It is not granted.
    #[error("{0}")]
    Denied(String),
    /// The name has no address.
    #[error("`{host}` has no address: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        reason: String,
    },
}

impl HttpGate {
    /// # Errors
    /// What is wrong with which grant.
    pub(in crate::plugin) fn new(
        grants: &[String],
        limits: &Limits,
        resolver: &Arc<Resolver>,
        denials: &Arc<Denials>,
    ) -> Result<Self, String> {
        let parse = |text: &String| {
            Authority::parse(text).ok_or_else(|| {
                format!("`{text}` in `grant.http` is no `host` or `host:port`, such as `api.example.com`")
            })
        };
        Ok(Self {
            grants: grants.iter().map(parse).collect::<Result<_, _>>()?,
            resolver: Arc::clone(resolver),
            denials: Arc::clone(denials),
            time_limit: limits.time_per_call,
            max_bytes: limits.bytes_per_call.0,
            slots: Arc::new(Semaphore::new(MAX_AT_ONCE)),
        })
    }

    /// Where a request to this URL goes, if it is granted.
    pub(in crate::plugin) fn check(&self, uri: &Uri) -> Result<Target, HttpRefusal> {
        let target = Target::of(uri)?;
        if self.grants.iter().any(|grant| target.is_granted_by(grant)) {
            return Ok(target);
        }
        let authority = target.authority();
        let remedy = format!("`grant: {{http: [\"{authority}\"]}}` would allow it");
        self.denials.tell(&format!("HTTP to {authority}"), &remedy);
        Err(HttpRefusal::Denied(format!("HTTP to `{authority}` is not granted: {remedy}")))
    }

    /// The addresses to connect to: those of the host that it may have.
    pub(in crate::plugin) async fn addresses(
        &self,
        target: &Target,
    ) -> Result<Vec<SocketAddr>, HttpRefusal> {
        let host = &target.host;
        let unresolved = |reason| HttpRefusal::Unresolved { host: host.to_string(), reason };
        let all = self.resolver.addresses(host).await.map_err(unresolved)?;
        let allowed: Vec<_> = all.iter().copied().filter(|address| host.may_be(*address)).collect();
        match all.first() {
            None => Err(unresolved("the resolver found none".into())),
            Some(first) if allowed.is_empty() => Err(self.private(target, *first)),
            _ => Ok(allowed.into_iter().map(|ip| SocketAddr::new(ip, target.port)).collect()),
        }
    }

    fn private(&self, target: &Target, address: IpAddr) -> HttpRefusal {
        let host = &target.host;
        let own = Target { host: Host::Address(address), ..target.clone() };
        let wanted = format!("HTTP to {host} at {address}");
        let remedy = format!(
            "`{host}` leads to the private address {address}, which a grant must name itself: \
             `grant: {{http: [\"{}\"]}}`",
            own.authority()
        );
        self.denials.tell(&wanted, &remedy);
        HttpRefusal::Denied(remedy)
    }
}

impl Target {
    fn of(uri: &Uri) -> Result<Self, HttpRefusal> {
        let invalid = |what: &str| HttpRefusal::Invalid(what.to_owned());
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(invalid("the URL must begin with `http://` or `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("the URL names no host"))?;
        // Parsed as strictly as grants are: no user and password, no odd ports.
        let authority = Authority::parse(authority.as_str())
            .ok_or_else(|| invalid("the URL's authority is no `host` or `host:port`"))?;
        if !uri.path().starts_with('/') {
            return Err(invalid("the URL's path must begin with `/`"));
        }
        let port = authority.port.unwrap_or(default_port(is_tls));
        Ok(Self { host: authority.host, port, is_tls })
    }

    /// As in a `Host` header and in a grant.
    pub(in crate::plugin) fn authority(&self) -> String {
        if self.port == default_port(self.is_tls) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn is_granted_by(&self, grant: &Authority) -> bool {
        self.host == grant.host && self.port == grant.port.unwrap_or(default_port(self.is_tls))
    }
}

fn default_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(grants: &[&str]) -> HttpGate {
        let grants: Vec<_> = grants.iter().map(|text| (*text).to_owned()).collect();
        let denials = Arc::new(Denials::of_nobody());
        HttpGate::new(&grants, &Limits::of_transform(), &Arc::default(), &denials).unwrap()
    }

    fn check(gate: &HttpGate, uri: &str) -> Result<Target, HttpRefusal> {
        gate.check(&uri.parse().unwrap())
    }

    #[test]
    fn only_listed_authorities_pass() {
        let gate = gate(&["api.example.com", "other.example.com:8080", "[::1]"]);
        for uri in [
            "https://api.example.com/v1?x=1",
            "http://api.example.com",
            "https://API.Example.com./",
            "https://api.example.com:443/",
            "http://other.example.com:8080/",
            "http://[::1]/",
        ] {
            assert!(check(&gate, uri).is_ok(), "{uri}");
        }
        for uri in [
            "https://example.com/",
            "https://api.example.com.evil.com/",
            "https://api.example.com:8443/",
            "http://api.example.com:443/",
            "http://other.example.com/",
            "http://127.0.0.1/",
            "https://evil.com/https://api.example.com/",
            "https://evil.com/../api.example.com",
        ] {
            assert!(matches!(check(&gate, uri), Err(HttpRefusal::Denied(_))), "{uri}");
        }
    }

    #[test]
    fn tricks_with_the_authority_are_malformed() {
        let gate = gate(&["api.example.com"]);
        for uri in [
            "https://api.example.com@evil.com/",
            "https://user:pass@api.example.com/",
            "https://api.example.com:0/",
            "ftp://api.example.com/",
            "api.example.com:443",
            "/path",
        ] {
            assert!(matches!(check(&gate, uri), Err(HttpRefusal::Invalid(_))), "{uri}");
        }
    }

    #[test]
    fn a_denial_names_the_grant_that_is_missing() {
        let denial = check(&gate(&[]), "http://a.example.com:81/x").unwrap_err().to_string();
        let expected = "HTTP to `a.example.com:81` is not granted: \
                        `grant: {http: [\"a.example.com:81\"]}` would allow it";
        assert_eq!(denial, expected);
    }

    #[tokio::test]
    async fn a_private_address_must_be_granted_as_such() {
        let gate = gate(&["127.0.0.1:81", "localhost"]);
        let target = check(&gate, "http://127.0.0.1:81/").unwrap();
        assert_eq!(gate.addresses(&target).await.unwrap(), ["127.0.0.1:81".parse().unwrap()]);
        let target = check(&gate, "http://localhost/").unwrap();
        assert!(gate.addresses(&target).await.unwrap().iter().all(|a| a.ip().is_loopback()));
        // A name that the system's resolver takes for a loopback address.
        let disguised = Target { host: Host::Name("127.1".into()), port: 80, is_tls: false };
        assert!(matches!(gate.addresses(&disguised).await, Err(HttpRefusal::Denied(_))));
    }
}
