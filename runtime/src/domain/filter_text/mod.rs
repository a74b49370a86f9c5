//! The text of filters, as in the query string of GET /logs, in `retention` and in `loglite delete`.
//!
//! Grammar: `column=<op><value>[,<op><value>…]`, joined by `&`, with the operators `= ~= != >= <= > <`, or `is null` and
//! `is not null`. Conditions are ANDed, also those of a repeated column. In a value `\,` is a comma and `\\` a backslash.
//!
//! The same text means the same everywhere: quotes are part of a value, white space around names and values is not.
//! Only the way to write what would end a value differs: a URL is percent-encoded (`%26` for `&`), a [`FilterText`] is
//! not and takes `\&`.

mod error;

use std::str::FromStr;

pub use self::error::FilterError;
use super::{Affinity, ColumnId, Filter, Kind, Literal, Operator, Schema};

/// Conditions of one query at most: SQLite takes no more than a thousand in one expression.
pub const MAX_CONDITIONS: usize = 500;
/// Longer operators first: `>=` starts like `>`.
const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::NotEqual),
    ("~=", Operator::Contains),
    ("=", Operator::Equal),
    (">", Operator::Above),
    ("<", Operator::Below),
];

/// A whole filter such as `level==DEBUG&service=~=api`, whose grammar is right. Whether its columns exist shows when it
/// meets a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterText {
    text: String,
    conditions: Vec<Condition>,
}

/// One condition as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    column: String,
    operator: Operator,
    value: String,
}

impl FilterText {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The conditions on the columns of `schema`, never none. As rows are deleted by them, times must be times.
    ///
    /// # Errors
    /// [`FilterError::UnknownColumn`] or [`FilterError::NotATime`].
    pub fn resolve(&self, schema: &Schema) -> Result<Vec<Filter>, FilterError> {
        let resolved = self.conditions.iter().map(|condition| {
            let column = schema.find(&condition.column);
            let column =
                column.ok_or_else(|| FilterError::unknown_column(schema, &condition.column))?;
            let filter = condition.typed(schema, column);
            if column == schema.timestamp() {
                check_time(&condition.column, &filter)?;
            }
            Ok(filter)
        });
        resolved.collect()
    }
}

impl FromStr for FilterText {
    type Err = FilterError;

    /// Nothing in the text is percent-encoded, and `\&` is an ampersand in a value.
    ///
    /// # Errors
    /// Any [`FilterError`] but [`FilterError::UnknownColumn`].
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut conditions = Vec::new();
        for part in split(text, '&').iter().filter(|part| !part.trim().is_empty()) {
            let misplaced = || FilterError::Misplaced { part: part.trim().to_owned() };
            let (name, value) = part.split_once('=').ok_or_else(misplaced)?;
            let name = name.trim();
            if name.is_empty() || (ends_with_operator(name) && !starts_with_operator(value)) {
                return Err(misplaced());
            }
            conditions.extend(read_conditions(name, value)?);
        }
        match conditions.len() {
            0 => Err(FilterError::Empty),
            1..=MAX_CONDITIONS => Ok(Self { text: text.trim().to_owned(), conditions }),
            _ => Err(FilterError::TooMany),
        }
    }
}

/// Texts that begin with a year may be compared with others as they are.
fn check_time(name: &str, filter: &Filter) -> Result<(), FilterError> {
    use Operator::{Above, AtLeast, AtMost, Below, NotEqual};
    let Literal::Text(text) = &filter.literal else { return Ok(()) };
    let has_year = text.len() >= 4 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    if has_year || !matches!(filter.operator, Above | AtLeast | AtMost | Below | NotEqual) {
        return Ok(());
    }
    Err(FilterError::NotATime { name: name.to_owned(), text: text.clone() })
}

/// Reads the conditions on one column: the value of a query parameter of that name.
///
/// # Errors
/// [`FilterError::NoOperator`].
pub fn parse_conditions(
    schema: &Schema,
    column: ColumnId,
    value: &str,
) -> Result<Vec<Filter>, FilterError> {
    let conditions = read_conditions(&schema.column(column).name, value)?;
    Ok(conditions.into_iter().map(|condition| condition.typed(schema, column)).collect())
}

/// Reads a whole filter for a table; see [`FilterText`].
///
/// # Errors
/// Any [`FilterError`].
pub fn parse_filters(schema: &Schema, text: &str) -> Result<Vec<Filter>, FilterError> {
    text.parse::<FilterText>()?.resolve(schema)
}

/// Whether the text begins with an operator.
#[must_use]
pub fn starts_with_operator(text: &str) -> bool {
    operator(text).is_some()
}

/// Whether what should be a column's name ends as in `line>`: an operator stands where only the name may.
fn ends_with_operator(name: &str) -> bool {
    name.ends_with(['>', '<', '!', '~'])
}

fn read_conditions(column: &str, value: &str) -> Result<Vec<Condition>, FilterError> {
    let mut parts = split(value, ',');
    // A comma at the end was never a mistake.
    if parts.len() > 1 && parts.last().is_some_and(|part| part.trim().is_empty()) {
        parts.pop();
    }
    parts.iter().map(|part| Condition::read(column, part.trim())).collect()
}

impl Condition {
    fn read(column: &str, text: &str) -> Result<Self, FilterError> {
        let column = column.to_owned();
        let (operator, value) = match text.to_ascii_lowercase().as_str() {
            "is null" => (Operator::IsNull, ""),
            "is not null" => (Operator::IsNotNull, ""),
            _ => match operator(text) {
                Some(known) => known,
                None => {
                    return Err(FilterError::NoOperator { name: column, condition: text.into() });
                }
            },
        };
        Ok(Self { column, operator, value: without_escapes(value.trim()) })
    }

    fn typed(&self, schema: &Schema, column: ColumnId) -> Filter {
        let literal = match self.operator {
            Operator::IsNull | Operator::IsNotNull => Literal::Null,
            Operator::Contains => Literal::Text(self.value.clone()),
            _ => literal(schema, column, &self.value),
        };
        Filter { column, operator: self.operator, literal }
    }
}

/// Splits at a character that no backslash precedes. Where one does, it goes; those before other characters stay.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let last = parts.last_mut().expect("there is always a last part");
        match character {
            '\\' => match characters.next() {
                Some(escaped) if escaped == separator => last.push(escaped),
                Some(other) => last.extend(['\\', other]),
                None => last.push('\\'),
            },
            _ if character == separator => parts.push(String::new()),
            other => last.push(other),
        }
    }
    parts
}

/// `\\` is a backslash; one before any other character is one, too.
fn without_escapes(value: &str) -> String {
    value.replace("\\\\", "\\")
}

/// The operator that a condition begins with, and what follows it.
fn operator(condition: &str) -> Option<(Operator, &str)> {
    let condition = condition.trim_start();
    OPERATORS.iter().find_map(|(text, operator)| Some((*operator, condition.strip_prefix(text)?)))
}

/// The value as the column's affinity makes it: what looks like a number is one for a numeric column.
fn literal(schema: &Schema, column: ColumnId, text: &str) -> Literal {
    let column = schema.column(column);
    if column.affinity != Affinity::Numeric {
        return Literal::Text(text.to_owned());
    }
    if let Ok(integer) = text.parse() {
        return Literal::Integer(integer);
    }
    match text.to_ascii_lowercase().as_str() {
        "true" if column.kind == Kind::Boolean => return Literal::Integer(1),
        "false" if column.kind == Kind::Boolean => return Literal::Integer(0),
        _ => {}
    }
    let looks_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse() {
        Ok(real) if looks_numeric => Literal::Real(real),
        _ => Literal::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
