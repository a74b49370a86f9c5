//! The disk that the database is on fills up, and logs lie where nothing can be written: each line is in the table
//! exactly once.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use loglite_e2e::{Home, LogFile, LogWriter, Pace, Server, eventually, harvest};
use mounts::Mount;
use serde_json::json;

const DISK_BYTES: u64 = 24 << 20;
const PACE: Pace = Pace { lines: 1_000, rotation: Duration::from_secs(1) };

/// Takes what is left of the disk.
fn fill_up(ballast: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).expect("opened");
    for size in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

fn wait_until_full(server: &Server) {
    eventually("the service says that the disk is full", || {
        let health = server.get("/health");
        (health.status == 503 && health.error().contains("the disk is full")).then_some(())
    });
}

/// Lets the disk fill up while a log is written and rotated, twice, and ends the service meanwhile as `end` does.
///
/// Errors: why no small disk can be mounted.
fn over_a_full_disk(end: impl Fn(Server, &Home) -> Server) -> Result<(), String> {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let directory = home.path().join("db");
    let _disk = Mount::small(&directory, DISK_BYTES)?;
    let ballast = directory.join("ballast");
    let mut server = home.start();
    let writer = LogWriter::start(LogFile::open(&home, "app.log"), PACE, LogFile::rotate);
    for _ in 0..2 {
        let before = home.row_count();
        eventually("lines are stored", || (home.row_count() > before + 200).then_some(()));
        fill_up(&ballast);
        wait_until_full(&server);
        let rotations = writer.rotations();
        eventually("the log is rotated", || (writer.rotations() > rotations + 1).then_some(()));
        server = end(server, &home);
        fs::remove_file(&ballast).expect("the ballast can be thrown off");
    }
    let log = writer.stop();
    home.assert_stored_once(log.messages());
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
    Ok(())
}

#[test]
fn a_full_disk_holds_lines_up_and_loses_none() {
    if let Err(reason) = over_a_full_disk(|server, _| server) {
        eprintln!("not tested on a real disk, as none can be mounted here: {reason}");
    }
}

#[test]
fn a_service_killed_on_a_full_disk_has_each_line_exactly_once() {
    let killed = over_a_full_disk(|server, home| {
        server.kill();
        // It may need some space to start.
        let spare = home.path().join("db/ballast");
        fs::OpenOptions::new()
            .write(true)
            .open(&spare)
            .and_then(|file| file.set_len(fs::metadata(&spare)?.len().saturating_sub(1 << 20)))
            .expect("the ballast can be made smaller");
        home.start()
    });
    if let Err(reason) = killed {
        eprintln!("not tested on a real disk, as none can be mounted here: {reason}");
    }
}

#[test]
fn logs_on_a_read_only_mount_are_read_like_others() {
    let home = harvest::of_files(&json!({"path": "seen/app.log*"}));
    let (logs, seen) = (home.path().join("logs"), home.path().join("seen"));
    fs::create_dir(&seen).expect("made");
    let _mount = match Mount::read_only(&logs, &seen) {
        Ok(mount) => mount,
        Err(reason) => {
            eprintln!("not tested on a read-only mount, as none can be made here: {reason}");
            return;
        }
    };
    let writer = LogWriter::start(LogFile::open(&home, "app.log"), PACE, LogFile::rotate);
    let server = home.start();
    eventually("the log is rotated", || (writer.rotations() >= 2).then_some(()));
    server.kill();
    let _server = home.start();
    eventually("the log is rotated", || (writer.rotations() >= 4).then_some(()));

    home.assert_stored_once(writer.stop().messages());
}
