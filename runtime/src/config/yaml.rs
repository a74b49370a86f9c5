//! YAML text as a tree in which each node knows its place. Repeated keys are kept, for the reader to report.

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, ScanError, YamlData};
use serde_json::{Number, Value};

use super::problem::Position;

/// What a text that is too long for a message is cut to, in characters.
const LONGEST_QUOTE: usize = 40;

/// One value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) content: Content,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// No value, or null.
    Nothing,
    /// A scalar.
    Scalar {
        /// As text: keys know their types, so a number may come in quotes and a text without.
        text: String,
        /// What it is to YAML 1.2, for values that no key of ours knows; none for what JSON has not: `.inf`, `.nan`.
        json: Option<Value>,
    },
    /// A list.
    List(Vec<Node>),
    /// A mapping in file order.
    Mapping(Vec<(NodeKey, Node)>),
}

/// A key of a mapping and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeKey {
    pub(super) at: Position,
    /// As it is written; what it is, if it is a list or a mapping.
    pub(super) text: String,
}

/// Why a text is no YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) at: Position,
    pub(super) message: String,
}

/// Reads a text with one YAML document; an empty one is [`Content::Nothing`].
pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut source = Source::new(text);
    let text = source.with_distinct_keys()?;
    let documents = MarkedYaml::load_from_str(&text).map_err(|error| source.explain(&error))?;
    if let Some(second) = documents.get(1) {
        let message = "a second YAML document starts here; keep one".into();
        return Err(SyntaxError { at: position(&second.span.start), message });
    }
    let empty = Node { at: Position { line: 1, column: 1 }, content: Content::Nothing };
    Ok(documents.first().map_or(empty, |root| source.node(root)))
}

impl Node {
    /// The text of a scalar.
    pub(super) fn scalar(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether there is no value, or an empty list.
    pub(super) fn is_empty(&self) -> bool {
        match &self.content {
            Content::Nothing => true,
            Content::List(items) => items.is_empty(),
            _ => false,
        }
    }

    /// The value in a message.
    pub(super) fn describe(&self) -> String {
        match &self.content {
            Content::Nothing => "nothing".into(),
            Content::Scalar { text, .. } => quote(text),
            Content::List(items) if items.is_empty() => "an empty list".into(),
            Content::List(_) => "a list".into(),
            Content::Mapping(_) => "a mapping".into(),
        }
    }
}

/// A text in a message: its start, if it is long.
pub(super) fn quote(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".into();
    }
    let start: String = text.chars().take(LONGEST_QUOTE).collect();
    let dots = if start.len() < text.len() { "…" } else { "" };
    format!(
        "`{}{dots}`",
        start.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
    )
}

/// The text that is parsed.
///
/// saphyr ends at the first repeated key, which would hide all other problems. So the repeated key's first
/// character becomes one that no file uses, which makes the key distinct and moves nothing, and is put back in the tree.
struct Source {
    chars: Vec<char>,
    replaced: Vec<char>,
}

/// The first of the private-use characters that stand in for others.
const STAND_IN: u32 = 0xE000;
/// There are 6400 of them.
const STAND_INS: usize = 6400;

impl Source {
    fn new(text: &str) -> Self {
        Self { chars: text.chars().collect(), replaced: Vec::new() }
    }

    fn with_distinct_keys(&mut self) -> Result<String, SyntaxError> {
        loop {
            let text: String = self.chars.iter().collect();
            match MarkedYaml::load_from_str(&text) {
                Err(error) if error.info().starts_with("duplicated key") => {
                    if !self.make_distinct(error.marker()) {
                        return Err(self.explain(&error));
                    }
                }
                // Other errors come up again where the text is read.
                _ => return Ok(text),
            }
        }
    }

    fn make_distinct(&mut self, key: &Marker) -> bool {
        let quoted = matches!(self.chars.get(key.index()), Some('"' | '\''));
        let Some(first) = self.chars.get_mut(key.index() + usize::from(quoted)) else {
            return false;
        };
        let is_name = first.is_alphanumeric() || *first == '_' || is_stand_in(*first);
        let next =
            u32::try_from(self.replaced.len()).ok().and_then(|n| char::from_u32(STAND_IN + n));
        let (true, true, Some(next)) = (is_name, self.replaced.len() < STAND_INS, next) else {
            return false;
        };
        self.replaced.push(std::mem::replace(first, next));
        true
    }

    fn original(&self, text: &str) -> String {
        let restore = |c: char| {
            let index = (c as u32).checked_sub(STAND_IN).map(|index| index as usize);
            index.and_then(|index| self.replaced.get(index)).copied().unwrap_or(c)
        };
        text.chars().map(restore).collect()
    }

