//! What can be wrong with the text of a filter, each with the way out.

use super::{MAX_CONDITIONS, ends_with_operator};
use crate::domain::Schema;

/// What is wrong with the text of a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// No column has that name.
    #[error(
        "unknown column `{name}` as a filter; `{table}` has: {}{}",
        known.join(", "),
        hint(name)
    )]
    UnknownColumn {
        /// The name that was given.
        name: String,
        /// The log table.
        table: String,
        /// Its columns.
        known: Vec<String>,
    },
    /// A condition begins with no operator.
    #[error(
        "`{name}`: `{condition}` starts with none of the operators = ~= != >= <= > < and is neither `is null` nor \
         `is not null`; {}",
        way_out(name, condition)
    )]
    NoOperator {
        /// The column.
        name: String,
        /// The condition as given.
        condition: String,
    },
    /// The operator, or all of the condition, does not stand behind `column=`.
    #[error("`{part}` is no condition; a column's name and `=` come first, then {}", example(part))]
    Misplaced {
        /// The part of the filter.
        part: String,
    },
    /// The timestamp column is compared with what is no time, so that all rows or none would pass.
    #[error(
        "`{name}` is compared with `{text}`, which is no time; write it as 2026-11-28 or 2026-11-28T10:00:00Z"
    )]
    NotATime {
        /// The timestamp column.
        name: String,
        /// The value as given.
        text: String,
    },
    /// There are more than [`MAX_CONDITIONS`].
    #[error("a query may have {MAX_CONDITIONS} conditions at most")]
    TooMany,
    /// The text holds no condition.
    #[error("a filter needs a condition such as level==DEBUG")]
    Empty,
}

impl FilterError {
    /// For a name that is no column of the table.
    #[must_use]
    pub fn unknown_column(schema: &Schema, name: &str) -> Self {
        Self::UnknownColumn {
            name: name.to_owned(),
            table: schema.table().to_owned(),
            known: schema.names().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// For `line>=5` and the like, whose name seems to be `line>`.
fn hint(name: &str) -> &'static str {
    if ends_with_operator(name) {
        "; `=` comes right after the name, then the operator: line=>5"
    } else {
        ""
    }
}

fn way_out(name: &str, condition: &str) -> String {
    let is_encoded = ["%3D", "%7E", "%21", "%3E", "%3C", "%20"]
        .iter()
        .any(|code| condition.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case(code)));
    if is_encoded {
        return "write the characters themselves instead of their percent-encoding".to_owned();
    }
    format!("write {name}=={condition} to ask for equality, and a comma within a value as \\,")
}

/// What was probably meant.
fn example(part: &str) -> String {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let name = part.split(|c| !is_name(c)).next().unwrap_or_default();
    let rest = part.strip_prefix(name).unwrap_or_default().trim();
    let is_condition = rest.starts_with(['>', '<', '!', '~'])
        || rest.get(..3).is_some_and(|begin| begin.eq_ignore_ascii_case("is "));
    if !name.is_empty() && is_condition {
        return format!("the operator: {name}={rest}");
    }
    "an operator and a value: level==DEBUG".to_owned()
}
