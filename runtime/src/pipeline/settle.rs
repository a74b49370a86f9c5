//! Puts the fates of entries into effect: rows for what goes on, refusals and dead letters for what does not.
//!
//! The row of an entry that was kept is taken as it was packed; only what transforms have written is parsed.

use super::bind::{Binder, Stamp};
use super::bound::{Bound, BoundPart, Cut};
use super::chain::{Fate, no_entry};
use super::draft::Draft;
use super::reader::{Found, Reader, no_object};
use crate::domain::{DeadLetter, EntryText, Refusal, RowBatchBuilder, SourceName};

/// What is the same for all entries of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) source: &'a SourceName,
    /// The transform that spoke last.
    pub(super) last: &'a str,
    /// What entries without a timestamp get, if the column's DEFAULT does not decide.
    pub(super) arrival: Option<&'a str>,
    pub(super) cut: Cut,
}

impl<'a> Terms<'a> {
    /// Of a body: its sender is told of what is refused, and its entries are committed in several parts.
    pub(super) fn of_body(source: &'a SourceName, last: &'a str) -> Self {
        Self { source, last, arrival: None, cut: Cut::BATCH }
    }
}

/// Entries on their way from their fates to rows.
struct Settlement<'b, 'a> {
    terms: Terms<'a>,
    reader: Reader<'b, 'a>,
    rows: RowBatchBuilder,
    part: BoundPart,
    letter_bytes: usize,
    members: Vec<usize>,
    bound: Bound,
}

/// Why a text is no row.
enum Misfit {
    /// It is no JSON object.
    NoEntry(String),
    /// It has a value that can't be stored.
    Unbindable(String),
}

/// The entries of a draft by their fates, one for each of its texts.
pub(super) fn settle(binder: &Binder, draft: &Draft, fates: &[Fate], terms: Terms<'_>) -> Bound {
    let mut settlement = Settlement::new(binder, draft, terms);
    let mut rows = draft.bound.parts.iter().flat_map(|part| part.rows.rows()).peekable();
    for ((place, text), fate) in draft.places.iter().zip(&draft.texts).zip(fates) {
        let index = place.index;
        let row = rows.next_if(|row| row.index == index);
        match fate {
            Fate::Kept => match row {
                // Names of unknown keys are noted when an entry is bound.
                Some(row) if !(place.has_unknown && binder.reports_unknown()) => {
                    settlement.rows.push_row(&row);
                    settlement.members.push(index);
                }
                _ => settlement.bind(index, text, std::slice::from_ref(text)),
            },
            Fate::Parts(parts) => settlement.bind(index, text, parts),
            Fate::Dropped => settlement.bound.dropped += 1,
            Fate::Refused(reason) => settlement.refuse(index, reason.clone()),
            Fate::Dead(reason) => settlement.bury(index, text, reason.clone()),
        }
        settlement.cut();
    }
    settlement.finish()
}

impl<'b, 'a> Settlement<'b, 'a> {
    /// What is no JSON object has been refused before, and stays so.
    fn new(binder: &'b Binder, draft: &'a Draft, terms: Terms<'a>) -> Self {
        let is_judged =
            |index: usize| draft.places.binary_search_by_key(&index, |place| place.index).is_ok();
        let refused = draft.bound.refused.iter().filter(|refusal| !is_judged(refusal.index));
        let mut reader = Reader::new(binder);
        reader.slots.stamp = Stamp { source: terms.source.as_str(), arrival: terms.arrival };
        Self {
            terms,
            reader,
            rows: RowBatchBuilder::default(),
            part: BoundPart::default(),
            letter_bytes: 0,
            members: Vec::new(),
            bound: Bound { refused: refused.cloned().collect(), ..Bound::default() },
        }
    }

    /// Makes rows of all that goes on of an entry, or of nothing of it.
    fn bind(&mut self, index: usize, entry: &EntryText, parts: &'a [EntryText]) {
        let before = self.rows.len();
        for part in parts {
            let outcome = self.bind_part(index, part.as_str());
            if outcome.is_err() {
                self.reader.slots.clear();
                self.rows.truncate(before);
            }
            match outcome {
                Ok(()) => {}
                Err(Misfit::Unbindable(reason)) => return self.refuse(index, reason),
                Err(Misfit::NoEntry(fault)) => {
                    return self.bury(index, entry, no_entry(self.terms.last, &fault));
                }
            }
        }
        self.members.push(index);
    }

    fn bind_part(&mut self, index: usize, text: &'a str) -> Result<(), Misfit> {
        match self.reader.read(text) {
            Ok(Found::Object) => {}
            Ok(Found::Other(what)) => return Err(Misfit::NoEntry(no_object(what))),
            Err(error) => return Err(Misfit::NoEntry(format!("invalid JSON: {error}"))),
        }
        self.reader
            .pack(&mut self.rows, &mut self.bound.ignored_fields)
            .map_err(Misfit::Unbindable)?;
        self.rows.finish_row(index);
        Ok(())
    }

    fn refuse(&mut self, index: usize, error: String) {
        self.bound.refused.push(Refusal { index, error });
    }

    fn bury(&mut self, index: usize, entry: &EntryText, reason: String) {
        self.members.push(index);
        self.part.dead.push(Refusal { index, error: reason.clone() });
        let source = self.terms.source.clone();
        let letter = DeadLetter { source, reason, entry: entry.clone() };
        self.letter_bytes += letter.byte_len();
        self.part.letters.push(letter);
    }

    /// Closes the part if it is large enough, between two entries.
    fn cut(&mut self) {
        let entries = self.rows.len() + self.part.letters.len();
        if self.terms.cut.is_due(entries, self.rows.byte_len() + self.letter_bytes) {
            self.close();
        }
    }

    fn close(&mut self) {
        let mut part = std::mem::take(&mut self.part);
        part.rows = std::mem::take(&mut self.rows).build();
        self.letter_bytes = 0;
        part.members = Some(std::mem::take(&mut self.members));
        self.bound.parts.push(part);
    }

    fn finish(mut self) -> Bound {
        if !self.members.is_empty() {
            self.close();
        }
        self.bound.refused.sort_by_key(|refusal| refusal.index);
        self.bound
    }
}
