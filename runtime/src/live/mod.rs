//! Live subscriptions: what is committed, in commit order, to each subscriber exactly once.
//!
//! A subscriber reads the table behind the watermark of committed rows instead of receiving broadcast rows: a
//! slow one costs nothing and misses nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::{Query, RowId, Schema};
use crate::store::{ReadPool, RowEncoder, StoreError, TailPage, TailSpan, read_tail};

/// How a subscription is paced.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Rows of one event at most.
    pub limit: usize,
    /// The least time between two events, unless more than one event's rows are waiting.
    pub debounce: Duration,
}

/// One live subscription.
#[derive(Debug)]
pub struct Tail {
    reads: Arc<ReadPool>,
    schema: Arc<Schema>,
    query: Arc<Query>,
    encoder: Arc<RowEncoder>,
    watermark: watch::Receiver<RowId>,
    position: RowId,
    pace: Pace,
    last_read: Option<Instant>,
}

/// What a subscription reads.
#[derive(Debug)]
pub struct Subject {
    /// Fields and filters; order, start and limit don't apply.
    pub query: Query,
    /// How rows are written.
    pub encoder: RowEncoder,
    /// Rows newer than this one; `None` starts with what is committed from now on.
    pub after: Option<RowId>,
}

/// What a subscriber hears.
#[derive(Debug)]
pub enum Event {
    /// Matching rows.
    Rows(TailPage),
    /// No matching row within the time.
    Silence,
    /// The service no longer writes.
    Ended,
}

impl Tail {
    /// Subscribes. A position beyond the newest row starts at the newest row.
    #[must_use]
    pub fn new(
        (reads, schema): (Arc<ReadPool>, Arc<Schema>),
        watermark: watch::Receiver<RowId>,
        subject: Subject,
        pace: Pace,
    ) -> Self {
        let newest = *watermark.borrow();
        Self {
            reads,
            schema,
            query: Arc::new(subject.query),
            encoder: Arc::new(subject.encoder),
            position: subject.after.map_or(newest, |after| after.min(newest)),
            watermark,
            pace,
            last_read: None,
        }
    }

    /// Waits for matching rows, for `patience` at most.
    ///
    /// # Errors
    /// What reading the table gives; the next call goes on from the same position.
    pub async fn next(&mut self, patience: Duration) -> Result<Event, StoreError> {
        let until = Instant::now() + patience;
        loop {
            let position = self.position;
            let arrival = self.watermark.wait_for(|newest| *newest > position);
            match tokio::time::timeout_at(until, arrival).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Ok(Event::Ended),
                Err(_) => return Ok(Event::Silence),
            }
            if let Some(last_read) = self.last_read {
                let due = last_read + self.pace.debounce;
                tokio::time::sleep_until(due.min(until)).await;
                if due > until {
                    return Ok(Event::Silence);
                }
            }
            let newest = *self.watermark.borrow_and_update();
            let page = self.read(newest).await?;
            self.position = page.reached;
            // With more rows waiting there is nothing to coalesce.
            self.last_read = (self.position >= newest).then(Instant::now);
            if !page.rows.is_empty() {
                return Ok(Event::Rows(page));
            }
            if Instant::now() >= until {
                return Ok(Event::Silence);
            }
        }
    }

    async fn read(&self, newest: RowId) -> Result<TailPage, StoreError> {
        let (schema, query) = (Arc::clone(&self.schema), Arc::clone(&self.query));
        let encoder = Arc::clone(&self.encoder);
        let span = TailSpan { after: self.position, newest, most: self.pace.limit };
        self.reads
            .run(move |connection| read_tail(connection, &schema, &query, &encoder, span))
            .await
    }
}
