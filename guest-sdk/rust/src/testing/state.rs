//! What the fake host of a thread holds and does.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde_json::Value;

use crate::cut::{Limits, Rejection};
use crate::harvest::{Receipt, Refusal};
use crate::http::{Error, Request, Response};
use crate::log::Level;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) checkpoint: Option<Vec<u8>>,
    pub(crate) stored: Vec<String>,
    pub(crate) calls: Vec<usize>,
    pub(crate) logged: Vec<(Level, String)>,
    pub(crate) sleeps: Vec<Duration>,
    pub(crate) stop_after: usize,
    pub(crate) most_calls: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) requests: Vec<Request>,
    answers: HashMap<String, VecDeque<Result<Response, Error>>>,
}

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

pub(crate) fn begin() {
    STATE.set(Some(State { stop_after: 1, ..State::default() }));
}

pub(crate) fn end() {
    STATE.set(None);
}

/// # Panics
/// Without a host on this thread: the test lacks one.
pub(crate) fn with<R>(use_it: impl FnOnce(&mut State) -> R) -> R {
    with_any(use_it).expect("a test of a harvester begins with `let host = testing::Host::new()`")
}

/// None without a host on this thread.
pub(crate) fn with_any<R>(use_it: impl FnOnce(&mut State) -> R) -> Option<R> {
    STATE.with_borrow_mut(|state| state.as_mut().map(use_it))
}

impl State {
    pub(crate) fn stopping(&self) -> bool {
        self.sleeps.len() >= self.stop_after
    }

    pub(crate) fn sleep(&mut self, duration: Duration) -> bool {
        self.sleeps.push(duration);
        self.stopping()
    }

    /// As loglite does: all or nothing for the limits, each entry by itself for what it is.
    pub(crate) fn ingest(
        &mut self,
        entries: &[String],
        checkpoint: Option<&[u8]>,
    ) -> Result<Receipt, Rejection> {
        if self.most_calls.is_some_and(|most| self.calls.len() >= most) {
            return Err(Rejection::Stopping);
        }
        if entries.len() > self.limits.entries {
            return Err(Rejection::TooManyEntries(self.limits.entries));
        }
        let bytes = entries.iter().map(String::len).sum::<usize>();
        if bytes + checkpoint.map_or(0, <[u8]>::len) > self.limits.bytes {
            return Err(Rejection::TooManyBytes(self.limits.bytes));
        }
        let mut receipt = Receipt::default();
        for (index, text) in entries.iter().enumerate() {
            match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(_)) => {
                    receipt.stored += 1;
                    self.stored.push(text.clone());
                }
                _ => receipt.refused.push(Refusal { index, reason: "no JSON object".to_owned() }),
            }
        }
        self.calls.push(entries.len());
        if let Some(bytes) = checkpoint {
            self.checkpoint = Some(bytes.to_vec());
        }
        Ok(receipt)
    }

    pub(crate) fn answer(&mut self, url: &str, answer: Result<Response, Error>) {
        self.answers.entry(url.to_owned()).or_default().push_back(answer);
    }

    pub(crate) fn send(&mut self, request: Request) -> Result<Response, Error> {
        let answer = self.answers.get_mut(&request.url).and_then(VecDeque::pop_front);
        let denied = || Err(Error::Denied(format!("the test has no answer for {}", request.url)));
        let answer = answer.unwrap_or_else(denied);
        self.requests.push(request);
        answer
    }
}
