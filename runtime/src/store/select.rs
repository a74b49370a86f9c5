//! Queries as SQL text. Identifiers come only from the schema, values are always bound.

use rusqlite::types::Value as SqlValue;

use super::contains::{CONTAINS, is_for_like};
use super::dictionary::{Comparison, Ids, Others, Standing};
use super::matching::{Cells, Matching, Test};
use crate::domain::{
    ColumnId, Cursor, Filter, Literal, Operator, Order, RowId, Schema, quote_identifier,
};

/// SQL text under construction with the values bound to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sql {
    pub(super) text: String,
    pub(super) values: Vec<SqlValue>,
}

/// Which index a query is led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// SQLite chooses: best when a filter's index leaves few rows.
    Planner,
    /// The filters keep their hands off other indexes, so that rows are walked in the order asked for and the
    /// first ones are the answer: best when many rows match.
    InOrder,
    /// As `InOrder`, by row id: the timestamp's index is hidden too.
    RowIds,
}

impl Sql {
    /// `SELECT count(*)` of the matches.
    pub(super) fn count(schema: &Schema, matching: &Matching<'_>) -> Self {
        let mut sql = Self::default();
        sql.push("SELECT count(*) FROM ");
        sql.push(&quote_identifier(schema.table()));
        sql.conditions(schema, matching, Walk::Planner, &[]);
        sql
    }

    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn bind(&mut self, value: SqlValue) {
        self.values.push(value);
        self.push("?");
    }

    /// The columns of an answer, then those that place a row: timestamp and row id.
    pub(super) fn columns(&mut self, schema: &Schema, fields: &[ColumnId], table: &str) {
        for id in fields.iter().copied().chain([schema.timestamp()]) {
            self.push(&format!("{table}.{},", quote_identifier(&schema.column(id).name)));
        }
        self.push(&format!("{table}.{}", quote_identifier(schema.row_id_name())));
    }

    /// ` WHERE …` of the filters and further conditions, all of which must hold.
    pub(super) fn conditions(
        &mut self,
        schema: &Schema,
        matching: &Matching<'_>,
        walk: Walk,
        further: &[Condition<'_>],
    ) {
        let mut glue = " WHERE ";
        for test in matching.tests() {
            self.push(glue);
            self.test(schema, test, walk);
            glue = " AND ";
        }
        for condition in further {
            self.push(glue);
            self.condition(schema, condition);
            glue = " AND ";
        }
    }

    /// The condition of one filter.
    pub(super) fn test(&mut self, schema: &Schema, test: &Test<'_>, walk: Walk) {
        let filter = test.filter;
        // A unary plus hides a column from the choice of an index. It also takes the column's affinity from the
        // comparison, which is why literals are typed by affinity when they are parsed.
        let hidden = match walk {
            Walk::Planner => false,
            Walk::InOrder => filter.column != schema.timestamp(),
            Walk::RowIds => Some(filter.column) != schema.row_id_column(),
        };
        let mut column = quote_identifier(&schema.column(filter.column).name);
        if hidden {
            column.insert(0, '+');
        }
        match &test.cells {
            Cells::Plain => self.filter(&column, filter),
            Cells::Escaped => self.escaped(&column, filter),
            Cells::Ids { ids, others } => self.ids(&column, filter, ids, *others),
        }
    }

    fn filter(&mut self, column: &str, filter: &Filter) {
        let operator = match filter.operator {
            Operator::Contains => return self.contains(column, &needle(&filter.literal)),
            Operator::IsNull => " IS NULL",
            Operator::IsNotNull => " IS NOT NULL",
            Operator::Equal => " = ",
            Operator::NotEqual => " != ",
            Operator::AtLeast => " >= ",
            Operator::AtMost => " <= ",
            Operator::Above => " > ",
            Operator::Below => " < ",
        };
        self.push(column);
        self.push(operator);
        if !matches!(filter.operator, Operator::IsNull | Operator::IsNotNull) {
            self.bind(literal_value(&filter.literal));
        }
    }

    /// Whether a text holds another one. Numbers and BLOBs are looked at as the text that SQLite makes of them.
    pub(super) fn contains(&mut self, value: &str, needle: &str) {
        if is_for_like(needle) {
            let escaped = needle.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            self.push(&format!("{value} LIKE "));
            self.bind(SqlValue::Text(format!("%{escaped}%")));
            self.push(" ESCAPE '\\'");
        } else {
            self.push(&format!("{CONTAINS}(CAST({value} AS TEXT), "));
            self.bind(SqlValue::Text(needle.to_owned()));
            self.push(")");
        }
    }

    /// Cells that stand for themselves, some of them escaped.
    fn escaped(&mut self, column: &str, filter: &Filter) {
        match filter.operator {
            Operator::IsNull | Operator::IsNotNull => self.filter(column, filter),
            _ => self.any(Comparison::of(filter).arms(column, Others::NumbersAndTexts)),
        }
    }

    /// Cells that hold ids, and `others` that stand for themselves.
    fn ids(&mut self, column: &str, filter: &Filter, ids: &Ids, others: Standing) {
        let found = ids.condition(column);
        let with_others = |comparison: Comparison| match others {
            Standing::None => Vec::new(),
            Standing::Some => comparison.arms(column, Others::Texts),
        };
        let comparison = Comparison::of(filter);
        match (filter.operator, ids) {
            (Operator::IsNull | Operator::IsNotNull, _) => self.null_ids(column, filter, found),
            (_, Ids::Outside(_)) => {
                let equal = with_others(comparison.equal());
                self.push(&format!("({column} IS NOT NULL AND NOT "));
                self.any(found.into_iter().chain(equal).collect());
                self.push(")");
            }
            _ => self.any(found.into_iter().chain(with_others(comparison)).collect()),
        }
    }

    /// `IS NULL` or `IS NOT NULL`, where cells for which `found` holds are NULL, too.
    fn null_ids(&mut self, column: &str, filter: &Filter, found: Option<Self>) {
        self.push("(");
        self.filter(column, filter);
        if let Some(found) = found {
            self.push(if filter.operator == Operator::IsNull { " OR (" } else { " AND NOT (" });
            self.append(found);
            self.push(")");
        }
        self.push(")");
    }

    /// One of these conditions, in parentheses; `0` without any.
    fn any(&mut self, arms: Vec<Self>) {
        if arms.is_empty() {
            return self.push("0");
        }
        let mut glue = "((";
        for arm in arms {
            self.push(glue);
            self.append(arm);
            glue = ") OR (";
        }
        self.push("))");
    }

    /// `value = ?` or `value IN (?, …)`. The list must not be empty.
    pub(super) fn among(&mut self, value: &str, ids: &[i64]) {
        self.push(value);
        self.push(if ids.len() == 1 { " = " } else { " IN (" });
        for (at, id) in ids.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            self.bind(SqlValue::Integer(*id));
        }
        if ids.len() > 1 {
            self.push(")");
        }
    }

