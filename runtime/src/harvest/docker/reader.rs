//! From a container's lines to entries: as any line, with the time the engine gave it, and what columns ask for.

use std::sync::Arc;
use std::time::Duration;

use super::amend::{self, Member, amend};
use super::api::Facts;
use super::lines::Written;
use crate::config::{DockerConfig, LineConfig};
use crate::harvest::LineReader;
use crate::pipeline::HaulBuilder;

/// Makes entries of lines of all containers.
#[derive(Debug)]
pub(super) struct Reader {
    reader: Arc<LineReader>,
    line: LineConfig,
    timestamp_column: String,
    image_column: Option<String>,
    stream_column: Option<String>,
}

impl Reader {
    pub(super) fn new(
        reader: Arc<LineReader>,
        line: LineConfig,
        timestamp_column: String,
        config: &DockerConfig,
    ) -> Self {
        let (image_column, stream_column) =
            (config.image_column.clone(), config.stream_column.clone());
        Self { reader, line, timestamp_column, image_column, stream_column }
    }

    /// What a line is.
    pub(super) fn line(&self) -> &LineConfig {
        &self.line
    }

    /// How long lines that may go on wait for more.
    pub(super) fn patience(&self) -> Duration {
        self.line.multiline.as_ref().map_or(Duration::MAX, |multiline| multiline.timeout)
    }

    /// Adds what a line is. What the line says itself counts more than what the engine knows.
    pub(super) fn read(&self, written: Written<'_>, facts: &Facts, out: &mut HaulBuilder) {
        let first = out.entry_count();
        self.reader.read(written.line, &facts.name, out);
        let members = self.members(written, facts);
        out.rewrite_from(first, |entry, out| amend(entry, &members, out));
    }

    fn members(&self, written: Written<'_>, facts: &Facts) -> Vec<Member> {
        let time = jiff::Timestamp::from_nanosecond(written.nanos.into()).ok();
        let time = time.map(|time| (self.timestamp_column.as_str(), format!("{time:.9}")));
        let image = self.image_column.as_deref().map(|column| (column, facts.image.clone()));
        let stream = self.stream_column.as_deref();
        let stream = stream.map(|column| (column, written.output.name().to_owned()));
        let members = [time, image, stream].into_iter().flatten();
        members.map(|(name, value)| (name.to_owned(), amend::text(&value))).collect()
    }
}
