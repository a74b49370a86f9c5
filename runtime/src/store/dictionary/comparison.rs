//! A filter's comparison as SQL, where values are stored as a compressed column's cells and the dictionary hold them.
//!
//! The answer is that of a plain column of numeric affinity: numbers come before texts, and text that looks like a
//! number is one. Escaped values are BLOBs, and so behind all texts in the order of an index; they are looked at one by
//! one. `~=` looks at values as clients see them, so that `~=00` finds the text `007`.

use rusqlite::types::{Value, ValueRef};

use super::cell::{as_number, to_dictionary};
use super::functions::{COMPARED, SHOWN};
use crate::domain::{Filter, Literal, Operator};
use crate::store::select::{Sql, literal_value, needle};

/// What values there are besides BLOBs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Others {
    /// Numbers and texts.
    NumbersAndTexts,
    /// Texts only: numbers are ids.
    Texts,
}

/// A comparison with a literal.
#[derive(Debug, Clone)]
pub(in crate::store) struct Comparison {
    operator: Operator,
    literal: Value,
}

impl Comparison {
    /// The comparison of a filter, which is not one of NULL.
    pub(in crate::store) fn of(filter: &Filter) -> Self {
        let literal = match &filter.literal {
            any if filter.operator == Operator::Contains => Value::Text(needle(any)),
            Literal::Text(text) => as_number(text).unwrap_or_else(|| Value::Text(text.clone())),
            other => literal_value(other),
        };
        Self { operator: filter.operator, literal }
    }

    /// The opposite of `!=`.
    pub(in crate::store) fn equal(&self) -> Self {
        Self { operator: Operator::Equal, literal: self.literal.clone() }
    }

    /// Conditions on `cell`, of which one must hold. None when no value can satisfy it. Each can be answered by a range
    /// of an index, as far as the operator allows.
    pub(in crate::store) fn arms(&self, cell: &str, others: Others) -> Vec<Sql> {
        [self.others(cell, others), self.blobs(cell)].into_iter().flatten().collect()
    }

    /// Numbers and texts, or texts only.
    fn others(&self, cell: &str, others: Others) -> Option<Sql> {
        let has_numbers = others == Others::NumbersAndTexts;
        // Every text is larger than every number.
        let all_texts = !has_numbers && !matches!(self.literal, Value::Text(_));
        let mut sql = Sql::default();
        match self.operator {
            Operator::Contains => {
                sql.push(&between(cell, has_numbers));
                sql.push(" AND ");
                sql.contains(cell, self.needle());
            }
            Operator::Equal | Operator::Below | Operator::AtMost if all_texts => return None,
            _ if all_texts => sql.push(&between(cell, has_numbers)),
            Operator::Equal => self.compare(&mut sql, cell),
            Operator::Above | Operator::AtLeast => {
                self.compare(&mut sql, cell);
                sql.push(&format!(" AND {cell} < x''"));
            }
            Operator::Below | Operator::AtMost => {
                if !has_numbers {
                    sql.push(&format!("{cell} >= '' AND "));
                }
                self.compare(&mut sql, cell);
            }
            _ => {
                sql.push(&between(cell, has_numbers));
                sql.push(" AND ");
                self.compare(&mut sql, cell);
            }
        }
        Some(sql)
    }

    /// BLOBs, most of them escaped values.
    fn blobs(&self, cell: &str) -> Option<Sql> {
        let mut sql = Sql::default();
        if let (Operator::Equal, Value::Text(text)) = (self.operator, &self.literal) {
            // There is one way to escape a text, if it needs it.
            let escaped = to_dictionary(ValueRef::Text(text.as_bytes()));
            let Value::Blob(_) = escaped else { return None };
            sql.push(&format!("{cell} = "));
            sql.bind(escaped);
            return Some(sql);
        }
        sql.push(&format!("{cell} >= x'' AND "));
        match self.operator {
            Operator::Contains => sql.contains(&format!("{SHOWN}({cell})"), self.needle()),
            _ => self.compare(&mut sql, &format!("{COMPARED}({cell})")),
        }
        Some(sql)
    }

    fn compare(&self, sql: &mut Sql, cell: &str) {
        let operator = match self.operator {
            Operator::NotEqual => "!=",
            Operator::AtLeast => ">=",
            Operator::AtMost => "<=",
            Operator::Above => ">",
            Operator::Below => "<",
            _ => "=",
        };
        sql.push(&format!("{cell} {operator} "));
        sql.bind(self.literal.clone());
    }

    fn needle(&self) -> &str {
        if let Value::Text(text) = &self.literal { text } else { "" }
    }
}

/// All that is not a BLOB, and no number unless there are some.
fn between(cell: &str, has_numbers: bool) -> String {
    if has_numbers { format!("{cell} < x''") } else { format!("{cell} >= '' AND {cell} < x''") }
}
