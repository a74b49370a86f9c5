//! Puts deliveries into the database: rows, letters, positions and the row id mark in one transaction, or none of it.

use std::collections::HashMap;

use rusqlite::Connection;
use tracing::error;

use super::dictionary::CellEncoder;
use super::insert::{InsertError, Inserter, Place};
use super::introspect::read_traits;
use super::letter_box::{LetterBox, LetterChanges};
use super::part::Part;
use super::position::{create_positions, save_checkpoint};
use super::row_ids::{RowIds, data_version};
use super::{Delivery, Originals, StoreError};
use crate::config::Config;
use crate::domain::{DeadLetter, EntryText, Receipt, Refusal, RowId, Schema};
use crate::metrics::Metrics;

/// Takes up space as a batch does, for [`Committer::probe`].
const FILL: &str =
    "INSERT OR REPLACE INTO loglite_state (name, value) VALUES ('probe', zeroblob(?1))";
const UNFILL: &str = "DELETE FROM loglite_state WHERE name = 'probe'";

/// The entries of each delivery that are not inserted, and why, by rising index.
pub(super) type Excluded = Vec<Vec<Refusal>>;

/// The writing connection and what a transaction is made of.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) connection: Connection,
    pub(super) row_ids: RowIds,
    inserter: Inserter,
    encoder: CellEncoder,
    letters: LetterBox,
    /// Whether rows may refer to others of the table, so that one alone may fail that does not fail among its neighbours.
    pub(super) rows_depend: bool,
}

impl Committer {
    /// Makes our own tables where they are missing, and prepares to write to the log table.
    pub(super) fn open(
        mut connection: Connection,
        schema: &Schema,
        config: &Config,
        metrics: &Metrics,
    ) -> Result<Self, StoreError> {
        let traits = read_traits(&connection, schema)?;
        let row_ids = RowIds::load(&connection, schema, traits.autoincrement)?;
        create_positions(&connection)?;
        let letters = config.dead_letters.clone();
        Ok(Self {
            encoder: CellEncoder::open(&connection, schema, &config.compression, metrics.clone())?,
            letters: LetterBox::open(&mut connection, letters, metrics.clone())?,
            inserter: Inserter::new(&connection, schema, traits),
            rows_depend: traits.rows_depend,
            connection,
            row_ids,
        })
    }

    /// Forgets what a batch has left behind. Not within a transaction.
    pub(super) fn trim(&mut self) {
        self.inserter.trim();
    }

    /// The newest id that is committed or was so once.
    pub(super) fn newest(&self) -> RowId {
        self.row_ids.newest()
    }

    /// Commits the deliveries as one transaction, without the entries in `excluded` (a list for each delivery; missing
    /// ones are empty). A receipt for each comes back. After an error nothing of it is stored.
    pub(super) fn write(
        &mut self,
        deliveries: &[&Delivery],
        excluded: Excluded,
    ) -> rusqlite::Result<Vec<Receipt>> {
        let before = self.row_ids.newest();
        let mut changes = LetterChanges::default();
        let outcome = self.write_all(deliveries, excluded, &mut changes);
        match &outcome {
            Ok(_) => self.letters.note(&changes),
            Err(_) => self.take_back(before),
        }
        outcome
    }

    /// Writes as much as the batch that failed: one without rows fits where no other does, on a disk that is all but full.
    pub(super) fn probe(&self, bytes: usize) -> rusqlite::Result<()> {
        self.connection.execute(FILL, [bytes as i64])?;
        self.connection.execute(UNFILL, [])?;
        Ok(())
    }

