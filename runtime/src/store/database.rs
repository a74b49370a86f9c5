//! The database of a running service: its threads and connections, opened and closed in order.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::answers::Publisher;
use super::checkpoint::{Checkpointer, file_bytes, final_checkpoint, longest_log, wal_path};
use super::committer::Committer;
use super::connection::{open_checkpointer, open_reader};
use super::dictionary::{ValueCache, read_states};
use super::lock::DatabaseLock;
use super::log_watch::LogWatch;
use super::maintenance::{MaintenanceParts, MaintenanceThread};
use super::make_ready::make_ready;
use super::position::{read_checkpoint, read_input_checkpoints};
use super::queue::WriteQueue;
use super::read_pool::ReadPool;
use super::stats::{RunningSampler, SamplerParts};
use super::writer::{Writer, WriterHealth, WriterParts};
use super::{Delivery, RowEncoder, RowFormat, StoreError, WriteError};
use crate::config::{Config, DatabaseConfig, JsonColumns};
use crate::domain::{
    Checkpoint, CheckpointKey, ColumnId, RowId, Schema, SourceName, quote_identifier,
};
use crate::metrics::Metrics;

/// Connections kept for live tails and health checks, so that slow queries don't hold them up.
const LIVE_READERS: usize = 1;

/// By so much longer than `query_timeout_ms` our own readers may keep the log from being emptied.
const OWN_READERS_END: Duration = Duration::from_secs(1);

/// How long a health check waits for the writer, which may wait for a lock itself.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

/// The open database.
#[derive(Debug)]
pub struct Store {
    schema: Arc<Schema>,
    queue: Arc<WriteQueue>,
    reads: Arc<ReadPool>,
    live_reads: Arc<ReadPool>,
    values: Arc<ValueCache>,
    watermark: watch::Receiver<RowId>,
    health: Arc<WriterHealth>,
    path: PathBuf,
    ended: CancellationToken,
    running: Mutex<Option<Running>>,
    sampler: Mutex<Option<RunningSampler>>,
}

/// However the writer ends, nobody waits for it any longer, and it is told.
struct AbandonOnDrop {
    queue: Arc<WriteQueue>,
    ended: CancellationToken,
}

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.queue.abandon();
        self.ended.cancel();
    }
}

/// What [`Store::close`] takes apart.
#[derive(Debug)]
struct Running {
    writer: JoinHandle<()>,
    checkpointer: JoinHandle<()>,
    stop_checkpointer: mpsc::Sender<()>,
    maintenance: Option<MaintenanceThread>,
    final_connection: Connection,
    _lock: DatabaseLock,
}

impl Store {
    /// Opens the database, applies pending migrations if the config says so, and starts the writer.
    ///
    /// # Errors
    /// Any [`StoreError`] that makes the database unfit to serve.
    pub fn open(config: &Config, metrics: &Metrics) -> Result<Self, StoreError> {
        let path = config.database.path();
        Self::open_unlocated(config, metrics).map_err(|error| error.located(&path))
    }

