//! Files that are refused, and what is said of them.

use std::fs;
use std::path::Path;

use super::super::problem::Position;
use super::super::{Config, Fault};
use super::{MIGRATIONS, check, parse, parse_keys};

#[track_caller]
fn check_whole(text: &str, message: &str) {
    let errors = parse(text, &[]).expect_err(text);
    assert_eq!(errors.to_string(), message, "{text}");
}

#[test]
fn an_unknown_key_is_reported_with_the_nearest_known_one() {
    check(
        "debug: on\nsse_limitt: 5",
        &["2:1: unknown key `sse_limitt`; did you mean `sse_limit`?"],
    );
    check("  Prot: 5".trim_start(), &["1:1: unknown key `Prot`; did you mean `port`?"]);
    check(
        "completely_else: 5",
        &[
            "1:1: unknown key `completely_else`; remove it, or see `loglite config show` for all keys",
        ],
    );
    check(
        "compression: {enable: no, x: 1}",
        &[
            "1:15: unknown key `compression.enable`; did you mean `enabled`?",
            "1:27: unknown key `compression.x`; known here: enabled, columns, max_values",
        ],
    );
}

#[test]
fn compression_of_nothing_or_of_a_column_twice_is_refused() {
    check(
        "compression: {enabled: yes}",
        &[
            "1:14: `compression`: expected the names of columns in `columns` when `enabled` is true, found none",
        ],
    );
    check(
        "compression: {enabled: yes, columns: [level, service, LEVEL], max_values: 0}",
        &[
            "1:55: `compression.columns[2]`: expected each column once, found `LEVEL`",
            "1:75: `compression.max_values`: expected a whole number from 1 to 4294967295, found `0`",
        ],
    );
}

#[test]
fn a_number_that_older_versions_read_as_another_is_refused_as_it_is_written() {
    for text in ["017154", "1:00", "0b11", "08", "1.5", "1__0"] {
        let message =
            format!("1:7: `port`: expected a port number from 0 to 65535, found `{text}`");
        check(&format!("port: {text}"), &[&message]);
    }
}

#[test]
fn every_problem_of_a_file_is_reported_from_top_to_bottom() {
    check(
        "port: 70000\nhots: x\ndebug: maybe\nport: [1]\nsse_limit: 0",
        &[
            "1:7: `port`: expected a port number from 0 to 65535, found `70000`",
            "2:1: unknown key `hots`; did you mean `host`?",
            "3:8: `debug`: expected true or false, found `maybe`",
            "4:1: `port` is set twice, first in line 1; remove one of them",
            "4:7: `port`: expected a port number from 0 to 65535, found a list",
            "5:12: `sse_limit`: expected a whole number from 1 to 1000000, found `0`",
        ],
    );
}

#[test]
fn a_repeated_key_is_found_in_quotes_and_in_nested_mappings() {
    check(
        "port: 1\n\"port\": 2",
        &["2:1: `port` is set twice, first in line 1; remove one of them"],
    );
    check(
        "sqlite_params:\n  x: 1\n  x: 2\n  'x': 3",
        &[
            "3:3: `sqlite_params.x` is set twice, first in line 2; remove one of them",
            "4:3: `sqlite_params.x` is set twice, first in line 3; remove one of them",
        ],
    );
}

#[test]
fn values_out_of_range_or_of_another_kind_are_rejected() {
    for (key, value, found) in [
        ("port", "-1", "`-1`"),
        ("port", "1.5", "`1.5`"),
        ("port", "", "nothing"),
        ("port", "{a: b}", "a mapping"),
        ("host", "''", "an empty text"),
        ("host", "a b", "`a b`"),
        ("allow_origin", "\"a\\nb\"", "`a\\nb`"),
        ("debug", "2", "`2`"),
        ("sqlite_dir", "", "nothing"),
        ("log_timestamp_field", "' '", "` `"),
        ("log_table_name", "versions", "`versions`"),
        ("log_table_name", "Loglite_x", "`Loglite_x`"),
        ("db_pool_size", "0", "`0`"),
        ("query_timeout_ms", "0", "`0`"),
        ("sse_debounce_ms", "-1", "`-1`"),
        ("sse_heartbeat_ms", "0", "`0`"),
        ("sse_limit", "1_", "`1_`"),
        ("max_body_size", "2GB", "`2GB`"),
        ("ingest_queue_size", "lots", "`lots`"),
        ("json_columns", "xml", "`xml`"),
        ("partition_interval", "yearly", "`yearly`"),
        ("task_backlog_max_size", "0", "`0`"),
        ("task_vacuum_interval", "0", "`0`"),
        ("task_vacuum_interval", ".nan", "`.nan`"),
        ("vacuum_max_days", "0", "`0`"),
        ("harvesters", "file", "`file`"),
        ("transforms", "{}", "a mapping"),
        ("plugin_cache_dir", "' '", "` `"),
        ("plugin_stack_size", "9MB", "`9MB`"),
        ("compression", "on", "`on`"),
    ] {
        let errors = parse_keys(&format!("{key}: {value}")).expect_err(key).to_string();
        assert!(
            errors
                .starts_with(&format!("c.yaml:1:{}: `{key}`: expected ", value_column(key, value))),
            "{errors}"
        );
        assert!(errors.ends_with(&format!(", found {found}")), "{errors}");
    }
}