    fn node(&self, marked: &MarkedYaml<'_>) -> Node {
        let content = match &marked.data {
            YamlData::Value(scalar) => self.scalar(marked, scalar),
            YamlData::Sequence(items) => {
                Content::List(items.iter().map(|item| self.node(item)).collect())
            }
            YamlData::Mapping(entries) => Content::Mapping(
                entries.iter().map(|(key, value)| (self.key(key), self.node(value))).collect(),
            ),
            YamlData::Tagged(_, inner) => self.node(inner).content,
            YamlData::Representation(text, ..) => text_content(text),
            YamlData::Alias(_) | YamlData::BadValue => Content::Nothing,
        };
        Node { at: position(&marked.span.start), content }
    }

    fn key(&self, marked: &MarkedYaml<'_>) -> NodeKey {
        let node = self.node(marked);
        let text = match &node.content {
            Content::Scalar { text, .. } => self.original(text),
            Content::Nothing => "null".into(),
            _ => node.describe(),
        };
        NodeKey { at: node.at, text }
    }

    fn scalar(&self, marked: &MarkedYaml<'_>, scalar: &Scalar<'_>) -> Content {
        let written = self.as_written(marked, scalar);
        let (value, json) = match scalar {
            Scalar::Null => return Content::Nothing,
            Scalar::String(value) => return self.text(marked, value),
            Scalar::Boolean(value) => (value.to_string(), Some(Value::from(*value))),
            Scalar::Integer(value) => (value.to_string(), Some(Value::from(*value))),
            Scalar::FloatingPoint(value) => {
                // Whole numbers that are too large for the parser come as decimal ones.
                let whole = written.as_ref().and_then(|text| text.parse::<u64>().ok());
                let number = whole.map(Number::from).or_else(|| Number::from_f64(value.0));
                (value.to_string(), number.map(Value::Number))
            }
        };
        Content::Scalar { text: written.unwrap_or(value), json }
    }

    /// A text; or one of the spellings of YAML 1.2 that the parser takes for texts, if no quotes are around it.
    fn text(&self, marked: &MarkedYaml<'_>, text: &str) -> Content {
        let json = match text {
            "True" | "TRUE" => Value::Bool(true),
            "False" | "FALSE" => Value::Bool(false),
            "Null" => Value::Null,
            _ => return text_content(text),
        };
        if self.source_of(marked).is_none_or(|written| written.trim() != text) {
            return text_content(text);
        }
        Content::Scalar { text: text.into(), json: Some(json) }
    }

    /// How the file spells a number or truth value: a directory `1.10` is not the directory `1.1`.
    /// `None` for what stands elsewhere, behind an alias.
    fn as_written(&self, marked: &MarkedYaml<'_>, scalar: &Scalar<'_>) -> Option<String> {
        let text = self.source_of(marked)?;
        let text = text.trim();
        (Scalar::parse_from_cow(text.into()) == *scalar).then(|| text.to_owned())
    }

    fn source_of(&self, marked: &MarkedYaml<'_>) -> Option<String> {
        let (start, end) = (marked.span.start.index(), marked.span.end.index());
        Some(self.chars.get(start..end)?.iter().collect())
    }

    fn explain(&self, error: &ScanError) -> SyntaxError {
        let at = position(error.marker());
        if let Some(at) = self.tab_indent(at.line) {
            return SyntaxError { at, message: "a tab indents this line; use spaces".into() };
        }
        SyntaxError { at, message: format!("this is no valid YAML: {}", error.info()) }
    }

    /// A tab in the indentation of `line` or the next one: saphyr reports where the value before it starts.
    fn tab_indent(&self, line: usize) -> Option<Position> {
        let mut lines = self.chars.split(|c| *c == '\n').enumerate();
        lines.by_ref().take(line.saturating_sub(1)).for_each(drop);
        lines.take(2).find_map(|(index, line)| {
            let mut indent = line.iter().take_while(|c| matches!(c, ' ' | '\t'));
            let column = indent.position(|c| *c == '\t')?;
            Some(Position { line: index + 1, column: column + 1 })
        })
    }
}

fn text_content(text: &str) -> Content {
    Content::Scalar { text: text.into(), json: Some(text.into()) }
}

fn is_stand_in(c: char) -> bool {
    (c as u32).checked_sub(STAND_IN).is_some_and(|index| (index as usize) < STAND_INS)
}

fn position(marker: &Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}
