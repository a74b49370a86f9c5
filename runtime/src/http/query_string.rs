//! The query string of GET /logs and GET /logs/sse: fields, paging and filters.
//!
//! The grammar of filters is that of [`crate::domain::FilterText`], percent-encoded. A reserved name is a filter when a
//! column has that name and the value starts with an operator.

use super::cursor;
use super::error::ApiError;
use crate::domain::{
    ColumnId, Filter, FilterError, MAX_CONDITIONS, Order, Query, RowId, Schema, Start,
    parse_conditions, starts_with_operator,
};
use crate::store::RowFormat;

const DEFAULT_LIMIT: u64 = 100;
const RESERVED: [&str; 7] =
    ["fields", "limit", "offset", "order", "cursor", "format", "last_event_id"];

/// What GET /logs was asked for.
#[derive(Debug)]
pub(super) struct LogsQuery {
    pub(super) query: Query,
    pub(super) format: RowFormat,
}

/// The parameters of a query string, sorted out but for their meaning.
#[derive(Debug, Default)]
struct Parameters {
    reserved: Vec<(String, String)>,
    filters: Vec<Filter>,
}

/// Reads the query string of GET /logs.
pub(super) fn logs_query(schema: &Schema, raw: &str) -> Result<LogsQuery, ApiError> {
    let parameters = Parameters::read(schema, raw)?;
    let format = match parameters.get("format")? {
        None | Some("json") => RowFormat::JsonItems,
        Some("ndjson") => RowFormat::NdJson,
        Some("csv") => RowFormat::Csv,
        Some(other) => return Err(unexpected("format", other, "json, ndjson or csv")),
    };
    let order = match parameters.get("order")? {
        None | Some("desc") => Order::Descending,
        Some("asc") => Order::Ascending,
        Some(other) => return Err(unexpected("order", other, "asc or desc")),
    };
    let limit = match (parameters.number("limit")?, format) {
        (None, RowFormat::JsonItems) => Some(DEFAULT_LIMIT),
        (limit, _) => limit,
    };
    let start = match (parameters.get("cursor")?, parameters.number("offset")?) {
        (None, offset) => Start::Offset(offset.unwrap_or(0)),
        (Some(text), None | Some(0)) => Start::Cursor(cursor::decode(text)?),
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request(
                "`cursor` and `offset` exclude each other; drop `offset`",
            ));
        }
    };
    if parameters.get("last_event_id")?.is_some() {
        let message = "`last_event_id` belongs to /logs/sse; here `cursor` goes on behind a row";
        return Err(ApiError::bad_request(message));
    }
    let fields = parameters.fields(schema)?;
    let query = Query { fields, filters: parameters.filters, order, start, limit };
    Ok(LogsQuery { query, format })
}

/// Reads the query string of GET /logs/sse: `fields`, filters, and the row to go on behind. The latter is for pages,
/// which can't set the header `Last-Event-ID` on a stream that they open.
pub(super) fn tail_query(schema: &Schema, raw: &str) -> Result<(Query, Option<RowId>), ApiError> {
    let parameters = Parameters::read(schema, raw)?;
    let known = |name: &str| matches!(name, "fields" | "last_event_id");
    if let Some((name, _)) = parameters.reserved.iter().find(|(name, _)| !known(name)) {
        return Err(ApiError::bad_request(format!(
            "`{name}` has no meaning for a live stream; it takes `fields`, `last_event_id` and filters"
        )));
    }
    let id = parameters.get("last_event_id")?;
    let after = id
        .map(|text| {
            text.parse().map(RowId).map_err(|_| unexpected("last_event_id", text, "an event's id"))
        })
        .transpose()?;
    let fields = parameters.fields(schema)?;
    let (order, start) = (Order::Ascending, Start::Offset(0));
    let query = Query { fields, filters: parameters.filters, order, start, limit: None };
    Ok((query, after))
}

impl Parameters {
    fn read(schema: &Schema, raw: &str) -> Result<Self, ApiError> {
        let mut parameters = Self::default();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let column = schema.find(&name);
            let is_reserved = RESERVED.contains(&name.as_ref());
            let is_filter = !is_reserved || (column.is_some() && starts_with_operator(&value));
            if !is_filter {
                parameters.reserved.push((name.into_owned(), value.into_owned()));
                continue;
            }
            let column = column.ok_or_else(|| FilterError::unknown_column(schema, &name))?;
            parameters.filters.extend(parse_conditions(schema, column, &value)?);
            if parameters.filters.len() > MAX_CONDITIONS {
                return Err(FilterError::TooMany.into());
            }
        }
        Ok(parameters)
    }

    /// The value of a reserved parameter, which may be given once.
    fn get(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.reserved.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(ApiError::bad_request(format!("`{name}` is given more than once"))),
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.get(name)?
            .map(|text| {
                text.trim().parse().map_err(|_| unexpected(name, text, "a whole number from 0"))
            })
            .transpose()
    }

    fn fields(&self, schema: &Schema) -> Result<Vec<ColumnId>, ApiError> {
        let text = self.get("fields")?.map_or("*", str::trim);
        if text == "*" || text.is_empty() {
            return Ok(schema.ids().collect());
        }
        let mut fields = Vec::new();
        for name in text.split(',').map(str::trim) {
            let column = schema.find(name);
            let column = column.ok_or_else(|| unknown_column(schema, name, "in `fields`"))?;
            if fields.contains(&column) {
                return Err(ApiError::bad_request(format!("`fields` names `{name}` twice")));
            }
            fields.push(column);
        }
        Ok(fields)
    }
}

