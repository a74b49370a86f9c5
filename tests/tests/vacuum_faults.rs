//! Returning free pages is killed, and runs out of disk, while entries come in: nothing is lost, and it goes on.

mod load;
#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;
mod pages;

use std::fs;
use std::io::Write;
use std::path::Path;

use load::{Posted, Posters};
use loglite_e2e::{Home, Process, eventually};
use mounts::Mount;
use pages::{
    assert_sound, count_old, fill_half, half_free, length, log_length, metric, number, with_mode,
};

const MB: u64 = 1 << 20;
const ROWS: usize = 30_000;
const BYTES: &str = "loglite_vacuum_bytes_total";
const ROUNDS: usize = 10;

fn left(rows: usize) -> i64 {
    i64::try_from(rows / 2).expect("few")
}

/// Checks what was posted, in a database whose old rows are there, which then go.
fn check(home: &Home, posted: &Posted, old: i64) {
    let database = home.database();
    assert_sound(&database);
    assert_eq!(count_old(&database), old);
    database.execute("DELETE FROM Log WHERE line IS NOT NULL", []).expect("deleted");
    posted.check(&database);
}

#[test]
fn kills_during_passes_lose_nothing_and_the_file_shrinks_all_the_same() {
    let home = half_free("INCREMENTAL", ROWS);
    let before = length(&home.database_path());
    home.write_config(&with_mode(
        "INCREMENTAL",
        "task_vacuum_interval: 0.01\ntask_vacuum_max_size: 1",
    ));
    let mut posted = Posted::default();
    for round in 0..ROUNDS {
        let server = home.start();
        let posters = Posters::start(server.address(), &format!("round-{round}"), 2);
        // At another moment each time, and with something left to return.
        let enough = MB / 4 * (1 + round as u64 % 5);
        eventually("free pages are returned", || {
            (metric(&server, BYTES) >= enough && posters.acknowledged() > 20).then_some(())
        });
        server.kill();
        posted.merge(posters.finish());
        assert_sound(&home.database());
    }

    let server = home.start();

    eventually("the file is shorter by nearly half", || {
        (length(&home.database_path()) < before * 6 / 10).then_some(())
    });
    server.kill();
    check(&home, &posted, left(ROWS));
}

#[test]
fn a_killed_vacuum_leaves_the_database_as_it_was_and_is_done_at_the_next_start() {
    let home = half_free("NONE", ROWS);
    let before = length(&home.database_path());
    home.write_config(&with_mode("INCREMENTAL", ""));
    // Before anything is copied back, when that begins, and in the midst of it.
    for log_bytes in [0, 1, 6 * MB] {
        let process = home.launch(&["serve", "-c", "config.yaml"]).spawn();
        eventually("the database is being rewritten", || {
            let begun = process.stderr().contains("rewriting the database with VACUUM");
            (begun && log_length(&home) >= log_bytes).then_some(())
        });
        assert!(!process.stderr().contains("database rewritten"), "too fast to be killed");
        assert_eq!(process.kill().code, None);

        let database = home.database();
        assert_sound(&database);
        assert_eq!(count_old(&database), left(ROWS));
        assert_eq!(number(&database, "auto_vacuum"), 0, "killed at {log_bytes}");
    }

    let server = home.start();

    assert_eq!(number(&home.database(), "auto_vacuum"), 2);
    assert!(length(&home.database_path()) < before * 6 / 10);
    assert_eq!(server.post(r#"{"message": "x"}"#).status, 200);
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(count_old(&home.database()), left(ROWS));
}

/// Takes what is left of the disk.
fn fill_up(ballast: &Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).expect("opened");
    for size in [1 << 20, 64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn on_a_full_disk_nothing_is_lost_and_pages_are_returned_once_there_is_room() {
    let home = Home::new(&with_mode("INCREMENTAL", ""));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, 32 * MB) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    fill_half(&home, 9_000);
    let before = length(&home.database_path());
    home.write_config(&with_mode(
        "INCREMENTAL",
        "task_vacuum_interval: 0.3\ntask_vacuum_max_size: 1",
    ));
    let server = home.start();
    let ballast = directory.join("ballast");
    fill_up(&ballast);
    let mut stored = 0;
    let mut post = || {
        let is_stored = server.post(r#"{"message": "one more"}"#).status == 200;
        stored += i64::from(is_stored);
        is_stored
    };

    let is_shorter = || length(&home.database_path()) < before * 7 / 10;
    eventually("something finds no room, or all of it does", || {
        let told = server.process().stderr().contains("free pages could not be returned");
        (!post() || told || is_shorter()).then_some(())
    });
    fs::remove_file(&ballast).expect("the ballast can be thrown off");

    eventually("the file is shorter, and entries are stored", || {
        (post() && is_shorter()).then_some(())
    });
    assert_eq!(server.stop().code, Some(0));
    let database = home.database();
    assert_sound(&database);
    assert_eq!(count_old(&database), left(9_000));
    let found = "SELECT count(*) FROM Log WHERE message = 'one more'";
    let found: i64 = database.query_row(found, [], |row| row.get(0)).expect("counted");
    assert_eq!(found, stored);
}

#[test]
fn a_disk_that_fills_up_during_a_vacuum_leaves_the_database_as_it_was() {
    let home = Home::new(&with_mode("NONE", ""));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, 100 * MB) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    fill_half(&home, ROWS);
    home.write_config(&with_mode("INCREMENTAL", ""));
    let ballast = directory.join("ballast");
    let process: Process = home
        .launch(&["serve", "-c", "config.yaml"])
        .env("SQLITE_TMPDIR", directory.to_str().expect("text"))
        .spawn();
    eventually("the database is being rewritten", || {
        process.stderr().contains("rewriting the database with VACUUM").then_some(())
    });
    fill_up(&ballast);

    eventually("it gives up", || {
        process.stderr().contains("auto_vacuum stays NONE: the database could not").then_some(())
    });

    fs::remove_file(&ballast).expect("the ballast can be thrown off");
    drop(process);
    let database = home.database();
    assert_sound(&database);
    assert_eq!(count_old(&database), left(ROWS));
    drop(database);
    let server = home.start();
    assert!(server.process().stderr().contains("database rewritten"));
    assert_eq!(count_old(&home.database()), left(ROWS));
}
