//! Files that are taken, and what they come to.

use std::time::Duration;

use super::super::{Config, JsonColumns, Pragma, keys};
use super::{MIGRATIONS, accept, parse};
use crate::domain::ByteSize;

#[test]
fn a_file_with_migrations_only_has_the_default_of_every_other_key() {
    let config = accept("");

    let expected = Config { migrations: config.migrations.clone(), ..Config::default() };
    assert_eq!(config, expected);
}

#[test]
fn a_boolean_is_read_as_yaml_1_1_does() {
    for (text, value) in [
        ("true", true),
        ("yes", true),
        ("On", true),
        ("y", true),
        ("\"true\"", true),
        ("1", true),
        ("false", false),
        ("NO", false),
        ("off", false),
        ("N", false),
        ("'off'", false),
        ("0", false),
    ] {
        assert_eq!(accept(&format!("debug: {text}")).debug, value, "{text}");
    }
}

#[test]
fn a_number_may_stand_in_quotes_and_a_size_in_either_case() {
    let config = accept("port: \"80\"\nsse_limit: 1_500\nmax_body_size: 1.5 mb");

    assert_eq!(config.http.port, 80);
    assert_eq!(config.sse.sse_limit, 1500);
    assert_eq!(config.http.max_body_size, ByteSize(1_572_864));
}

#[test]
fn a_number_may_have_any_form_that_yaml_gives_numbers() {
    for text in ["7788", "+7788", "7_788", "0x1E6C", "0o17154", "7788.0", "7.788e3", "'7788'"] {
        assert_eq!(accept(&format!("port: {text}")).http.port, 7788, "{text}");
    }
    assert_eq!(accept("port: 07").http.port, 7);
    let pragmas = accept("sqlite_params: {mmap_size: 0x100, cache_size: -1_0}").database;
    let values: Vec<_> = pragmas.sqlite_params.iter().map(|p| p.value.as_str()).collect();
    assert_eq!(values, ["256", "-10"]);
}

#[test]
fn a_name_that_looks_like_a_number_stays_as_it_is_written() {
    for text in ["1.10", "0x10", "1e5", "007", "True", "+1"] {
        let config = accept(&format!("log_table_name: {text} # a name\nsqlite_dir: {text}"));
        assert_eq!(config.database.log_table_name, text);
        assert_eq!(config.database.sqlite_dir.to_str(), Some(text));
        assert_eq!(parse(&config.to_yaml(), &[]), Ok(config), "{text}");
    }
}

#[test]
fn units_are_those_that_the_keys_name() {
    let config = accept("sse_debounce_ms: 0\ntask_vacuum_interval: 0.5\ntask_vacuum_max_size: 5");

    assert_eq!(config.sse.sse_debounce, Duration::ZERO);
    assert_eq!(config.tasks.vacuum_interval, Duration::from_millis(500));
    assert_eq!(config.tasks.vacuum_pass_size, ByteSize(5 << 20));
}

#[test]
fn pragmas_keep_their_order_and_booleans_become_on_and_off() {
    let config = accept(
        "sqlite_params:\n  journal_mode: WAL\n  foreign_keys: OFF\n  automatic_index: true\n  \
         cache_size: -32_000\n  mmap_size: '1'\n  cell_size_check: false\n  encoding: UTF-16le",
    );

    let expected = [
        ("journal_mode", "WAL"),
        ("foreign_keys", "OFF"),
        ("automatic_index", "ON"),
        ("cache_size", "-32000"),
        ("mmap_size", "1"),
        ("cell_size_check", "OFF"),
        ("encoding", "UTF-16le"),
    ];
    let expected = expected.map(|(name, value)| Pragma { name: name.into(), value: value.into() });
    assert_eq!(config.database.sqlite_params, expected);
}

#[test]
fn the_old_backlog_size_bounds_a_transaction_but_not_below_a_thousand_rows() {
    for (text, rows) in [("200", 1000), ("1000000", 1_000_000)] {
        let config = accept(&format!("task_backlog_max_size: {text}"));
        assert_eq!(config.ingest.batch_rows, rows);
    }
}

#[test]
fn keys_without_a_value_mean_none_where_none_is_a_value() {
    let config = accept(
        "unknown_fields_column:\npartition_interval: ~\nharvesters:\ntransforms:\nsqlite_params:\ncompression:",
    );

    assert_eq!(config, accept("unknown_fields_column: none"));
}

#[test]
fn words_choose_a_variant_in_either_case() {
    let config = accept(
        "json_columns: TEXT\npartition_interval: None\nunknown_fields_column: extra\nsource_column: origin",
    );

    assert_eq!(config.ingest.json_columns, JsonColumns::Text);
    assert_eq!(config.ingest.unknown_fields_column.as_deref(), Some("extra"));
    assert_eq!(config.ingest.source_column.as_deref(), Some("origin"));
    assert_eq!(accept("source_column: none").ingest.source_column, None);
}

#[test]
fn a_pool_of_auto_has_at_least_one_connection() {
    assert!(accept("db_pool_size: auto").database.db_pool_size >= 1);
    assert_eq!(accept("db_pool_size: 7").database.db_pool_size, 7);
}

