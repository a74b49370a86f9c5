//! A number of bytes as people write it in a configuration: `500MB`, `1.5 gb`, `1048576`.

use std::fmt;
use std::str::FromStr;

const UNITS: [(&str, u64); 5] =
    [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// A size in bytes; units are powers of 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// Why a text is no [`ByteSize`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no size: expected a number of bytes or a number with KB, MB, GB or TB, such as 500MB"
)]
pub struct ByteSizeError(String);

impl ByteSize {
    /// The size in bytes, for counters and lengths.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    /// Accepts either case, spaces around the number and the unit, decimals, and plain bytes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.trim().to_ascii_uppercase();
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((upper.strip_suffix(unit)?, *factor)))
            .unwrap_or((&upper, 1));
        let number = number.trim();
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or_else(|| ByteSizeError(text.into()));
        }
        let is_decimal = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match number.parse::<f64>() {
            Ok(decimal) if is_decimal => {
                let bytes = decimal * factor as f64;
                if bytes < u64::MAX as f64 {
                    Ok(Self(bytes as u64))
                } else {
                    Err(ByteSizeError(text.into()))
                }
            }
            _ => Err(ByteSizeError(text.into())),
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact =
            UNITS.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match exact {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in
            [("1TB", 1 << 40), ("500 mb", 500 << 20), ("1.5KB", 1536), (" 20 ", 20), ("7B", 7)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_an_error() {
        for text in ["", "MB", "-1", "1XB", "1e3", "inf", "NaN", "99999999999TB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_prints_in_its_largest_whole_unit() {
        for text in ["1TB", "800GB", "1536B", "3KB", "0B"] {
            assert_eq!(text.parse::<ByteSize>().expect("a size").to_string(), text);
        }
    }
}
