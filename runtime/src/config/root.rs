//! The whole configuration as the rest of the program sees it: parsed, with units in its types.

use std::time::Duration;

use serde_json::json;

use super::key::{Key, Reader};
use super::value::{self, store};
use super::{
    CompressionConfig, DatabaseConfig, DeadLettersConfig, HarvesterConfig, HttpConfig,
    IngestConfig, Migration, PartitionInterval, PluginsConfig, RetentionConfig, SseConfig,
    TasksConfig, TransformConfig,
};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The HTTP server.
    pub http: HttpConfig,
    /// The database file and the log table.
    pub database: DatabaseConfig,
    /// The way of entries into the table.
    pub ingest: IngestConfig,
    /// How many entries are kept that could not be stored.
    pub dead_letters: DeadLettersConfig,
    /// Live subscriptions.
    pub sse: SseConfig,
    /// When old rows are deleted.
    pub retention: RetentionConfig,
    /// Columns stored as ids of a dictionary.
    pub compression: CompressionConfig,
    /// How time is cut into database files.
    pub partition_interval: PartitionInterval,
    /// The rhythm of work in the background.
    pub tasks: TasksConfig,
    /// Sources that loglite reads by itself.
    pub harvesters: Vec<HarvesterConfig>,
    /// Plugins that entries pass on their way into the table, in this order.
    pub transforms: Vec<TransformConfig>,
    /// What all plugins have in common.
    pub plugins: PluginsConfig,
    /// The schema's history, by rising version.
    pub migrations: Vec<Migration>,
    /// Verbose logging.
    pub debug: bool,
    /// How long a stopping service waits for requests in flight.
    pub shutdown_grace: Duration,
}

impl Default for Config {
    /// The default of every key. `migrations` has none: it is empty here and never empty in a loaded file.
    fn default() -> Self {
        Self {
            http: HttpConfig::default(),
            database: DatabaseConfig::default(),
            ingest: IngestConfig::default(),
            dead_letters: DeadLettersConfig::default(),
            sse: SseConfig::default(),
            retention: RetentionConfig::default(),
            compression: CompressionConfig::default(),
            partition_interval: PartitionInterval::default(),
            tasks: TasksConfig::default(),
            harvesters: Vec::new(),
            transforms: Vec::new(),
            plugins: PluginsConfig::default(),
            migrations: Vec::new(),
            debug: false,
            shutdown_grace: Duration::from_secs(10),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "debug",
        expected: value::BOOLEAN,
        doc: "Log in more detail, for finding out why something happens. Entries are never logged.",
        read: Reader::Scalar(|config, text| store(&mut config.debug, value::boolean(text))),
        show: |config| json!(config.debug),
    },
    Key {
        name: "shutdown_grace_ms",
        expected: "a number of milliseconds from 0 to 86400000",
        doc: "How long a stopping service waits for requests in flight, in milliseconds. \
              What is still open then is cut off; what was acknowledged is stored in any case.",
        read: Reader::Scalar(|config, text| {
            store(&mut config.shutdown_grace, value::millis(text, 0))
        }),
        show: |config| value::as_millis(config.shutdown_grace),
    },
];
