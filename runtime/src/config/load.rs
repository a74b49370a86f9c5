//! Reads a configuration: file, then environment, then what shows only when all keys are known.

use std::path::Path;

use super::key::{Key, Reader, keys};
use super::problem::{ConfigErrors, Fault, Origin, Position};
use super::report::Report;
use super::root::Config;
use super::yaml::{Content, Node};
use super::{compression, environment, ingest, mapping, retention, unsupported, yaml};

/// What the service runs on when no file is named.
const DEFAULT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/default.yaml"));

impl Config {
    /// Reads the file at `path`, or the built-in configuration, with the overrides of `environment`
    /// (pairs of name and value, as [`environment()`](super::environment()) gives them).
    ///
    /// # Errors
    /// [`ConfigErrors`] with every problem of the file and the environment.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let Some(path) = path else { return Self::parse(Origin::BuiltIn, DEFAULT, environment) };
        let origin = Origin::File(path.into());
        match read(path) {
            Ok(text) => Self::parse(origin, &text, environment),
            Err((position, fault)) => {
                let mut report = Report::new(origin);
                report.add("", position, fault);
                report.finish(Self::default())
            }
        }
    }

    pub(super) fn parse(
        origin: Origin,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let mut config = Self::default();
        let mut report = Report::new(origin);
        match yaml::parse(text) {
            Ok(root) => config.read_file(&root, &mut report),
            Err(error) => report.add("", Some(error.at), Fault::Syntax(error.message)),
        }
        environment::apply(&mut config, environment, &mut report);
        retention::check(&config, &mut report);
        compression::check(&config, &mut report);
        ingest::check(&config, &mut report);
        unsupported::check(&config, &mut report);
        report.finish(config)
    }

    fn read_file(&mut self, root: &Node, report: &mut Report) {
        if matches!(root.content, Content::Nothing) {
            let message = "the file is empty; `loglite config show` prints one to start from";
            return report.add("", Some(root.at), Fault::Syntax(message.into()));
        }
        let names: Vec<_> = keys().map(|key| key.name).collect();
        let expected = "a mapping of keys to values, such as `port: 7788`";
        let fields = mapping::fields(root, "", expected, &names, report);
        for key in keys() {
            for (_, node) in fields.iter().filter(|(name, _)| *name == key.name) {
                key.set(self, node, report);
            }
        }
        if matches!(root.content, Content::Mapping(_)) && !report.is_set("migrations") {
            let expected =
                keys().find(|key| key.name == "migrations").map_or("", |key| key.expected);
            report.add("migrations", None, Fault::Missing { expected: expected.into() });
        }
    }
}

impl Key {
    fn set(&self, config: &mut Config, node: &Node, report: &mut Report) {
        report.set_at(self.name, Some(node.at));
        match (&self.read, &node.content) {
            (Reader::Nested(read), _) => read(config, node, report),
            (Reader::Scalar(read), Content::Scalar { text, .. }) if read(config, text) => {}
            // A key without a value means "none" to the keys that know it.
            (Reader::Scalar(read), Content::Nothing) if read(config, "") => {}
            (Reader::Scalar(_), _) => report.mismatch(self.name, node, self.expected),
        }
    }
}

fn read(path: &Path) -> Result<String, (Option<Position>, Fault)> {
    let bytes =
        std::fs::read(path).map_err(|error| (None, Fault::Unreadable(error.to_string())))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let before = String::from_utf8_lossy(valid);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let message = "this is no UTF-8 text; save the file as UTF-8".into();
        (Some(Position { line, column }), Fault::Syntax(message))
    })?;
    // The mark that some editors put in front of UTF-8 is no part of the text.
    Ok(text.trim_start_matches('\u{FEFF}').to_owned())
}
