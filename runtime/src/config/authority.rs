//! The syntax of the hosts and ports that a plugin may be granted.

// Addresses alone: `core` has no sockets.
use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;

/// The longest name and the longest part of one that the domain name system has.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host, in lower case, and maybe a port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

/// `host` or `host:port`, in one spelling of all that mean the same; or what is expected instead of `text`.
pub(super) fn of_http(text: &str) -> Result<String, String> {
    if let Some(authority) = Authority::parse(text) {
        return Ok(authority.to_string());
    }
    let instead = match Authority::within(text) {
        Some(authority) => format!("here `{authority}`"),
        None => "such as `api.example.com` or `[::1]:8080`".into(),
    };
    Err(format!("a host or `host:port` without scheme, path and user, {instead}"))
}

/// As [`of_http`], with a port in any case.
pub(super) fn of_tcp(text: &str) -> Result<String, String> {
    let has_port = |authority: &Authority| authority.port.is_some();
    if let Some(authority) = Authority::parse(text).filter(has_port) {
        return Ok(authority.to_string());
    }
    let instead = match Authority::within(text).filter(has_port) {
        Some(authority) => format!("here `{authority}`"),
        None => "such as `10.0.0.5:5140` or `[::1]:5140`".into(),
    };
    Err(format!("`host:port`, {instead}"))
}

impl Authority {
    fn parse(text: &str) -> Option<Self> {
        let (host, rest) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                (format!("[{}]", address.parse::<Ipv6Addr>().ok()?), rest)
            }
            None => {
                let (name, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
                (host_name(name)?, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => Some(port(digits)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { host, port })
    }

    /// The authority of a URL, or of an IPv6 address without its brackets: what was probably meant.
    fn within(text: &str) -> Option<Self> {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let rest = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        Self::parse(rest).or_else(|| Self::parse(&format!("[{rest}]")))
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// A name, or an IPv4 address: what ends in a number can be nothing else.
fn host_name(text: &str) -> Option<String> {
    let last = text.rsplit('.').next().unwrap_or(text);
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse::<Ipv4Addr>().ok().map(|address| address.to_string());
    }
    let fits = text.len() <= LONGEST_NAME && text.split('.').all(is_label);
    fits.then(|| text.to_ascii_lowercase())
}

fn is_label(text: &str) -> bool {
    let has_room = !text.is_empty() && text.len() <= LONGEST_LABEL;
    // Names of services in a cluster have underscores, though host names may not.
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    has_room && text.bytes().all(fits) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_mean_the_same_are_spelled_the_same() {
        for (text, spelling) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com:0443", "api.example.com:443"),
            ("10.0.0.5:8080", "10.0.0.5:8080"),
            ("[0:0::1]:80", "[::1]:80"),
            ("[FE80::1]", "[fe80::1]"),
            ("my_db", "my_db"),
        ] {
            assert_eq!(of_http(text).as_deref(), Ok(spelling));
        }
    }

    #[test]
    fn what_is_no_host_is_refused_with_what_was_probably_meant() {
        for (text, instead) in [
            ("https://api.example.com/v1?x=1", "here `api.example.com`"),
            ("http://user:secret@Host:81", "here `host:81`"),
            ("example.com/", "here `example.com`"),
            ("::1", "here `[::1]`"),
            ("*.example.com", "such as"),
            ("example.com.", "such as"),
            ("", "such as"),
            ("10.0.5", "such as"),
            ("256.0.0.1", "such as"),
            ("-a.com", "such as"),
            ("a:0", "such as"),
            ("a:65536", "such as"),
            ("a:+1", "such as"),
            ("a:", "such as"),
            ("[::1", "such as"),
            ("[::1]x", "such as"),
            ("[fe80::1%eth0]", "such as"),
            ("bücher.example", "such as"),
        ] {
            let expected = of_http(text).expect_err(text);
            assert!(expected.contains(instead), "{text}: {expected}");
        }
    }

    #[test]
    fn a_connection_by_tcp_needs_a_port() {
        assert_eq!(of_tcp("DB:5432").as_deref(), Ok("db:5432"));
        for (text, instead) in
            [("db", "such as"), ("redis://db:6379/0", "here `db:6379`"), ("tcp://db", "such as")]
        {
            let expected = of_tcp(text).expect_err(text);
            assert!(expected.contains(instead), "{text}: {expected}");
        }
    }
}
