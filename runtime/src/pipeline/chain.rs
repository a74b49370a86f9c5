//! The transforms of each source, in their order, and what they make of entries.
//!
//! An entry is judged as a whole: when a transform refuses or fails on one of the parts that another has split it
//! into, the entry is refused or fails, and none of its parts goes on. So an entry that its source sends again, or
//! that is replayed, is not stored twice in part.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::reader::check_entry;
use super::transform::{Link, Transform, Unavailable, Verdict};
use crate::domain::{ByteSize, EntryText, SourceName};

/// Entries that go through all transforms together: bounds what their answers take in memory at once.
const AT_ONCE: usize = 2_048;
/// How much larger transforms may make the entries of one source's call, in bytes.
const MOST_GROWTH: usize = 64 << 20;
/// What an entry takes in memory beside its text, in bytes.
const ENTRY_OVERHEAD: usize = 64;

/// All transforms, and which sources each is for.
#[derive(Debug, Default)]
pub struct TransformChain {
    links: Vec<Link>,
    routes: HashMap<SourceName, Route>,
}

/// The transforms of one source, in order.
type Route = Vec<Arc<dyn Transform>>;

/// What transforms have made of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes on as it came.
    Kept,
    /// These, at least one, go on in its place.
    Parts(Vec<EntryText>),
    /// It is not stored.
    Dropped,
    /// It is not stored, and its source is told.
    Refused(String),
    /// It becomes a dead letter.
    Dead(String),
}

/// What transforms have made of entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// All of them were kept.
    AllKept,
    /// The fate of each, in order, and the transform that spoke last.
    Each { fates: Vec<Fate>, last: String },
}

impl TransformChain {
    /// Transforms in the order in which they see entries. What each of the `sources` gets is looked up here, once.
    #[must_use]
    pub fn new(links: Vec<Link>, sources: &[SourceName]) -> Self {
        let routes = sources.iter().map(|source| (source.clone(), route(&links, source))).collect();
        Self { links, routes }
    }

    /// Whether entries of this source go to the table as they are.
    #[must_use]
    pub fn is_empty_for(&self, source: &SourceName) -> bool {
        self.links.is_empty() || self.route(source).is_empty()
    }

    fn route(&self, source: &SourceName) -> Cow<'_, [Arc<dyn Transform>]> {
        match self.routes.get(source) {
            Some(route) => Cow::Borrowed(route),
            None => Cow::Owned(route(&self.links, source)),
        }
    }

    /// Shows entries to the transforms of their source, to one after another.
    ///
    /// # Errors
    /// [`Unavailable`]; then no entry is judged.
    pub(super) async fn judge(
        &self,
        source: &SourceName,
        entries: &[EntryText],
    ) -> Result<Judgement, Unavailable> {
        let route = self.route(source);
        let Some(last) = route.last() else { return Ok(Judgement::AllKept) };
        let mut fates = Vec::new();
        let most = MOST_GROWTH + entries.iter().map(EntryText::byte_len).sum::<usize>();
        let mut made = 0;
        for (seen, slice) in (0..).step_by(AT_ONCE).zip(entries.chunks(AT_ONCE)) {
            let judged = if made > most {
                vec![Fate::Dead(too_much()); slice.len()]
            } else {
                judge_slice(&route, source, slice).await?
            };
            if !judged.is_empty() {
                fates.resize(seen, Fate::Kept);
                made += judged.iter().map(weight).sum::<usize>();
                fates.extend(judged);
            }
        }
        if fates.is_empty() {
            return Ok(Judgement::AllKept);
        }
        fates.resize(entries.len(), Fate::Kept);
        Ok(Judgement::Each { fates, last: last.name().to_owned() })
    }
}

