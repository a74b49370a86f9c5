//! Transforms: what looks at each entry on its way from a source to the table.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Entry, Failure};

/// Looks at entries and says what happens to each.
///
/// Keep no state between calls that must not be lost: instances are replaced at any time, and a transform may run in
/// several at once.
///
/// ```
/// use loglite_guest::testing::TransformTest;
/// use loglite_guest::{Entry, Failure, Transform, Verdict};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     service: String,
/// }
///
/// /// Puts the name of a service into entries that have none.
/// struct Name(Config);
///
/// impl Transform for Name {
///     type Config = Config;
///
///     fn configure(config: Config) -> Result<Self, Failure> {
///         Ok(Self(config))
///     }
///
///     fn apply(&mut self, entry: Entry<'_>) -> Verdict {
///         let Ok(mut fields) = entry.parse::<serde_json::Map<String, serde_json::Value>>() else {
///             return Verdict::Keep;
///         };
///         if fields.contains_key("service") {
///             return Verdict::Keep;
///         }
///         fields.insert("service".into(), self.0.service.clone().into());
///         Verdict::replace(&fields)
///     }
/// }
///
/// let mut name = TransformTest::<Name>::start(serde_json::json!({"service": "shop"})).unwrap();
/// let verdict = name.apply(r#"{"message": "sold"}"#);
/// assert_eq!(verdict, Verdict::Replace(r#"{"message":"sold","service":"shop"}"#.into()));
/// ```
pub trait Transform: Sized {
    /// What the plugin's `config:` holds. [`NoConfig`](crate::NoConfig) for a plugin without.
    type Config: DeserializeOwned;

    /// Makes the transform. Called once per instance, before any entry.
    ///
    /// # Errors
    /// [`Failure::InvalidConfig`] for a configuration that can't be used, [`Failure::Failed`] for anything else.
    fn configure(config: Self::Config) -> Result<Self, Failure>;

    /// Says what happens to an entry. A panic here costs the instance, and after some tries the entry.
    fn apply(&mut self, entry: Entry<'_>) -> Verdict;

    /// One verdict per entry, in their order. Override it only to treat the entries of a batch together.
    fn apply_all(&mut self, source: &str, entries: &[String]) -> Vec<Verdict> {
        entries.iter().map(|text| self.apply(Entry::new(source, text))).collect()
    }
}

/// What happens to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on as it is. Nothing is copied.
    Keep,
    /// It is not stored, without further notice.
    Drop,
    /// This, the text of one JSON object, goes on in its place. See [`Verdict::replace`].
    Replace(String),
    /// These go on in its place, in this order. See [`Verdict::split`].
    Split(Vec<String>),
    /// It is not stored, and the reason is told: to the client of an HTTP request in the answer, to a harvester in
    /// its receipt, which keeps it as a dead letter.
    Refuse(String),
}

impl Verdict {
    /// Puts this in the entry's place. What serde can't write refuses the entry.
    ///
    /// ```
    /// # use loglite_guest::Verdict;
    /// let verdict = Verdict::replace(&serde_json::json!({"level": "INFO"}));
    /// assert_eq!(verdict, Verdict::Replace(r#"{"level":"INFO"}"#.into()));
    /// ```
    #[must_use]
    pub fn replace<T: Serialize + ?Sized>(entry: &T) -> Self {
        serde_json::to_string(entry).map_or_else(Self::unwritable, Self::Replace)
    }

    /// Puts these in the entry's place, in this order. What serde can't write refuses the entry.
    ///
    /// ```
    /// # use loglite_guest::Verdict;
    /// let verdict = Verdict::split([&serde_json::json!({"n": 1}), &serde_json::json!({"n": 2})]);
    /// assert_eq!(verdict, Verdict::Split(vec![r#"{"n":1}"#.into(), r#"{"n":2}"#.into()]));
    /// ```
    #[must_use]
    pub fn split<T: Serialize>(entries: impl IntoIterator<Item = T>) -> Self {
        let texts: Result<Vec<String>, _> =
            entries.into_iter().map(|entry| serde_json::to_string(&entry)).collect();
        texts.map_or_else(Self::unwritable, Self::Split)
    }

    /// Refuses the entry.
    ///
    /// ```
    /// # use loglite_guest::Verdict;
    /// assert_eq!(Verdict::refuse("no level"), Verdict::Refuse("no level".to_owned()));
    /// ```
    #[must_use]
    pub fn refuse(reason: impl Into<String>) -> Self {
        Self::Refuse(reason.into())
    }

    #[expect(clippy::needless_pass_by_value, reason = "the shape that `map_or_else` wants")]
    fn unwritable(err: serde_json::Error) -> Self {
        Self::Refuse(format!("the transform's entry can't be written as JSON: {err}"))
    }
}
