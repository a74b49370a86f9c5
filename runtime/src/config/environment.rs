//! Environment variables that override scalar keys: `LOGLITE_` and the key's name in capitals.

use super::key::{Key, Reader, keys, nearest};
use super::problem::{Fault, Origin};
use super::report::Report;
use super::root::Config;
use super::yaml::quote;

/// What the variables start with.
pub(super) const PREFIX: &str = "LOGLITE_";

/// The process's environment, for [`Config::load`]. Names that are no Unicode can't be ours and are left out.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

pub(super) fn apply(
    config: &mut Config,
    environment: impl IntoIterator<Item = (String, String)>,
    report: &mut Report,
) {
    let mut ours: Vec<_> =
        environment.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    // The environment has no order, messages should.
    ours.sort();
    for (name, value) in ours {
        let key_name = name.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase();
        report.enter(Origin::Variable(name));
        match keys().find(|key| key.name == key_name) {
            Some(key) => key.override_with(config, &value, report),
            None => report_near_miss(&key_name, report),
        }
    }
}

impl Key {
    fn override_with(&self, config: &mut Config, value: &str, report: &mut Report) {
        let Reader::Scalar(read) = &self.read else {
            return report.add(self.name, None, Fault::NotFromEnvironment);
        };
        report.set_at(self.name, None);
        if !read(config, value) {
            let fault = Fault::Mismatch { expected: self.expected.into(), found: quote(value) };
            report.add(self.name, None, fault);
        }
    }
}

/// Other programs may use the prefix, too (`LOGLITE_LOG`): only what looks like a slip is a problem.
fn report_near_miss(name: &str, report: &mut Report) {
    let distance = (name.chars().count() / 4).min(2);
    if let Some(nearest) = nearest(name, keys().map(|key| key.name), distance) {
        let nearest = format!("{PREFIX}{}", nearest.to_ascii_uppercase());
        report.add(name, None, Fault::UnknownVariable { nearest });
    }
}
