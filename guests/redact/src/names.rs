//! The names of fields that are masked.

/// Names in lower case, and which lengths they have: most keys are no match by their length alone.
#[derive(Debug)]
pub(crate) struct Names {
    names: Vec<String>,
    lengths: u64,
}

impl Names {
    pub(crate) fn new(names: &[String]) -> Self {
        let bit = |name: &String| Self::bit(name.len());
        Self { names: names.to_vec(), lengths: names.iter().map(bit).fold(0, |all, bit| all | bit) }
    }

    /// Whether a key, as it stands in the text between its quotes, is one of them.
    pub(crate) fn contain(&self, key: &str) -> bool {
        if key.contains('\\') {
            let unescaped: Result<String, _> = serde_json::from_str(&format!("\"{key}\""));
            return unescaped.is_ok_and(|key| self.contain_plain(&key));
        }
        self.contain_plain(key)
    }

    fn contain_plain(&self, key: &str) -> bool {
        self.lengths & Self::bit(key.len()) != 0
            && self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
    }

    /// All lengths from 63 on share a bit.
    fn bit(length: usize) -> u64 {
        1 << length.min(63)
    }
}
