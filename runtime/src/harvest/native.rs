//! The native harvesters of a configuration: made, supervised, stopped.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::docker::DockerHarvester;
use super::exec::ExecHarvester;
use super::file::FileHarvester;
use super::journald::JournaldHarvester;
use super::socket::{self, StreamHarvester};
use super::stdin::StdinHarvester;
use super::zmq::ZmqHarvester;
use super::{Feed, Harvester, LineReader, Supervised, Threads};
use crate::config::{Config, HarvesterConfig, InputConfig, NativeHarvesterConfig};
use crate::domain::SourceName;
use crate::metrics::Metrics;
use crate::pipeline::{Ingestor, Interpreter};

/// How long the start of the service waits for its harvesters.
const READY: Duration = Duration::from_secs(5);

/// The native harvesters of a running service.
#[derive(Debug)]
pub struct NativeHarvesters {
    running: JoinSet<()>,
    _threads: Threads,
}

impl NativeHarvesters {
    /// Starts those of the configuration; none when it has none. They run until `stopping` is cancelled. It waits a
    /// moment for those that listen or look for files, so that nothing is missed that comes once it has returned.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub async fn start(
        config: &Config,
        ingestor: &Arc<Ingestor>,
        metrics: &Metrics,
        stopping: &CancellationToken,
    ) -> std::io::Result<Option<Self>> {
        let natives: Vec<_> =
            config.harvesters.iter().filter_map(HarvesterConfig::native).collect();
        if natives.is_empty() {
            return Ok(None);
        }
        let threads = Threads::start("native")?;
        let mut running = JoinSet::new();
        let mut awaited = Vec::new();
        for native in natives {
            let feed = Feed::new(
                Arc::clone(ingestor),
                metrics.harvester(&native.name, native.input.kind(), None),
            );
            let runs = feed.metrics().runs.clone();
            if listens_or_looks(&native.input) {
                awaited.push(feed.clone());
            }
            let reader = reader(native, config);
            let column = config.database.log_timestamp_field.as_str();
            let harvester = build(native, (reader.into(), column), feed);
            // Nothing changes a native harvester's program.
            let (_, renewals) = watch::channel(());
            let (restart, stopping) = (native.restart, stopping.clone());
            let supervised = Supervised { harvester, restart, runs, renewals, stopping };
            running.spawn_on(supervised.run(), threads.handle());
        }
        let all_ready = join_all(awaited.iter().map(Feed::until_ready));
        if timeout(READY, all_ready).await.is_err() {
            debug!("not all harvesters are ready yet");
        }
        Ok(Some(Self { running, _threads: threads }))
    }

    /// Waits for them; they have been asked to end. Those that don't are cut off.
    pub async fn stop(&mut self, grace: Duration) {
        let ended = async { while self.running.join_next().await.is_some() {} };
        if timeout(grace, ended).await.is_err() {
            warn!(harvesters = self.running.len(), "cut off after the grace period");
            self.running.abort_all();
        }
    }
}

/// Whether a harvester of this kind misses what comes before it is ready.
fn listens_or_looks(input: &InputConfig) -> bool {
    match input {
        InputConfig::File(_)
        | InputConfig::Zmq(_)
        | InputConfig::Socket(_)
        | InputConfig::Syslog(_) => true,
        InputConfig::Journald(_)
        | InputConfig::Stdin
        | InputConfig::Exec(_)
        | InputConfig::Docker(_) => false,
    }
}

/// Those who read the dead letters of the configuration's native harvesters when these are replayed.
#[must_use]
pub fn interpreters(config: &Config) -> Vec<(SourceName, Arc<dyn Interpreter>)> {
    let natives = config.harvesters.iter().filter_map(HarvesterConfig::native);
    let interpreter = |native: &NativeHarvesterConfig| {
        let reader: Arc<dyn Interpreter> = Arc::new(reader(native, config));
        (native.name.as_str().into(), reader)
    };
    natives.map(interpreter).collect()
}

fn reader(native: &NativeHarvesterConfig, config: &Config) -> LineReader {
    LineReader::new(&native.line, &config.database.log_timestamp_field).of_harvester(&native.name)
}

/// The harvester that this configuration describes; with the reader of its lines comes the table's timestamp column.
fn build(
    config: &NativeHarvesterConfig,
    (reader, timestamp_column): (Arc<LineReader>, &str),
    feed: Feed,
) -> Arc<dyn Harvester> {
    let line = config.line.clone();
    match &config.input {
        InputConfig::File(file) => Arc::new(FileHarvester::new(file, &line, reader, feed)),
        InputConfig::Socket(socket) => Arc::new(StreamHarvester::new(socket, &line, reader, feed)),
        InputConfig::Syslog(config) => socket::syslog(config, &line, reader, feed),
        InputConfig::Zmq(zmq) => Arc::new(ZmqHarvester::new(zmq, &line, reader, feed)),
        InputConfig::Journald(journald) => {
            Arc::new(JournaldHarvester::new(journald, line, reader, feed))
        }
        InputConfig::Stdin => Arc::new(StdinHarvester::new(line, reader, feed)),
        InputConfig::Exec(exec) => Arc::new(ExecHarvester::new(exec, line, reader, feed)),
        InputConfig::Docker(docker) => {
            let reader = (reader, timestamp_column);
            Arc::new(DockerHarvester::new(docker.clone(), line, reader, feed))
        }
    }
}
