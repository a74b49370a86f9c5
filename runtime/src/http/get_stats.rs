//! `GET /stats`: what the service did in each interval, and how large its database was.
//!
//! Parameters and answer are those of the C++ generation, but for its envelope of errors.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::ApiState;
use super::error::{ApiError, json_bytes};
use crate::domain::Order;
use crate::store::stats::{ACTIVITY, DATABASE, MAX_SAMPLES, Series, StatsSpan};

const PARAMETERS: [&str; 5] =
    ["since", "until", "activity_stats_fields", "database_stats_fields", "ordering"];

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Asked {
    span: StatsSpan,
    activity: Vec<&'static str>,
    database: Vec<&'static str>,
}

pub(super) async fn handle(
    State(api): ApiState,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    let kept = api.stats_retention;
    let Asked { span, activity, database } =
        Asked::read(raw.as_deref().unwrap_or_default(), Timestamp::now(), kept)?;
    let (activities, database) = api
        .store
        .live_reads()
        .run(move |connection| {
            let activities = ACTIVITY.read(connection, &activity, &span)?;
            Ok((activities, DATABASE.read(connection, &database, &span)?))
        })
        .await?;
    let (Some(activities), Some(database)) = (activities, database) else {
        return Err(ApiError::bad_request(format!(
            "`since` and `until` enclose more than {MAX_SAMPLES} intervals; ask for a shorter time"
        )));
    };
    let uptime = api.started.elapsed().as_secs();
    let answer =
        format!("{{\"activities\":{activities},\"database\":{database},\"uptime\":{uptime}}}");
    Ok(json_bytes(StatusCode::OK, answer))
}

impl Asked {
    /// Reads a query string. Without `since` it is about all that is kept; without `until`, up to `now`.
    fn read(raw: &str, now: Timestamp, kept: Duration) -> Result<Self, ApiError> {
        let mut values = [const { None }; PARAMETERS.len()];
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            let at = PARAMETERS.iter().position(|known| *known == name);
            let slot = at.and_then(|at| values.get_mut(at)).ok_or_else(|| unknown(&name))?;
            if slot.replace(value).is_some() {
                return Err(ApiError::bad_request(format!("`{name}` is given more than once")));
            }
        }
        let [since, until, activity, database, ordering] = values;
        let until = until.map_or(Ok(now), |text| moment("until", &text))?;
        let oldest = || now.checked_sub(kept).unwrap_or(Timestamp::UNIX_EPOCH);
        let since = since.map_or_else(|| Ok(oldest().min(until)), |text| moment("since", &text))?;
        if until < since {
            return Err(ApiError::bad_request("`until` is before `since`; swap them"));
        }
        let order = match ordering.as_deref() {
            None | Some("desc") => Order::Descending,
            Some("asc") => Order::Ascending,
            Some(other) => return Err(unexpected("ordering", other, "asc or desc")),
        };
        let fields = |series: &Series, name, list: Option<&str>| {
            let chosen = series.select(list.unwrap_or("*"));
            chosen.map_err(|error| ApiError::bad_request(format!("`{name}`: {error}")))
        };
        Ok(Self {
            span: StatsSpan::new(since, until, order),
            activity: fields(&ACTIVITY, "activity_stats_fields", activity.as_deref())?,
            database: fields(&DATABASE, "database_stats_fields", database.as_deref())?,
        })
    }
}

/// A time in ISO 8601, in UTC where it has no offset, or in seconds since 1970.
fn moment(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    let text = text.trim();
    let seconds = || {
        let seconds: f64 = text.parse().ok().filter(|seconds: &f64| seconds.is_finite())?;
        #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused then")]
        Timestamp::from_millisecond((seconds * 1e3) as i64).ok()
    };
    let read = |text: &str| {
        let shown = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
        text.parse().ok().or_else(shown)
    };
    // A plus sign that is not percent-encoded arrives as a space.
    let with_plus =
        || text.rsplit_once(' ').and_then(|(time, zone)| read(&format!("{time}+{zone}")));
    seconds().or_else(|| read(text)).or_else(with_plus).ok_or_else(|| {
        let expected = "a time such as 2026-11-28T12:00:00Z, or seconds since 1970";
        unexpected(name, text, expected)
    })
}

fn unknown(name: &str) -> ApiError {
    let known = PARAMETERS.join(", ");
    ApiError::bad_request(format!("unknown parameter `{name}`; there are: {known}"))
}

fn unexpected(name: &str, found: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("`{name}`: expected {expected}, found `{found}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn read(raw: &str) -> Result<Asked, ApiError> {
        Asked::read(raw, "2026-11-28T12:00:00Z".parse().expect("a time"), HOUR)
    }

    fn span(raw: &str) -> (String, String) {
        let span = read(raw).expect(raw).span;
        (span.since, span.until)
    }

    #[test]
    fn without_parameters_it_is_all_that_is_kept_with_all_fields_newest_first() {
        let asked = read("").expect("fine");
        assert_eq!(asked.span.since, "2026-11-28T11:00:00.000Z");
        assert_eq!(asked.span.until, "2026-11-28T12:00:00.000Z");
        assert_eq!(asked.span.order, Order::Descending);
        assert_eq!(asked.activity, ACTIVITY.fields().collect::<Vec<_>>());
        assert_eq!(asked.database, DATABASE.fields().collect::<Vec<_>>());
    }

    #[test]
    fn times_are_read_in_the_forms_in_which_they_are_sent() {
        for (since, expected) in [
            ("2026-11-28T10:00:00Z", "2026-11-28T10:00:00.000Z"),
            ("2026-11-28T10:00:00.25", "2026-11-28T10:00:00.250Z"),
            ("2026-11-28 10:00:00", "2026-11-28T10:00:00.000Z"),
            ("2026-11-28T10:00:00%2B02:00", "2026-11-28T08:00:00.000Z"),
            ("2026-11-28T10:00:00+02:00", "2026-11-28T08:00:00.000Z"),
            ("2026-11-28", "2026-11-28T00:00:00.000Z"),
            ("1764335000", "2025-11-28T13:03:20.000Z"),
            ("1764335000.5", "2025-11-28T13:03:20.500Z"),
        ] {
            assert_eq!(span(&format!("since={since}")).0, expected, "{since}");
        }
        for since in ["yesterday", "", "nan", "inf", "1e300", "2026-13-01"] {
            assert!(read(&format!("since={since}")).is_err(), "{since}");
        }
    }

    #[test]
    fn an_until_long_ago_needs_no_since() {
        let long_ago = "2020-01-01T00:00:00.000Z".to_owned();
        assert_eq!(span("until=2020-01-01"), (long_ago.clone(), long_ago));
    }

    #[test]
    fn what_can_not_be_asked_for_is_refused() {
        for raw in [
            "ordering=ASC",
            "since=2&until=1",
            "since=1&since=2",
            "limit=1",
            "activity_stats_fields=nope",
            "activity_stats_fields=",
            "database_stats_fields=since",
        ] {
            assert!(read(raw).is_err(), "{raw}");
        }
    }
}
