//! The engine's word that containers have started.

use memchr::memchr;
use tracing::debug;

use super::api::{Container, Event};
use super::engine::{Chunks, Engine, EngineError};

/// Events begin so many seconds ago: the engine may answer before it has begun to listen.
const OVERLAP_SECONDS: i64 = 5;
/// No event is longer.
const LONGEST_EVENT: usize = 1 << 20;

/// The stream of containers that start.
#[derive(Debug)]
pub(super) struct Starts {
    chunks: Chunks,
    pending: Vec<u8>,
}

impl Starts {
    /// Listens from now on.
    pub(super) async fn of(engine: &Engine) -> Result<Self, EngineError> {
        let since = jiff::Timestamp::now().as_second() - OVERLAP_SECONDS;
        Ok(Self { chunks: engine.starts(since).await?, pending: Vec::new() })
    }

    /// The next one. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Container, EngineError> {
        let broken = |reason: &str| EngineError::Broken {
            path: "/events".into(),
            reason: reason.to_owned(),
        };
        loop {
            if let Some(end) = memchr(b'\n', &self.pending) {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                match serde_json::from_slice(&line).map(Event::container) {
                    Ok(Some(container)) => return Ok(container),
                    Ok(None) => {}
                    Err(error) => {
                        debug!(%error, "an event of the container engine is not understood");
                    }
                }
                continue;
            }
            if self.pending.len() > LONGEST_EVENT {
                return Err(broken("an event has no end"));
            }
            match self.chunks.next().await? {
                Some(bytes) => self.pending.extend_from_slice(&bytes),
                None => {
                    return Err(broken("it has closed the connection; it may have been stopped"));
                }
            }
        }
    }
}