    fn open_unlocated(config: &Config, metrics: &Metrics) -> Result<Self, StoreError> {
        let database = &config.database;
        let lock = DatabaseLock::acquire(&database.sqlite_dir)?;
        let (connection, schema) = make_ready(config)?;
        let schema = Arc::new(schema);
        let queue = Arc::new(WriteQueue::new(config.ingest.ingest_queue_size, metrics.clone()));
        let health = Arc::new(WriterHealth::default());
        health.longest_log.store(longest_log(&database.path()), Ordering::Relaxed);
        let committer = Committer::open(connection, &schema, config, metrics)?;
        let (sender, watermark) = watch::channel(committer.newest());
        let publisher = Publisher::new(sender, metrics.clone());
        let writer = Writer::new(WriterParts {
            committer,
            publisher,
            queue: Arc::clone(&queue),
            batch_rows: config.ingest.batch_rows,
            health: Arc::clone(&health),
            metrics: metrics.clone(),
            database: database.path(),
        });
        let end = AbandonOnDrop { queue: Arc::clone(&queue), ended: CancellationToken::new() };
        let reads = read_pool(database, database.db_pool_size, metrics)?;
        let live_reads = read_pool(database, LIVE_READERS, metrics)?;
        let (stop_checkpointer, stop) = mpsc::channel();
        let checkpointer = Checkpointer {
            connection: open_checkpointer(database)?,
            database: database.path(),
            health: Arc::clone(&health),
            stop,
            readers: [Arc::clone(&reads), Arc::clone(&live_reads)],
            runtime: tokio::runtime::Handle::current(),
            watch: LogWatch::new(database.query_timeout + OWN_READERS_END),
        };
        Ok(Self {
            schema,
            queue,
            reads,
            live_reads,
            values: Arc::default(),
            watermark,
            health,
            path: database.path(),
            ended: end.ended.clone(),
            running: Mutex::new(Some(Running {
                final_connection: open_checkpointer(database)?,
                writer: spawn("writer", move || {
                    let _end = end;
                    writer.run();
                }),
                checkpointer: spawn("checkpointer", move || checkpointer.run()),
                stop_checkpointer,
                maintenance: None,
                _lock: lock,
            })),
            sampler: Mutex::default(),
        })
    }

    /// Takes statistics from now on, until it is closed.
    ///
    /// # Errors
    /// What keeps the database from being read once more.
    pub fn take_statistics(&self, config: &Config, metrics: &Metrics) -> Result<(), StoreError> {
        let sampler = RunningSampler::start(SamplerParts {
            queue: Arc::clone(&self.queue),
            metrics: metrics.clone(),
            reader: open_reader(&config.database)?,
            table: quote_identifier(self.schema.table()),
            query_timeout: config.database.query_timeout,
            path: self.path.clone(),
            interval: config.tasks.diagnostics_interval,
            retention: config.tasks.stats_retention(),
        });
        let sampler = sampler.expect("a thread can be started while the service is");
        *self.sampler.lock().unwrap_or_else(PoisonError::into_inner) = Some(sampler);
        Ok(())
    }

    /// Starts to keep the database small, as the configuration says, until the store is closed.
    ///
    /// # Errors
    /// A [`StoreError`] when the database can't be opened once more.
    pub fn start_maintenance(&self, config: &Config, metrics: &Metrics) -> Result<(), StoreError> {
        let (queue, health) = (Arc::clone(&self.queue), Arc::clone(&self.health));
        let parts = MaintenanceParts { queue, health, metrics: metrics.clone() };
        let maintenance = MaintenanceThread::start(config, &self.schema, parts)
            .map_err(|error| error.located(&self.path))?;
        if let Some(running) = self.running().as_mut() {
            running.maintenance = Some(maintenance);
        }
        Ok(())
    }

    /// The log table.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The way to the writer.
    #[must_use]
    pub fn queue(&self) -> &Arc<WriteQueue> {
        &self.queue
    }

    /// Connections for queries.
    #[must_use]
    pub fn reads(&self) -> &Arc<ReadPool> {
        &self.reads
    }

    /// Connections for live tails and health checks.
    #[must_use]
    pub fn live_reads(&self) -> &Arc<ReadPool> {
        &self.live_reads
    }

    /// An encoder of rows that knows the values of compressed columns which were read before.
    #[must_use]
    pub fn encoder(
        &self,
        fields: &[ColumnId],
        format: RowFormat,
        json_columns: JsonColumns,
    ) -> RowEncoder {
        RowEncoder::new(&self.schema, fields, format, json_columns)
            .sharing(Arc::clone(&self.values))
    }

    /// The columns whose rows hold ids of values.
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn compressed_columns(&self) -> Result<Vec<ColumnId>, StoreError> {
        let schema = Arc::clone(&self.schema);
        let states = self.live_reads.run(move |connection| Ok(read_states(connection, &schema)?));
        let compressed = states.await?.into_iter().filter(|state| state.holds_ids);
        Ok(compressed.map(|state| state.column).collect())
    }

    /// Tells the newest committed row id.
    #[must_use]
    pub fn watermark(&self) -> watch::Receiver<RowId> {
        self.watermark.clone()
    }

