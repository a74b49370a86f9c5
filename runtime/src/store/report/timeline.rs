//! When entries were written, by the timestamp column.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;

use super::sample::Sample;
use super::time::{moment, write_option};
use crate::domain::{Schema, quote_identifier};

/// How many days are told.
const DAYS: usize = 14;
/// How many entries are looked at from either end, until there is one whose time can be read.
const LOOK: i64 = 100;
const DAY_SECONDS: i64 = 86_400;
const HOUR_SECONDS: i64 = 3600;
/// What says how much is written at present.
const RECENT_SECONDS: i64 = 7 * DAY_SECONDS;

/// When entries were written, by the timestamp column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// The oldest one whose time can be read.
    #[serde(serialize_with = "write_option")]
    pub oldest: Option<Timestamp>,
    /// The newest one.
    #[serde(serialize_with = "write_option")]
    pub newest: Option<Timestamp>,
    /// How many have no time that can be read.
    pub unreadable: u64,
    /// The last days (UTC) that have entries, the earliest first.
    pub days: Vec<DayCount>,
    /// How many were written per day in the week before now, or since the first one; none when there were none.
    pub rows_per_day: Option<f64>,
}

/// The entries of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayCount {
    /// The date (UTC).
    pub day: String,
    /// How many there are.
    pub rows: u64,
}

/// What is known of the entries' times; the ends are looked for where rows were only sampled.
pub(super) fn of(
    connection: &Connection,
    schema: &Schema,
    sample: &Sample,
    now: Timestamp,
) -> rusqlite::Result<Timeline> {
    let times = &sample.times;
    let mut ends: Vec<_> = times.oldest.into_iter().chain(times.newest).collect();
    if !sample.is_whole() {
        ends.extend(look_at_ends(connection, schema)?);
    }
    let days = times.days.iter().rev().take(DAYS).rev();
    let days = days.map(|(day, rows)| DayCount { day: date(*day), rows: sample.scaled(*rows) });
    let (oldest, newest) = (ends.iter().min().copied(), ends.iter().max().copied());
    Ok(Timeline {
        oldest,
        newest,
        unreadable: sample.scaled(times.unreadable),
        days: days.collect(),
        rows_per_day: rate(sample.scaled(times.recent), oldest, now),
    })
}

fn rate(recent: u64, oldest: Option<Timestamp>, now: Timestamp) -> Option<f64> {
    let since = now.as_second().saturating_sub(oldest?.as_second());
    let seconds = since.clamp(HOUR_SECONDS, RECENT_SECONDS);
    (recent > 0).then(|| recent as f64 * DAY_SECONDS as f64 / seconds as f64)
}

/// The first and last moments by row id and, if that is indexed, by timestamp.
fn look_at_ends(connection: &Connection, schema: &Schema) -> rusqlite::Result<Vec<Timestamp>> {
    let timestamp = quote_identifier(&schema.column(schema.timestamp()).name);
    let (id, table) = (quote_identifier(schema.row_id_name()), quote_identifier(schema.table()));
    let keys = if schema.timestamp_indexed() { vec![&id, &timestamp] } else { vec![&id] };
    let mut found = Vec::new();
    for (key, order) in keys.iter().flat_map(|key| [(key, "ASC"), (key, "DESC")]) {
        let sql = format!("SELECT {timestamp} FROM {table} ORDER BY {key} {order} LIMIT {LOOK}");
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(moment) = moment(row.get_ref(0)?) {
                found.push(moment);
                break;
            }
        }
    }
    Ok(found)
}

/// The date of a day since 1970.
fn date(day: i64) -> String {
    let moment = Timestamp::from_second(day.saturating_mul(DAY_SECONDS));
    moment.map_or_else(|_| day.to_string(), |moment| moment.strftime("%Y-%m-%d").to_string())
}
