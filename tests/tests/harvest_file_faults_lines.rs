//! Lines that are long, torn, in no encoding, or many: what is an entry is stored, what is none becomes a dead letter,
//! and the next lines are there.

use loglite_e2e::{Home, LogFile, Server, eventually, harvest};
use serde_json::{Value, json};

fn entry(message: &str) -> String {
    format!("{{\"message\":\"{message}\"}}\n")
}

/// The dead letters, oldest first, once there are this many.
fn letters(server: &Server, count: usize) -> Vec<Value> {
    eventually("the dead letters are there", || {
        Some(letters_now(server)).filter(|letters| letters.len() >= count)
    })
}

fn letters_now(server: &Server) -> Vec<Value> {
    let answer = server.get("/dead-letters").at("/result/dead_letters");
    let mut letters = answer.as_array().cloned().unwrap_or_default();
    letters.reverse();
    letters
}

fn text<'a>(letter: &'a Value, key: &str) -> &'a str {
    letter.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn open(home: &Home) -> LogFile {
    LogFile::open(home, "app.log")
}

#[test]
fn thousands_of_lines_in_one_write_are_stored_once() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let _server = home.start();
    let mut log = open(&home);
    log.append(3_000);
    home.assert_stored_once(log.messages());
}

#[test]
fn a_line_over_the_limit_becomes_a_dead_letter_with_its_size_and_the_next_lines_are_stored() {
    let home = harvest::of_files(&json!({"path": "logs/app.log", "max_line_size": "64KB"}));
    let mut log = open(&home);
    log.append(10);
    log.write(entry(&"x".repeat(3_000_000)).as_bytes());
    log.append(10);
    let server = home.start();

    home.assert_stored_once(log.messages());

    let letter = letters(&server, 1).remove(0);
    assert_eq!(text(&letter, "source"), "files");
    assert!(text(&letter, "reason").contains("3000014"), "{letter:.300}");
    assert!(text(&letter, "entry").starts_with("{\"message\":\"xxx"), "{letter:.300}");
    assert!(text(&letter, "entry").len() <= 64 << 10, "it is not cut");
    assert_eq!(server.harvester("files").count("bad_lines"), 1);
}

#[test]
fn a_line_over_the_limit_that_is_written_in_pieces_is_one_dead_letter_also_over_a_kill() {
    let home = harvest::of_files(&json!({"path": "logs/app.log", "max_line_size": "64KB"}));
    let mut log = open(&home);
    let mut server = home.start();
    log.append(1);
    home.wait_for_rows(1);
    log.write(b"{\"message\":\"");
    for _ in 0..3 {
        log.write(&vec![b'x'; 100_000]);
        server.wait_until_harvested();
        server.kill();
        server = home.start();
    }
    log.write(b"\"}\n");
    log.append(10);

    home.assert_stored_once(log.messages());

    assert_eq!(letters(&server, 1).len(), 1);
}

#[test]
fn line_ends_of_other_systems_and_a_byte_order_mark_are_no_part_of_an_entry() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = open(&home);
    log.write(b"\xEF\xBB\xBF{\"message\":\"first\"}\r\n");
    log.write(b"{\"message\":\"second\"}\r\n\r\n\n");
    log.write(entry("third").as_bytes());
    let server = home.start();

    home.assert_stored_once(["first", "second", "third"].map(str::to_owned));

    assert_eq!(server.harvester("files").count("bad_lines"), 0);
}

#[test]
fn lines_that_are_no_entries_become_dead_letters_among_those_that_are() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = open(&home);
    log.append(5);
    log.write(b"no JSON at all\n");
    log.append(5);
    log.write(b"{\"message\":\"cut off\n");
    log.write(b"[1, 2]\n\"text\"\n\x00\x00\x00\n");
    log.write(b"{\"message\":\"refused by the table\",\"level\":\"NONE\"}\n");
    log.append(5);
    let server = home.start();

    home.assert_stored_once(log.messages());

    // Of the array each element is one.
    let letters = letters(&server, 7);
    let texts: Vec<_> = letters.iter().map(|letter| text(letter, "entry")).collect();
    assert_eq!(letters.len(), 7, "{texts:?}");
    assert!(texts.contains(&"no JSON at all"), "{texts:?}");
    assert!(texts.contains(&"{\"message\":\"cut off"), "{texts:?}");
    assert_eq!(server.harvester("files").count("bad_lines"), 7);
}

#[test]
fn bytes_that_are_no_text_cost_no_line() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = open(&home);
    log.append(1);
    log.write(b"{\"message\":\"caf\xE9 \xFF\xFE\"}\n");
    log.append(1);
    let server = home.start();

    eventually("all three lines are stored, or dead letters", || {
        (home.row_count() + letters_now(&server).len() == 3).then_some(())
    });

    let messages = home.messages();
    for message in log.messages() {
        assert_eq!(messages.get(&message), Some(&1), "{messages:?}");
    }
}

#[test]
fn a_line_waits_for_its_end_also_over_a_restart() {
    let home = harvest::of_files(&json!({"path": "logs/*.log"}));
    let mut log = open(&home);
    let mut other = LogFile::open(&home, "other.log");
    let server = home.start();
    log.append_torn(1);
    other.append(1);
    home.wait_for_rows(1);
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
    assert_eq!(server.stop().code, Some(0));
    let server = home.start();
    other.append(1);
    home.wait_for_rows(2);

    log.complete();

    home.assert_stored_once(log.messages().chain(other.messages()));
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
}

#[test]
fn the_last_line_of_a_rotated_file_needs_no_end() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let mut log = open(&home);
    let server = home.start();
    log.append(10);
    log.write(entry("without end").trim_end().as_bytes());
    home.wait_for_rows(10);

    log.rotate();
    log.append(10);

    let written = log.messages().chain(["without end".to_owned()]);
    home.assert_stored_once(written);
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
}
