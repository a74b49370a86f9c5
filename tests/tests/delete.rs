//! `loglite delete`: rows go by a filter, with and without a running service.

#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

mod mixed;

use loglite_e2e::{Exit, Home, config, eventually};
use rusqlite::Connection as Database;
use serde_json::{Value, json};

use mixed::compressed_home;

/// More than one look covers, so that there are several transactions.
const MANY: u32 = 50_000;

/// A home whose service has stored these entries and has ended.
fn home_with(entries: &Value) -> Home {
    let server = Home::new(&config::with("")).start();
    server.store(entries);
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    home
}

/// Five lines of two levels and services.
fn five() -> Value {
    json!([
        {"line": 1, "level": "DEBUG", "service": "api", "message": "a"},
        {"line": 2, "level": "INFO", "service": "api", "message": "b,c"},
        {"line": 3, "level": "DEBUG", "service": "web", "message": "B&C"},
        {"line": 4, "level": "ERROR", "service": null, "message": "d"},
        {"line": 5, "level": "DEBUG", "service": "WebShop", "message": "e"},
    ])
}

fn delete(home: &Home, arguments: &[&str]) -> Exit {
    home.run(&[&["delete", "-c", "config.yaml"], arguments].concat())
}

/// The numbers of lines that are there.
fn lines(home: &Home) -> Vec<i64> {
    let database = home.database();
    let mut statement = database.prepare("SELECT line FROM Log ORDER BY id").expect("a table");
    let lines = statement.query_map([], |row| row.get(0)).expect("rows");
    lines.collect::<Result<_, _>>().expect("numbers")
}

fn number(database: &Database, sql: &str) -> i64 {
    database.query_row(sql, [], |row| row.get(0)).expect(sql)
}

/// Adds rows as another program does: `line` counts on, every second one is DEBUG.
fn fill(database: &Database, rows: u32) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO Log (timestamp, level, service, message, line)
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 days', i || ' seconds'),
            iif(i % 2, 'DEBUG', 'INFO'), 'filled', 'message ' || i, i FROM n";
    database.execute(sql, [rows]).expect("filled");
}

/// Whether the database is sound and holds no DEBUG row of those that were filled in.
fn assert_all_gone(database: &Database, rows_left: i64) {
    let verdict: String =
        database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
    let filled = "SELECT count(*) FROM Log WHERE service = 'filled'";
    assert_eq!(number(database, &format!("{filled} AND level = 'DEBUG'")), 0);
    assert_eq!(number(database, filled), rows_left);
}

#[test]
fn each_operator_deletes_what_it_finds_and_no_more() {
    for (filters, left) in [
        (&["level==DEBUG"][..], &[2, 4][..]),
        (&["level=!=DEBUG"], &[1, 3, 5]),
        (&["service=~=WEB"], &[1, 2, 4]),
        (&["line=>=4"], &[1, 2, 3]),
        (&["line=<=4"], &[5]),
        (&["line=>4"], &[1, 2, 3, 4]),
        (&["line=<4"], &[4, 5]),
        (&["line=>1,<4"], &[1, 4, 5]),
        (&["service=is null"], &[1, 2, 3, 5]),
        (&["service=is not null"], &[4]),
        (&["level==DEBUG&service=~=web"], &[1, 2, 4]),
        (&[" level == DEBUG ", "line=<3"], &[2, 3, 4, 5]),
        (&[r"message==b\,c"], &[1, 3, 4, 5]),
        (&[r"message==B\&C"], &[1, 2, 4, 5]),
        (&["timestamp=<2020-01-01"], &[1, 2, 3, 4, 5]),
        (&["id=>0"], &[]),
    ] {
        let home = home_with(&five());
        let exit = delete(&home, &[&["--yes"], filters].concat());
        assert_eq!(exit.code, Some(0), "{filters:?}: {exit:#?}");
        assert_eq!(lines(&home), left, "{filters:?}: {exit:#?}");
        let gone = 5 - left.len();
        let told = match gone {
            0 => "no row of Log passes the filter; nothing is deleted".to_owned(),
            1 => "deleted 1 row of Log".to_owned(),
            _ => format!("deleted {gone} rows of Log"),
        };
        assert!(exit.stdout.starts_with(&told), "{filters:?}: {exit:#?}");
    }
}

