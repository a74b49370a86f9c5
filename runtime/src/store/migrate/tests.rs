//! Migrations against databases in memory.

use super::*;
use crate::store::Fault;

fn migration(version: i64, rollout: &[&str], rollback: &[&str]) -> Migration {
    let owned = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Migration { version, rollout: owned(rollout), rollback: owned(rollback) }
}

fn memory() -> Connection {
    Connection::open_in_memory().expect("memory")
}

fn tables(connection: &Connection) -> Vec<String> {
    connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND length(name) = 1 ORDER BY name")
        .expect("a query")
        .query_map([], |row| row.get(0))
        .expect("rows")
        .collect::<Result<_, _>>()
        .expect("names")
}

fn states(
    connection: &Connection,
    migrations: &[Migration],
) -> Vec<(i64, MigrationState, TextChange)> {
    let lines = status(connection, migrations).expect("status");
    lines.into_iter().map(|line| (line.version, line.state, line.text_change)).collect()
}

#[test]
fn all_pending_migrations_are_applied_by_rising_version() {
    let mut connection = memory();
    let migrations = [
        migration(2, &["CREATE TABLE b AS SELECT * FROM a"], &[]),
        migration(1, &["CREATE TABLE a (x)"], &[]),
    ];

    assert_eq!(rollout(&mut connection, &migrations).expect("applied"), [1, 2]);

    assert_eq!(tables(&connection), ["a", "b"]);
    assert!(rollout(&mut connection, &migrations).expect("nothing to do").is_empty());
}

#[test]
fn a_migration_that_fails_halfway_leaves_nothing_and_can_be_run_again_once_fixed() {
    let mut connection = memory();
    let first = migration(1, &["CREATE TABLE a (x)"], &[]);
    let broken = migration(
        2,
        &["CREATE TABLE b (x);\nINSERT INTO b VALUES (1); CREATE INDEX i ON nope (x);"],
        &[],
    );

    let error = rollout(&mut connection, &[first.clone(), broken]).expect_err("broken");

    assert_eq!(
        error.to_string(),
        "migration 2 failed and nothing of it was kept: no such table: main.nope\n  \
         in statement 3: CREATE INDEX i ON nope (x);"
    );
    assert_eq!(tables(&connection), ["a"]);
    let fixed = migration(2, &["CREATE TABLE b (x);", "CREATE INDEX i ON b (x);"], &[]);
    assert_eq!(rollout(&mut connection, &[first, fixed]).expect("fixed"), [2]);
    assert_eq!(tables(&connection), ["a", "b"]);
}

#[test]
fn a_constraint_that_rolls_the_transaction_back_fails_the_migration() {
    let mut connection = memory();
    let broken = migration(
        1,
        &[
            "CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1); INSERT OR ROLLBACK INTO a VALUES (1)",
        ],
        &[],
    );
    let error = apply(&mut connection, &broken).expect_err("broken");
    assert_eq!(error.fault(), Some(Fault::Constraint));
    assert!(tables(&connection).is_empty());
}

#[test]
fn an_item_may_hold_triggers_and_semicolons_in_strings() {
    let mut connection = memory();
    let text = "CREATE TABLE a (x TEXT DEFAULT ';'); -- one; two
        CREATE TABLE b (x);
        CREATE TRIGGER t AFTER INSERT ON a BEGIN
            INSERT INTO b VALUES (CASE WHEN new.x = 'a;b' THEN 1 ELSE 2 END);
            INSERT INTO b VALUES (3);
        END;
        INSERT INTO a VALUES ('a;b'); SELECT * FROM b;";
    apply(&mut connection, &migration(1, &[text], &[])).expect("applied");
    let sum: i64 = connection.query_row("SELECT sum(x) FROM b", [], |row| row.get(0)).expect("sum");
    assert_eq!(sum, 4);
}

#[test]
fn statements_that_break_the_transaction_are_refused() {
    for (statement, keyword) in [
        ("BEGIN", "BEGIN"),
        ("/* done */ commit", "COMMIT"),
        ("ROLLBACK", "ROLLBACK"),
        ("SAVEPOINT s", "SAVEPOINT"),
        ("VACUUM", "VACUUM"),
    ] {
        let mut connection = memory();
        let error = apply(&mut connection, &migration(1, &["CREATE TABLE a (x)", statement], &[]))
            .expect_err(statement);
        assert!(error.to_string().contains(&format!("`{keyword}` can't run in it")), "{error}");
        assert!(tables(&connection).is_empty(), "{statement}");
    }
}

