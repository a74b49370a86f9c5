//! The configuration: every problem in one go and before anything is done, overrides, and what is in effect.

use loglite_e2e::{Exit, Home, config};
use serde_json::json;

/// Each of these commands reads the configuration.
const COMMANDS: [&[&str]; 4] = [
    &["serve", "-c", "config.yaml"],
    &["server", "run", "-c", "config.yaml"],
    &["config", "check", "-c", "config.yaml"],
    &["migrate", "rollout", "-c", "config.yaml"],
];

fn check_refused(exit: &Exit, expected: &[&str]) {
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    for part in expected {
        assert!(exit.stderr.contains(part), "`{part}` is not in\n{}", exit.stderr);
    }
}

#[test]
fn every_problem_of_a_file_is_reported_at_once_with_line_and_key_before_anything_is_done() {
    let home = Home::new(
        "port: 99999
prot: 1
debug: maybe
sse_limit: 0
max_body_size: 5 bananas
sqlite_params:
  journal_mode: [WAL]
migrations:
  - version: 1
    rollout: [CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT)]
  - version: 1
    rollout: []
port: 7
",
    );
    for command in COMMANDS {
        let exit = home.run(command);
        check_refused(
            &exit,
            &[
                "config.yaml:1:7: `port`: expected a port number from 0 to 65535, found `99999`",
                "config.yaml:2:1: unknown key `prot`; did you mean `port`?",
                "config.yaml:3:8: `debug`: expected true or false, found `maybe`",
                "config.yaml:4:12: `sse_limit`",
                "config.yaml:5:16: `max_body_size`",
                "config.yaml:7:17: `sqlite_params.journal_mode`",
                "config.yaml:11:14: `migrations[1].version`: version 1 is already that of the migration in line 9",
                "config.yaml:12:14: `migrations[1].rollout`",
                "config.yaml:13:1: `port` is set twice, first in line 1",
            ],
        );
        assert!(!exit.stderr.contains("listening"), "{exit:#?}");
        assert!(!home.path().join("db").exists(), "nothing is done");
    }
}

#[test]
fn a_file_that_is_missing_empty_or_no_yaml_is_named() {
    let home = Home::empty();
    let check = || home.run(&["config", "check", "-c", "config.yaml"]);

    check_refused(&check(), &["config.yaml: can't be read: "]);
    home.write_config("");
    check_refused(&check(), &["config.yaml:1:1: the file is empty"]);
    home.write_config("port: [1\nhost: x");
    check_refused(&check(), &["config.yaml:", "no valid YAML"]);
    home.write_config("just text");
    check_refused(&check(), &["expected a mapping of keys to values"]);
    home.write_config("port: 1");
    check_refused(&check(), &["`migrations` is missing"]);
}

#[test]
fn what_this_version_cannot_do_yet_is_refused_and_never_ignored() {
    let home = Home::new(&config::with("partition_interval: daily"));
    let exit = home.run(&["serve", "-c", "config.yaml"]);
    check_refused(&exit, &["`partition_interval`", "not supported by this version yet"]);
}

