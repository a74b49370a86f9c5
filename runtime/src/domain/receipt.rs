//! What became of the entries that a source handed over.

/// Why one entry was not stored.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// The entry's position in what the source handed over, from 0.
    pub index: usize,
    /// What was wrong with it.
    pub error: String,
}

/// The fate of each entry: all that are not dropped, refused or dead are committed to the log table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// How many rows are committed. An entry that a transform splits is several.
    pub stored: usize,
    /// How many entries transforms have dropped, as configured.
    pub dropped: usize,
    /// The entries that were refused, by rising index. Those of a harvester are kept as dead letters.
    pub refused: Vec<Refusal>,
    /// The entries that a transform failed on, by rising index: they are kept as dead letters, whatever their source.
    pub dead: Vec<Refusal>,
}

impl Receipt {
    /// Adds what became of further entries of the same source.
    pub fn merge(&mut self, other: Self) {
        self.stored += other.stored;
        self.dropped += other.dropped;
        self.refused.extend(other.refused);
        self.dead.extend(other.dead);
    }
}