    /// Waits for the end of the writer: before [`Store::close`] that is a defect.
    pub async fn writer_ended(&self) {
        self.ended.cancelled().await;
    }

    /// The size of the database file and of its write-ahead log, in bytes.
    #[must_use]
    pub fn file_bytes(&self) -> (u64, u64) {
        (file_bytes(&self.path), file_bytes(&wal_path(&self.path)))
    }

    /// Reads the log table and, if the newest commit failed, tries another one.
    ///
    /// # Errors
    /// What keeps the service from reading or writing, in words.
    pub async fn check(&self) -> Result<(), String> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", quote_identifier(self.schema.table()));
        let probe = move |connection: &Connection| {
            connection.prepare_cached(&sql)?.exists([]).map_err(StoreError::from)
        };
        self.live_reads.run(probe).await.map_err(|error| error.to_string())?;
        if self.running().as_ref().is_none_or(|running| running.writer.is_finished()) {
            return Err("the writer has ended".into());
        }
        if self.health.failing.load(Ordering::Relaxed) {
            self.probe_writer().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// The source's last position, once all that is queued now is committed or has failed: what an earlier run of the
    /// source has handed over may still be on its way.
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn checkpoint(&self, source: SourceName) -> Result<Option<Checkpoint>, StoreError> {
        self.settled().await?;
        self.live_reads.run(move |connection| read_checkpoint(connection, &source)).await
    }

    /// The last positions of the source's inputs, by key; as [`Store::checkpoint`].
    ///
    /// # Errors
    /// [`StoreError::Stopping`], or what keeps the database from being read.
    pub async fn input_checkpoints(
        &self,
        source: SourceName,
    ) -> Result<Vec<(CheckpointKey, Checkpoint)>, StoreError> {
        self.settled().await?;
        self.live_reads.run(move |connection| read_input_checkpoints(connection, &source)).await
    }

    /// Waits until all that is queued now is committed or has failed.
    async fn settled(&self) -> Result<(), StoreError> {
        let room = self.queue.reserve(0).await;
        let behind = self.queue.push(Delivery::default(), room);
        let behind = behind.map_err(|_| StoreError::Stopping)?;
        // Jobs are done in order. How this one ends says nothing of the others; unanswered, the writer has ended.
        if behind.await.is_err() {
            return Err(StoreError::Stopping);
        }
        Ok(())
    }

    /// Lets the writer try whether it can write.
    async fn probe_writer(&self) -> Result<(), WriteError> {
        let Some(room) = self.queue.try_reserve(0) else { return Ok(()) };
        let receipt = self.queue.push_probe(room)?;
        match tokio::time::timeout(PROBE_PATIENCE, receipt).await {
            Ok(outcome) => outcome.unwrap_or(Err(WriteError::Stopping)).map(|_| ()),
            Err(_) => {
                let seconds = PROBE_PATIENCE.as_secs();
                Err(WriteError::Unavailable(format!(
                    "the writer did not answer within {seconds} s"
                )))
            }
        }
    }

    /// Takes no more rows, writes those that wait, and closes the database. Blocks until done.
    pub fn close(&self) {
        let sampler = self.sampler.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sampler) = sampler {
            sampler.stop();
        }
        self.queue.close();
        let Some(running) = self.running().take() else { return };
        if let Some(maintenance) = running.maintenance {
            maintenance.stop();
        }
        join("writer", running.writer);
        drop(running.stop_checkpointer);
        join("checkpointer", running.checkpointer);
        // With the last connection SQLite removes the log's files.
        self.reads.close();
        self.live_reads.close();
        final_checkpoint(&running.final_connection);
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_pool(
    database: &DatabaseConfig,
    size: usize,
    metrics: &Metrics,
) -> Result<Arc<ReadPool>, StoreError> {
    let readers = (0..size).map(|_| open_reader(database)).collect::<Result<_, _>>()?;
    Ok(Arc::new(ReadPool::new(readers, database.query_timeout, metrics.clone())))
}

pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .expect("a thread can be started while the service is")
}

fn join(name: &str, thread: JoinHandle<()>) {
    if thread.join().is_err() {
        error!(thread = name, "a thread of the store ended in a panic");
    }
}
