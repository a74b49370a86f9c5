//! A transform's instance as the service treats it: a call that fails is divided until its faulty entries are found.

use std::ops::Range;
use std::sync::Arc;

use super::component::Prepared;
use crate::pipeline::Verdict;
use crate::plugin::{Budget, CallError, Loaded, PluginSetup, Search, TransformInstance};

/// Gives verdicts.
#[derive(Debug)]
pub(super) struct Judge {
    loaded: Arc<Loaded>,
    setup: Arc<PluginSetup>,
    instance: Option<TransformInstance>,
}

impl Judge {
    /// Starts an instance.
    ///
    /// # Errors
    /// [`CallError`] when it does not start.
    pub(super) async fn start(prepared: &Prepared) -> Result<Self, CallError> {
        let (loaded, setup) = (Arc::clone(&prepared.loaded), Arc::clone(&prepared.setup));
        let instance = Some(TransformInstance::start(&loaded, &setup).await?);
        Ok(Self { loaded, setup, instance })
    }

    /// For each entry its verdict, or why the transform fails on it.
    pub(super) async fn judge(
        &mut self,
        source: &str,
        entries: &[&str],
    ) -> Vec<Result<Verdict, String>> {
        if entries.is_empty() {
            return Vec::new();
        }
        let failure = match self.attempt(source, entries, 0..entries.len()).await {
            Ok(verdicts) => return verdicts.into_iter().map(Ok).collect(),
            Err(failure) => failure,
        };
        let mut search = Search::new(entries.len(), failure.to_string());
        while let Some(part) = search.next() {
            match self.attempt(source, entries, part).await {
                Ok(verdicts) => search.passed(verdicts),
                Err(failure) => search.failed(failure.to_string()),
            }
        }
        search.finish()
    }

    /// One call with some of the entries, in a new instance if there is none. What fails loses its instance.
    async fn attempt(
        &mut self,
        source: &str,
        entries: &[&str],
        part: Range<usize>,
    ) -> Result<Vec<Verdict>, CallError> {
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => TransformInstance::start(&self.loaded, &self.setup).await?,
        };
        let limits = &self.setup.limits;
        let budget = Budget::share(limits, part.len(), entries.len());
        let part = entries.get(part).unwrap_or_default();
        let verdicts = instance.apply(source, part, budget).await?;
        // Linear memory never shrinks: a new instance begins small again.
        if instance.memory_bytes() as u64 <= limits.recycle_memory.0 {
            self.instance = Some(instance);
        }
        Ok(verdicts)
    }
}
