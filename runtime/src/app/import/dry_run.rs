//! An import that stores nothing: what lines would become, and how fast they are read.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::READY;
use super::batch::{Batch, Batcher, Begin, Recipe};
use super::deliver::next_batch;
use super::input::{ImportInput, Opened};
use super::outcome::{End, Imported, Oddity};
use super::progress::Progress;
use crate::config::{Config, LineConfig, LineFormat};
use crate::pipeline::check_entry;

/// Reads an input from its begin and makes entries of it. The database is not touched, so a service may run on it.
pub async fn dry_run(
    (line, config): (&LineConfig, &Config),
    input: &ImportInput,
    progress: &Arc<Progress>,
    stopping: &CancellationToken,
) -> Imported {
    let mut imported = Imported::new(input.name());
    let opened = match Opened::open(input) {
        Ok(opened) => opened,
        Err(error) => return imported.ended(End::Failed(error)),
    };
    let begin = Begin { offset: 0, lines: 0, origin: input.name(), is_live: false };
    let (sender, mut receiver) = mpsc::channel(READY);
    let (recipe, counts) = (Recipe::new(line, config), Arc::clone(progress));
    let stop = stopping.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let stream = opened.read_from(0, &counts)?;
        Batcher::new(recipe, begin, counts).run(stream, &sender, &stop)
    });
    let are_checked = line.format != LineFormat::Json;
    while let Some(batch) = next_batch(&mut receiver, stopping).await {
        count(&batch, are_checked, &mut imported);
    }
    if stopping.is_cancelled() {
        return imported.ended(End::Interrupted);
    }
    let end = match reading.await {
        Ok(Ok(())) => End::Done,
        Ok(Err(error)) => End::Failed(error),
        Err(panic) if panic.is_panic() => std::panic::resume_unwind(panic.into_panic()),
        Err(_) => End::Interrupted,
    };
    imported.ended(end)
}

/// What is made of other formats is an entry; a line of JSON may still be anything.
fn count(batch: &Batch, are_checked: bool, imported: &mut Imported) {
    imported.lines = batch.lines;
    imported.misfits(Oddity::of_misfits(&batch.haul.misfits, &batch.misfit_lines));
    for (entry, line) in batch.haul.entries.iter().zip(&batch.entry_lines) {
        let checked = if are_checked { Ok(()) } else { check_entry(entry.as_str()) };
        match checked {
            Ok(()) => imported.stored += 1,
            Err(reason) => imported.add(Oddity { line: *line, reason }),
        }
    }
}
