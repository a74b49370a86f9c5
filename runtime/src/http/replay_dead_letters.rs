//! `POST /dead-letters/replay`: entries that could not be stored, once more.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::ApiState;
use super::body::{self, Encoding};
use super::error::{ApiError, json};
use crate::pipeline::{ReplayOutcome, ReplayPage, ReplayRequest, Replayed};
use crate::store::dead_letters::LetterFilter;

/// The most letters of one request. A longer replay goes on with what `next` says.
const MAX_LETTERS: usize = 1_000;

/// What `POST /dead-letters/replay` takes: numbers, or `all`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayBody {
    /// The numbers of letters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<i64>,
    /// All letters, or all of `source`.
    #[serde(skip_serializing_if = "is_false")]
    pub all: bool,
    /// Only letters of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The `next` of the answer before: where to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<ReplaySpan>,
}

/// What became of letters that were replayed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayAnswer {
    /// By rising number.
    pub letters: Vec<LetterOutcome>,
    /// Where to go on; none when all is done.
    pub next: Option<ReplaySpan>,
}

/// Where a replay goes on, and where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaySpan {
    /// The last letter that was replayed.
    pub after: i64,
    /// The last letter that was there when the replay began.
    pub until: i64,
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterOutcome {
    /// Its number.
    pub id: i64,
    /// In a word.
    pub outcome: LetterFate,
    /// How many rows are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
    /// Why it failed, or why it is as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What can become of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterFate {
    /// Its entry is in the table, and the letter is gone.
    Stored,
    /// A transform dropped it, as configured, and the letter is gone.
    Dropped,
    /// It failed again, and is a new letter.
    Failed,
    /// Nothing has changed.
    Untouched,
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: &'static str,
    result: &'a ReplayAnswer,
}

pub(super) async fn handle(
    State(api): ApiState,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    if Encoding::of(&headers)? != Encoding::Identity {
        let message = "send this body without a Content-Encoding";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let bytes = body::read(&headers, body, &api.config).await?;
    let asked: ReplayBody = serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!(r#"expected {{"ids": [1, 2]}} or {{"all": true}}: {error}"#);
        ApiError::bad_request(message)
    })?;
    let request = asked.request().map_err(ApiError::bad_request)?;
    let page = api.ingestor.replay_page(api.store.reads(), request).await?;
    let result = &ReplayAnswer::from(page);
    Ok(json(StatusCode::OK, &Envelope { status: "success", result }))
}

impl ReplayBody {
    /// What the pipeline is to do.
    ///
    /// # Errors
    /// What is wrong with the body, for a person.
    pub fn request(&self) -> Result<ReplayRequest, String> {
        match (self.ids.len(), self.all) {
            (0, false) => return Err("say which: `ids`, a list of numbers, or `all`".into()),
            (1.., true) => return Err("say either `ids` or `all`".into()),
            (count, _) if count > MAX_LETTERS => {
                return Err(format!("`ids` holds {count} numbers; send at most {MAX_LETTERS}"));
            }
            _ => {}
        }
        let filter = LetterFilter {
            source: self.source.as_deref().map(Into::into),
            ids: self.ids.iter().map(|id| *id..=*id).collect(),
            older_than: None,
        };
        let (after, until) = self.next.map_or((0, None), |span| (span.after, Some(span.until)));
        Ok(ReplayRequest { filter, after, until, limit: MAX_LETTERS })
    }
}

impl From<ReplayPage> for ReplayAnswer {
    fn from(page: ReplayPage) -> Self {
        let until = page.until;
        let last = page.letters.last().map(|letter| letter.id).filter(|_| page.has_more);
        let next = last.map(|after| ReplaySpan { after, until });
        Self { letters: page.letters.into_iter().map(LetterOutcome::from).collect(), next }
    }
}

impl From<Replayed> for LetterOutcome {
    fn from(letter: Replayed) -> Self {
        let (outcome, rows, error) = match letter.outcome {
            ReplayOutcome::Stored(rows) => (LetterFate::Stored, Some(rows), None),
            ReplayOutcome::Dropped => (LetterFate::Dropped, None, None),
            ReplayOutcome::Failed(reason) => (LetterFate::Failed, None, Some(reason)),
            ReplayOutcome::Untouched(reason) => (LetterFate::Untouched, None, Some(reason)),
        };
        Self { id: letter.id, outcome, rows, error }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes the field by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_says_either_which_or_all() {
        let body = |text: &str| serde_json::from_str::<ReplayBody>(text).expect("a body").request();
        let request = body(r#"{"ids": [3, 1], "source": "app"}"#).expect("fine");
        assert_eq!(request.filter.ids, [3..=3, 1..=1]);
        assert_eq!(request.filter.source, Some("app".into()));
        assert!(body("{}").is_err());
        assert!(body(r#"{"ids": [1], "all": true}"#).is_err());
        let many = serde_json::json!({"ids": vec![1; MAX_LETTERS + 1]}).to_string();
        assert!(body(&many).is_err());
    }

    #[test]
    fn a_long_replay_goes_on_where_it_stopped() {
        let letters = vec![Replayed { id: 7, outcome: ReplayOutcome::Stored(2) }];
        let page = ReplayPage { letters, until: 9, has_more: true };
        let answer = ReplayAnswer::from(page.clone());
        assert_eq!(answer.next, Some(ReplaySpan { after: 7, until: 9 }));
        let body = ReplayBody { all: true, next: answer.next, ..ReplayBody::default() };
        let request = body.request().expect("fine");
        assert_eq!((request.after, request.until), (7, Some(9)));
        assert_eq!(ReplayAnswer::from(ReplayPage { has_more: false, ..page }).next, None);
    }
}
