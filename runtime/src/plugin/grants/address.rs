//! Which addresses lie in the open internet, and which on this machine or in its neighbourhood.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether anybody could reach it. What is not public is only granted by naming the address itself, so that a name
/// that someone else controls can't lead a plugin to services that trust this machine.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        // Between a provider and its customers.
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        // Benchmarks of network devices.
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    // Addresses that carry one of IPv4 are as public as that one.
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] || [a, b, c, d, e, f] == [0; 6] {
        return is_public_v4(v4(g, h));
    }
    if a == 0x2002 {
        return is_public_v4(v4(b, c));
    }
    // 64:ff9b:1::/48 translates to IPv4 addresses of a private network; 2001::/32 tunnels to any.
    let is_local_translation = (a, b, c) == (0x64, 0xff9b, 1);
    let is_tunnel = (a, b) == (0x2001, 0);
    let is_special = address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        || (a & 0xffc0) == 0xfec0
        || is_local_translation
        || is_tunnel;
    !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_its_neighbours_are_not_public() {
        for text in [
            "127.0.0.1",
            "127.255.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fd00::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "::7f00:1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
