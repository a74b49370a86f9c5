//! What a line is, as the options of a command tell it: the same words, checks and messages as in the file.

use super::component::Plugins;
use super::options::{NOWHERE, mapping, node, scalar};
use super::problem::{ConfigErrors, Fault, Origin, Problem};
use super::report::Report;
use super::yaml::{self, Content, Node};
use super::{InputKind, LineConfig, input};
use crate::domain::PluginKind;

/// Under this key the file has what the options say.
const PATH: &str = "config";
const FIELD: &str = "a field and its value, such as `service=shop`";
const COLUMN: &str = "a field and the column it goes to, such as `lvl=level`";
const TIMESTAMP: &str = "`--timestamp` beside it";

/// The keys of the file and the options that stand for them.
const OPTIONS: [(&str, &str); 9] = [
    ("format", "--format"),
    ("pattern", "--pattern"),
    ("message_field", "--message-field"),
    ("multiline", "--multiline"),
    ("fields", "--field"),
    ("timestamp", "--timestamp"),
    ("columns", "--column"),
    ("origin_column", "--origin-column"),
    ("max_line_size", "--max-line-size"),
];

/// What a command was told of lines; what is left out is as the file's defaults have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineOptions {
    /// Keys of the file whose values are scalars, by their names.
    pub scalars: Vec<(&'static str, String)>,
    /// `--multiline`: what the first line of an entry matches.
    pub multiline: Option<String>,
    /// `--field`: fields that entries get, such as `service=shop`.
    pub fields: Vec<String>,
    /// `--timestamp`: the field of the time and maybe its format, such as `time:unix`.
    pub timestamp: Option<String>,
    /// `--timezone`: what times without an offset mean.
    pub timezone: Option<String>,
    /// `--column`: columns of fields that have another name, such as `lvl=level`.
    pub columns: Vec<String>,
}

impl LineOptions {
    /// Reads them.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn read(self) -> Result<LineConfig, ConfigErrors> {
        let mut report = Report::new(Origin::Option("options"));
        let mut keys: Vec<(&str, Node)> =
            self.scalars.iter().map(|(name, text)| (*name, scalar(text))).collect();
        if let Some(start) = &self.multiline {
            keys.push(("multiline", mapping([("start", scalar(start))])));
        }
        keys.push(("fields", pairs(&self.fields, ("--field", FIELD), value_node, &mut report)));
        keys.push(("columns", pairs(&self.columns, ("--column", COLUMN), scalar, &mut report)));
        keys.extend(self.timestamp_node(&mut report).map(|node| ("timestamp", node)));
        let keys = mapping(keys);
        let place = (NOWHERE, PATH.to_owned());
        let (_, line) = input::read(InputKind::Stdin, Some(&keys), place, &mut report);
        report.finish(line).map_err(|errors| in_terms_of_options(&errors))
    }

    fn timestamp_node(&self, report: &mut Report) -> Option<Node> {
        let Some(text) = &self.timestamp else {
            if let Some(timezone) = &self.timezone {
                mismatch(("--timezone", TIMESTAMP), timezone, report);
            }
            return None;
        };
        let (field, format) = text.split_once(':').unwrap_or((text, "iso8601"));
        let mut keys = vec![("field", scalar(field)), ("format", scalar(format))];
        keys.extend(self.timezone.iter().map(|zone| ("timezone", scalar(zone))));
        Some(mapping(keys))
    }
}

/// The name that `--source` gives, checked as that of a harvester.
///
/// # Errors
/// [`ConfigErrors`] when it is no name, or is taken.
pub fn read_source(name: &str) -> Result<String, ConfigErrors> {
    let mut report = Report::new(Origin::Option("--source"));
    let name = Plugins::new(PluginKind::Harvester).read_native_name(&scalar(name), "", &mut report);
    report.finish(name)
}

