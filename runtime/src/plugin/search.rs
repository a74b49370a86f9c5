//! Which entries of a call a transform fails on: halves are tried until the faulty ones are found.

use std::ops::Range;

use crate::pipeline::Verdict;

/// What is known of each entry: its verdict, or why the transform failed on it.
pub(crate) type Outcomes = Vec<Result<Verdict, String>>;

/// A search in progress. It knows nothing of instances: it says what to try next and is told what came of it.
#[derive(Debug)]
pub(crate) struct Search {
    outcomes: Vec<Option<Result<Verdict, String>>>,
    /// Parts to try, the next one last.
    rest: Vec<Range<usize>>,
    reason: String,
}

impl Search {
    /// Begins after a call with this many entries has failed.
    pub(crate) fn new(entries: usize, reason: String) -> Self {
        let mut search =
            Self { outcomes: vec![None; entries], rest: Vec::new(), reason: String::new() };
        search.divide(0..entries, reason);
        search
    }

    /// The entries to try next, as one call.
    pub(crate) fn next(&self) -> Option<Range<usize>> {
        self.rest.last().cloned()
    }

    /// The part that was next got these verdicts.
    pub(crate) fn passed(&mut self, verdicts: Vec<Verdict>) {
        let Some(part) = self.rest.pop() else { return };
        let slots = self.outcomes.get_mut(part).unwrap_or_default();
        for (slot, verdict) in slots.iter_mut().zip(verdicts) {
            *slot = Some(Ok(verdict));
        }
    }

    /// The part that was next failed, too.
    pub(crate) fn failed(&mut self, reason: String) {
        if let Some(part) = self.rest.pop() {
            self.divide(part, reason);
        }
    }

    /// What was found. Entries that were not tried alone share the reason of the last failure.
    pub(crate) fn finish(self) -> Outcomes {
        let reason = self.reason;
        let of = |outcome: Option<_>| outcome.unwrap_or_else(|| Err(reason.clone()));
        self.outcomes.into_iter().map(of).collect()
    }

    fn divide(&mut self, part: Range<usize>, reason: String) {
        if part.len() > 1 {
            let middle = part.start + part.len() / 2;
            self.rest.extend([middle..part.end, part.start..middle]);
        } else if let Some(slot) = self.outcomes.get_mut(part.start) {
            *slot = Some(Err(reason.clone()));
        }
        self.reason = reason;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a search over entries of which those in `faulty` fail a call; returns the outcomes and the calls made.
    fn search(entries: usize, faulty: &[usize], most_calls: usize) -> (Vec<bool>, usize) {
        let mut search = Search::new(entries, "first".into());
        let mut calls = 0;
        while let Some(part) = search.next().filter(|_| calls < most_calls) {
            calls += 1;
            if faulty.iter().any(|at| part.contains(at)) {
                search.failed("again".into());
            } else {
                search.passed(vec![Verdict::Keep; part.len()]);
            }
        }
        (search.finish().iter().map(Result::is_ok).collect(), calls)
    }

    #[test]
    fn the_one_faulty_entry_is_found_in_few_calls() {
        for at in [0, 100, 255] {
            let (passed, calls) = search(256, &[at], usize::MAX);
            assert_eq!(passed.iter().position(|ok| !ok), Some(at));
            assert_eq!(passed.iter().filter(|ok| !**ok).count(), 1);
            assert!(calls <= 16, "{calls}");
        }
    }

    #[test]
    fn several_faulty_entries_are_found() {
        let (passed, _) = search(9, &[2, 3, 8], usize::MAX);
        let failed: Vec<_> = (0..9).filter(|at| !passed[*at]).collect();
        assert_eq!(failed, [2, 3, 8]);
    }

    #[test]
    fn a_lone_entry_needs_no_further_call() {
        assert_eq!(search(1, &[0], usize::MAX), (vec![false], 0));
    }

    #[test]
    fn what_was_not_tried_when_the_search_is_broken_off_counts_as_faulty() {
        let (passed, _) = search(8, &[1], 1);
        assert_eq!(passed, [false; 8]);
        let (passed, _) = search(8, &[6], 1);
        assert_eq!(passed, [true, true, true, true, false, false, false, false]);
    }
}