    /// The text and the values of another one.
    pub(super) fn append(&mut self, other: Self) {
        self.push(&other.text);
        self.values.extend(other.values);
    }

    fn condition(&mut self, schema: &Schema, condition: &Condition<'_>) {
        let row_id = quote_identifier(schema.row_id_name());
        match condition {
            Condition::Above(id) => {
                self.push(&format!("{row_id} > "));
                self.bind(SqlValue::Integer(id.0));
            }
            Condition::AtMost(id) => {
                self.push(&format!("{row_id} <= "));
                self.bind(SqlValue::Integer(id.0));
            }
            Condition::NotNewer(id) => {
                self.push(&format!("+{row_id} <= "));
                self.bind(SqlValue::Integer(id.0));
            }
            Condition::Behind(cursor, order) => self.behind(schema, cursor, *order),
        }
    }

    fn behind(&mut self, schema: &Schema, cursor: &Cursor, order: Order) {
        let timestamp = quote_identifier(&schema.column(schema.timestamp()).name);
        let row_id = quote_identifier(schema.row_id_name());
        match &cursor.timestamp {
            // Rows without a timestamp are the smallest of all.
            Literal::Null if order == Order::Ascending => {
                self.push(&format!("({timestamp} IS NOT NULL OR {row_id} > "));
                self.bind(SqlValue::Integer(cursor.row_id.0));
                self.push(")");
            }
            Literal::Null => {
                self.push(&format!("{timestamp} IS NULL AND {row_id} < "));
                self.bind(SqlValue::Integer(cursor.row_id.0));
            }
            known => {
                let comparison = if order == Order::Ascending { ">" } else { "<" };
                self.push(&format!("({timestamp}, {row_id}) {comparison} ("));
                self.bind(literal_value(known));
                self.push(", ");
                self.bind(SqlValue::Integer(cursor.row_id.0));
                self.push(")");
            }
        }
    }

    /// ` ORDER BY` timestamp, then row id.
    pub(super) fn order_by(&mut self, schema: &Schema, order: Order, table: &str) {
        let direction = if order == Order::Ascending { "ASC" } else { "DESC" };
        let timestamp = quote_identifier(&schema.column(schema.timestamp()).name);
        let row_id = quote_identifier(schema.row_id_name());
        self.push(&format!(
            " ORDER BY {table}.{timestamp} {direction}, {table}.{row_id} {direction}"
        ));
    }
}

/// A condition on a row's place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition<'a> {
    /// Newer than this row.
    Above(RowId),
    /// This row or older.
    AtMost(RowId),
    /// The same without leading the query to the row ids.
    NotNewer(RowId),
    /// Behind the cursor in this order.
    Behind(&'a Cursor, Order),
}

/// The text that `~=` looks for.
pub(super) fn needle(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Integer(integer) => integer.to_string(),
        Literal::Real(real) => real.to_string(),
        Literal::Null => String::new(),
    }
}

/// A literal as a value to bind.
pub(super) fn literal_value(literal: &Literal) -> SqlValue {
    match literal {
        Literal::Null => SqlValue::Null,
        Literal::Integer(integer) => SqlValue::Integer(*integer),
        Literal::Real(real) => SqlValue::Real(*real),
        Literal::Text(text) => SqlValue::Text(text.clone()),
    }
}
