//! What one request brings.

use loglite_guest::http;
use serde_json::{Value, json};

use crate::Config;

/// The items of one response.
#[derive(Debug)]
pub(crate) struct Page {
    items: Vec<Value>,
}

impl Page {
    /// The items at this JSON pointer; empty for the whole body.
    pub(crate) fn new(mut body: Value, pointer: &str) -> Result<Self, http::Error> {
        match body.pointer_mut(pointer).map(Value::take) {
            Some(Value::Array(items)) => Ok(Self { items }),
            _ => Err(http::Error::Body(format!("there is no array at `{pointer}`"))),
        }
    }

    /// Where to go on behind the last item that tells.
    pub(crate) fn cursor(&self, config: &Config) -> Option<Value> {
        let cursor = config.cursor.as_ref()?;
        let told = |item: &Value| item.get(&cursor.field).cloned();
        self.items
            .iter()
            .rev()
            .find_map(told)
            .filter(|value| value.is_string() || value.is_number())
    }

    /// The items as entries. What is no object becomes a message.
    pub(crate) fn entries(self) -> Vec<Value> {
        let entry = |item: Value| if item.is_object() { item } else { json!({"message": item}) };
        self.items.into_iter().map(entry).collect()
    }
}
