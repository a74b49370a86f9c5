//! From lines to entries.

use std::convert::Infallible;

use super::Line;
use super::entry::{Defaults, EntryWriter, FieldValue};
use super::groups::Groups;
use super::logfmt;
use super::members::{copy_members, elements};
use super::shape::{Role, Shape};
use super::syslog::Syslog;
use crate::config::{LineConfig, LineFormat};
use crate::domain::{ByteSize, DeadLetter};
use crate::pipeline::{HaulBuilder, Interpreter};

/// Makes entries of lines. One serves all inputs of a harvester, from any number of threads.
///
/// Invalid UTF-8 is replaced by U+FFFD. Values of text formats are strings: columns that are declared INTEGER or REAL
/// take them as numbers.
#[derive(Debug)]
pub struct LineReader {
    format: Format,
    shape: Shape,
    longest: ByteSize,
}

#[derive(Debug)]
enum Format {
    Json,
    Text(Role),
    Groups(Groups),
    Logfmt,
    Syslog(Syslog),
}

/// Reasons end with it where not all of a line is kept.
const CUT: &str = "this is its begin";

/// Why a line is no entry.
type Reason = &'static str;

impl LineReader {
    /// As configured. `timestamp_column` is the log table's.
    #[must_use]
    pub fn new(config: &LineConfig, timestamp_column: &str) -> Self {
        let shape = Shape::new(config, timestamp_column);
        let format = match &config.format {
            LineFormat::Json => Format::Json,
            LineFormat::Text => Format::Text(shape.role_of(&config.message_field)),
            LineFormat::Regex(pattern) => Format::Groups(Groups::new(&pattern.0, &shape)),
            LineFormat::Logfmt => Format::Logfmt,
            LineFormat::Syslog => Format::Syslog(Syslog::new(config, &shape)),
        };
        Self { format, shape, longest: config.max_line_size }
    }

    /// One that names this harvester in the log.
    #[must_use]
    pub fn of_harvester(mut self, name: &str) -> Self {
        self.shape.of_harvester(name);
        self
    }

    /// Adds what a line is: an entry, several, or a misfit with the reason. `origin` says where within the source it is
    /// from.
    pub fn read(&self, line: Line<'_>, origin: &str, out: &mut HaulBuilder) {
        self.read_with(line, origin, &[], out);
    }

    /// As [`LineReader::read`], with fields that the entry gets if it lacks them, under the names that they are given
    /// here: what the source says of the line beside the line itself.
    pub fn read_with(
        &self,
        line: Line<'_>,
        origin: &str,
        defaults: &[(&str, FieldValue<'_>)],
        out: &mut HaulBuilder,
    ) {
        match line {
            Line::Whole(bytes) => {
                self.whole(&String::from_utf8_lossy(bytes), origin, defaults, out);
            }
            Line::TooLong { start, bytes } => {
                let longest = self.longest;
                let reason =
                    format!("{bytes} bytes in a line, more than {longest}, `max_line_size`; {CUT}");
                out.misfit(reason, String::from_utf8_lossy(start).into_owned());
            }
            Line::Uncounted(bytes) => {
                let reason = "expected a message with its length in front, such as `5 hello`";
                out.misfit(reason.into(), String::from_utf8_lossy(bytes).into_owned());
            }
        }
    }

    /// Adds the entry that these fields are, as if a line of any format had held them: with `fields`, `timestamp`,
    /// `columns` and `origin`. It can't fail; a value that is no JSON makes the pipeline refuse the entry.
    pub fn read_fields(
        &self,
        fields: &[(&str, FieldValue<'_>)],
        origin: &str,
        out: &mut HaulBuilder,
    ) {
        let Ok(()) = out.entry(|text| {
            let mut entry = EntryWriter::new(&self.shape, &[], text);
            for (name, value) in fields {
                entry.field(name, *value);
            }
            entry.finish(origin);
            Ok::<_, Infallible>(())
        });
    }

    fn whole(&self, line: &str, origin: &str, defaults: Defaults<'_>, out: &mut HaulBuilder) {
        if matches!(self.format, Format::Json) {
            self.json(line, origin, defaults, out);
        } else if let Err(reason) = self.entry(line, origin, defaults, out) {
            out.misfit(reason.into(), line.into());
        }
    }

    /// Entries are read once, by the pipeline, unless something is done with them. What is no JSON is left to it, too.
    fn json(&self, line: &str, origin: &str, defaults: Defaults<'_>, out: &mut HaulBuilder) {
        let is_as_sent = self.shape.is_none() && defaults.is_empty();
        let mut add = |json: &str| {
            if is_as_sent || self.entry(json, origin, defaults, out).is_err() {
                let Ok(()) = out.entry(|text| {
                    text.push_str(json);
                    Ok::<_, Infallible>(())
                });
            }
        };
        match elements(line) {
            Some(elements) => elements.iter().for_each(|element| add(element.get())),
            None => add(line),
        }
    }

    fn entry(
        &self,
        line: &str,
        origin: &str,
        defaults: Defaults<'_>,
        out: &mut HaulBuilder,
    ) -> Result<(), Reason> {
        out.entry(|text| {
            let mut entry = EntryWriter::new(&self.shape, defaults, text);
            self.format.read(line, &mut entry)?;
            entry.finish(origin);
            Ok(())
        })
    }
}

impl Interpreter for LineReader {
    fn interpret(&self, letter: &DeadLetter, out: &mut HaulBuilder) {
        let text = letter.entry.as_str();
        if letter.reason.ends_with(CUT) {
            out.misfit(letter.reason.clone(), text.into());
        } else {
            self.read(Line::Whole(text.as_bytes()), "", out);
        }
    }
}

impl Format {
    /// Writes the fields of a line.
    fn read(&self, line: &str, entry: &mut EntryWriter<'_, '_>) -> Result<(), Reason> {
        let (is_entry, reason) = match self {
            Self::Json => (copy_members(line, entry).is_ok(), "no JSON object"),
            Self::Text(role) => {
                entry.known(role, FieldValue::Text(line));
                return Ok(());
            }
            Self::Groups(groups) => (groups.read(line, entry), "does not match `pattern`"),
            Self::Logfmt => (logfmt::read(line, entry), "no `key=value` in it"),
            Self::Syslog(syslog) => (syslog.read(line, entry), "no syslog message"),
        };
        if is_entry { Ok(()) } else { Err(reason) }
    }
}
