//! Files that are renamed, copied, emptied, deleted, linked and compressed under the service: each line is in the table
//! exactly once.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::Duration;

use loglite_e2e::{Home, LogFile, LogWriter, Pace, eventually, harvest};
use serde_json::json;

/// Writes at this pace while `rotate` does its work, this many times.
fn write(
    home: &Home,
    pace: Pace,
    times: u64,
    rotate: impl FnMut(&mut LogFile) + Send + 'static,
) -> LogFile {
    let writer = LogWriter::start(LogFile::open(home, "app.log"), pace, rotate);
    eventually("the log has been rotated", || (writer.rotations() >= times).then_some(()));
    writer.stop()
}

#[test]
fn six_rotations_in_seven_seconds_lose_nothing() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let _server = home.start();
    let pace = Pace { lines: 2_000, rotation: Duration::from_millis(1_200) };

    let log = write(&home, pace, 6, LogFile::rotate);

    home.assert_stored_once(log.messages());
}

#[test]
fn renamed_files_that_no_pattern_matches_are_read_to_their_end() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let _server = home.start();
    let pace = Pace { lines: 2_000, rotation: Duration::from_millis(1_200) };

    let log = write(&home, pace, 6, LogFile::rotate);

    home.assert_stored_once(log.messages());
}

#[test]
fn a_log_that_is_copied_and_emptied_is_read_once_beside_its_copies() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let _server = home.start();
    let pace = Pace { lines: 2_000, rotation: Duration::from_secs(1) };
    let mut copies = 0;

    let log = write(&home, pace, 8, move |log| {
        copies += 1;
        log.copy_and_truncate(&log.generation(copies));
    });

    home.assert_stored_once(log.messages());
}

#[test]
fn a_log_that_is_copied_elsewhere_and_emptied_is_read_once_if_the_service_keeps_up() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let server = home.start();
    let pace = Pace { lines: 2_000, rotation: Duration::from_secs(1) };
    let copy = home.path().join("copy");
    let seen = home.clone();

    let log = write(&home, pace, 8, move |log| {
        log.complete();
        // What is emptied before it was read is gone, whoever reads.
        let written = usize::try_from(log.lines()).expect("few");
        eventually("the service keeps up", || (seen.row_count() >= written).then_some(()));
        log.copy_and_truncate(&copy);
    });

    home.assert_stored_once(log.messages());
    server.wait_until_harvested();
}

#[test]
fn an_emptied_file_that_is_already_longer_than_before_is_read_from_its_beginning() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    log.append(100);
    home.wait_for_rows(100);

    log.truncate();
    log.append(3_000);
    home.wait_for_rows(3_100);
    server.kill();
    log.truncate();
    log.append(6_000);

    let _server = home.start();
    home.assert_stored_once(log.messages());
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_the_one_in_its_place_from_its_beginning() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = LogFile::open(&home, "app.log");
    let _server = home.start();
    for _ in 0..5 {
        log.append(100);
        home.wait_for_rows(usize::try_from(log.lines()).expect("few"));
        log.append(100);
        log.recreate();
        log.append(100);
    }
    home.assert_stored_once(log.messages());
}

/// Makes a file again and again until it has this inode number; whether it got it.
fn make_with_inode(path: &Path, inode: u64) -> bool {
    let spare = path.with_extension("spare");
    (0..200).any(|number| {
        fs::write(path, "").expect("writable");
        if fs::metadata(path).expect("it is there").ino() == inode {
            return true;
        }
        // Keeps the number that it got taken.
        fs::rename(path, spare.with_extension(number.to_string())).expect("renamed");
        false
    })
}

#[test]
fn a_new_file_with_the_inode_number_of_an_old_one_is_read_from_its_beginning() {
    let home = harvest::of_files(&json!({"path": "logs/app.log"}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    log.append(200);
    home.wait_for_rows(200);
    assert_eq!(server.stop().code, Some(0));
    let path = log.path().to_owned();
    let inode = fs::metadata(&path).expect("it is there").ino();
    let mut next = log.next_lines(500);
    next.extend(log.next_lines(500));
    let messages = log.messages();
    drop(log);
    fs::remove_file(&path).expect("deleted");
    if !make_with_inode(&path, inode) {
        eprintln!("not tested with a reused inode number: this file system gives none out again");
        fs::write(&path, "").expect("writable");
    }
    fs::write(&path, next).expect("writable");

    let _server = home.start();
    home.assert_stored_once(messages);
}

#[test]
fn a_link_that_is_switched_leads_to_the_rest_of_the_old_file_and_all_of_the_new_one() {
    let home = harvest::of_files(&json!({"path": "logs/current.log"}));
    let directory = home.path().join("logs");
    let mut all = Vec::new();
    let mut log = LogFile::open(&home, "day-0.log");
    let switch = |target: &str| {
        symlink(target, directory.join("next")).expect("linked");
        fs::rename(directory.join("next"), directory.join("current.log")).expect("renamed");
    };
    switch("day-0.log");
    let _server = home.start();
    for day in 1..6 {
        log.append(100);
        home.wait_for_rows(all.len() + 100);
        log.append(100);
        all.extend(log.messages());
        let name = format!("day-{day}.log");
        log = LogFile::open(&home, &name);
        log.append(10);
        switch(&name);
    }
    all.extend(log.messages());
    home.assert_stored_once(all);
}

#[test]
fn a_file_under_two_names_is_read_once() {
    let home = harvest::of_files(&json!({"path": "logs/*.log"}));
    let mut log = LogFile::open(&home, "app.log");
    log.append(100);
    let directory = home.path().join("logs");
    symlink("app.log", directory.join("link.log")).expect("linked");
    fs::hard_link(log.path(), directory.join("hard.log")).expect("linked");
    let server = home.start();
    log.append(100);
    home.wait_for_rows(200);
    server.kill();
    let server = home.start();
    log.append(100);
    home.assert_stored_once(log.messages());
    server.wait_until_harvested();
    home.assert_stored_once(log.messages());
}
