//! Free pages go back to the file system: in passes, at each commit, or by a VACUUM, as `auto_vacuum` says.

#[expect(dead_code, reason = "shared with the tests of faults")]
mod load;
#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;
mod pages;

use load::Posters;
use loglite_e2e::{Home, config, eventually};
use mounts::Mount;
use pages::{
    assert_sound, count_old, delete_half, fill_half, half_free, length, log_length, metric, number,
    with_mode,
};
use rusqlite::Connection as Database;

const MB: u64 = 1 << 20;
const ROWS: usize = 12_000;
const BYTES: &str = "loglite_vacuum_bytes_total";
const INCREMENTAL: i64 = 2;

#[test]
fn the_file_shrinks_while_entries_come_in() {
    // So much that what comes in meanwhile is little.
    let rows = 5 * ROWS;
    let home = half_free("INCREMENTAL", rows);
    let before = length(&home.database_path());
    home.write_config(&with_mode("INCREMENTAL", "task_vacuum_interval: 0.2"));
    let server = home.start();
    let posters = Posters::start(server.address(), "beside", 2);

    eventually("the file is much shorter", || {
        (length(&home.database_path()) < before * 8 / 10).then_some(())
    });

    assert!(metric(&server, BYTES) > before / 4);
    let posted = posters.finish();
    assert!(!posted.acknowledged.is_empty());
    assert_eq!(server.stop().code, Some(0));
    let database = home.database();
    assert_eq!(count_old(&database), i64::try_from(rows / 2).expect("few"));
    database.execute("DELETE FROM Log WHERE line IS NOT NULL", []).expect("deleted");
    posted.check(&database);
}

#[test]
fn a_pass_returns_no_more_than_it_may_and_the_files_are_cut() {
    let home = half_free("INCREMENTAL", ROWS);
    let before = length(&home.database_path());
    home.write_config(&with_mode(
        "INCREMENTAL",
        "task_vacuum_interval: 3600\ntask_vacuum_max_size: 2",
    ));
    let server = home.start();

    eventually("the first pass is over", || (metric(&server, BYTES) == 2 * MB).then_some(()));
    eventually("the file has lost what it returned", || {
        // What the service keeps of its own may take pages anew, but those come from the free ones.
        (length(&home.database_path()) == before - 2 * MB).then_some(())
    });
    eventually("the log is cut", || (log_length(&home) == 0).then_some(()));

    let free = number(&home.database(), "freelist_count") * 4096;
    assert_eq!(metric(&server, "loglite_database_free_bytes"), free.unsigned_abs());
    assert_eq!(metric(&server, BYTES), 2 * MB);
}

#[test]
fn with_full_what_a_commit_frees_is_returned_by_itself() {
    let home = Home::new(&with_mode("FULL", "task_vacuum_interval: 0.2"));
    let server = home.start();
    let database = home.database();
    database
        .execute_batch(
            "WITH n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000)
             INSERT INTO Log (id, message, line) SELECT x, hex(randomblob(450)), x FROM n",
        )
        .expect("filled");
    let before = eventually("the rows are in the file", || {
        Some(length(&home.database_path())).filter(|length| *length > 4 * MB)
    });

    delete_half(&database);

    assert_eq!(number(&database, "freelist_count"), 0);
    eventually("the file is shorter", || {
        (length(&home.database_path()) < before * 6 / 10).then_some(())
    });
    assert_eq!(metric(&server, BYTES), 0);
    assert_sound(&database);
}

