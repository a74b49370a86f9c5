//! Cuts entries into calls that loglite takes. The limits are loglite's to tell; these are its defaults until it does.

use std::cell::Cell;

use crate::harvest::{IngestError, Receipt};

/// What one call may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Entries.
    pub(crate) entries: usize,
    /// Bytes of the entries and the checkpoint.
    pub(crate) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, bytes: 4 << 20 }
    }
}

impl Limits {
    /// How many of the first entries fit into one call beside so many other bytes.
    fn fitting(&self, entries: &[String], mut bytes: usize) -> usize {
        let fits = |text: &&String| {
            bytes = bytes.saturating_add(text.len());
            bytes <= self.bytes
        };
        entries.iter().take(self.entries).take_while(fits).count()
    }
}

/// Why loglite did not take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// It is stopping.
    Stopping,
    /// At most so many entries.
    TooManyEntries(usize),
    /// At most so many bytes.
    TooManyBytes(usize),
}

/// Hands all entries over, in as few calls as the limits allow, the checkpoint with the last one.
pub(crate) fn ingest(
    entries: &[String],
    checkpoint: Option<&[u8]>,
    limits: &Cell<Limits>,
    mut call: impl FnMut(&[String], Option<&[u8]>) -> Result<Receipt, Rejection>,
) -> Result<Receipt, IngestError> {
    let mut receipt = Receipt::default();
    let mut rest = entries;
    let mut left = checkpoint;
    while !rest.is_empty() || left.is_some() {
        let start = entries.len() - rest.len();
        let (now, later, with) = next_call(rest, left, limits.get(), start)?;
        match call(now, with) {
            Ok(part) => receipt.add(part, start),
            Err(Rejection::Stopping) => return Err(IngestError::Stopping),
            Err(rejection) => {
                limits.set(lowered(limits.get(), rejection, now, with));
                continue;
            }
        }
        rest = later;
        if with.is_some() {
            left = None;
        }
    }
    Ok(receipt)
}

/// The entries of the next call, those that remain, and the checkpoint if it goes with the call.
type NextCall<'a> = (&'a [String], &'a [String], Option<&'a [u8]>);

fn next_call<'a>(
    rest: &'a [String],
    checkpoint: Option<&'a [u8]>,
    limits: Limits,
    start: usize,
) -> Result<NextCall<'a>, IngestError> {
    let held = checkpoint.map_or(0, <[u8]>::len);
    if held <= limits.bytes && limits.fitting(rest, held) == rest.len() {
        return Ok((rest, &[], checkpoint));
    }
    let Some(first) = rest.first() else {
        return Err(IngestError::CheckpointTooLarge { bytes: held, limit: limits.bytes });
    };
    match rest.split_at_checked(limits.fitting(rest, 0)) {
        Some((now, later)) if !now.is_empty() => Ok((now, later, None)),
        _ => Err(IngestError::TooLarge { index: start, bytes: first.len(), limit: limits.bytes }),
    }
}

/// The limits after a rejection: always lower than the call that was rejected, so that this comes to an end.
fn lowered(limits: Limits, rejection: Rejection, now: &[String], with: Option<&[u8]>) -> Limits {
    let sent = now.iter().map(String::len).sum::<usize>() + with.map_or(0, <[u8]>::len);
    match rejection {
        Rejection::TooManyEntries(most) => {
            Limits { entries: most.min(now.len().saturating_sub(1)), ..limits }
        }
        Rejection::TooManyBytes(most) => {
            Limits { bytes: most.min(sent.saturating_sub(1)), ..limits }
        }
        Rejection::Stopping => limits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts entries of these lengths under the host's limits; the calls as numbers of entries, and which of them held
    /// the checkpoint.
    fn cut(
        lengths: &[usize],
        checkpoint: Option<&[u8]>,
        host: Limits,
    ) -> (Vec<(usize, bool)>, Result<Receipt, IngestError>) {
        let entries: Vec<String> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let mut calls = Vec::new();
        let ended = ingest(&entries, checkpoint, &Cell::default(), |now, with| {
            let bytes = now.iter().map(String::len).sum::<usize>() + with.map_or(0, <[u8]>::len);
            if now.len() > host.entries {
                return Err(Rejection::TooManyEntries(host.entries));
            }
            if bytes > host.bytes {
                return Err(Rejection::TooManyBytes(host.bytes));
            }
            calls.push((now.len(), with.is_some()));
            Ok(Receipt { stored: now.len() as u64, ..Receipt::default() })
        });
        (calls, ended)
    }

    #[test]
    fn what_fits_goes_in_one_call_with_the_checkpoint() {
        let (calls, ended) = cut(&[10, 10], Some(b"c"), Limits::default());
        assert_eq!(calls, [(2, true)]);
        assert_eq!(ended.unwrap().stored, 2);
    }

    #[test]
    fn too_many_entries_are_cut_and_the_last_call_has_the_checkpoint() {
        let (calls, ended) = cut(&[1; 5], Some(b"c"), Limits { entries: 2, bytes: 100 });
        assert_eq!(calls, [(2, false), (2, false), (1, true)]);
        assert_eq!(ended.unwrap().stored, 5);
    }

    #[test]
    fn too_many_bytes_are_cut() {
        let (calls, _) = cut(&[40, 40, 40], None, Limits { entries: 100, bytes: 100 });
        assert_eq!(calls, [(2, false), (1, false)]);
    }

    #[test]
    fn a_checkpoint_that_does_not_fit_beside_the_entries_follows_them() {
        let (calls, _) = cut(&[50, 50], Some(b"checkpoint"), Limits { entries: 100, bytes: 100 });
        assert_eq!(calls, [(2, false), (0, true)]);
    }

    #[test]
    fn an_entry_larger_than_a_call_is_named() {
        let (_, ended) = cut(&[10, 200], None, Limits { entries: 100, bytes: 100 });
        assert!(matches!(ended, Err(IngestError::TooLarge { index: 1, bytes: 200, limit: 100 })));
    }

    #[test]
    fn a_checkpoint_larger_than_a_call_is_an_error() {
        let (_, ended) = cut(&[], Some(&[0; 200]), Limits { entries: 100, bytes: 100 });
        assert!(matches!(ended, Err(IngestError::CheckpointTooLarge { bytes: 200, limit: 100 })));
    }

    #[test]
    fn a_host_that_takes_nothing_is_given_up() {
        let entries = ["{}".to_owned(), "{}".to_owned()];
        let mut calls = 0;
        let ended = ingest(&entries, None, &Cell::default(), |_, _| {
            calls += 1;
            Err(Rejection::TooManyBytes(1 << 30))
        });
        assert!(matches!(ended, Err(IngestError::TooLarge { .. })));
        assert!(calls < 10, "{calls} calls");
    }

    #[test]
    fn a_refusal_in_a_later_call_is_counted_from_the_first_entry() {
        use crate::harvest::Refusal;
        let entries = vec!["{}".to_owned(); 4];
        let limits = Cell::new(Limits { entries: 3, bytes: 100 });
        let receipt = ingest(&entries, None, &limits, |_, _| {
            let refused = vec![Refusal { index: 0, reason: "no".to_owned() }];
            Ok(Receipt { refused, ..Receipt::default() })
        });
        let indices: Vec<usize> = receipt.unwrap().refused.iter().map(|r| r.index).collect();
        assert_eq!(indices, [0, 3]);
    }
}
