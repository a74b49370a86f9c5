//! `host` and `host:port`, as in grants and URLs.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use super::address::is_public;

/// A machine: a name in lower case, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::plugin) enum Host {
    /// To be resolved.
    Name(String),
    /// Not to be resolved.
    Address(IpAddr),
}

/// A machine and, maybe, a port on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

impl Host {
    /// A name, an IPv4 address, or an IPv6 address with or without brackets.
    pub(in crate::plugin) fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let address: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address.to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        let is_name = !name.is_empty()
            && name.len() <= 253
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }

    /// Whether a connection to this host may go to this address: a name must not lead to private addresses, and
    /// `localhost` must not lead away.
    pub(in crate::plugin) fn may_be(&self, address: IpAddr) -> bool {
        match self {
            Self::Address(own) => *own == address.to_canonical(),
            Self::Name(name) if name == "localhost" => address.to_canonical().is_loopback(),
            Self::Name(_) => is_public(address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}

impl Authority {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        (port != Some(0)).then_some(())?;
        Some(Self { host: Host::parse(host)?, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, Option<u16>)> {
        Authority::parse(text).map(|authority| (authority.host.to_string(), authority.port))
    }

    #[test]
    fn hosts_and_ports_are_told_apart() {
        assert_eq!(parsed("API.example.com"), Some(("api.example.com".into(), None)));
        assert_eq!(parsed("example.com.:8080"), Some(("example.com".into(), Some(8080))));
        assert_eq!(parsed("10.0.0.5:5140"), Some(("10.0.0.5".into(), Some(5140))));
        assert_eq!(parsed("[::1]:80"), Some(("[::1]".into(), Some(80))));
        assert_eq!(parsed("::1"), Some(("[::1]".into(), None)));
        assert_eq!(parsed("[::ffff:10.0.0.1]:80"), Some(("10.0.0.1".into(), Some(80))));
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for text in [
            "", ":80", "a:", "a:b", "a:99999", "a:0", "a:+1", "u@a", "a/b", "a b", "*.a", "[::1",
            "a:1:2",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn a_name_does_not_lead_to_private_addresses_and_localhost_not_away() {
        let may_be =
            |host: &str, address: &str| Host::parse(host).unwrap().may_be(address.parse().unwrap());
        assert!(may_be("example.com", "1.1.1.1"));
        assert!(!may_be("example.com", "127.0.0.1"));
        assert!(!may_be("example.com", "169.254.169.254"));
        assert!(!may_be("127.1", "127.0.0.1"));
        assert!(may_be("localhost", "127.0.0.1") && may_be("localhost", "::1"));
        assert!(!may_be("localhost", "1.1.1.1"));
        assert!(may_be("10.0.0.5", "10.0.0.5") && may_be("10.0.0.5", "::ffff:10.0.0.5"));
        assert!(!may_be("10.0.0.5", "10.0.0.6"));
    }
}
