//! Harvesting of files in daily use: what is appended arrives, from the right place on, after restarts, under any name.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use loglite_e2e::{Home, LogFile, Server, eventually, harvest};
use serde_json::{Value, json};

/// What is appended to a watched file is there after this, also on a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn append(path: &Path, text: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the test's file is writable");
}

fn messages(server: &Server) -> Vec<String> {
    let rows = server.rows("/logs?fields=message&limit=1000");
    let rows = rows.as_array().expect("rows").iter();
    let mut messages: Vec<_> =
        rows.map(|row| row["message"].to_string().replace('"', "")).collect();
    messages.sort();
    messages
}

fn wait_for(server: &Server, expected: &[&str]) {
    let mut last = Vec::new();
    let until = Instant::now() + Duration::from_secs(30);
    eventually(&format!("the rows are {expected:?}"), || {
        last = messages(server);
        assert!(Instant::now() < until || last == expected, "{last:?} instead of {expected:?}");
        (last == expected).then_some(())
    });
}

fn texts(config: &Value) -> Home {
    let mut whole = json!({"format": "text", "path": "logs/*.log"});
    whole.as_object_mut().expect("an object").extend(config.as_object().expect("keys").clone());
    harvest::of_files(&whole)
}

#[test]
fn what_is_appended_is_there_soon_though_polling_is_slow() {
    let home = harvest::of_files(&json!({"path": "logs/app.log", "poll_interval": "3600s"}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    log.append(1);
    home.assert_stored_once(log.messages());
    for _ in 0..3 {
        let begun = Instant::now();
        log.append(1);
        home.assert_stored_once(log.messages());
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    let status = server.harvester("files");
    assert_eq!((status.text("state"), status.text("type")), ("running", "file"));
    assert_eq!((status.count("entries"), status.count("inputs")), (4, 1));
    let bytes = fs::metadata(log.path()).expect("the file is there").len();
    // Told a moment after the commit.
    eventually("all of it is read and stored", || {
        let status = server.harvester("files");
        ((status.count("bytes"), status.count("lag_bytes")) == (bytes, 0)).then_some(())
    });
}

#[test]
fn by_default_old_lines_are_left_out_at_the_first_start_only() {
    let home = texts(&json!({"start": null}));
    let logs = home.path().join("logs");
    append(&logs.join("old.log"), "old\nhalf ");
    let server = home.start();
    eventually("the file is watched", || {
        (server.harvester("files").count("inputs") == 1).then_some(())
    });
    append(&logs.join("old.log"), "a line\n");
    append(&logs.join("new.log"), "new\n");
    wait_for(&server, &["half a line", "new"]);
    assert_eq!(server.stop().code, Some(0));

    append(&logs.join("old.log"), "while it was down\n");
    append(&logs.join("later.log"), "later\n");
    let server = home.start();

    wait_for(&server, &["half a line", "later", "new", "while it was down"]);
}

#[test]
fn a_directory_that_comes_later_is_found_and_what_is_excluded_is_not() {
    let home = texts(&json!({
        "path": ["logs/*/app.log", "other/**/*.log"], "exclude": "*.skip.log", "poll_interval": "200ms",
        "origin_column": "extra"
    }));
    let server = home.start();
    fs::create_dir_all(home.path().join("other/a/b")).expect("the test's directory is writable");
    append(&home.path().join("other/a/b/c.log"), "deep\n");
    append(&home.path().join("other/a/b/c.skip.log"), "skipped\n");
    fs::create_dir(home.path().join("logs/web")).expect("the test's directory is writable");
    append(&home.path().join("logs/web/app.log"), "web\n");
    append(&home.path().join("logs/app.log"), "too high\n");

    wait_for(&server, &["deep", "web"]);

    let rows = server.rows("/logs?fields=extra&message==web");
    let path = rows[0]["extra"].as_str().expect("the path is stored").to_owned();
    assert!(path.ends_with("/logs/web/app.log"), "{path}");
}

#[test]
fn a_stack_trace_is_stored_once_nothing_is_added_to_it() {
    let home = texts(&json!({"multiline": {"start": "^[A-Z]", "timeout": "300ms"}}));
    let server = home.start();
    let path = home.path().join("logs/app.log");
    append(&path, "Error\n  at a\n");
    append(&path, "  at b\n");
    wait_for(&server, &["Error\\n  at a\\n  at b"]);
    append(&path, "Next\n");
    server.kill();
    let server = home.start();
    wait_for(&server, &["Error\\n  at a\\n  at b", "Next"]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_others_are_read() {
    let home = texts(&json!({}));
    let logs = home.path().join("logs");
    append(&logs.join("a.log"), "a\n");
    fs::create_dir(logs.join("directory.log")).expect("the test's directory is writable");
    std::os::unix::fs::symlink("circle.log", logs.join("circle.log")).expect("linked");
    let server = home.start();
    wait_for(&server, &["a"]);
    let log = server.process().stderr();
    assert_eq!(log.matches("circle.log").count(), 1, "{log}");
    assert!(!log.contains("directory.log"), "{log}");
}

#[test]
fn a_pattern_that_matches_a_rotated_file_and_its_successor_stores_both_once() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    for _ in 0..3 {
        log.append(100);
        log.rotate();
        log.append_torn(100);
    }
    log.complete();
    home.assert_stored_once(log.messages());
    server.kill();
    log.copy_and_truncate(&log.generation(9));
    log.append(1);
    let _server = home.start();
    home.assert_stored_once(log.messages());
}