#[test]
fn a_dry_run_tells_what_would_go_and_deletes_nothing() {
    let home = home_with(&five());

    let exit = delete(&home, &["--dry-run", "level==DEBUG"]);

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(
        exit.stdout.starts_with("would delete 3 rows of Log\n  timestamps from 20"),
        "{exit:#?}"
    );
    assert!(exit.stdout.contains("\n  row ids from 1 to 5\n"), "{exit:#?}");
    assert_eq!(lines(&home), [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_wrong_with_the_arguments_is_told_and_deletes_nothing() {
    let home = home_with(&five());
    for (arguments, part) in [
        (&["--yes"][..], "<FILTER>..."),
        (&["--yes", ""], "a filter needs a condition such as level==DEBUG"),
        (&["--yes", "level=DEBUG"], "write level==DEBUG to ask for equality"),
        (
            &["--yes", "line>3"],
            "`line>3` is no condition; a column's name and `=` come first, then the operator: line=>3",
        ),
        (
            &["--yes", "levl==DEBUG"],
            "unknown column `levl` as a filter; `Log` has: id, timestamp, level",
        ),
        (&["level==DEBUG"], "pass `--yes` to go on without, or `--dry-run`"),
    ] {
        let exit = delete(&home, arguments);
        assert_eq!(exit.code, Some(2), "{arguments:?}: {exit:#?}");
        assert!(exit.stderr.contains(part), "{arguments:?}: {exit:#?}");
    }
    assert_eq!(lines(&home), [1, 2, 3, 4, 5]);
}

#[test]
fn row_ids_are_not_given_out_again_once_the_newest_rows_are_deleted() {
    let home = home_with(&five());
    assert_eq!(delete(&home, &["--yes", "line=>0"]).code, Some(0));

    let server = home.start();
    server.store(&json!({"message": "later"}));

    assert_eq!(server.rows("/logs?fields=id,message"), json!([{"id": 6, "message": "later"}]));
}

#[test]
fn row_ids_of_a_database_that_no_service_has_served_are_not_given_out_again() {
    let home = Home::new(&config::with(""));
    home.database().execute_batch(config::TABLE).expect("made");
    fill(&home.database(), 10);
    assert_eq!(delete(&home, &["--yes", "line=>3"]).code, Some(0));

    home.write_config(&config::with("").replace("auto_rollout: true", "auto_rollout: false"));
    let server = home.start();
    server.store(&json!({"message": "later"}));

    assert_eq!(server.rows("/logs?fields=id&message==later"), json!([{"id": 11}]));
}

#[test]
fn beside_a_service_rows_go_while_others_are_stored_and_streamed() {
    let server = Home::new(&config::with("sse_debounce_ms: 0")).start();
    let home = server.home().clone();
    fill(&home.database(), MANY);
    server.store(&json!({"message": "before", "line": 0}));
    let mut events = server.subscribe("/logs/sse?fields=line&service==ingest");
    let deletion = home
        .launch(&["delete", "-c", "config.yaml", "--yes", "level==DEBUG&service==filled"])
        .spawn();

    let mut deletion = deletion;
    let mut line = 0;
    while deletion.is_running() {
        line += 1;
        server.store(&json!({"service": "ingest", "level": "DEBUG", "message": "m", "line": line}));
    }

    let exit = deletion.wait();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stdout.starts_with("deleted 25,000 rows of Log"), "{exit:#?}");
    assert_all_gone(&home.database(), i64::from(MANY) / 2);
    assert!(line > 10, "only {line} entries were stored meanwhile");
    let stored = "SELECT count(*) FROM Log WHERE service = 'ingest'";
    assert_eq!(number(&home.database(), stored), line);
    let mut seen = 0;
    while seen < line {
        seen += i64::try_from(events.event().rows.len()).expect("few");
    }
}

#[test]
fn a_subscription_resumes_behind_deleted_rows() {
    let server = Home::new(&config::with("sse_debounce_ms: 0")).start();
    server.store(&five());
    assert_eq!(delete(server.home(), &["--yes", "line=>=2,<=4"]).code, Some(0));
    server.store(&json!({"line": 6, "message": "f"}));

    let mut events = server.subscribe_after("/logs/sse?fields=line", Some("2"));

    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(events.event().rows.into_iter().rev());
    }
    assert_eq!(json!(seen), json!([{"line": 5}, {"line": 6}]));
}

#[test]
fn rows_that_arrive_after_the_start_stay() {
    let home = home_with(&five());
    // A trigger stands in for the service: each deleted row brings a new one.
    home.database()
        .execute_batch(
            "CREATE TRIGGER more AFTER DELETE ON Log BEGIN
                INSERT INTO Log (level, message, line) VALUES ('DEBUG', 'new', old.line + 10); END",
        )
        .expect("made");

    let exit = delete(&home, &["--yes", "level==DEBUG"]);

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_eq!(lines(&home), [2, 4, 11, 13, 15]);
}

#[test]
fn a_row_that_a_constraint_protects_is_named_and_those_before_it_are_gone() {
    let home = home_with(&five());
    home.database()
        .execute_batch(
            "CREATE TRIGGER keep BEFORE DELETE ON Log WHEN old.line = 3 BEGIN
                SELECT RAISE(ABORT, 'line 3 is on hold'); END",
        )
        .expect("made");

    let exit = delete(&home, &["--yes", "level==DEBUG"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    for part in [
        "row 3 can't be deleted: line 3 is on hold",
        "1 row was deleted before",
        "by a further filter",
    ] {
        assert!(exit.stderr.contains(part), "{exit:#?}");
    }
    assert_eq!(lines(&home), [2, 3, 4, 5]);
}

#[test]
fn rows_that_a_trigger_keeps_in_silence_are_told_of() {
    let home = home_with(&five());
    home.database()
        .execute_batch(
            "CREATE TRIGGER keep BEFORE DELETE ON Log WHEN old.line = 3 BEGIN
                SELECT RAISE(IGNORE); END",
        )
        .expect("made");

    let exit = delete(&home, &["--yes", "level==DEBUG"]);

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stdout.contains("deleted 2 rows of Log\n1 row stayed: a trigger"), "{exit:#?}");
    assert_eq!(lines(&home), [2, 3, 4]);
}

#[test]
fn an_interrupted_deletion_ends_after_its_transaction_and_goes_on_when_run_again() {
    let home = Home::new(&config::with(""));
    home.database().execute_batch(config::TABLE).expect("made");
    fill(&home.database(), MANY * 4);
    let run = || home.launch(&["delete", "-c", "config.yaml", "--yes", "level==DEBUG"]).spawn();
    let count = || number(&home.database(), "SELECT count(*) FROM Log");

    let deletion = run();
    eventually("some rows are deleted", || (count() < i64::from(MANY) * 4).then_some(()));
    deletion.interrupt();
    let exit = deletion.wait();
    assert_eq!(exit.code, Some(130), "{exit:#?}");
    let gone = i64::from(MANY) * 4 - count();
    let told: String = exit.stdout.chars().filter(|c| *c != ',').collect();
    assert!(told.starts_with(&format!("deleted {gone} rows of Log\ninterrupted; ")), "{exit:#?}");

    let exit = run().wait();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_all_gone(&home.database(), i64::from(MANY) * 2);
}

#[test]
fn a_deletion_that_is_killed_again_and_again_is_finished_by_the_same_command() {
    let server = Home::new(&config::with("")).start();
    let home = server.home().clone();
    let rows = MANY * 4;
    fill(&home.database(), rows);
    let run =
        || home.launch(&["delete", "-c", "config.yaml", "--yes", "level==DEBUG&service==filled"]);
    let count = || number(&home.database(), "SELECT count(*) FROM Log WHERE service = 'filled'");

    let mut line = 0;
    for _ in 0..10 {
        let before = count();
        let deletion = run().spawn();
        eventually("some rows are deleted", || (count() < before).then_some(()));
        drop(deletion.kill());
        line += 1;
        server.store(&json!({"service": "ingest", "message": "m", "line": line}));
    }
    assert!(count() > i64::from(rows) / 2, "all were deleted before the last kill");

    let exit = run().run();

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_all_gone(&home.database(), i64::from(rows) / 2);
    assert_eq!(number(&home.database(), "SELECT count(*) FROM Log WHERE service = 'ingest'"), 10);
}

#[test]
fn compressed_columns_are_found_by_their_values() {
    let home = compressed_home("");
    assert_eq!(delete(&home, &["--yes", "level==DEBUG"]).code, Some(0));
    assert_eq!(lines(&home), [2, 4, 6]);

    assert_eq!(delete(&home, &["--yes", "level=~=inf"]).code, Some(0));

    assert_eq!(lines(&home), [4, 6]);
}

#[test]
fn on_a_full_disk_it_says_so_or_makes_room() {
    let home = Home::new(&config::with(""));
    let mount = match mounts::Mount::small(&home.path().join("db"), 16 << 20) {
        Ok(mount) => mount,
        Err(reason) => {
            println!("not tested, as no small file system can be mounted: {reason}");
            return;
        }
    };
    home.database().execute_batch(config::TABLE).expect("made");
    fill(&home.database(), 20_000);
    let ballast = home.path().join("db/ballast");
    std::fs::write(&ballast, vec![0; 16 << 20]).expect_err("the disk is full");

    let exit = delete(&home, &["--yes", "level==DEBUG"]);
    if exit.code != Some(0) {
        assert_eq!(exit.code, Some(1), "{exit:#?}");
        assert!(exit.stderr.contains("there is no space left for the database"), "{exit:#?}");
        assert!(exit.stderr.contains("the same command goes on"), "{exit:#?}");
    }
    std::fs::remove_file(ballast).expect("removed");

    let exit = delete(&home, &["--yes", "level==DEBUG"]);

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_all_gone(&home.database(), 10_000);
    drop(mount);
}
