//! What a harvester brings at once: entries, what is none, and where it stands now.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::domain::{Checkpoint, CheckpointKey, DeadLetter, EntryText, Receipt, SourceName};
use crate::store::Delivery;

/// Entries of a source with its new positions: all of it is committed together.
#[derive(Debug, Clone, Default)]
pub struct Haul {
    /// The entries, in order.
    pub entries: Vec<EntryText>,
    /// What can't be read as entries: it becomes dead letters.
    pub misfits: Vec<Misfit>,
    /// Where the source and its inputs stand with them; without a checkpoint a position is forgotten.
    pub checkpoints: Vec<(CheckpointKey, Option<Checkpoint>)>,
}

/// Something that came where an entry should have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong with it.
    pub reason: String,
    /// What came, or as much of it as is kept.
    pub text: String,
}

/// Entries that are bound to the schema and ready for the writer.
#[derive(Debug)]
pub struct Prepared {
    pub(super) delivery: Delivery,
    /// What became of the entries so far.
    pub(super) receipt: Receipt,
    /// Keys of entries that were dropped because they are no column.
    pub ignored_fields: BTreeSet<String>,
}

/// Collects the texts of entries in one buffer, of which they are slices in the end.
#[derive(Debug, Default)]
pub struct HaulBuilder {
    text: String,
    entries: Vec<Range<usize>>,
    misfits: Vec<Misfit>,
    misfit_bytes: usize,
}

impl Misfit {
    pub(super) fn into_letter(self, source: &SourceName) -> DeadLetter {
        DeadLetter { source: source.clone(), reason: self.reason, entry: self.text.into() }
    }
}

impl Haul {
    /// One that holds a source's own position beside its entries.
    #[must_use]
    pub fn with_position(
        entries: Vec<EntryText>,
        source: &SourceName,
        checkpoint: Option<Checkpoint>,
    ) -> Self {
        let position = checkpoint.map(|checkpoint| (source.into(), Some(checkpoint)));
        Self { entries, checkpoints: position.into_iter().collect(), ..Self::default() }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.misfits.is_empty() && self.checkpoints.is_empty()
    }
}

impl HaulBuilder {
    /// Adds an entry: `write` appends its JSON text to the buffer. When it fails, what it has written is taken back.
    ///
    /// # Errors
    /// That of `write`.
    pub fn entry<E>(&mut self, write: impl FnOnce(&mut String) -> Result<(), E>) -> Result<(), E> {
        let start = self.text.len();
        let outcome = write(&mut self.text);
        match outcome {
            Ok(()) => self.entries.push(start..self.text.len()),
            Err(_) => self.text.truncate(start),
        }
        outcome
    }

    /// Adds something that is no entry.
    pub fn misfit(&mut self, reason: String, text: String) {
        self.misfit_bytes += reason.len() + text.len();
        self.misfits.push(Misfit { reason, text });
    }

    /// How many entries it holds.
    #[must_use]
    pub fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// Writes the entries from this one on anew: `rewrite` gets the text of each and appends what it is to be.
    pub fn rewrite_from(&mut self, first: usize, mut rewrite: impl FnMut(&str, &mut String)) {
        let Some(start) = self.entries.get(first).map(|range| range.start) else { return };
        let written = self.text.split_off(start);
        for range in self.entries.iter_mut().skip(first) {
            let text = written.get(range.start - start..range.end - start).unwrap_or_default();
            let begin = self.text.len();
            rewrite(text, &mut self.text);
            *range = begin..self.text.len();
        }
    }

    /// How many entries and misfits it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() + self.misfits.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The misfits that it holds.
    #[must_use]
    pub fn misfits(&self) -> &[Misfit] {
        &self.misfits
    }

    /// Bytes of what it holds.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.text.len() + self.misfit_bytes
    }

    /// What was collected, with no positions yet. The builder is empty again.
    pub fn take(&mut self) -> Haul {
        let whole = Arc::new(std::mem::take(&mut self.text));
        let entries = std::mem::take(&mut self.entries).into_iter();
        let entries = entries.filter_map(|range| EntryText::slice(&whole, range)).collect();
        self.misfit_bytes = 0;
        Haul { entries, misfits: std::mem::take(&mut self.misfits), checkpoints: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(builder: &mut HaulBuilder, text: &str) {
        let added: Result<(), ()> = builder.entry(|out| {
            out.push_str(text);
            Ok(())
        });
        added.expect("it does not fail");
    }

    #[test]
    fn entries_come_out_as_they_were_written_and_the_builder_is_empty_again() {
        let mut builder = HaulBuilder::default();
        add(&mut builder, "{\"a\": \"ä\"}");
        add(&mut builder, "{}");
        builder.misfit("no".into(), "text".into());
        assert_eq!((builder.len(), builder.byte_len()), (3, 11 + 2 + 6));

        let haul = builder.take();

        let entries: Vec<_> = haul.entries.iter().map(EntryText::as_str).collect();
        assert_eq!(entries, ["{\"a\": \"ä\"}", "{}"]);
        assert_eq!(haul.misfits, [Misfit { reason: "no".into(), text: "text".into() }]);
        assert!(haul.checkpoints.is_empty() && !haul.is_empty());
        assert!(builder.is_empty() && builder.byte_len() == 0 && builder.take().is_empty());
    }

    #[test]
    fn an_entry_that_fails_half_way_leaves_nothing() {
        let mut builder = HaulBuilder::default();
        add(&mut builder, "{}");

        let outcome = builder.entry(|out| {
            out.push_str("{\"half");
            Err("no")
        });

        assert_eq!((outcome, builder.len(), builder.byte_len()), (Err("no"), 1, 2));
        add(&mut builder, "{\"b\":1}");
        let haul = builder.take();
        let entries: Vec<_> = haul.entries.iter().map(EntryText::as_str).collect();
        assert_eq!(entries, ["{}", "{\"b\":1}"]);
    }
}