#[test]
fn keys_of_the_older_generations_that_ask_for_nothing_are_accepted() {
    let home = Home::new(&config::with(
        "debug: false
allow_origin: '*'
sse_limit: 1000
sse_debounce_ms: 500
sse_heartbeat_ms: 10000
vacuum_max_days: 3650
vacuum_max_size: 1tb
vacuum_target_size: 800 GB
task_backlog_max_size: 200
task_backlog_flush_interval: 5
task_diagnostics_interval: 60
task_vacuum_interval: 120
task_vacuum_max_size: 20
stats_retention_hours: 24
db_pool_size: auto
partition_interval: none
compression: {enabled: false, columns: []}
harvesters: []",
    ));
    assert_eq!(home.run(&["config", "check", "-c", "config.yaml"]).code, Some(0));
    let server = home.start();
    server.store(&json!({"message": "a"}));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn the_environment_overrides_the_file() {
    let home = Home::new(&config::with("allow_origin: https://file.example\nsse_limit: 5"));

    let server = home
        .launch(&["serve", "-c", "config.yaml"])
        .env("LOGLITE_SQLITE_DIR", "elsewhere/deep")
        .env("LOGLITE_ALLOW_ORIGIN", "https://env.example")
        .env("LOGLITE_DEBUG", "false")
        .serve();

    let settings = server.get("/settings").at("/settings");
    let value = |key: &str| {
        let found =
            settings.as_array()?.iter().find(|setting| setting.get("key") == Some(&json!(key)))?;
        found.get("value").cloned()
    };
    assert_eq!(value("allow_origin"), Some(json!("https://env.example")));
    assert_eq!(value("sse_limit"), Some(json!(5)));
    assert_eq!(value("debug"), Some(json!(false)));
    assert!(home.path().join("elsewhere/deep/logs.db").exists());
    assert!(!home.path().join("db").exists());
}

#[test]
fn variables_that_do_not_fit_are_refused_together_with_the_file_s_problems() {
    let home = Home::new(&config::with("sse_limit: no"));
    let exit = home
        .launch(&["serve", "-c", "config.yaml"])
        .env("LOGLITE_DEBUG", "perhaps")
        .env("LOGLITE_PORT", "http")
        .env("LOGLITE_HOTS", "0.0.0.0")
        .env("LOGLITE_MIGRATIONS", "[]")
        .run();
    check_refused(
        &exit,
        &[
            "`sse_limit`",
            "environment variable LOGLITE_DEBUG: `debug`: expected true or false, found `perhaps`",
            "environment variable LOGLITE_PORT: `port`",
            "environment variable LOGLITE_HOTS: no key has this variable; did you mean LOGLITE_HOST?",
            "environment variable LOGLITE_MIGRATIONS: `migrations` can't be set by a variable",
        ],
    );
}

#[test]
fn check_says_that_a_file_is_in_order_and_touches_nothing() {
    let home = Home::new(&config::with(""));
    let exit = home.run(&["config", "check", "-c", "config.yaml"]);
    assert_eq!(
        (exit.code, exit.stdout.as_str()),
        (Some(0), "config.yaml: ok (1 migration, table Log)\n")
    );
    assert!(!home.path().join("db").exists());
}

#[test]
fn show_prints_the_configuration_in_effect_as_a_file_that_loads_to_the_same() {
    let home = Home::new(&config::with("sse_limit: 7\nsse_debounce_ms: 1"));
    let show = |home: &Home| {
        let exit = home
            .launch(&["config", "show", "-c", "config.yaml"])
            .env("LOGLITE_SSE_DEBOUNCE_MS", "2")
            .run();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        exit.stdout
    };

    let shown = show(&home);
    home.write_config(&shown);

    for line in ["sse_limit: 7", "sse_debounce_ms: 2", "port: 0", "max_body_size: 16MB"] {
        assert!(shown.lines().any(|known| known == line), "{line} is not in\n{shown}");
    }
    assert_eq!(show(&home), shown);
}

#[test]
fn pragmas_are_set_in_order_and_wrong_ones_refused() {
    let home = Home::new(&config::with("").replace(
        "  journal_mode: WAL",
        "  page_size: 8192\n  journal_mode: WAL\n  auto_vacuum: INCREMENTAL\n  foreign_keys: OFF",
    ));
    assert_eq!(home.start().stop().code, Some(0));
    let pragma = |name: &str| -> i64 {
        home.database()
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
            .expect("a number")
    };
    assert_eq!((pragma("page_size"), pragma("auto_vacuum")), (8192, 2));

    home.write_config(&config::with("").replace("journal_mode: WAL", "jurnal_mode: WAL"));
    check_refused(
        &home.run(&["serve", "-c", "config.yaml"]),
        &["unknown PRAGMA `jurnal_mode`", "did you mean `journal_mode`?"],
    );
    home.write_config(&config::with("").replace("journal_mode: WAL", "journal_mode: WOOL"));
    check_refused(
        &home.run(&["serve", "-c", "config.yaml"]),
        &["`WOOL` is no value of the PRAGMA"],
    );
}

#[test]
fn a_changed_auto_vacuum_takes_effect_in_an_existing_database() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!({"message": "kept"}));
    assert_eq!(server.stop().code, Some(0));

    home.write_config(
        &config::with("").replace("  journal_mode", "  auto_vacuum: FULL\n  journal_mode"),
    );
    let server = home.start();

    assert_eq!(server.get("/logs").column("message"), ["kept"]);
    let mode: i64 =
        home.database().query_row("PRAGMA auto_vacuum", [], |row| row.get(0)).expect("a number");
    assert_eq!(mode, 1);
}

#[test]
fn columns_that_the_configuration_names_must_exist() {
    for (keys, parts) in [
        ("log_timestamp_field: time", ["`log_timestamp_field`", "it has: id, timestamp, level"]),
        ("unknown_fields_column: rest", ["`unknown_fields_column`", "timestamp, level, service"]),
        ("unknown_fields_column: id", ["`unknown_fields_column`", "timestamp, level, service"]),
        ("source_column: origin", ["`source_column`", "timestamp, level, service"]),
    ] {
        let exit = Home::new(&config::with(keys)).run(&["serve", "-c", "config.yaml"]);
        check_refused(&exit, &parts);
    }
}

#[test]
fn tables_that_the_service_cannot_keep_its_promises_on_are_refused_with_the_reason() {
    for (sql, part) in [
        (
            "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT) WITHOUT ROWID",
            "WITHOUT ROWID",
        ),
        ("CREATE VIEW Log AS SELECT 1 AS id, 2 AS timestamp", "is a view"),
        ("CREATE TABLE Other (id INTEGER PRIMARY KEY, timestamp TEXT)", "no table `Log`"),
    ] {
        let exit = Home::new(&config::with_table(sql, "")).run(&["serve", "-c", "config.yaml"]);
        assert!(matches!(exit.code, Some(1 | 2)), "{exit:#?}");
        assert!(exit.stderr.contains(part), "{exit:#?}");
    }
}
