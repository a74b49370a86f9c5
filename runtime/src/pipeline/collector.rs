//! Collects entries as they are read: rows, refusals, and for transforms the texts.

use super::bind::{Binder, Stamp};
use super::bound::{Bound, Cut};
use super::draft::{Draft, Outline, Place};
use super::reader::{Found, Reader, no_object};
use crate::domain::{EntryText, Refusal, RowBatchBuilder};

/// Entries of one source, bound one after another.
pub(super) struct Collector<'b, 'a> {
    pub(super) reader: Reader<'b, 'a>,
    rows: RowBatchBuilder,
    cut: Cut,
    bound: Bound,
    outline: Option<Outline<'a>>,
    next_index: usize,
}

impl Binder {
    /// Binds entries that a source within the process hands over, all as one part. What they have no
    /// value for they get by the stamp.
    pub(super) fn draft_entries(&self, entries: &[EntryText], stamp: Stamp<'_>) -> Draft {
        let bytes = entries.iter().map(EntryText::byte_len).sum();
        let mut collector = Collector::new(self, bytes);
        collector.cut = Cut::NEVER;
        collector.reader.slots.stamp = stamp;
        let mut texts = Vec::with_capacity(entries.len());
        let mut places = Vec::with_capacity(entries.len());
        for entry in entries {
            if let Some(place) = collector.entry(entry.as_str()) {
                texts.push(entry.clone());
                places.push(place);
            }
        }
        Draft { bound: collector.finish(), texts, places }
    }
}

impl<'b, 'a> Collector<'b, 'a> {
    /// `source_bytes` is the size of what is read: what its values take is mostly less.
    pub(super) fn new(binder: &'b Binder, source_bytes: usize) -> Self {
        let cut = Cut::BATCH;
        Self {
            reader: Reader::new(binder),
            rows: RowBatchBuilder::with_capacity(cut.capacity(source_bytes)),
            cut,
            bound: Bound::default(),
            outline: None,
            next_index: 0,
        }
    }

    /// Notes where entries stand, too.
    pub(super) fn with_outline(self, outline: Outline<'a>) -> Self {
        Self { outline: Some(outline), ..self }
    }

    /// How many entries there were so far.
    pub(super) fn len(&self) -> usize {
        self.next_index
    }

    /// The next entries stand in this array, which begins with its bracket.
    pub(super) fn enter_array(&mut self, array: &[u8]) {
        if let Some(outline) = &mut self.outline {
            outline.enter(array.get(1..).unwrap_or_default());
        }
    }

    /// Reads a line of a body.
    pub(super) fn line(&mut self, line: &'a [u8]) {
        if let Some(outline) = &mut self.outline {
            outline.enter(line);
        }
        match str::from_utf8(line) {
            Ok(text) => {
                self.entry(text);
            }
            Err(error) => {
                self.refuse(format!("not UTF-8 at byte {} of its line", error.valid_up_to()));
            }
        }
    }

    /// Reads a text that should be one entry.
    fn entry(&mut self, text: &'a str) -> Option<Place> {
        match self.reader.read(text) {
            Ok(found) => self.take(found),
            Err(error) => {
                self.refuse(format!("invalid JSON: {error}"));
                None
            }
        }
    }

    /// Packs or refuses what was read just now. An object has a place among the entries, even if it is refused.
    pub(super) fn take(&mut self, found: Found) -> Option<Place> {
        let place = match found {
            Found::Object => {
                let has_unknown = self.reader.slots.has_unknown();
                let place = Place { index: self.next_index, has_unknown };
                self.pack();
                Some(place)
            }
            Found::Other(what) => {
                self.refuse(no_object(what));
                None
            }
        };
        if let Some(outline) = &mut self.outline {
            outline.note(place, self.reader.last_value);
        }
        place
    }

    fn pack(&mut self) {
        match self.reader.pack(&mut self.rows, &mut self.bound.ignored_fields) {
            Ok(()) => {
                self.rows.finish_row(self.next_index);
                self.next_index += 1;
            }
            Err(reason) => {
                self.rows.abandon_row();
                self.refuse(reason);
            }
        }
        if self.cut.is_due(self.rows.len(), self.rows.byte_len()) {
            self.bound.parts.push(std::mem::take(&mut self.rows).build().into());
        }
    }

    fn refuse(&mut self, error: String) {
        self.reader.slots.clear();
        self.bound.refused.push(Refusal { index: self.next_index, error });
        self.next_index += 1;
    }

    /// What was collected.
    pub(super) fn finish(mut self) -> Bound {
        if !self.rows.is_empty() {
            self.bound.parts.push(self.rows.build().into());
        }
        self.bound
    }

    /// What was collected, with the entries' texts.
    pub(super) fn finish_draft(mut self) -> Draft {
        match self.outline.take() {
            Some(outline) => outline.finish(self.finish()),
            None => Draft { bound: self.finish(), ..Draft::default() },
        }
    }
}
