//! Entries to a running service: sent again until it takes them.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use tokio::time::sleep;
use tracing::{info, warn};

use super::PipeError;
use super::verdicts::Stored;
use crate::domain::EntryText;
use crate::http::client::{self, Answer};
use crate::http::{ClientError, ServiceUrl};

/// The service commits so many together: an answer is about all of them or none.
const MOST_ENTRIES: usize = 1_000;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A service that takes entries.
#[derive(Debug)]
pub(super) struct Remote {
    service: ServiceUrl,
    /// The pause before the next try, while it takes nothing.
    away: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: String,
    result: Option<Outcome>,
}

#[derive(Debug, Deserialize)]
struct Outcome {
    stored: u64,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    refused: Vec<Verdict>,
    #[serde(default)]
    dead_letters: Vec<Verdict>,
}

#[derive(Debug, Deserialize)]
struct Verdict {
    index: usize,
    error: String,
}

impl Remote {
    pub(super) fn new(service: ServiceUrl) -> Self {
        Self { service, away: None }
    }

    /// Sends the entries, in their order, and notes what became of them.
    pub(super) async fn store(
        &mut self,
        entries: &[EntryText],
        stored: &mut Stored,
    ) -> Result<(), PipeError> {
        for entries in entries.chunks(MOST_ENTRIES) {
            // What is refused as a whole is sent in halves, until the entry that is to blame is alone.
            let mut spans: Vec<_> = std::iter::once(0..entries.len()).collect();
            while let Some(span) = spans.pop() {
                let part = entries.get(span.clone()).unwrap_or_default();
                let answer = self.send(part).await?;
                let body: Body = serde_json::from_slice(&answer.body).unwrap_or_default();
                match body.result {
                    Some(outcome) => outcome.note(part, stored),
                    None if part.len() > 1 => spans.extend(halves(span)),
                    None => stored.refuse(part.first(), &body.error, false),
                }
            }
        }
        Ok(())
    }

    /// Sends entries until they are taken, or refused as they are.
    async fn send(&mut self, entries: &[EntryText]) -> Result<Answer, PipeError> {
        let body = ndjson(entries);
        loop {
            let sent = ("application/x-ndjson", body.clone());
            let (reason, pause) = match client::send(&self.service, "/logs", sent).await {
                Ok(answer) => match answer.status {
                    StatusCode::OK | StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                        self.is_back();
                        return Ok(answer);
                    }
                    StatusCode::TOO_MANY_REQUESTS => (None, answer.retry_after),
                    status if status.is_server_error() => {
                        (Some(answer.refusal(&self.service)), answer.retry_after)
                    }
                    _ => return Err(answer.refusal(&self.service).into()),
                },
                Err(error @ (ClientError::Unreachable { .. } | ClientError::Broken { .. })) => {
                    (Some(error), None)
                }
                Err(error) => return Err(error.into()),
            };
            self.wait(reason, pause).await;
        }
    }

    /// A service that is busy is no news.
    async fn wait(&mut self, reason: Option<ClientError>, asked: Option<Duration>) {
        let Some(reason) = reason else {
            sleep(asked.unwrap_or(FIRST_PAUSE)).await;
            return;
        };
        if self.away.is_none() {
            warn!(error = %reason, "waits until the service takes lines again, and the input waits, too");
        }
        let pause = self.away.unwrap_or(FIRST_PAUSE);
        self.away = Some(pause.saturating_mul(2).min(LONGEST_PAUSE));
        sleep(asked.unwrap_or(pause)).await;
    }

    fn is_back(&mut self) {
        if self.away.take().is_some() {
            info!("the service takes lines again");
        }
    }
}

impl Outcome {
    fn note(self, entries: &[EntryText], stored: &mut Stored) {
        stored.stored += self.stored;
        stored.dropped += self.dropped;
        for (verdicts, is_kept) in [(self.refused, false), (self.dead_letters, true)] {
            for Verdict { index, error } in verdicts {
                stored.refuse(entries.get(index), &error, is_kept);
            }
        }
    }
}

/// The second half first, as the last one is taken first.
fn halves(Range { start, end }: Range<usize>) -> [Range<usize>; 2] {
    let middle = start.midpoint(end);
    [middle..end, start..middle]
}

/// A line per entry. In JSON a line's end stands only where a space may stand as well.
fn ndjson(entries: &[EntryText]) -> Bytes {
    let length = entries.iter().map(|entry| entry.byte_len() + 1).sum();
    let mut body = Vec::with_capacity(length);
    for entry in entries {
        body.extend(entry.as_str().bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
        body.push(b'\n');
    }
    body.into()
}
