//! One key of a harvester's `config:`: what it is called, means and defaults to, and how it is read and shown.

use serde_json::{Map, Value, json};

use super::super::mapping;
use super::super::problem::{Fault, Position};
use super::super::report::Report;
use super::super::yaml::{Content, Node};

/// One key of the harvester's settings `T`.
#[derive(Debug)]
pub(super) struct Field<T: 'static> {
    pub(super) name: &'static str,
    /// What a value must be, to complete "expected …".
    pub(super) expected: &'static str,
    /// The default as a file would spell it; [`REQUIRED`] or [`NONE`] where there is no such text.
    pub(super) default: &'static str,
    pub(super) doc: &'static str,
    pub(super) read: Read<T>,
    /// The value as the file spells it; null where it has none.
    pub(super) show: fn(&T) -> Value,
}

/// How a value gets into the settings `T`.
#[derive(Debug)]
pub(super) enum Read<T> {
    /// From the text of a scalar; false when it is not what the key expects.
    Scalar(fn(&mut T, &str) -> bool),
    /// From a list or mapping; reports what is wrong by itself.
    Nested(fn(&mut T, &Node, &str, &mut Report)),
}

/// Stands for the default of a key that has none.
pub(super) const REQUIRED: &str = "required";
/// Stands for the default of a key that is not in effect unless it is set.
pub(super) const NONE: &str = "none";

/// A mapping of the file whose known keys are told apart, and its place.
#[derive(Debug)]
pub(super) struct Given<'n> {
    at: Position,
    path: String,
    fields: Vec<(&'static str, &'n Node)>,
}

impl<'n> Given<'n> {
    /// The mapping at `path`. Without one, what is missing in it is missing at `at`.
    pub(super) fn new(
        node: Option<&'n Node>,
        (at, path): (Position, String),
        known: &[&'static str],
        report: &mut Report,
    ) -> Self {
        let Some(node) = node else { return Self { at, path, fields: Vec::new() } };
        let expected = format!("a mapping of {}", known.join(", "));
        let mut fields = mapping::fields(node, &path, &expected, known, report);
        // A key without a value asks for its default.
        fields.retain(|(_, node)| !matches!(node.content, Content::Nothing));
        Self { at: node.at, path, fields }
    }

    pub(super) fn find(&self, name: &str) -> Option<&'n Node> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, node)| *node)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Puts the values of `keys` into `settings`.
    pub(super) fn read<T>(&self, keys: &[Field<T>], settings: &mut T, report: &mut Report) {
        for (name, node) in &self.fields {
            if let Some(key) = keys.iter().find(|key| key.name == *name) {
                key.set(settings, node, &format!("{}.{name}", self.path), report);
            }
        }
    }

    /// Reports that `name` is missing, unless it is there.
    pub(super) fn require(&self, name: &str, expected: &str, report: &mut Report) {
        if !self.has(name) {
            let fault = Fault::Missing { expected: expected.into() };
            report.add(format!("{}.{name}", self.path), Some(self.at), fault);
        }
    }

    /// Reports that an item of the list `name` is not what is expected; one that stands for a list counts as its first.
    pub(super) fn refuse_item(
        &self,
        (name, index): (&str, usize),
        item: &Node,
        expected: &str,
        report: &mut Report,
    ) {
        report.mismatch(format!("{}.{name}[{index}]", self.path), item, expected);
    }

    /// Reports that `name`, if it is there, is not what is expected.
    pub(super) fn refuse(&self, name: &str, expected: &str, report: &mut Report) {
        if let Some(node) = self.find(name) {
            report.mismatch(format!("{}.{name}", self.path), node, expected);
        }
    }
}

impl<T> Field<T> {
    fn set(&self, settings: &mut T, node: &Node, path: &str, report: &mut Report) {
        match (&self.read, node.scalar()) {
            (Read::Nested(read), _) => read(settings, node, path, report),
            (Read::Scalar(read), Some(text)) if read(settings, text) => {}
            (Read::Scalar(_), _) => report.mismatch(path, node, self.expected),
        }
    }
}

/// What differs from `defaults`.
pub(super) fn show<T>(keys: &[Field<T>], settings: &T, defaults: &T) -> Map<String, Value> {
    let shown = keys.iter().map(|key| (key.name, (key.show)(settings), (key.show)(defaults)));
    let differing = shown.filter(|(_, value, default)| value != default);
    differing.map(|(name, value, _)| (name.to_owned(), value)).collect()
}

/// A list that may be written as its only text.
pub(super) fn one_or_more(texts: &[String]) -> Value {
    match texts {
        [text] => json!(text),
        _ => json!(texts),
    }
}

/// Checks that the default of each key is what nothing given comes to.
#[cfg(test)]
pub(super) fn assert_defaults<T: Clone>(keys: &[Field<T>], defaults: &T) {
    use super::super::problem::Origin;
    use super::super::yaml;
    for key in keys.iter().filter(|key| !matches!(key.default, REQUIRED | NONE)) {
        let node = yaml::parse(key.default).expect("YAML");
        let mut settings = defaults.clone();
        let mut report = Report::new(Origin::BuiltIn);
        key.set(&mut settings, &node, key.name, &mut report);
        assert_eq!(report.finish(()), Ok(()), "{}", key.name);
        assert_eq!((key.show)(&settings), (key.show)(defaults), "{}", key.name);
    }
    for key in keys.iter().filter(|key| key.default == NONE) {
        assert_eq!((key.show)(defaults), Value::Null, "{}", key.name);
    }
}