#[test]
fn rollout_up_to_a_version_includes_it() {
    let connection = memory();
    let migrations = [1, 2, 3].map(|version| migration(version, &[], &[]));
    let versions = |up_to| -> Vec<i64> {
        let pending = pending(&connection, &migrations, up_to).expect("pending");
        pending.iter().map(|migration| migration.version).collect()
    };
    assert_eq!(versions(Some(2)), [1, 2]);
    assert_eq!(versions(None), [1, 2, 3]);
    let error = pending(&connection, &migrations, Some(4)).expect_err("unknown");
    assert_eq!(error.to_string(), "the config has no migration 4; it has: 1, 2, 3");
}

#[test]
fn trying_out_says_what_would_fail_and_changes_nothing() {
    let mut connection = memory();
    let good = migration(1, &["CREATE TABLE a (x)"], &[]);
    let bad = migration(2, &["CREATE TABLE a (y)"], &[]);
    try_out(&mut connection, &[&good]).expect("it would work");
    let error = try_out(&mut connection, &[&good, &bad]).expect_err("it would fail");
    assert!(error.to_string().starts_with("migration 2 failed"), "{error}");
    assert!(!connection.table_exists(None, "versions").expect("readable"));
    assert!(tables(&connection).is_empty());
}

#[test]
fn a_rollback_takes_back_the_statements_and_the_mark() {
    let mut connection = memory();
    let migrations = [
        migration(1, &["CREATE TABLE a (x)"], &["DROP TABLE a"]),
        migration(2, &["CREATE TABLE b (x)"], &[]),
    ];
    rollout(&mut connection, &migrations).expect("applied");

    let plan = plan_rollback(&connection, &migrations, 1).expect("possible");
    assert_eq!(plan.later, [2]);
    roll_back(&mut connection, &plan).expect("rolled back");

    assert_eq!(tables(&connection), ["b"]);
    let refused = |version| plan_rollback(&connection, &migrations, version).expect_err("refused");
    assert!(matches!(refused(1), StoreError::NotApplied { version: 1 }));
    assert!(matches!(refused(2), StoreError::NoRollback { version: 2 }));
    assert!(matches!(refused(3), StoreError::UnknownMigration { version: 3, .. }));
}

#[test]
fn a_failed_rollback_leaves_the_migration_applied() {
    let mut connection = memory();
    let migrations = [migration(1, &["CREATE TABLE a (x)"], &["DROP TABLE a; DROP TABLE nope"])];
    rollout(&mut connection, &migrations).expect("applied");
    let plan = plan_rollback(&connection, &migrations, 1).expect("possible");
    roll_back(&mut connection, &plan).expect_err("the second statement fails");
    assert_eq!(tables(&connection), ["a"]);
    assert_eq!(
        states(&connection, &migrations),
        [(1, MigrationState::Applied, TextChange::Unchanged)]
    );
}

#[test]
fn the_status_tells_states_and_changed_texts() {
    let mut connection = memory();
    let old = [1, 2, 3].map(|version| migration(version, &["SELECT 1"], &[]));
    rollout(&mut connection, &old).expect("applied");
    let new = [
        migration(1, &["SELECT 1"], &["edited"]),
        migration(2, &["SELECT 2"], &[]),
        migration(4, &[], &[]),
    ];
    assert_eq!(
        states(&connection, &new),
        [
            (1, MigrationState::Applied, TextChange::Unchanged),
            (2, MigrationState::Applied, TextChange::Changed),
            (3, MigrationState::NotInConfig, TextChange::NotApplicable),
            (4, MigrationState::Pending, TextChange::NotApplicable),
        ]
    );
}

#[test]
fn a_database_of_an_earlier_generation_keeps_its_versions() {
    let mut connection = memory();
    connection
        .execute_batch(
            "CREATE TABLE versions (version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
             CREATE TABLE column_dictionary (id INTEGER PRIMARY KEY AUTOINCREMENT, column TEXT NOT NULL,
                 value_id INTEGER NOT NULL, value JSON);
             CREATE TABLE activity_stats (id INTEGER PRIMARY KEY);
             CREATE TABLE a (x);
             INSERT INTO versions (version) VALUES (1);",
        )
        .expect("an old database");
    let migrations = [
        migration(1, &["CREATE TABLE a (x)"], &["DROP TABLE a"]),
        migration(2, &["SELECT 1"], &[]),
    ];
    assert_eq!(
        states(&connection, &migrations),
        [
            (1, MigrationState::Applied, TextChange::Unknown),
            (2, MigrationState::Pending, TextChange::NotApplicable),
        ]
    );

    assert_eq!(rollout(&mut connection, &migrations).expect("applied"), [2]);

    // Rolled back and applied again by the earlier generation: what was recorded is about the first time.
    connection
        .execute_batch("UPDATE versions SET applied_at = '2020-01-01 00:00:00' WHERE version = 2")
        .expect("updated");
    let again = states(&connection, &migrations);
    assert_eq!(again.last(), Some(&(2, MigrationState::Applied, TextChange::Unknown)));
}
