//! A damaged database is refused at start with the way out, and stays as it was.

use std::fs;

use loglite_e2e::{Exit, Home, config, eventually};
use serde_json::{Value, json};

const ROWS: usize = 3000;

/// A home whose database holds rows, and the bytes of the database.
fn filled() -> (Home, Vec<u8>) {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&Value::from_iter((0..ROWS).map(|line| json!({"message": "m", "line": line}))));
    assert_eq!(server.stop().code, Some(0));
    let bytes = fs::read(home.database_path()).expect("the database can be read");
    (home, bytes)
}

fn refused(home: &Home) -> Exit {
    match home.launch(&["serve", "-c", "config.yaml"]).try_serve() {
        Err(exit) => exit,
        Ok(server) => panic!("it serves: {server:?}"),
    }
}

/// Damages the database and starts a server, which must say all of `parts` and change nothing.
fn assert_refused(damage: impl FnOnce(&mut Vec<u8>), parts: &[&str]) {
    let (home, sound) = filled();
    let mut damaged = sound.clone();
    damage(&mut damaged);
    fs::write(home.database_path(), &damaged).expect("the database can be replaced");

    let exit = refused(&home);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    for part in [&["db/logs.db"], parts].concat() {
        assert!(exit.stderr.contains(part), "{part} in {exit:#?}");
    }
    assert!(
        fs::read(home.database_path()).expect("it is still there") == damaged,
        "it was changed"
    );
    // It was the damage that kept the server from starting.
    fs::write(home.database_path(), &sound).expect("the database can be replaced");
    assert_eq!(home.start().get("/logs?limit=1").at("/result/total"), ROWS);
}

#[test]
fn a_garbage_header_is_no_database() {
    assert_refused(
        |bytes| bytes.iter_mut().take(16).for_each(|byte| *byte = b'#'),
        &["is not an SQLite database", "move it away"],
    );
}

#[test]
fn another_kind_of_file_is_no_database() {
    assert_refused(
        |bytes| *bytes = b"just some text\n".repeat(100),
        &["is not an SQLite database", "`sqlite_dir`"],
    );
}

#[test]
fn a_damaged_page_is_named_with_the_way_to_save_what_is_left() {
    assert_refused(
        |bytes| bytes.iter_mut().skip(5 * 4096).take(4096).for_each(|byte| *byte = 0x5a),
        &["is damaged", "restore a copy", ".recover"],
    );
}

#[test]
fn a_damaged_schema_is_named() {
    assert_refused(
        |bytes| bytes.iter_mut().skip(100).take(3000).for_each(|byte| *byte = 0xff),
        &["is damaged", "restore a copy"],
    );
}

#[test]
fn a_truncated_file_is_named_with_its_size() {
    assert_refused(|bytes| bytes.truncate(20_000), &["is damaged", "20000 of "]);
}

#[test]
fn a_file_cut_within_its_header_is_no_database() {
    assert_refused(|bytes| bytes.truncate(40), &["is not an SQLite database"]);
}

#[test]
fn a_damaged_database_is_not_migrated_either() {
    let (home, mut bytes) = filled();
    bytes.truncate(20_000);
    fs::write(home.database_path(), &bytes).expect("the database can be replaced");

    let exit = home.run(&["migrate", "rollout", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("is damaged"), "{exit:#?}");
    assert!(fs::read(home.database_path()).expect("it is still there") == bytes, "it was changed");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let home = Home::empty();
    home.write_config(&config::with(""));
    fs::create_dir(home.path().join("db")).expect("made");
    fs::write(home.database_path(), "").expect("written");
    let server = home.start();
    server.store(&json!({"message": "first"}));
    assert_eq!(server.get("/logs").at("/result/total"), 1);
}

#[test]
fn damage_that_comes_later_is_told_and_the_service_lives() {
    let (home, _) = filled();
    let server = home.start();
    let mut bytes = fs::read(home.database_path()).expect("the database can be read");
    // The tables' pages; the first one stays, as SQLite keeps it at hand.
    bytes.iter_mut().skip(4096).for_each(|byte| *byte = 0x5a);
    fs::write(home.database_path(), &bytes).expect("the database can be replaced");

    let answer = eventually("damage is found", || {
        Some(server.get("/logs?line=%3E0&order=asc")).filter(|answer| answer.status != 200)
    });

    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.error().contains("malformed"), "{answer:?}");
    assert_eq!(server.get("/version").status, 200);
    assert_eq!(server.stop().code, Some(0));
}
