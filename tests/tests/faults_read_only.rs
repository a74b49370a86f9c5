//! A database or a directory that can't be written is refused at start, with the way out.

#[expect(dead_code, reason = "shared with the tests that fill a disk")]
mod mounts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use loglite_e2e::{Home, config};
use mounts::ReadOnly;
use serde_json::json;

/// Starts a server that must refuse to, naming `part`.
fn assert_refused(home: &Home, part: &str) {
    let exit = match home.launch(&["serve", "-c", "config.yaml"]).try_serve() {
        Err(exit) => exit,
        Ok(server) => panic!("it serves: {server:?}"),
    };
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains(part), "{exit:#?}");
    assert!(exit.stderr.contains("can't be written; make the database file"), "{exit:#?}");
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("it is a directory");
    let paths = entries.map(|entry| entry.expect("an entry is readable").path());
    paths.map(|path| (path.clone(), fs::read(path).expect("a file is readable"))).collect()
}

#[test]
fn a_read_only_database_file_is_refused_with_the_way_out() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!({"message": "kept"}));
    assert_eq!(server.stop().code, Some(0));
    let directory = home.path().join("db");
    fs::remove_file(directory.join("loglite.lock")).expect("nobody holds it");
    let before = files(&directory);
    let read_only = match ReadOnly::make(&home.database_path()) {
        Ok(read_only) => read_only,
        Err(reason) => {
            eprintln!("not tested, as root can write everywhere here and not mount: {reason}");
            return;
        }
    };

    assert_refused(&home, "db/logs.db");

    drop(read_only);
    fs::remove_file(directory.join("loglite.lock")).expect("nobody holds it");
    assert!(files(&directory) == before, "files were changed or left behind");
    assert_eq!(home.start().rows("/logs?fields=message"), json!([{"message": "kept"}]));
}

#[test]
fn a_read_only_directory_is_refused_with_the_way_out() {
    let home = Home::new(&config::with(""));
    let directory = home.path().join("db");
    fs::create_dir(&directory).expect("made");
    let read_only = match ReadOnly::make(&directory) {
        Ok(read_only) => read_only,
        Err(reason) => {
            eprintln!("not tested, as root can write everywhere here and not mount: {reason}");
            return;
        }
    };

    assert_refused(&home, "./db/");

    drop(read_only);
    assert!(files(&directory).is_empty());
    home.start().store(&json!({"message": "first"}));
}

#[test]
fn a_directory_that_is_a_file_is_named() {
    let home = Home::new(&config::with(""));
    fs::write(home.path().join("db"), "no directory").expect("written");
    let exit = home.run(&["serve", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("cannot use ./db"), "{exit:#?}");
    assert!(exit.stderr.contains("`sqlite_dir`"), "{exit:#?}");
}
