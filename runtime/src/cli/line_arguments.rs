//! The options of commands that say what a line is.

use clap::Args;

use crate::config::{LineConfig, LineOptions};

/// What a line is; the keys of a harvester's `config` by the same names.
#[derive(Debug, Args)]
pub(super) struct LineArguments {
    /// How fields stand in a line: json, text, regex, logfmt or syslog
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// With `--format regex`, an expression whose named groups are fields
    #[arg(long, value_name = "REGEX")]
    pattern: Option<String>,
    /// The field that gets what is nothing but text
    #[arg(long, value_name = "FIELD")]
    message_field: Option<String>,
    /// A field that every entry gets that lacks it; may be repeated
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// The field of the time, and maybe its format: iso8601, rfc2822, unix, unix_ms or such as %d/%b/%Y
    #[arg(long, value_name = "FIELD[:FORMAT]")]
    timestamp: Option<String>,
    /// What times without an offset mean: local, UTC or such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The column of a field that has another name; may be repeated
    #[arg(long = "column", value_name = "FIELD=COLUMN")]
    columns: Vec<String>,
    /// The column that gets the file's name, or `stdin`
    #[arg(long, value_name = "COLUMN")]
    origin_column: Option<String>,
    /// What the first line of an entry of several lines matches
    #[arg(long, value_name = "REGEX")]
    multiline: Option<String>,
    /// Longer lines become dead letters, cut
    #[arg(long, value_name = "SIZE")]
    max_line_size: Option<String>,
}

impl LineArguments {
    pub(super) fn read(&self) -> anyhow::Result<LineConfig> {
        let scalars = [
            ("format", &self.format),
            ("pattern", &self.pattern),
            ("message_field", &self.message_field),
            ("origin_column", &self.origin_column),
            ("max_line_size", &self.max_line_size),
        ];
        let given = |(name, text): (_, &Option<String>)| Some((name, text.clone()?));
        let options = LineOptions {
            scalars: scalars.into_iter().filter_map(given).collect(),
            multiline: self.multiline.clone(),
            fields: self.fields.clone(),
            timestamp: self.timestamp.clone(),
            timezone: self.timezone.clone(),
            columns: self.columns.clone(),
        };
        Ok(options.read()?)
    }
}