/// The fates of these entries; an empty list when all are kept.
async fn judge_slice(
    route: &[Arc<dyn Transform>],
    source: &SourceName,
    entries: &[EntryText],
) -> Result<Vec<Fate>, Unavailable> {
    let mut fates = Vec::new();
    for (at, transform) in route.iter().enumerate() {
        let shown = shown(entries, &fates);
        let count = shown.len();
        if count == 0 {
            break;
        }
        let mut verdicts = transform.apply(source, shown).await?;
        if verdicts.len() != count {
            let (given, name) = (verdicts.len(), transform.name());
            let reason = format!("transform `{name}` gave {given} verdicts on {count} entries");
            verdicts = vec![Verdict::Fail(reason); count];
        }
        if verdicts.iter().all(|verdict| *verdict == Verdict::Keep) {
            continue;
        }
        fates.resize(entries.len(), Fate::Kept);
        apply(&mut fates, verdicts);
        // What comes out of the last one is read when it is bound.
        if at + 1 < route.len() {
            fates.iter_mut().for_each(|fate| check(fate, transform.name()));
        }
    }
    Ok(fates)
}

fn route(links: &[Link], source: &SourceName) -> Route {
    let is_for = |link: &&Link| link.sources.iter().any(|name| source.matches(name));
    links.iter().filter(is_for).map(|link| Arc::clone(&link.transform)).collect()
}

/// What the next transform sees. Without fates all entries are as they came.
fn shown(entries: &[EntryText], fates: &[Fate]) -> Vec<EntryText> {
    if fates.is_empty() {
        return entries.to_vec();
    }
    let mut shown = Vec::with_capacity(entries.len());
    for (entry, fate) in entries.iter().zip(fates) {
        match fate {
            Fate::Kept => shown.push(entry.clone()),
            Fate::Parts(parts) => shown.extend_from_slice(parts),
            Fate::Dropped | Fate::Refused(_) | Fate::Dead(_) => {}
        }
    }
    shown
}

/// Gives each entry the verdicts on what was shown of it.
fn apply(fates: &mut [Fate], verdicts: Vec<Verdict>) {
    let mut verdicts = verdicts.into_iter();
    for fate in fates {
        match fate {
            Fate::Kept => match verdicts.next() {
                Some(Verdict::Keep) | None => {}
                Some(verdict) => *fate = judged(Vec::new(), [verdict]),
            },
            Fate::Parts(parts) => {
                let parts = std::mem::take(parts);
                let verdicts: Vec<_> = verdicts.by_ref().take(parts.len()).collect();
                *fate = judged(parts, verdicts);
            }
            Fate::Dropped | Fate::Refused(_) | Fate::Dead(_) => {}
        }
    }
}

/// What becomes of an entry by the verdicts on its parts. A part is asked for only if it was kept.
fn judged(parts: Vec<EntryText>, verdicts: impl IntoIterator<Item = Verdict>) -> Fate {
    let mut next = Vec::new();
    let mut refused = None;
    let mut parts = parts.into_iter();
    for verdict in verdicts {
        let part = parts.next();
        match verdict {
            Verdict::Keep => next.extend(part),
            Verdict::Drop => {}
            Verdict::Replace(text) => next.push(text),
            Verdict::Split(texts) => next.extend(texts),
            Verdict::Refuse(reason) => {
                refused.get_or_insert(reason);
            }
            Verdict::Fail(reason) => return Fate::Dead(reason),
        }
    }
    match refused {
        Some(reason) => Fate::Refused(reason),
        None if next.is_empty() => Fate::Dropped,
        None => Fate::Parts(next),
    }
}

/// What an entry that transforms have written takes in memory, in bytes.
fn weight(fate: &Fate) -> usize {
    let Fate::Parts(parts) = fate else { return 0 };
    parts.iter().map(|part| part.byte_len() + ENTRY_OVERHEAD).sum()
}

fn too_much() -> String {
    let most = ByteSize(MOST_GROWTH as u64);
    format!("transforms have made more than {most} of the entries before it; send fewer at once")
}

/// What is no entry goes to no further transform.
fn check(fate: &mut Fate, transform: &str) {
    let Fate::Parts(parts) = fate else { return };
    if let Some(fault) = parts.iter().find_map(|part| check_entry(part.as_str()).err()) {
        *fate = Fate::Dead(no_entry(transform, &fault));
    }
}

/// Why what a transform has made of an entry can't go on.
pub(super) fn no_entry(transform: &str, fault: &str) -> String {
    format!("transform `{transform}` answered with what is no entry: {fault}")
}
