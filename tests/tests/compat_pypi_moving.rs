//! What the README promises to those who move from an older release, on databases that releases from PyPI have written:
//! compressed columns, retention, their own tables, the first releases, and the way back.

use loglite_e2e::{Home, Request, Response, Server, eventually};
use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

mod older;

use older::{Older, Release};

const README: &str = include_str!("../../README.md");
const CPP: &str = "loglite==1.4.0";
const PYTHON: &str = "loglite[zmq]==0.4.1";
const FIRST: &str = "loglite==0.1.8";
const COUNT: usize = 30;

/// The sample of their README, with compression and all keys of retention.
const CONFIG: &str = "
host: 127.0.0.1
port: 7788
debug: true
auto_rollout: yes
log_table_name: Log
log_timestamp_field: timestamp
sqlite_dir: ./db
allow_origin: \"*\"
sse_limit: 1000
sse_debounce_ms: 100
vacuum_max_days: 3650
vacuum_max_size: 500MB
vacuum_target_size: 400MB
task_diagnostics_interval: 60
task_vacuum_interval: 120
task_backlog_max_size: 1000
task_backlog_flush_interval: 1
compression:
  enabled: true
  columns: [level, service]
harvesters: []
sqlite_params:
  auto_vacuum: INCREMENTAL
  journal_mode: WAL
  synchronous: NORMAL
migrations:
  - version: 1
    rollout:
      - |
        CREATE TABLE Log (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            timestamp DATETIME NOT NULL,
            message TEXT NOT NULL,
            level INTEGER NOT NULL,
            service INTEGER NOT NULL
        );
      - CREATE INDEX IF NOT EXISTS idx_timestamp ON Log(timestamp);
    rollback:
      - DROP TABLE IF EXISTS Log;
";

/// Conditions that all generations answer alike on compressed columns.
const CONDITIONS: [(&str, &str); 7] = [
    ("level", "=INFO"),
    ("level", "!=INFO"),
    ("level", ">=INFO"),
    ("service", "=cröñ"),
    ("service", "~=b"),
    ("service", "<b"),
    ("service", "!=api,!=a b"),
];

fn entry(index: usize) -> Value {
    let (level, service) =
        (["INFO", "ERROR", "DEBUG"].get(index % 3), ["api", "cröñ", "a b", "web"].get(index % 4));
    named(
        &format!("m{index}"),
        &format!("2025-01-{:02}T00:00:00", 1 + index % 28),
        level.zip(service),
    )
}

fn named(message: &str, time: &str, values: Option<(&&str, &&str)>) -> Value {
    let (level, service) = values.unwrap_or((&"INFO", &"api"));
    json!({"timestamp": time, "message": message, "level": level, "service": service})
}

fn query(condition: Option<(&str, &str)>) -> Request {
    let fields =
        [("fields", "id,timestamp,message,level,service"), ("limit", "100"), ("offset", "0")];
    let parameters: Vec<_> = fields.into_iter().chain(condition).collect();
    Request::query("/logs", &parameters)
}

fn rows(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let rows = body.pointer("/result/results").or_else(|| body.get("results"));
    rows.and_then(Value::as_array).cloned().unwrap_or_else(|| panic!("no rows: {answer:?}"))
}

fn post_to_older(server: &Older, entries: &Value, total: usize) {
    for entry in entries.as_array().into_iter().flatten() {
        let post = Request::post("/logs").header("Content-Type", "application/json");
        let answer = server.send(&post.body(entry.to_string()));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    eventually("the older release stores what it was sent", || {
        (rows(&server.send(&query(None))).len() == total).then_some(())
    });
}

fn start_ours(home: &Home) -> Server {
    home.launch(&["server", "run", "-c", "config.yaml"]).env("LOGLITE_PORT", "0").serve()
}

fn table(home: &Home, sql: &str) -> Vec<Vec<SqlValue>> {
    let database = home.database();
    let mut statement = database.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
    rows.expect(sql).collect::<Result<_, _>>().expect(sql)
}

fn all_queries() -> Vec<Request> {
    let conditions = CONDITIONS.iter().map(|condition| query(Some(*condition)));
    std::iter::once(query(None)).chain(conditions).collect()
}

/// Compressed columns are read, continued, given back and taken over again.
fn move_with_compression(requirement: &str) {
    let release = Release::install(requirement);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &(0..COUNT).map(entry).collect(), COUNT);
    let requests = all_queries();
    let answers: Vec<_> = requests.iter().map(|request| rows(&theirs.send(request))).collect();
    theirs.stop();
    let ids = table(&home, "SELECT DISTINCT typeof(level) FROM Log");
    assert_eq!(ids, [[SqlValue::Text("integer".into())]], "the older release compresses");

    let ours = start_ours(&home);
    for (request, theirs) in requests.iter().zip(&answers) {
        assert!(!theirs.is_empty(), "{request}");
        assert_eq!(&rows(&ours.send(request)), theirs, "{request}");
    }
    ours.store(&named("ours", "2025-02-01T00:00:00", Some((&"FATAL", &"new"))));
    assert_eq!(ours.stop().code, Some(0));

    let theirs = release.start(&home);
    let newest = rows(&theirs.send(&query(None))).into_iter().next();
    let expected = json!({
        "id": COUNT + 1, "timestamp": "2025-02-01T00:00:00", "message": "ours", "level": "FATAL", "service": "new"
    });
    assert_eq!(newest, Some(expected));
    let again = named("theirs", "2025-02-02T00:00:00", Some((&"TRACE", &"new")));
    post_to_older(&theirs, &json!([again]), COUNT + 2);
    theirs.stop();

    let ours = start_ours(&home);
    assert_eq!(rows(&ours.send(&query(Some(("level", "=TRACE"))))).len(), 1);
    assert_eq!(rows(&ours.send(&query(Some(("service", "=new"))))).len(), 2);
    assert_eq!(rows(&ours.send(&query(None))).len(), COUNT + 2);
}