#[test]
fn retention_keys_take_days_and_sizes() {
    let config = accept(
        "vacuum_max_days: 7\nvacuum_max_size: 2 gb\nvacuum_target_size: 500MB\nvacuum_delete_batch_size: 100",
    );

    assert_eq!(config.retention.vacuum_max_days, 7);
    assert_eq!(config.retention.vacuum_max_size, ByteSize(2 << 30));
    assert_eq!(config.retention.vacuum_target_size, ByteSize(500 << 20));
    assert_eq!(config.tasks.vacuum_delete_batch_size, 100);
}

#[test]
fn migrations_are_sorted_and_a_single_statement_needs_no_list() {
    let config = parse(
        "migrations:\n  - {version: 2, rollout: two, rollback: back}\n  - version: '1'\n    \
         rollout:\n    - |\n      a\n      b\n    rollback:\n",
        &[],
    )
    .expect("a good file");

    let read: Vec<_> = config
        .migrations
        .iter()
        .map(|m| (m.version, m.rollout.join("|"), m.rollback.len()))
        .collect();
    assert_eq!(read, [(1, "a\nb\n".into(), 0), (2, "two".into(), 1)]);
}

#[test]
fn windows_line_ends_and_aliases_are_read() {
    let text = format!("port: &p 80\r\nsse_limit: *p\r\nhost: ::1\r\n{MIGRATIONS}");

    let config = parse(&text, &[]).expect("a good file");

    assert_eq!((config.sse.sse_limit, config.http.host.as_str()), (80, "::1"));
}

#[test]
fn a_variable_overrides_the_file() {
    let text = format!("debug: true\nport: 1\n{MIGRATIONS}");
    let variables =
        [("LOGLITE_DEBUG", "false"), ("LOGLITE_PORT", "9"), ("LOGLITE_SQLITE_DIR", "/x y")];

    let config = parse(&text, &variables).expect("a good file");

    assert!(!config.debug);
    assert_eq!(config.http.port, 9);
    assert_eq!(config.database.path().to_str(), Some("/x y/logs.db"));
}

#[test]
fn variables_of_others_are_left_alone() {
    let variables =
        [("LOGLITE_LOG", "x"), ("LOGLITE_CONFIG", "x"), ("PORT", "x"), ("LOGLITE_", "x")];

    assert!(parse(MIGRATIONS, &variables).is_ok());
}

#[test]
fn every_key_has_a_variable_of_its_name() {
    let port = keys().find(|key| key.name == "port").expect("a key");

    assert_eq!(port.variable(), "LOGLITE_PORT");
    assert!(keys().filter(|key| !key.is_scalar()).count() == 6);
}

#[test]
fn settings_show_the_values_in_effect() {
    let config = accept("vacuum_max_size: 2TB\nsqlite_params: {cache_size: -1}\ndebug: yes");

    let settings = config.settings();

    let shown = |key: &str| {
        let setting = settings.iter().find(|setting| setting.key == key);
        setting.map(|setting| setting.value.to_string()).unwrap_or_default()
    };
    for (key, value) in [
        ("vacuum_max_size", "\"2TB\""),
        ("sqlite_params", "{\"cache_size\":-1}"),
        ("debug", "true"),
        ("migrations", "[1]"),
        ("compression_enabled", "false"),
        ("harvester_types", "[]"),
        ("sse_debounce_ms", "500"),
    ] {
        assert_eq!(shown(key), value, "{key}");
    }
}

#[test]
fn what_is_shown_loads_to_the_same_configuration() {
    let config = accept(
        "log_table_name: '123'\nallow_origin: 'https://a.b:1'\nunknown_fields_column: yes\n\
         sqlite_params: {foreign_keys: off, cache_size: -1, x: 1.5}\ntask_vacuum_interval: 0.25\n\
         sqlite_dir: '# no comment'\nvacuum_max_size: 1200000000001\nvacuum_target_size: 1TB\n\
         compression: {columns: ['on', \"b: c\"]}",
    );

    assert_eq!(parse(&config.to_yaml(), &[]), Ok(config));
}

#[test]
fn rules_of_retention_are_read_and_shown() {
    let config = accept(
        "retention:\n  - where: level==DEBUG&service=~=api\n    max_days: 7\n  - {where: ' line=>5 ', max_days: 0.1}",
    );
    let rules = &config.retention.rules;
    let read: Vec<_> = rules.iter().map(|rule| (rule.filter.as_str(), rule.max_age)).collect();
    assert_eq!(
        read,
        [
            ("level==DEBUG&service=~=api", Duration::from_secs(7 * 86_400)),
            ("line=>5", Duration::from_secs(8_640)),
        ]
    );
    let shown = config.settings().into_iter().find(|setting| setting.key == "retention");
    assert_eq!(
        shown.expect("a key").value,
        serde_json::json!([
            {"where": "level==DEBUG&service=~=api", "max_days": 7},
            {"where": "line=>5", "max_days": 0.1},
        ])
    );
    let again = parse(&config.to_yaml(), &[]).expect("what is shown loads again");
    assert_eq!(again, config);
}