/// A value that is left out is reported at the colon.
fn value_column(key: &str, value: &str) -> usize {
    key.len() + if value.is_empty() { 1 } else { 3 }
}

#[test]
fn a_pragma_can_only_be_a_word_or_a_number() {
    let expected = "expected a word or a number, such as WAL, OFF or -32000";
    for (value, found) in [
        ("\"WAL; DROP TABLE Log\"", "`WAL; DROP TABLE Log`"),
        ("\"'x'\"", "`'x'`"),
        ("", "nothing"),
        ("''", "an empty text"),
        ("[1]", "a list"),
        ("1x", "`1x`"),
        ("--1", "`--1`"),
    ] {
        let errors =
            parse_keys(&format!("sqlite_params:\n  p: {value}")).expect_err(value).to_string();
        assert!(
            errors.ends_with(&format!("`sqlite_params.p`: {expected}, found {found}")),
            "{errors}"
        );
    }
    check(
        "sqlite_params: {\"a=1; b\": 1}",
        &[
            "1:17: `sqlite_params.a=1; b`: expected a PRAGMA name of letters, digits and underscores, \
           found `a=1; b`",
        ],
    );
}

#[test]
fn what_is_wrong_with_a_migration_is_named_by_its_place_in_the_list() {
    let text = "migrations:\n  - {version: 1, rollout: a}\n  - {version: 1, rollout: []}\n  \
                - {rolout: a}\n  - {version: 0, rollout: [[b]], rollback: {c: d}}\n  - 5\n";

    let errors = parse(text, &[]).expect_err(text).to_string();

    let found: Vec<_> = errors.lines().map(|line| line.trim_start_matches("c.yaml:")).collect();
    assert_eq!(
        found,
        [
            "3:15: `migrations[1].version`: version 1 is already that of the migration in line 2; give each \
             its own",
            "3:27: `migrations[1].rollout`: expected a list with at least one SQL text, found an empty list",
            "4:5: `migrations[2].version` is missing: expected a whole number of at least 1",
            "4:5: `migrations[2].rollout` is missing: expected a list with at least one SQL text",
            "4:6: unknown key `migrations[2].rolout`; did you mean `rollout`?",
            "5:15: `migrations[3].version`: expected a whole number of at least 1, found `0`",
            "5:28: `migrations[3].rollout[0]`: expected a text, found a list",
            "5:44: `migrations[3].rollback[0]`: expected a text, found a mapping",
            "6:5: `migrations[4]`: expected a mapping with `version`, `rollout` and `rollback`, found `5`",
        ]
    );
}

#[test]
fn migrations_are_required() {
    let expected = "expected a list with at least one migration, each a mapping with `version`, `rollout` \
                    and `rollback`";
    check_whole("port: 1", &format!("c.yaml: `migrations` is missing: {expected}"));
    check_whole(
        "migrations: []",
        &format!("c.yaml:1:13: `migrations`: {expected}, found an empty list"),
    );
}

#[test]
fn sizes_of_retention_that_contradict_each_other_are_rejected() {
    check(
        "vacuum_target_size: 3TB\nvacuum_max_size: 2TB",
        &[
            "1:21: `vacuum_target_size`: expected at most `vacuum_max_size`, which is 2TB, found `3TB`",
        ],
    );
}

#[test]
fn a_default_that_a_variable_contradicts_is_a_problem_of_the_file() {
    let variables = [("LOGLITE_VACUUM_MAX_SIZE", "500MB")];

    let errors = parse(MIGRATIONS, &variables).expect_err("a contradiction").to_string();

    let expected = "c.yaml: `vacuum_target_size`: expected at most `vacuum_max_size`, which is 500MB, \
                    found its default 800GB; set it, too";
    assert!(errors.lines().any(|line| line == expected), "{errors}");
}

#[test]
fn what_this_version_can_not_do_yet_is_refused_with_a_way_out() {
    let errors = parse_keys("partition_interval: daily").expect_err("not there").to_string();
    assert!(errors.starts_with("c.yaml:1:21: `partition_interval`: partitioning"), "{errors}");
    assert!(errors.contains(" not supported by this version yet; "), "{errors}");
    assert!(errors.contains(" or keep using the older loglite for "), "{errors}");
}