#[test]
fn compressed_columns_of_the_cpp_generation_are_taken_over_and_given_back() {
    move_with_compression(CPP);
}

#[test]
fn compressed_columns_of_the_python_generation_are_taken_over_and_given_back() {
    move_with_compression(PYTHON);
}

#[test]
fn what_was_compressed_here_is_plain_for_the_older_one_after_decompress() {
    let plain = CONFIG.replace("enabled: true", "enabled: false");
    let release = Release::install(CPP);
    let home = Home::new(&plain);
    let theirs = release.start(&home);
    post_to_older(&theirs, &(0..COUNT).map(entry).collect(), COUNT);
    let before = rows(&theirs.send(&query(None)));
    theirs.stop();

    for command in ["compress", "decompress"] {
        let exit =
            home.run(&[command, "-c", "config.yaml", "--column", "level", "--column", "service"]);
        assert_eq!(exit.code, Some(0), "{exit:#?}");
    }

    let theirs = release.start(&home);
    assert_eq!(rows(&theirs.send(&query(None))), before);
    theirs.stop();
}

#[test]
fn text_ids_of_a_text_column_come_back_as_values_after_the_migration_that_the_start_prints() {
    let with_text = CONFIG.replace("level INTEGER NOT NULL", "level TEXT NOT NULL");
    let release = Release::install(CPP);
    let home = Home::new(&with_text);
    let theirs = release.start(&home);
    post_to_older(&theirs, &(0..COUNT).map(entry).collect(), COUNT);
    theirs.stop();

    let refused = home.run(&["serve", "-c", "config.yaml"]);
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    let (_, migration) = refused.stderr.split_once("  - version:").expect("a migration is printed");
    home.write_config(&format!("{with_text}  - version:{migration}"));

    let ours = start_ours(&home);
    let rows = rows(&ours.send(&query(Some(("level", "=ERROR")))));
    assert_eq!(rows.len(), COUNT / 3);
    assert_eq!(rows.first().and_then(|row| row.get("level")), Some(&json!("ERROR")));
}

#[test]
fn the_statistics_of_the_cpp_generation_stay_as_they_are() {
    let release = Release::install(CPP);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &json!([entry(0)]), 1);
    theirs.stop();
    let rows = "INSERT INTO activity_stats (since, until) VALUES ('2025-01-01T00:00:00', '2025-01-01T00:01:00');
        INSERT INTO database_stats (timestamp) VALUES ('2025-01-01T00:01:00');";
    home.database().execute_batch(rows).expect("its tables are there");
    let both = || {
        ["SELECT * FROM activity_stats", "SELECT * FROM database_stats"]
            .map(|sql| table(&home, sql))
    };
    let before = both();

    let ours = start_ours(&home);
    ours.store(&entry(1));
    assert_eq!(ours.stop().code, Some(0));

    assert_eq!(both(), before);
}

#[test]
fn retention_works_on_what_an_older_release_has_written() {
    for requirement in [CPP, PYTHON] {
        let release = Release::install(requirement);
        let home = Home::new(CONFIG);
        let theirs = release.start(&home);
        let old: Vec<_> = (0..COUNT).map(entry).collect();
        post_to_older(&theirs, &json!(old), COUNT);
        let now = table(&home, "SELECT strftime('%Y-%m-%dT%H:%M:%S', 'now')").concat();
        let Some(SqlValue::Text(now)) = now.first() else { panic!("{now:?}") };
        post_to_older(&theirs, &json!([named("new", now, None)]), COUNT + 1);
        theirs.stop();
        home.write_config(&CONFIG.replace("vacuum_max_days: 3650", "vacuum_max_days: 30"));

        let ours = start_ours(&home);

        eventually("the old rows go", || {
            let left = rows(&ours.send(&query(None)));
            let messages: Vec<_> = left.iter().filter_map(|row| row.get("message")).collect();
            (messages == [&json!("new")]).then_some(())
        });
    }
}

#[test]
fn a_database_of_the_first_releases_is_taken_over() {
    let release = Release::install(FIRST);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &(0..COUNT).map(entry).collect(), COUNT);
    let before = rows(&theirs.send(&query(None)));
    theirs.stop();
    // It knows no compression and stores values as they are.
    let ours = start_ours(&home);

    ours.store(&named("ours", "2025-02-01T00:00:00", None));

    let after = rows(&ours.send(&query(None)));
    assert_eq!(after.get(1..), Some(before.as_slice()));
    assert_eq!(after.first().and_then(|row| row.get("id")), Some(&json!(COUNT + 1)));
}

#[test]
fn the_commands_of_the_readme_run_as_they_are_written() {
    let release = Release::install(CPP);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &json!([entry(0)]), 1);
    theirs.stop();
    let (_, section) = README.split_once("## Moving from").expect("the section is there");
    let (section, _) = section.split_once("\n## ").expect("the section ends");
    let (_, block) = section.split_once("```sh\n").expect("it has commands");
    let (block, _) = block.split_once("```").expect("the commands end");

    let commands: Vec<_> = block.lines().map(str::trim).filter(|line| !line.is_empty()).collect();

    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let arguments: Vec<_> = command.split(' ').skip(1).collect();
        let exit = home.run(&arguments);
        assert_eq!(exit.code, Some(0), "{command}: {exit:#?}");
    }
}

#[test]
fn the_first_name_of_the_directory_is_told() {
    let home = Home::new(&CONFIG.replace("sqlite_dir", "db_dir"));
    let exit = home.run(&["config", "check", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("unknown key `db_dir`"), "{exit:#?}");
}
