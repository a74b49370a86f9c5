//! What a command writes to standard error, in loglite's own log: bounded, as it may write anything.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::info;

/// What is shown of a line.
const LONGEST: usize = 500;
/// Lines in each interval; the others are counted.
const MOST_LINES: u32 = 20;
const INTERVAL: Duration = Duration::from_secs(10);

/// Tells the lines of a command in the log.
#[derive(Debug)]
pub(super) struct ErrorLines<'a> {
    harvester: &'a str,
    line: Vec<u8>,
    last: String,
    since: Instant,
    told: u32,
    untold: u64,
}

impl<'a> ErrorLines<'a> {
    pub(super) fn new(harvester: &'a str) -> Self {
        let since = Instant::now();
        Self { harvester, line: Vec::new(), last: String::new(), since, told: 0, untold: 0 }
    }

    /// Reads to the end and gives the last line that is not blank.
    ///
    /// # Errors
    /// Those of the stream.
    pub(super) async fn read_to_end(
        mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<String> {
        let mut buffer = vec![0; 4 << 10];
        loop {
            let count = stream.read(&mut buffer).await?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let room = LONGEST.saturating_sub(self.line.len());
                self.line.extend_from_slice(line.get(..room).unwrap_or(line));
                if line.ends_with(b"\n") {
                    self.tell();
                }
            }
        }
        self.tell();
        Ok(self.last)
    }

    fn tell(&mut self) {
        let line = String::from_utf8_lossy(self.line.trim_ascii()).into_owned();
        self.line.clear();
        if line.is_empty() {
            return;
        }
        if self.since.elapsed() >= INTERVAL {
            (self.since, self.told) = (Instant::now(), 0);
        }
        if self.told < MOST_LINES {
            self.told += 1;
            let untold = std::mem::take(&mut self.untold);
            info!(harvester = self.harvester, untold, line, "standard error");
        } else {
            self.untold += 1;
        }
        self.last = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_line_is_known_and_bounded() {
        let text = format!("first\n{}\n \n", "x".repeat(10_000));
        let lines = ErrorLines::new("exec");
        let last = lines.read_to_end(&mut text.as_bytes()).await.expect("it reads");
        assert_eq!(last, "x".repeat(LONGEST));

        let lines = ErrorLines::new("exec");
        let last = lines.read_to_end(&mut "first\nno line end".as_bytes()).await;
        assert_eq!(last.expect("it reads"), "no line end");
    }
}
