//! `loglite migrate`: rollout, rollback, status, dry runs, and failures that leave nothing behind.

use loglite_e2e::{Exit, Home};
use serde_json::json;

const FIRST: &str = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT);
        CREATE INDEX idx_timestamp ON Log (timestamp);";
const SECOND: &str = "ALTER TABLE Log ADD COLUMN level TEXT";

/// A configuration with these migrations: rollout and rollback, versions from 1. They stand in reverse.
fn config(migrations: &[(&str, &str)]) -> String {
    let mut text = String::from("port: 0\nmigrations:\n");
    for (at, (rollout, rollback)) in migrations.iter().enumerate().rev() {
        let version = at + 1;
        text += &format!("  - version: {version}\n    rollout:\n      - |\n        {rollout}\n");
        text += &format!("    rollback: [\"{rollback}\"]\n");
    }
    text
}

fn two() -> String {
    config(&[(FIRST, "DROP TABLE Log"), (SECOND, "ALTER TABLE Log DROP COLUMN level")])
}

fn migrate(home: &Home, arguments: &[&str]) -> Exit {
    home.run(&[&["migrate"], arguments, &["-c", "config.yaml"]].concat())
}

fn columns(home: &Home) -> Vec<String> {
    let database = home.database();
    let mut statement = database.prepare("SELECT name FROM pragma_table_info('Log')").expect("SQL");
    let names = statement.query_map([], |row| row.get(0)).expect("a query");
    names.collect::<Result<_, _>>().expect("names")
}

fn versions(home: &Home) -> Vec<i64> {
    let database = home.database();
    let mut statement =
        database.prepare("SELECT version FROM versions ORDER BY version").expect("SQL");
    let versions = statement.query_map([], |row| row.get(0)).expect("a query");
    versions.collect::<Result<_, _>>().expect("versions")
}

#[test]
fn a_rollout_applies_all_that_is_pending_in_order_and_a_second_one_nothing() {
    let home = Home::new(&two());

    let first = migrate(&home, &["rollout"]);
    let second = migrate(&home, &["rollout"]);

    assert_eq!(first.code, Some(0), "{first:#?}");
    assert_eq!(first.stdout, "applied migration 1\napplied migration 2\n");
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), "nothing to apply\n"));
    assert_eq!(columns(&home), ["id", "timestamp", "message", "level"]);
    assert_eq!(versions(&home), [1, 2]);
}

#[test]
fn a_rollout_up_to_a_version_leaves_later_ones_pending() {
    let home = Home::new(&two());

    let first = migrate(&home, &["rollout", "-v", "1"]);
    let unknown = migrate(&home, &["rollout", "-v", "9"]);

    assert_eq!(first.stdout, "applied migration 1\n");
    assert_eq!(versions(&home), [1]);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
    assert!(unknown.stderr.contains("the config has no migration 9; it has: 1, 2"), "{unknown:#?}");
}

#[test]
fn a_failing_migration_names_the_statement_leaves_nothing_behind_and_runs_once_mended() {
    let broken = "CREATE TABLE Extra (x);\n        INSERT INTO Extra VALUES (1); INSERT INTO Nowhere VALUES (1)";
    let home = Home::new(&config(&[
        (FIRST, "DROP TABLE Log"),
        (broken, "DROP TABLE Extra"),
        (SECOND, "SELECT 1"),
    ]));

    let failed = migrate(&home, &["rollout"]);

    assert_eq!(failed.code, Some(1), "{failed:#?}");
    assert_eq!(failed.stdout, "applied migration 1\n");
    for part in [
        "migration 2 failed",
        "no such table: Nowhere",
        "statement 3: INSERT INTO Nowhere VALUES (1)",
    ] {
        assert!(failed.stderr.contains(part), "{part}: {failed:#?}");
    }
    assert_eq!(versions(&home), [1]);
    assert!(!home.database().table_exists(None, "Extra").expect("a query"));

    home.write_config(&config(&[
        (FIRST, "DROP TABLE Log"),
        (&broken.replace("Nowhere", "Extra"), "DROP TABLE Extra"),
        (SECOND, "SELECT 1"),
    ]));
    let mended = migrate(&home, &["rollout"]);

    assert_eq!(mended.code, Some(0), "{mended:#?}");
    assert_eq!(mended.stdout, "applied migration 2\napplied migration 3\n");
    assert_eq!(versions(&home), [1, 2, 3]);
}

#[test]
fn a_service_does_not_start_on_a_migration_that_fails() {
    let home =
        Home::new(&(config(&[("CREATE TABLE Log (id", "SELECT 1")]) + "auto_rollout: true\n"));

    let exit = home.run(&["serve", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("migration 1 failed"), "{exit:#?}");
    assert!(exit.stderr.contains("CREATE TABLE Log (id"), "{exit:#?}");
    assert!(!exit.stderr.contains("listening on"), "{exit:#?}");
}

#[test]
fn a_migration_may_not_end_its_own_transaction() {
    let home = Home::new(&config(&[(
        "CREATE TABLE Log (id); COMMIT; CREATE TABLE More (id)",
        "SELECT 1",
    )]));

    let exit = migrate(&home, &["rollout"]);

    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("`COMMIT` can't run in it"), "{exit:#?}");
    assert!(!home.database().table_exists(None, "Log").expect("a query"));
}