fn unknown_column(schema: &Schema, name: &str, place: &str) -> ApiError {
    ApiError::bad_request(format!(
        "unknown column `{name}` {place}; `{}` has: {}",
        schema.table(),
        schema.names().join(", ")
    ))
}

fn unexpected(name: &str, found: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("`{name}`: expected {expected}, found `{found}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Column, Literal, Operator};

    fn schema() -> Schema {
        let column = |(name, declared): (&str, &str)| {
            let (kind, affinity) = Column::kind_and_affinity(declared);
            Column {
                name: name.into(),
                sqlite_type: declared.into(),
                kind,
                affinity,
                not_null: false,
                has_default: false,
                primary_key: false,
                generated: false,
            }
        };
        let columns = [
            ("id", "INTEGER"),
            ("timestamp", "DATETIME"),
            ("level", "TEXT"),
            ("line", "INTEGER"),
            ("ok", "BOOLEAN"),
            ("order", "TEXT"),
        ];
        let columns = columns.into_iter().map(column).collect();
        Schema::new("Log".into(), columns, ("id".into(), Some(ColumnId(0))), (ColumnId(1), true))
    }

    fn filters(raw: &str) -> Vec<(usize, Operator, Literal)> {
        let query = logs_query(&schema(), raw).expect("a valid query").query;
        query.filters.into_iter().map(|f| (f.column.0, f.operator, f.literal)).collect()
    }

    #[test]
    fn the_old_grammar_reads_as_before() {
        let text = |text: &str| Literal::Text(text.into());
        assert_eq!(filters("level==WARNING"), [(2, Operator::Equal, text("WARNING"))]);
        assert_eq!(
            filters("timestamp=>=2023-04-01T00:00:00,<=2023-04-01T05:00:00&level=~=warn"),
            [
                (1, Operator::AtLeast, text("2023-04-01T00:00:00")),
                (1, Operator::AtMost, text("2023-04-01T05:00:00")),
                (2, Operator::Contains, text("warn")),
            ]
        );
    }

    #[test]
    fn a_backslash_keeps_a_comma_in_a_value() {
        let value = |raw| filters(raw).remove(0).2;
        assert_eq!(value("level==a%5C,b"), Literal::Text("a,b".into()));
        assert_eq!(value("level==a%5C%5C"), Literal::Text("a\\".into()));
        assert_eq!(value("level==C:%5Cdir"), Literal::Text("C:\\dir".into()));
    }

    #[test]
    fn null_can_be_asked_for() {
        assert_eq!(filters("level=is+null"), [(2, Operator::IsNull, Literal::Null)]);
        assert_eq!(filters("level=IS%20NOT%20NULL"), [(2, Operator::IsNotNull, Literal::Null)]);
    }

    #[test]
    fn a_reserved_name_can_still_be_a_column() {
        assert_eq!(filters("order==asc"), [(5, Operator::Equal, Literal::Text("asc".into()))]);
        assert_eq!(filters("order=asc"), []);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (raw, part) in [
            ("level=WARNING", "`level`: `WARNING` starts with none of the operators"),
            ("level==a,b", "`level`: `b` starts with none"),
            ("level=", "`level`: `` starts with none"),
            ("nope==1", "unknown column `nope` as a filter; `Log` has: id, timestamp"),
            ("fields=level,nope", "unknown column `nope` in `fields`"),
            ("limit=-1", "`limit`: expected a whole number from 0, found `-1`"),
            ("offset=x", "`offset`: expected"),
            ("order=up", "`order`: expected asc or desc, found `up`"),
            ("format=xml", "`format`: expected json, ndjson or csv"),
            ("limit=1&limit=2", "`limit` is given more than once"),
            ("cursor=zzz", "`cursor`"),
            ("fields=line,level,line", "`fields` names `line` twice"),
            (&"line=>1,<2&".repeat(251), "500 conditions at most"),
        ] {
            let error = logs_query(&schema(), raw).expect_err(raw);
            assert!(format!("{error:?}").contains(part), "{raw}: {error:?}");
        }
    }
}
