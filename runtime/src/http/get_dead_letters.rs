//! `GET /dead-letters`: entries that could not be stored, the newest first.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::ApiState;
use super::error::{ApiError, json};
use crate::domain::KeptLetter;
use crate::store::dead_letters::{LetterFilter, letter_totals, newest_letters};

const DEFAULT_LIMIT: usize = 100;
/// Bounds an answer together with the store's own bound on the bytes of a page.
const MAX_LIMIT: usize = 1_000;

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    result: Letters<'a>,
}

#[derive(Serialize)]
struct Letters<'a> {
    total: u64,
    bytes: u64,
    dead_letters: Vec<Letter<'a>>,
    /// The `before` of the next page.
    next: Option<i64>,
}

#[derive(Serialize)]
struct Letter<'a> {
    id: i64,
    time: &'a str,
    source: &'a str,
    reason: &'a str,
    entry: &'a str,
}

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    limit: Option<usize>,
    before: Option<i64>,
    source: Option<String>,
}

pub(super) async fn handle(
    State(api): ApiState,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    let Asked { limit, before, source } = Asked::read(raw.as_deref().unwrap_or_default())?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let source = source.as_deref().map(Into::into);
    let filter = LetterFilter { source, ..LetterFilter::default() };
    let (totals, letters) = api
        .store
        .reads()
        .run(move |connection| {
            let letters = newest_letters(connection, &filter, before, limit)?;
            Ok((letter_totals(connection)?, letters))
        })
        .await?;
    let result = Letters {
        total: totals.count,
        bytes: totals.bytes,
        // An empty page is the only sign of the end: one may end early.
        next: letters.last().map(|last| last.id).filter(|id| *id > 1),
        dead_letters: letters.iter().map(Letter::from).collect(),
    };
    Ok(json(StatusCode::OK, &Answer { status: "success", result }))
}

impl<'a> From<&'a KeptLetter> for Letter<'a> {
    fn from(kept: &'a KeptLetter) -> Self {
        Self {
            id: kept.id,
            time: &kept.time,
            source: kept.letter.source.as_str(),
            reason: &kept.letter.reason,
            entry: kept.letter.entry.as_str(),
        }
    }
}

impl Asked {
    fn read(raw: &str) -> Result<Self, ApiError> {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            match name.as_ref() {
                "limit" => {
                    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                    let expected = || unexpected(&name, &value, "a number from 1 to 1000");
                    asked.limit = Some(limit.ok_or_else(expected)?);
                }
                "before" => {
                    let before = value.parse().ok().filter(|id| *id > 0);
                    let expected = || unexpected(&name, &value, "the number of a dead letter");
                    asked.before = Some(before.ok_or_else(expected)?);
                }
                "source" => asked.source = Some(value.into_owned()),
                _ => {
                    let message =
                        format!("unknown parameter `{name}`; there are: limit, before and source");
                    return Err(ApiError::bad_request(message));
                }
            }
        }
        Ok(asked)
    }
}

fn unexpected(name: &str, found: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!("parameter `{name}`: expected {expected}, found `{found}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_by_limit_number_and_source() {
        let asked = Asked::read("limit=5&before=7&source=app%20log").expect("fine");
        let source = Some("app log".to_owned());
        assert_eq!(asked, Asked { limit: Some(5), before: Some(7), source });
    }

    #[test]
    fn what_can_not_be_asked_for_is_named() {
        for raw in ["limit=0", "limit=1001", "limit=x", "before=0", "before=-1", "offset=1"] {
            assert!(Asked::read(raw).is_err(), "{raw}");
        }
    }
}
