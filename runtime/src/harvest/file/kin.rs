//! Which files belong together by their directories and names.

use std::collections::HashMap;
use std::path::PathBuf;

use super::identity::FileId;

/// A directory, and something of a name in it.
pub(super) type Kinship = (PathBuf, String);

/// Files by what they have in common.
#[derive(Debug, Default)]
pub(super) struct Kin(HashMap<Kinship, Vec<FileId>>);

impl Kin {
    /// A file has this in common with others.
    pub(super) fn join(&mut self, kinship: &Kinship, id: FileId) {
        let members = self.0.entry(kinship.clone()).or_default();
        if !members.contains(&id) {
            members.push(id);
        }
    }

    /// A file has it no more.
    pub(super) fn leave(&mut self, kinship: &Kinship, id: FileId) {
        if let Some(members) = self.0.get_mut(kinship) {
            members.retain(|member| *member != id);
            if members.is_empty() {
                self.0.remove(kinship);
            }
        }
    }

    /// The files that have it in common.
    pub(super) fn of(&self, kinship: &Kinship) -> &[FileId] {
        self.0.get(kinship).map(Vec::as_slice).unwrap_or_default()
    }
}
