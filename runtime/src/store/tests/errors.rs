//! What errors say.

use std::path::Path;

use crate::store::{Fault, StoreError};

#[test]
fn a_damaged_file_is_named_by_its_path() {
    let source = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(11), None);
    let error = StoreError::at(Path::new("d/logs.db"), source);
    assert!(error.to_string().starts_with("the database d/logs.db is damaged"), "{error}");
    assert_eq!(error.fault(), Some(Fault::Corrupt));
}
