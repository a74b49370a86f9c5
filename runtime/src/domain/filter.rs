//! One condition on one column.

use super::ColumnId;

/// How a column's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `~=`: contains, ignoring the case of ASCII letters.
    Contains,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `is null`
    IsNull,
    /// `is not null`
    IsNotNull,
}

/// What a column's value is compared with, typed by the column's affinity.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// Nothing: the operator needs none.
    Null,
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text.
    Text(String),
}

/// One condition on one column, such as `level=ERROR`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The column.
    pub column: ColumnId,
    /// The comparison.
    pub operator: Operator,
    /// The value on its right side.
    pub literal: Literal,
}