    fn write_all(
        &mut self,
        deliveries: &[&Delivery],
        mut excluded: Excluded,
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<Vec<Receipt>> {
        let parts: Vec<_> = deliveries.iter().map(|delivery| Part::whole(&delivery.rows)).collect();
        excluded.resize(parts.len(), Vec::new());
        let before = self.row_ids.newest();
        let (void, mut receipts, next) = loop {
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.raw_execute()?;
            *changes = LetterChanges::default();
            let void = self.settle(deliveries, &mut excluded, changes)?;
            let Some((receipts, next)) = self.insert(&parts, &mut excluded)? else { continue };
            if !exclude_torn(&parts, &receipts, &mut excluded) {
                break (void, receipts, next);
            }
            self.take_back(before);
        };
        for receipt in &mut receipts {
            receipt.refused.sort_by_key(|refusal| refusal.index);
            receipt.refused.dedup_by_key(|refusal| refusal.index);
        }
        self.row_ids.save(&self.connection, next)?;
        self.encoder.save(&self.connection)?;
        for (at, (delivery, receipt)) in deliveries.iter().zip(&receipts).enumerate() {
            if !void.contains(&at) {
                self.write_beside(delivery, receipt, changes)?;
            }
        }
        self.letters.keep_bounds(&self.connection, changes)?;
        self.connection.prepare_cached("COMMIT")?.raw_execute()?;
        Ok(receipts)
    }

    /// Inserts rows within the open transaction. None when a row's conflict rule has rolled the transaction back: it
    /// is to be begun again, and the row is in `excluded` then.
    pub(super) fn insert(
        &mut self,
        parts: &[Part<'_>],
        excluded: &mut Excluded,
    ) -> rusqlite::Result<Option<(Vec<Receipt>, RowId)>> {
        let rows = parts.iter().map(Part::len).sum();
        let version = data_version(&self.connection)?;
        let first = self.row_ids.begin(&self.connection, rows, version)?;
        if self.encoder.begin(&self.connection, version)? {
            self.inserter.forget_shapes();
        }
        let place = Place { connection: &self.connection, next: first };
        match self.inserter.insert(place, &mut self.encoder, parts, excluded) {
            Ok(inserted) => Ok(Some(inserted)),
            Err(InsertError::TransactionLost { source, refusal }) => {
                self.encoder.forget();
                if let Some(list) = excluded.get_mut(source) {
                    list.push(refusal);
                    list.sort_by_key(|refusal| refusal.index);
                }
                Ok(None)
            }
            Err(InsertError::Storage(error)) => Err(error),
        }
    }

    /// Deletes the letters that deliveries answer. The positions of those whose letters are gone come back: what they
    /// bring is stored already or no longer wanted, so all their rows are excluded.
    fn settle(
        &self,
        deliveries: &[&Delivery],
        excluded: &mut Excluded,
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<Vec<usize>> {
        let mut void = Vec::new();
        for (at, (delivery, excluded)) in deliveries.iter().zip(excluded).enumerate() {
            let answered = &delivery.answered_letters;
            if let Err(id) = self.letters.answer(&self.connection, answered, changes)? {
                let reason = format!("the dead letter {id} is gone, replayed or purged by another");
                *excluded = Part::whole(&delivery.rows).refusals(&reason).collect();
                excluded.sort_by_key(|refusal| refusal.index);
                void.push(at);
            }
        }
        Ok(void)
    }

    /// What goes with the rows: letters, those of refused entries included, and the position.
    fn write_beside(
        &self,
        delivery: &Delivery,
        receipt: &Receipt,
        changes: &mut LetterChanges,
    ) -> rusqlite::Result<()> {
        for letter in &delivery.letters {
            self.letters.write(&self.connection, letter, changes)?;
        }
        if let Some(originals) = &delivery.originals {
            for refusal in &receipt.refused {
                let letter = DeadLetter {
                    source: originals.source.clone(),
                    reason: refusal.error.clone(),
                    entry: original(originals, refusal.index),
                };
                self.letters.write(&self.connection, &letter, changes)?;
            }
        }
        for (key, checkpoint) in &delivery.checkpoints {
            save_checkpoint(&self.connection, key, checkpoint.as_ref())?;
        }
        Ok(())
    }

    /// Leaves no transaction open, no id given out and no value known that was added. SQLite has rolled back by itself after some errors.
    pub(super) fn take_back(&mut self, newest: RowId) {
        self.row_ids.set_newest(newest);
        self.encoder.forget();
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(cause) = self.connection.execute_batch("ROLLBACK") {
            error!(error = %cause, "the failed transaction could not be rolled back");
        }
    }
}

/// Excludes the entries of which some rows are stored and others are refused: an entry is stored whole or not at all.
/// Says whether there are any.
fn exclude_torn(parts: &[Part<'_>], receipts: &[Receipt], excluded: &mut Excluded) -> bool {
    let mut is_any = false;
    for ((part, receipt), excluded) in parts.iter().zip(receipts).zip(excluded) {
        if receipt.stored == 0 || receipt.refused.len() == excluded.len() {
            continue;
        }
        let mut rows = HashMap::<usize, usize>::new();
        part.rows().for_each(|row| *rows.entry(row.index).or_default() += 1);
        for refusal in receipt.refused.iter().skip(excluded.len()) {
            if let Some(left) = rows.get_mut(&refusal.index) {
                *left -= 1;
            }
        }
        let is_torn = |refusal: &&Refusal| rows.get(&refusal.index).is_some_and(|left| *left > 0);
        let torn: Vec<_> =
            receipt.refused.iter().skip(excluded.len()).filter(is_torn).cloned().collect();
        is_any |= !torn.is_empty();
        excluded.extend(torn);
        excluded.sort_by_key(|refusal| refusal.index);
        excluded.dedup_by_key(|refusal| refusal.index);
    }
    is_any
}

/// The entry at this index. Where a source has named none, the letter still tells of the refusal.
fn original(originals: &Originals, index: usize) -> EntryText {
    originals.entries.get(index).cloned().unwrap_or_else(|| EntryText::from(String::new()))
}