#[test]
fn a_text_that_is_no_yaml_is_reported_with_its_place() {
    for (text, message) in [
        ("port: 1\n\thost: x\n", "c.yaml:2:1: a tab indents this line; use spaces"),
        ("a:\n  b: 1\n \tc: 1\n", "c.yaml:3:2: a tab indents this line; use spaces"),
        ("", "c.yaml:1:1: the file is empty; `loglite config show` prints one to start from"),
        ("# x\n", "c.yaml:1:1: the file is empty; `loglite config show` prints one to start from"),
        (
            "- a",
            "c.yaml:1:1: expected a mapping of keys to values, such as `port: 7788`, found a list",
        ),
        ("a: 1\n---\nb: 1", "c.yaml:3:1: a second YAML document starts here; keep one"),
    ] {
        check_whole(text, message);
    }
    for text in ["port: [1\n", "port: 1\n  host: x\n", "a: *x\n", "a: \"b\n"] {
        let errors = parse(text, &[]).expect_err(text);
        let problem = errors.problems().first().expect("a problem");
        assert!(matches!(problem.fault, Fault::Syntax(_)), "{errors}");
        assert!(problem.position.is_some(), "{errors}");
    }
}

#[test]
fn a_file_that_can_not_be_read_or_is_no_text_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("c.yaml");
    let load = |path: &Path| Config::load(Some(path), []).expect_err("a bad file");

    let missing = load(&path);
    fs::write(&path, b"port: 1\nhost: \xFF").expect("a writable file");
    let binary = load(&path);

    assert!(missing.to_string().starts_with(&format!("{}: can't be read: ", path.display())));
    let place = binary.problems().first().and_then(|problem| problem.position);
    assert_eq!(place, Some(Position { line: 2, column: 7 }), "{binary}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_key() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), format!("\u{FEFF}port: 1\n{MIGRATIONS}")).expect("a writable file");

    assert!(Config::load(Some(file.path()), []).is_ok());
}

#[test]
fn a_bad_variable_is_reported_by_its_name_behind_the_problems_of_the_file() {
    let variables = [
        ("LOGLITE_PORT", "x"),
        ("LOGLITE_DEBUG", ""),
        ("LOGLITE_SSE_LIMITS", "5"),
        ("LOGLITE_MIGRATIONS", "[]"),
        ("LOGLITE_VACUUM_MAX_DAYS", "0"),
    ];

    let errors = parse(&format!("port: y\n{MIGRATIONS}"), &variables).expect_err("bad variables");

    let errors = errors.to_string();
    let mut lines = errors.lines();
    for start in [
        "c.yaml:1:7: `port`: expected a port number from 0 to 65535, found `y`",
        "environment variable LOGLITE_DEBUG: `debug`: expected true or false, found an empty text",
        "environment variable LOGLITE_MIGRATIONS: `migrations` can't be set by a variable; set it in",
        "environment variable LOGLITE_PORT: `port`: expected a port number from 0 to 65535, found `x`",
        "environment variable LOGLITE_SSE_LIMITS: no key has this variable; did you mean LOGLITE_SSE_LIMIT?",
        "environment variable LOGLITE_VACUUM_MAX_DAYS: `vacuum_max_days`: expected a number of days of at least 1, found `0`",
    ] {
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with(start), "{line}\n{start}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn the_column_for_sources_gets_nothing_else() {
    check(
        "unknown_fields_column: extra\nsource_column: extra",
        &[
            "2:16: `source_column`: expected another column than `unknown_fields_column`, found `extra`",
        ],
    );
    check(
        "source_column: timestamp",
        &[
            "1:16: `source_column`: expected another column than `log_timestamp_field`, found `timestamp`",
        ],
    );
}

#[test]
fn each_mistake_in_a_retention_rule_is_reported_with_its_place() {
    check(
        "retention: level==DEBUG",
        &[
            "1:12: `retention`: expected a list of rules, each a mapping with `where` and `max_days`, found `level==DEBUG`",
        ],
    );
    check(
        "retention:
  - {wher: level==DEBUG, max_days: 0}
  - level==DEBUG
  - {where: level=DEBUG, max_days: -1}
  - {where: \"\", max_days: 2000000}",
        &[
            "2:5: `retention[0].where` is missing: expected a filter as in GET /logs, such as `level==DEBUG&service=~=api`",
            "2:6: unknown key `retention[0].wher`; did you mean `where`?",
            "2:36: `retention[0].max_days`: expected a number of days above 0 and at most 1000000, such as 7 or 0.5, found `0`",
            "3:5: `retention[1]`: expected a mapping with `where` and `max_days`, found `level==DEBUG`",
            "4:13: `retention[2].where`: expected a filter as in GET /logs, such as `level==DEBUG&service=~=api`, found \
             `level=DEBUG`: `level`: `DEBUG` starts with none of the operators = ~= != >= <= > < and is neither `is null` \
             nor `is not null`; write level==DEBUG to ask for equality, and a comma within a value as \\,",
            "4:36: `retention[2].max_days`: expected a number of days above 0 and at most 1000000, such as 7 or 0.5, found `-1`",
            "5:13: `retention[3].where`: expected a filter as in GET /logs, such as `level==DEBUG&service=~=api`, found an empty text",
            "5:27: `retention[3].max_days`: expected a number of days above 0 and at most 1000000, such as 7 or 0.5, found `2000000`",
        ],
    );
}
