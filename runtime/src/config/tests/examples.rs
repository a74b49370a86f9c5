//! The files of `configs`: each of them is right.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::{Config, HarvesterConfig, LineFormat, Pattern, keys};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("an example")
}

fn load(path: &Path) -> Config {
    Config::load(Some(path), []).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn every_example_loads_and_shows_as_a_file_that_loads_to_the_same() {
    for entry in fs::read_dir(folder()).expect("the folder of examples") {
        let path = entry.expect("an example").path();
        let config = load(&path);

        let shown = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(shown.path(), config.to_yaml()).expect("a writable file");

        assert_eq!(load(shown.path()), config, "{}", path.display());
    }
}

#[test]
fn the_full_example_has_every_key_with_its_text_and_default() {
    let config = load(&folder().join("full.yaml"));

    let defaults = Config { migrations: config.migrations.clone(), ..Config::default() };
    assert_eq!(config, defaults);
    let text = read("full.yaml");
    assert!(
        text.ends_with(&config.to_yaml()),
        "configs/full.yaml must end with what `loglite config show -c configs/full.yaml` prints"
    );
}

#[test]
fn the_full_example_names_the_keys_of_the_table_in_its_order() {
    let full: serde_json::Value = serde_yaml::from_str(&read("full.yaml")).expect("YAML");

    let names: Vec<_> = full.as_object().expect("a mapping").keys().map(String::as_str).collect();

    assert_eq!(names, keys().map(|key| key.name).collect::<Vec<_>>());
}

#[test]
fn another_yaml_reader_reads_the_same_statements() {
    #[derive(serde::Deserialize)]
    struct File {
        migrations: Vec<BTreeMap<String, serde_json::Value>>,
    }
    for name in ["default.yaml", "python-loglite.yaml"] {
        let file: File = serde_yaml::from_str(&read(name)).expect("YAML");

        let theirs: Vec<_> =
            file.migrations.iter().filter_map(|m| m.get("rollout").cloned()).collect();

        let config = load(&folder().join(name));
        let ours: Vec<_> =
            config.migrations.iter().map(|m| serde_json::Value::from(m.rollout.clone())).collect();
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn without_a_file_the_default_example_is_in_effect() {
    let built_in = Config::load(None, []).expect("a good built-in configuration");

    assert_eq!(built_in, load(&folder().join("default.yaml")));
    assert!(built_in.database.auto_rollout);
    assert_eq!(built_in.ingest.unknown_fields_column.as_deref(), Some("extra"));
}

#[test]
fn the_default_schema_is_one_that_sqlite_takes_and_fills_in() {
    let built_in = Config::load(None, []).expect("a good built-in configuration");
    let database = rusqlite::Connection::open_in_memory().expect("a database");
    for statement in built_in.migrations.iter().flat_map(|migration| &migration.rollout) {
        database.execute_batch(statement).expect("a statement that applies");
    }

    database.execute("INSERT INTO Log (message) VALUES ('hello')", []).expect("a row");

    let row: (String, String) = database
        .query_row("SELECT timestamp, level FROM Log WHERE timestamp >= '2020'", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("the row");
    assert_eq!((row.0.len(), row.0.ends_with('Z'), row.1.as_str()), (24, true, "INFO"));
}

#[test]
fn the_example_of_plugins_has_transforms_in_order_and_a_harvester() {
    let config = load(&folder().join("plugins.yaml"));

    let transforms: Vec<_> = config.transforms.iter().map(|one| one.plugin.name.as_str()).collect();
    let harvesters: Vec<_> = config.harvesters.iter().map(HarvesterConfig::name).collect();
    assert_eq!(transforms, ["drop-below", "redact"]);
    assert_eq!(harvesters, ["heartbeat"]);
}

#[test]
fn the_example_of_harvesters_has_a_file_of_each_kind_a_socket_syslog_and_zeromq() {
    let config = load(&folder().join("harvesters.yaml"));

    let found: Vec<_> = config.harvesters.iter().map(|one| (one.name(), one.kind())).collect();
    assert_eq!(
        found,
        [
            ("access-log", "file"),
            ("services", "file"),
            ("batch", "file"),
            ("network", "syslog"),
            ("tcp", "socket"),
            ("queue", "zmq"),
        ]
    );
}

#[test]
fn the_expressions_of_the_example_of_harvesters_match_what_they_are_for() {
    let config = load(&folder().join("harvesters.yaml"));
    let expressions: Vec<_> = config.harvesters.iter().filter_map(expression_of).collect();
    let [access, batch] = expressions.as_slice() else { panic!("other expressions") };

    let line = r#"10.0.0.7 - - [25/Nov/2026:10:00:00 +0100] "GET / HTTP/1.1" 304 - "-" "curl/8""#;
    let parts = access.0.captures(line).expect("a line of an access log");
    assert_eq!(parts.name("message").map(|part| part.as_str()), Some("GET / HTTP/1.1"));
    assert_eq!(parts.name("bytes").map(|part| part.as_str()), Some("-"));
    let trace = "2026-11-25 10:00:00 ERROR it broke\n  at line 7";
    let parts = batch.0.captures(trace).expect("lines of a trace");
    assert_eq!(parts.name("message").map(|part| part.as_str()), Some("it broke\n  at line 7"));
}

fn expression_of(harvester: &HarvesterConfig) -> Option<&Pattern> {
    match &harvester.native()?.line.format {
        LineFormat::Regex(pattern) => Some(pattern),
        _ => None,
    }
}
