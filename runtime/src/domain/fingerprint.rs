//! A fingerprint of bytes, to notice that something is the same or has changed.

/// FNV-1a, 64 bits: offset basis and prime of <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The same for the same bytes, in every version of loglite: it may be kept. Whoever can choose the bytes can find
/// others with the same fingerprint.
#[must_use]
pub fn fingerprint(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(OFFSET_BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fnv_1a() {
        assert_eq!(fingerprint(*b"foobar"), 0x8594_4171_f739_67e8);
    }
}
