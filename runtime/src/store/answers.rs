//! From a commit back to the sources: receipts travel to the async runtime together, one wake per transaction.

use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::WriteError;
use super::queue::Job;
use crate::domain::{Receipt, RowId};
use crate::metrics::Metrics;

/// Transactions between the commit and their sources; more make the writer wait.
const UNANSWERED: usize = 64;

/// One transaction's sources with what they are told, and the newest row id it left.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) jobs: Vec<(Job, Result<Receipt, WriteError>)>,
    pub(super) newest: RowId,
    /// When the transaction began.
    pub(super) begun: Instant,
}

/// Tells the newest committed row to live tails and the receipts to their sources.
#[derive(Debug)]
pub(super) struct Publisher {
    watermark: watch::Sender<RowId>,
    sources: mpsc::Sender<Answers>,
    metrics: Metrics,
}

impl Publisher {
    /// Must be called within the async runtime, which then answers the sources.
    pub(super) fn new(watermark: watch::Sender<RowId>, metrics: Metrics) -> Self {
        let (sources, mut receiver) = mpsc::channel::<Answers>(UNANSWERED);
        // Ends with the sender.
        tokio::spawn(async move {
            while let Some(answers) = receiver.recv().await {
                answers.jobs.into_iter().for_each(|(job, outcome)| job.answer(outcome));
            }
        });
        Self { watermark, sources, metrics }
    }

    /// Tells everyone. Blocks while the runtime has too much to tell already.
    pub(super) fn publish(&self, answers: Answers) {
        self.metrics.commit_took(answers.begun.elapsed());
        self.watermark.send_if_modified(|newest| {
            let has_risen = answers.newest > *newest;
            *newest = answers.newest.max(*newest);
            has_risen
        });
        if let Err(unsent) = self.sources.blocking_send(answers) {
            // The runtime is gone, and with it most sources.
            unsent.0.jobs.into_iter().for_each(|(job, outcome)| job.answer(outcome));
        }
    }
}