#[test]
fn what_retention_deletes_makes_the_file_shorter_while_entries_come_in() {
    for mode in ["INCREMENTAL", "FULL"] {
        let home = half_free(mode, ROWS);
        let age = "UPDATE Log SET timestamp = '2020-01-01T00:00:00Z' WHERE line < 11000";
        home.database().execute(age, []).expect("made old");
        home.write_config(&with_mode(mode, "vacuum_max_days: 7\ntask_vacuum_interval: 0.2"));
        let before = length(&home.database_path());
        let server = home.start();
        let mut posted = 0;

        eventually("the file is much shorter", || {
            assert_eq!(server.post(r#"{"message": "beside"}"#).status, 200);
            posted += 1;
            (length(&home.database_path()) < before * 3 / 10).then_some(())
        });

        assert_eq!(server.stop().code, Some(0));
        let database = home.database();
        assert_sound(&database);
        assert_eq!(count_old(&database), 500, "{mode}");
        let sql = "SELECT count(*) FROM Log WHERE message = 'beside'";
        let found: i64 = database.query_row(sql, [], |row| row.get(0)).expect("counted");
        assert_eq!(found, posted, "{mode}");
    }
}

#[test]
fn a_bounded_database_that_can_not_shrink_is_told_of_once() {
    let home = half_free("NONE", 2_000);
    let before = length(&home.database_path());
    home.write_config(&with_mode("NONE", "vacuum_max_days: 7\ntask_vacuum_interval: 0.1"));
    let server = home.start();
    eventually("passes were made", || {
        let stored = server.post(r#"{"message": "x"}"#).status == 200;
        (stored && metric(&server, "loglite_batches_total{outcome=\"committed\"}") > 50)
            .then_some(())
    });
    assert_eq!(metric(&server, BYTES), 0);
    let exit = server.stop();
    let told = exit.stderr.matches("does not shrink: its auto_vacuum is NONE").count();
    assert_eq!(told, 1, "{}", exit.stderr);
    assert!(length(&home.database_path()) >= before);
}

#[test]
fn a_changed_auto_vacuum_rewrites_the_file_and_says_how_long_it_takes() {
    let home = half_free("NONE", ROWS);
    let before = length(&home.database_path());
    home.write_config(&with_mode("INCREMENTAL", ""));

    let server = home.start();

    let log = server.process().stderr();
    assert!(log.contains("rewriting the database with VACUUM") && log.contains("about "), "{log}");
    assert!(log.contains("database rewritten: "), "{log}");
    assert!(length(&home.database_path()) < before * 6 / 10);
    let database = home.database();
    assert_eq!(number(&database, "auto_vacuum"), INCREMENTAL);
    assert_eq!(count_old(&database), i64::try_from(ROWS / 2).expect("few"));
    assert_sound(&database);
}

#[test]
fn a_disk_without_room_for_a_vacuum_is_told_and_the_service_runs_on() {
    let home = Home::new(&with_mode("NONE", ""));
    let directory = home.path().join("db");
    let Ok(_disk) = Mount::small(&directory, 20 * MB) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    fill_half(&home, 9_000);
    home.write_config(&with_mode("INCREMENTAL", ""));
    let directory = directory.to_str().expect("text");
    let start = || home.launch(&["serve", "-c", "config.yaml"]).env("SQLITE_TMPDIR", directory);

    let server = start().serve();

    let log = server.process().stderr();
    assert!(log.contains("auto_vacuum stays NONE"), "{log}");
    assert!(log.contains("MB of free disk in") && log.contains("SQLITE_TMPDIR"), "{log}");
    assert_eq!(server.post(r#"{"message": "x"}"#).status, 200);
    assert_eq!(number(&home.database(), "auto_vacuum"), 0);
    server.kill();

    let command =
        home.launch(&["vacuum", "-c", "config.yaml"]).env("SQLITE_TMPDIR", directory).run();
    assert_eq!(command.code, Some(1), "{command:?}");
    assert!(command.stderr.contains("MB of free disk in"), "{command:?}");

    // A copy elsewhere needs half of it here.
    let elsewhere = home.path().to_str().expect("text");
    home.database().execute("DELETE FROM Log WHERE line > 6000", []).expect("deleted");
    let server =
        home.launch(&["serve", "-c", "config.yaml"]).env("SQLITE_TMPDIR", elsewhere).serve();
    let log = server.process().stderr();
    assert!(log.contains("database rewritten"), "{log}");
}

#[test]
fn the_command_rewrites_the_database_while_no_service_runs() {
    let home = half_free("NONE", ROWS);
    let before = length(&home.database_path());

    let server = home.start();
    let refused = home.run(&["vacuum", "-c", "config.yaml"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("in use by another loglite (process "), "{refused:?}");
    assert_eq!(server.stop().code, Some(0));

    let done = home.run(&["vacuum", "-c", "config.yaml"]);

    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("logs.db: ") && done.stdout.contains(" MB now, in "), "{done:?}");
    assert!(length(&home.database_path()) < before * 6 / 10);
    let database = home.database();
    assert_eq!(count_old(&database), i64::try_from(ROWS / 2).expect("few"));
    assert_sound(&database);
}

#[test]
fn the_command_says_that_there_is_no_database() {
    let home = Home::new(&config::with(""));
    let refused = home.run(&["vacuum", "-c", "config.yaml"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("there is no database at"), "{refused:?}");
    assert!(!home.path().join("db").exists());
}

#[test]
fn a_database_that_others_read_is_rewritten_and_shrinks_when_they_are_done() {
    let home = half_free("NONE", ROWS);
    let before = length(&home.database_path());
    home.write_config(&with_mode("INCREMENTAL", "task_vacuum_interval: 0.2"));
    let reader = Database::open(home.database_path()).expect("opened");
    reader.execute_batch("BEGIN").expect("begun");
    assert_eq!(count_old(&reader), i64::try_from(ROWS / 2).expect("few"));

    let server = home.start();

    assert_eq!(server.post(r#"{"message": "x"}"#).status, 200);
    assert_eq!(count_old(&reader), i64::try_from(ROWS / 2).expect("few"));
    reader.execute_batch("COMMIT").expect("ended");
    eventually("the file is shorter", || {
        (length(&home.database_path()) < before * 6 / 10).then_some(())
    });
}