#[test]
fn a_dry_run_lists_and_tries_the_statements_and_changes_nothing() {
    let home = Home::new(&two());

    let fine = migrate(&home, &["rollout", "--dry-run"]);

    assert_eq!(fine.code, Some(0), "{fine:#?}");
    assert!(fine.stdout.contains("would apply migration 1:"), "{fine:#?}");
    assert!(fine.stdout.contains(SECOND), "{fine:#?}");
    assert!(!home.database_path().exists());

    home.write_config(&config(&[
        (FIRST, "DROP TABLE Log"),
        ("ALTER TABLE Lag ADD COLUMN x", "SELECT 1"),
    ]));
    let failing = migrate(&home, &["rollout", "--dry-run"]);

    assert_eq!(failing.code, Some(1), "{failing:#?}");
    assert!(failing.stderr.contains("no such table: Lag"), "{failing:#?}");
    assert!(!home.database_path().exists());
}

#[test]
fn a_rollback_takes_one_version_back_when_forced_and_asks_otherwise() {
    let home = Home::new(&two());
    assert_eq!(migrate(&home, &["rollout"]).code, Some(0));

    let unasked =
        home.launch(&["migrate", "rollback", "-v", "2", "-c", "config.yaml"]).input("y\n").run();
    assert_eq!(unasked.code, Some(2), "without a terminal there is nobody to ask: {unasked:#?}");
    assert_eq!(versions(&home), [1, 2]);

    let forced = migrate(&home, &["rollback", "-v", "2", "-f"]);
    assert_eq!((forced.code, forced.stdout.as_str()), (Some(0), "rolled back migration 2\n"));
    assert_eq!(columns(&home), ["id", "timestamp", "message"]);
    assert_eq!(versions(&home), [1]);

    let again = migrate(&home, &["rollback", "-v", "2", "--force"]);
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert!(again.stderr.contains("migration 2 is not applied"), "{again:#?}");

    assert_eq!(migrate(&home, &["rollout"]).stdout, "applied migration 2\n");
}

#[test]
fn a_failing_rollback_leaves_the_version_applied() {
    let home = Home::new(&config(&[(FIRST, "DROP INDEX idx_timestamp; DROP TABLE Lag")]));
    assert_eq!(migrate(&home, &["rollout"]).code, Some(0));

    let exit = migrate(&home, &["rollback", "-v", "1", "-f"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("DROP TABLE Lag"), "{exit:#?}");
    assert_eq!(versions(&home), [1]);
    let indexes: i64 = home
        .database()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'idx_timestamp'", [], |row| {
            row.get(0)
        })
        .expect("a query");
    assert_eq!(indexes, 1, "the first statement was taken back");
}

#[test]
fn the_status_tells_state_time_and_changed_text() {
    let home = Home::new(&two());
    assert_eq!(migrate(&home, &["rollout", "-v", "1"]).code, Some(0));
    let line = |exit: &Exit, version: &str| {
        let mut lines = exit.stdout.lines();
        lines
            .find(|line| line.starts_with(version))
            .unwrap_or_else(|| panic!("{exit:#?}"))
            .to_owned()
    };

    let before = migrate(&home, &["status"]);
    let edited = two().replace("message TEXT", "message TEXT NOT NULL");
    home.write_config(&edited);
    let after = migrate(&home, &["status"]);
    home.write_config(&config(&[("SELECT 1", "SELECT 1")]).replace("version: 1", "version: 7"));
    let gone = migrate(&home, &["status"]);

    assert_eq!(before.code, Some(0), "{before:#?}");
    assert!(
        line(&before, "1").contains("applied") && line(&before, "1").ends_with("no"),
        "{before:#?}"
    );
    assert!(line(&before, "1").contains("20"), "when it was applied: {before:#?}");
    assert!(line(&before, "2").contains("pending"), "{before:#?}");
    assert!(line(&after, "1").ends_with("yes"), "{after:#?}");
    assert!(line(&gone, "1").contains("not in the config"), "{gone:#?}");
    assert!(line(&gone, "7").contains("pending"), "{gone:#?}");
}

#[test]
fn a_running_service_keeps_migrations_off_its_database_but_shows_the_status() {
    let home = Home::new(&(two() + "auto_rollout: true\n"));
    let server = home.start();

    let rollout = migrate(&home, &["rollout"]);
    let rollback = migrate(&home, &["rollback", "-v", "2", "-f"]);
    let status = migrate(&home, &["status"]);

    assert_eq!((rollout.code, rollback.code, status.code), (Some(1), Some(1), Some(0)));
    assert!(rollback.stderr.contains("in use by another loglite"), "{rollback:#?}");
    server.store(&json!({"message": "still served", "level": "INFO"}));
}

#[test]
fn without_auto_rollout_a_service_asks_for_the_rollout() {
    let home = Home::new(&two());

    let exit = home.run(&["serve", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("loglite migrate rollout"), "{exit:#?}");
    assert_eq!(migrate(&home, &["rollout"]).code, Some(0));
    home.start().store(&json!({"message": "a"}));
}
