//! What became of the entries that a source handed over.

/// Why one entry was not stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The entry's position in what the source handed over, from 0.
    pub index: usize,
    /// What was wrong with it.
    pub error: String,
}

/// The fate of each entry: all that are not refused are committed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many entries are committed.
    pub stored: usize,
    /// The entries that were refused, by rising index.
    pub refused: Vec<Refusal>,
}

impl Receipt {
    /// Adds what became of further entries of the same source.
    pub fn merge(&mut self, other: Self) {
        self.stored += other.stored;
        self.refused.extend(other.refused);
    }
}
