//! Many files, big ones, and a busy one beside a quiet one: memory and open files stay bounded, and nobody starves.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use loglite_e2e::{Home, LogFile, eventually, harvest};
use serde_json::json;

const FILES: usize = 2_000;
const MOST_OPEN: usize = 64;
/// Of the service itself: database, log, sockets, threads' pipes, what watches directories.
const OPEN_BESIDES: usize = 64;

/// Writes the same lines, `first` and those that follow it, to the end of each file.
fn append_to_all(home: &Home, first: usize, lines: usize) {
    let mut text = String::new();
    for line in first..first + lines {
        writeln!(text, "{{\"message\":\"same {line}\",\"line\":{line}}}").expect("strings grow");
    }
    for number in 0..FILES {
        let path = home.path().join(format!("logs/app-{number}.log"));
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the file is writable");
    }
}

fn assert_lines_of_all(home: &Home, lines: usize) {
    home.wait_for_rows(FILES * lines);
    let expected = (0..lines).map(|line| (format!("same {line}"), FILES)).collect();
    assert_eq!(home.messages(), expected);
}

#[test]
fn thousands_of_files_with_the_same_lines_are_all_read_with_few_of_them_open() {
    let config = json!({"path": "logs/app-*.log", "max_open_files": MOST_OPEN});
    let home = harvest::of_files(&config);
    append_to_all(&home, 0, 10);
    let server = home.start();
    let mut most_open = 0;
    eventually("the lines are stored", || {
        most_open = most_open.max(server.process().open_files());
        (home.row_count() >= FILES * 10).then_some(())
    });
    assert_lines_of_all(&home, 10);
    assert_eq!(server.harvester("files").count("inputs"), FILES as u64);

    append_to_all(&home, 10, 1);
    assert_lines_of_all(&home, 11);
    most_open = most_open.max(server.process().open_files());
    server.kill();
    append_to_all(&home, 11, 1);
    let server = home.start();
    assert_lines_of_all(&home, 12);

    most_open = most_open.max(server.process().open_files());
    assert!(most_open <= MOST_OPEN + OPEN_BESIDES, "{most_open} files were open");
    let memory = server.process().peak_memory_mb();
    assert!(memory <= 150, "{memory} MB");
}

/// Writes lines of about 1 KB with the messages `big 0` to `big <lines - 1>`.
fn write_big(home: &Home, lines: usize) {
    let path = home.path().join("logs/big.log");
    let file = fs::File::create(path).expect("the file is writable");
    let mut file = std::io::BufWriter::new(file);
    let padding = "x".repeat(980);
    for line in 0..lines {
        writeln!(file, "{{\"message\":\"big {line}\",\"extra\":\"{padding}\"}}").expect("written");
    }
    file.flush().expect("written");
}

#[test]
fn a_big_file_at_the_start_is_read_in_bounded_memory() {
    const LINES: usize = 200_000;
    let home = harvest::of_files(&json!({"path": "logs/big.log"}));
    write_big(&home, LINES);
    let server = home.start();

    home.assert_stored_once((0..LINES).map(|line| format!("big {line}")));

    let memory = server.process().peak_memory_mb();
    assert!(memory <= 160, "{memory} MB for a file of 200 MB");
    server.wait_until_harvested();
}

#[test]
fn a_quiet_file_is_read_while_a_busy_one_is_far_behind() {
    const LINES: usize = 60_000;
    let home = harvest::of_files(&json!({"path": "logs/*.log"}));
    let mut quiet = LogFile::open(&home, "quiet.log");
    write_big(&home, LINES);
    let server = home.start();
    eventually("the big one is being read", || (home.row_count() > 0).then_some(()));

    quiet.append(1);

    eventually("the quiet one's line is stored", || {
        home.messages().contains_key("quiet.log-0").then_some(())
    });
    let stored = home.row_count();
    assert!(stored < LINES, "it came last, after {stored} rows");
    drop(server);
}
