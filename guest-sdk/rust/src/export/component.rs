//! The bindings, and what `export!` calls. Public for that macro alone.

use std::cell::RefCell;
use std::thread::LocalKey;

use crate::{Failure, Harvest, Harvester, Transform, Verdict, config};

pub use harvester::export_harvester;
pub use transform::export_transform;

/// Where an instance keeps its transform.
pub type Slot<T> = RefCell<Option<T>>;

#[expect(missing_docs, reason = "generated from the interface, which documents it")]
pub mod harvester {
    wit_bindgen::generate!({
        world: "harvester-plugin",
        path: "wit",
        pub_export_macro: true,
        export_macro_name: "export_harvester",
    });
    pub use exports::loglite::plugin::harvester::{Failure, Guest};
}

#[expect(missing_docs, reason = "generated from the interface, which documents it")]
pub mod transform {
    wit_bindgen::generate!({
        world: "transform-plugin",
        path: "wit",
        pub_export_macro: true,
        export_macro_name: "export_transform",
        with: {
            "loglite:plugin/types@0.1.0": super::harvester::loglite::plugin::types,
            "loglite:plugin/logging@0.1.0": super::harvester::loglite::plugin::logging,
            "loglite:plugin/http@0.1.0": super::harvester::loglite::plugin::http,
        },
    });
    pub use exports::loglite::plugin::transform::{Failure, Guest, Verdict};
}

/// `harvester.run`.
pub fn run<H: Harvester>(text: &str) -> Result<(), harvester::Failure> {
    let harvest = || H::configure(config::read(text)?)?.run(&Harvest::new());
    lowered(harvest())
}

/// `transform.configure`.
pub fn configure<T: Transform>(
    slot: &'static LocalKey<Slot<T>>,
    text: &str,
) -> Result<(), harvester::Failure> {
    let transform = || T::configure(config::read(text)?);
    lowered(transform().map(|transform| slot.set(Some(transform))))
}

/// `transform.apply`.
pub fn apply<T: Transform>(
    slot: &'static LocalKey<Slot<T>>,
    source: &str,
    entries: &[String],
) -> Vec<transform::Verdict> {
    slot.with_borrow_mut(|transform| {
        let transform = transform.as_mut().expect("loglite calls configure before apply");
        transform.apply_all(source, entries).into_iter().map(verdict).collect()
    })
}

fn verdict(verdict: Verdict) -> transform::Verdict {
    match verdict {
        Verdict::Keep => transform::Verdict::Keep,
        Verdict::Drop => transform::Verdict::Drop,
        Verdict::Replace(entry) => transform::Verdict::Replace(entry),
        Verdict::Split(entries) => transform::Verdict::Split(entries),
        Verdict::Refuse(reason) => transform::Verdict::Refuse(reason),
    }
}

fn lowered(result: Result<(), Failure>) -> Result<(), harvester::Failure> {
    match result {
        Ok(()) | Err(Failure::Stopping) => Ok(()),
        Err(Failure::InvalidConfig(reason)) => Err(harvester::Failure::InvalidConfig(reason)),
        Err(Failure::Failed(reason)) => Err(harvester::Failure::Failed(reason)),
    }
}