/// The mapping of texts such as `a=b`.
fn pairs(
    texts: &[String],
    (option, expected): (&'static str, &str),
    value: fn(&str) -> Node,
    report: &mut Report,
) -> Node {
    let mut fields: Vec<(&str, Node)> = Vec::new();
    for text in texts {
        match text.split_once('=').filter(|(name, _)| !name.is_empty()) {
            Some((name, text)) => {
                fields.retain(|(known, _)| *known != name);
                fields.push((name, value(text)));
            }
            None => mismatch((option, expected), text, report),
        }
    }
    mapping(fields)
}

/// A value as the file would have it: `1` is a number, `a: b` a text all the same.
fn value_node(text: &str) -> Node {
    match yaml::parse(text) {
        Ok(Node { content: content @ Content::Scalar { json: Some(_), .. }, .. }) => node(content),
        _ => node(Content::Scalar { text: text.into(), json: Some(text.into()) }),
    }
}

fn mismatch((option, expected): (&'static str, &str), text: &str, report: &mut Report) {
    report.enter(Origin::Option(option));
    let found = format!("`{text}`");
    report.add("", None, Fault::Mismatch { expected: expected.into(), found });
    report.enter(Origin::Option("options"));
}

/// Problems of keys as those of the options that stand for them.
fn in_terms_of_options(errors: &ConfigErrors) -> ConfigErrors {
    let problems = errors.problems().iter().cloned().map(in_terms_of_option).collect();
    ConfigErrors::new(problems).unwrap_or_else(|| errors.clone())
}

fn in_terms_of_option(problem: Problem) -> Problem {
    let Some(key) = problem.key.strip_prefix(PATH).and_then(|key| key.strip_prefix('.')) else {
        return problem;
    };
    let first = key.split(['.', '[']).next().unwrap_or(key);
    let option = OPTIONS.iter().find(|(name, _)| *name == first).map(|(_, option)| *option);
    let option = if key == "timestamp.timezone" { Some("--timezone") } else { option };
    let Some(option) = option else { return problem };
    let fault = match problem.fault {
        Fault::Missing { expected } => Fault::Mismatch { expected, found: "nothing".into() },
        fault => fault,
    };
    Problem { origin: Origin::Option(option), key: String::new(), fault, ..problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{LineFormat, TimestampFormat};
    use crate::domain::ByteSize;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn options_mean_what_they_mean_in_the_file() {
        let line = LineOptions {
            scalars: vec![
                ("format", "regex".into()),
                ("pattern", "^(?<lvl>\\w+) (?<message>.*)$".into()),
                ("max_line_size", "64KB".into()),
            ],
            multiline: Some("^\\S".into()),
            fields: owned(&["service=shop", "n=1", "n=2", "text=a: b", "empty="]),
            timestamp: Some("time:%d/%b/%Y:%H:%M:%S".into()),
            timezone: Some("UTC".into()),
            columns: owned(&["lvl=level"]),
        }
        .read()
        .expect("fine");

        let LineFormat::Regex(pattern) = &line.format else { panic!("{line:?}") };
        assert_eq!(pattern.to_string(), "^(?<lvl>\\w+) (?<message>.*)$");
        assert_eq!(line.max_line_size, ByteSize(64 << 10));
        assert_eq!(line.multiline.expect("several lines").start.to_string(), "^\\S");
        let fields = json!({"service": "shop", "n": 2, "text": "a: b", "empty": ""});
        assert_eq!(serde_json::Value::Object(line.fields), fields);
        let timestamp = line.timestamp.expect("a time");
        assert_eq!((timestamp.field.as_str(), timestamp.timezone.as_str()), ("time", "UTC"));
        assert_eq!(timestamp.format, TimestampFormat::Pattern("%d/%b/%Y:%H:%M:%S".into()));
        assert_eq!(line.columns, [("lvl".to_owned(), "level".to_owned())]);
    }

    #[test]
    fn without_options_a_line_is_what_it_is_by_default() {
        assert_eq!(LineOptions::default().read().expect("fine"), LineConfig::default());
    }

    #[test]
    fn what_is_wrong_names_the_option_and_is_told_at_once() {
        let errors = LineOptions {
            scalars: vec![("format", "xml".into()), ("max_line_size", "lots".into())],
            multiline: Some("(".into()),
            fields: owned(&["service"]),
            timezone: Some("UTC".into()),
            columns: owned(&["=level"]),
            ..LineOptions::default()
        }
        .read()
        .expect_err("all of it is wrong")
        .to_string();

        for message in [
            "--format: expected `json`, `text`",
            "--max-line-size: expected a size",
            "--multiline: expected a regular expression",
            "--field: expected a field and its value, such as `service=shop`, found `service`",
            "--timezone: expected `--timestamp` beside it, found `UTC`",
            "--column: expected a field and the column it goes to",
        ] {
            assert!(errors.contains(message), "{message} is not in\n{errors}");
        }
        assert_eq!(errors.lines().count(), 6, "{errors}");
    }

    #[test]
    fn a_regex_needs_its_pattern() {
        let options =
            LineOptions { scalars: vec![("format", "regex".into())], ..LineOptions::default() };

        let errors = options.read().expect_err("no pattern").to_string();

        assert!(errors.starts_with("--pattern: expected a regular expression with"), "{errors}");
    }

    #[test]
    fn a_source_has_a_name_that_a_harvester_could_have() {
        assert_eq!(read_source("old files"), Ok("old files".into()));
        for name in ["http", "", "a/b"] {
            let errors = read_source(name).expect_err(name).to_string();
            assert!(errors.starts_with("--source: expected "), "{errors}");
        }
    }
}
