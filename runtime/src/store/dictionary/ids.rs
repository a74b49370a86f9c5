//! Which ids stand for values that satisfy a filter.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::comparison::{Comparison, Others};
use crate::domain::{Filter, Operator};
use crate::store::select::Sql;

/// So many ids are listed in a statement. A query has up to [`MAX_CONDITIONS`](crate::domain::MAX_CONDITIONS) such
/// lists, and SQLite binds 32 766 values.
const MOST_LISTED: usize = 32;

/// The ids of a column that a filter finds.
#[derive(Debug, Clone)]
pub(in crate::store) enum Ids {
    /// These.
    Within(Vec<i64>),
    /// All but these, also those whose values are lost.
    Outside(Vec<i64>),
    /// Those that this SELECT gives: too many to be listed.
    Selected(Sql),
}

/// Whether cells may hold values that stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Standing {
    /// All cells hold ids.
    None,
    /// Some may.
    Some,
}

/// What a filter does with ids whose values are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Lost {
    /// They are no match.
    Left,
    /// They may be a match: who reads such a row is told.
    Found,
}

/// The values of one column in the dictionary.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Dictionary<'c> {
    pub(in crate::store) connection: &'c Connection,
    /// The column's name.
    pub(in crate::store) column: &'c str,
}

impl Dictionary<'_> {
    /// Looks for the ids of values that satisfy the filter; if that asks for NULL, or for anything else, those of NULL,
    /// to which the Python generation gives an id.
    pub(in crate::store) fn find(&self, filter: &Filter, lost: Lost) -> rusqlite::Result<Ids> {
        let null = Sql { text: "entry.value IS NULL".into(), values: Vec::new() };
        if matches!(filter.operator, Operator::IsNull | Operator::IsNotNull) {
            return self.within(vec![null]);
        }
        let comparison = Comparison::of(filter);
        if filter.operator == Operator::NotEqual && lost == Lost::Found {
            let mut arms = comparison.equal().arms("entry.value", Others::NumbersAndTexts);
            arms.push(null);
            if let Some(ids) = self.outside(arms)? {
                return Ok(ids);
            }
        }
        self.within(comparison.arms("entry.value", Others::NumbersAndTexts))
    }

    fn within(&self, arms: Vec<Sql>) -> rusqlite::Result<Ids> {
        let select = self.select(arms);
        Ok(self.list(&select)?.map_or(Ids::Selected(select), Ids::Within))
    }

    /// None when they are too many to be listed.
    fn outside(&self, arms: Vec<Sql>) -> rusqlite::Result<Option<Ids>> {
        Ok(self.list(&self.select(arms))?.map(Ids::Outside))
    }

    /// The ids whose values satisfy one of the conditions, each of which excludes the others: a SELECT for each, so that
    /// each has a range of the index. An older loglite may have given an id twice; then the first one counts.
    fn select(&self, arms: Vec<Sql>) -> Sql {
        let mut sql = Sql::default();
        let mut glue = "";
        for arm in arms {
            sql.push(glue);
            sql.push("SELECT entry.value_id FROM column_dictionary AS entry WHERE entry.column = ");
            sql.bind(Value::Text(self.column.to_owned()));
            sql.push(" AND ");
            sql.append(arm);
            sql.push(
                " AND NOT EXISTS (SELECT 1 FROM column_dictionary AS first WHERE first.column = entry.column \
                 AND first.value_id = entry.value_id AND first.id < entry.id)",
            );
            glue = " UNION ALL ";
        }
        sql
    }

    /// None when they are too many to be listed.
    fn list(&self, select: &Sql) -> rusqlite::Result<Option<Vec<i64>>> {
        if select.text.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let sql = format!("{} LIMIT {}", select.text, MOST_LISTED + 1);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let ids = statement.query_map(params_from_iter(&select.values), |row| row.get(0))?;
        let ids: Vec<_> = ids.collect::<Result<_, _>>()?;
        Ok((ids.len() <= MOST_LISTED).then_some(ids))
    }
}

impl Ids {
    /// The condition on a cell that it holds one of these ids, or for [`Ids::Outside`] one of those to leave out. None
    /// when there are none.
    pub(in crate::store) fn condition(&self, cell: &str) -> Option<Sql> {
        let mut sql = Sql::default();
        match self {
            Self::Within(ids) | Self::Outside(ids) if ids.is_empty() => return None,
            Self::Within(ids) | Self::Outside(ids) => sql.among(cell, ids),
            Self::Selected(select) => {
                sql.push(&format!("{cell} IN ("));
                sql.append(select.clone());
                sql.push(")");
            }
        }
        Some(sql)
    }
}
