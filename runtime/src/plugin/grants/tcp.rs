//! Outbound TCP: only to granted hosts and ports, at addresses that loglite has resolved itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::authority::Authority;
use super::{Denials, Host, Resolver};

/// What one plugin may connect to.
#[derive(Debug)]
pub(in crate::plugin) struct TcpGate {
    grants: Vec<(Host, u16)>,
    resolver: Arc<Resolver>,
    denials: Arc<Denials>,
}

impl TcpGate {
    /// # Errors
    /// What is wrong with which grant.
    pub(in crate::plugin) fn new(
        grants: &[String],
        resolver: &Arc<Resolver>,
        denials: &Arc<Denials>,
    ) -> Result<Self, String> {
        let parse = |text: &String| {
            let problem =
                || format!("`{text}` in `grant.tcp` is no `host:port`, such as `10.0.0.5:5140`");
            let authority = Authority::parse(text).ok_or_else(problem)?;
            Ok((authority.host, authority.port.ok_or_else(problem)?))
        };
        Ok(Self {
            grants: grants.iter().map(parse).collect::<Result<_, String>>()?,
            resolver: Arc::clone(resolver),
            denials: Arc::clone(denials),
        })
    }

    /// No grant lets others connect to a plugin.
    pub(in crate::plugin) fn deny_listening(&self) {
        self.denials.tell("TCP connections from others", "no grant allows it");
    }

    /// No grant opens UDP.
    pub(in crate::plugin) fn deny_udp(&self) {
        self.denials.tell("UDP", "no grant allows it");
    }

    /// Whether the plugin may connect to this address.
    pub(in crate::plugin) async fn may_connect(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        for (host, port) in &self.grants {
            if *port == address.port() && host.may_be(ip) && self.is_one_of(host, ip).await {
                return true;
            }
        }
        let target = SocketAddr::new(ip, address.port());
        self.denials.tell(
            &format!("TCP to {target}"),
            &format!("`grant: {{tcp: [\"{target}\"]}}` would allow it, or a name in place of a public address"),
        );
        false
    }

    /// The addresses that the plugin may connect to under this name; none when the name is not granted.
    ///
    /// # Errors
    /// What the system's resolver says.
    pub(in crate::plugin) async fn resolve(
        &self,
        name: &str,
    ) -> Result<Option<Vec<IpAddr>>, String> {
        let Some(host) = Host::parse(name) else { return Ok(None) };
        // An address tells the plugin nothing new, and connecting to it is another question.
        if let Host::Address(address) = host {
            return Ok(Some(vec![address]));
        }
        if !self.grants.iter().any(|(granted, _)| *granted == host) {
            let remedy = format!("`grant: {{tcp: [\"{host}:PORT\"]}}` would allow it");
            self.denials.tell(&format!("the addresses of {host}"), &remedy);
            return Ok(None);
        }
        let mut addresses = self.resolver.addresses(&host).await?;
        addresses.retain(|address| host.may_be(*address));
        Ok(Some(addresses))
    }

    async fn is_one_of(&self, host: &Host, address: IpAddr) -> bool {
        self.resolver.addresses(host).await.is_ok_and(|known| known.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(grants: &[&str]) -> Result<TcpGate, String> {
        let grants: Vec<_> = grants.iter().map(|text| (*text).to_owned()).collect();
        TcpGate::new(&grants, &Arc::default(), &Arc::new(Denials::of_nobody()))
    }

    async fn may(gate: &TcpGate, address: &str) -> bool {
        gate.may_connect(address.parse().unwrap()).await
    }

    #[tokio::test]
    async fn nothing_is_reachable_without_a_grant() {
        let gate = gate(&[]).unwrap();
        assert!(!may(&gate, "127.0.0.1:80").await && !may(&gate, "1.1.1.1:80").await);
    }

    #[tokio::test]
    async fn an_address_is_granted_with_its_port_only() {
        let gate = gate(&["10.0.0.5:5140", "[::1]:80"]).unwrap();
        assert!(may(&gate, "10.0.0.5:5140").await && may(&gate, "[::1]:80").await);
        assert!(may(&gate, "[::ffff:10.0.0.5]:5140").await);
        assert!(!may(&gate, "10.0.0.5:5141").await && !may(&gate, "10.0.0.6:5140").await);
        assert!(!may(&gate, "127.0.0.1:80").await);
    }

    #[tokio::test]
    async fn a_name_is_granted_at_the_addresses_that_loglite_finds() {
        let gate = gate(&["localhost:80"]).unwrap();
        let found = gate.resolve("LOCALHOST").await.unwrap().unwrap();
        let address = SocketAddr::new(*found.first().unwrap(), 80);
        assert!(gate.may_connect(address).await);
        assert!(!may(&gate, "127.9.9.9:80").await);
        assert_eq!(gate.resolve("example.com").await, Ok(None));
    }

    #[test]
    fn a_grant_without_a_port_is_refused() {
        let problem = gate(&["10.0.0.5"]).unwrap_err();
        assert_eq!(problem, "`10.0.0.5` in `grant.tcp` is no `host:port`, such as `10.0.0.5:5140`");
    }
}
