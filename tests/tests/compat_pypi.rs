//! Installations of older releases as PyPI has them: taken over with their configuration and database as they are,
//! and given back.

use loglite_e2e::{Home, Request, Response, Server, eventually};
use serde_json::{Value, json};

mod older;

use older::{Older, Release};

const CPP: &str = "loglite==1.4.0";
/// It imports zmq whether it is used or not.
const PYTHON: &str = "loglite[zmq]==0.4.1";

/// The sample of their README, without what deletes entries or reads sources, and with a short wait for the flush.
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
vacuum_max_size: 1TB
vacuum_target_size: 800GB
task_backlog_max_size: 1000
task_backlog_flush_interval: 1
compression:
  enabled: false
  columns: []
harvesters: []
sqlite_params:
  auto_vacuum: INCREMENTAL
  journal_mode: WAL
  synchronous: NORMAL
  cache_size: -32000  # 32MB
  foreign_keys: OFF
  temp_store: MEMORY
  mmap_size: 52428800  # 50MB
migrations:
  - version: 1  # Incremental migration version
    rollout:  # Raw SQLite statements
      - |
        CREATE TABLE Log (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            timestamp DATETIME NOT NULL,
            message TEXT NOT NULL,
            level TEXT NOT NULL CHECK (level IN ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL')),
            service TEXT NOT NULL,
            line INTEGER,
            ratio REAL,
            ok BOOLEAN,
            extra JSON
        );
      - CREATE INDEX IF NOT EXISTS idx_timestamp ON Log(timestamp);
      - CREATE INDEX IF NOT EXISTS idx_level ON Log(level);
    rollback:
      - DROP TABLE IF EXISTS Log;
";

const ALL_FIELDS: &str = "id,timestamp,message,level,service,line,ratio,ok,extra";
const COUNT: usize = 40;

/// Conditions that find something and mean what they meant: all operators, each kind of column, values of another type.
const FINDING: [(&str, &str); 33] = [
    ("id", "=7"),
    ("id", ">3,<9"),
    ("id", "!=4"),
    ("id", "~=1"),
    ("level", "=INFO"),
    ("level", "!=INFO"),
    ("level", "~=warn"),
    ("level", "!=INFO,!=ERROR"),
    ("service", "=a b"),
    ("service", ">=cröñ"),
    ("message", "=order 5 placed"),
    ("message", "~=ORDER"),
    ("message", "~=naïve"),
    ("message", "<order 2"),
    ("line", "=7"),
    ("line", "=07"),
    ("line", "<=9.5"),
    ("line", ">text"),
    ("line", "=text8"),
    ("line", "~=1"),
    ("ratio", ">0.5"),
    ("ratio", "=0.25"),
    ("ratio", "!=1"),
    ("ok", "=1"),
    ("ok", "!=1"),
    ("extra", "=5"),
    ("extra", ">=5"),
    ("extra", "~=REQUEST_ID"),
    ("extra", "=plain"),
    ("timestamp", ">=2025-01-03T00:00:00,<=2025-01-05T05:00:00"),
    ("timestamp", "<2025-01-03"),
    ("timestamp", "=2025-01-02T03:00:00.011"),
    ("timestamp", "~=-04T"),
];

/// Conditions that find nothing, as before: `=` minds the case, and `~=` minds that of letters beyond a–z.
const FINDING_NOTHING: [(&str, &str); 3] =
    [("level", "=info"), ("service", "~=CRÖ"), ("message", "~=NAÏVE")];

fn entry(index: usize) -> Value {
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
    let (level, service) = (levels.get(index % 5), ["api", "cröñ", "a b"].get(index % 3));
    let (day, hour) = (1 + index / 8, index % 8);
    let mut entry = json!({
        "timestamp": format!("2025-01-{day:02}T{hour:02}:00:00.{index:03}"),
        "message": format!("order {index} placed"), "level": level, "service": service,
    });
    let others = match index % 6 {
        0 => json!({"extra": {"request_id": index.to_string(), "n": [1, {"ü": null}]}, "ok": true}),
        1 => json!({"line": index, "ratio": 0.25, "extra": [index]}),
        2 => json!({"line": format!("text{index}"), "ratio": index, "extra": 5}),
        3 => json!({"line": index.to_string(), "ok": false, "extra": "plain"}),
        4 => json!({"message": "a \"naïve\"\nOrder \\ 100%", "ratio": 1e-7, "extra": null}),
        _ => json!({"line": -1, "ok": 1}),
    };
    let fields = entry.as_object_mut().expect("an object");
    fields.extend(others.as_object().expect("an object").clone());
    entry
}

fn named(message: &str, day: usize) -> Value {
    json!({
        "timestamp": format!("2025-07-{day:02}T00:00:00"), "message": message, "level": "INFO", "service": "api"
    })
}

/// `total` and the rows of an answer. 1.x gives them without an envelope.
fn total_and_rows(answer: &Response) -> (Value, Vec<Value>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let result = body.get("result").unwrap_or(&body);
    let part = |name| result.get(name).cloned().unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    let Value::Array(rows) = part("results") else { panic!("no rows: {answer:?}") };
    (part("total"), rows)
}

fn query(conditions: &[(&str, &str)], limit: usize, offset: usize) -> Request {
    let (limit, offset) = (limit.to_string(), offset.to_string());
    let mut parameters = vec![("fields", ALL_FIELDS), ("limit", &limit), ("offset", &offset)];
    parameters.extend(conditions);
    Request::query("/logs", &parameters)
}

/// Requests, and whether they find something.
fn queries() -> Vec<(Request, bool)> {
    let pages = [(100, 0), (10, 0), (10, 5), (100, 35)];
    let pages = pages.iter().map(|(limit, offset)| query(&[], *limit, *offset));
    let finding = FINDING.iter().map(|condition| query(&[*condition], 100, 0));
    let several = query(&[("level", "=INFO"), ("line", ">0")], 100, 0);
    let behind_the_end = query(&[], 100, 500);
    let nothing = FINDING_NOTHING.iter().map(|condition| query(&[*condition], 100, 0));
    let something = pages.chain(finding).chain([several]).map(|request| (request, true));
    something.chain(nothing.chain([behind_the_end]).map(|request| (request, false))).collect()
}

/// Posts to an older release and waits until it has stored `total` entries: it answers before.
fn post_to_older(server: &Older, entries: &Value, total: usize) {
    let post = Request::post("/logs").header("Content-Type", "application/json");
    let answer = server.send(&post.body(entries.to_string()));
    assert_eq!(answer.status, 200, "{answer:?}");
    eventually("the older release stores what it was sent", || {
        (total_and_rows(&server.send(&query(&[], 1, 0))).0 == total).then_some(())
    });
}

/// Starts ours on what is there; only the port is another one, as the one of the file may be taken.
fn start_ours(home: &Home, variables: &[(&str, &str)]) -> Server {
    let mut launch = home.launch(&["server", "run", "-c", "config.yaml"]).env("LOGLITE_PORT", "0");
    for (name, value) in variables {
        launch = launch.env(name, value);
    }
    launch.serve()
}

fn assert_same_answers(requests: &[(Request, bool)], theirs: &[Response], ours: &Server) {
    for ((request, finds), theirs) in requests.iter().zip(theirs) {
        let answer = total_and_rows(&ours.send(request));
        assert_eq!(answer, total_and_rows(theirs), "{request}");
        assert_eq!(!answer.1.is_empty(), *finds, "{request}");
    }
}

/// What was written by the older release is taken over, continued, given back, and taken over again.
fn take_over_and_give_back(requirement: &str) {
    let release = Release::install(requirement);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &(0..COUNT).map(entry).collect(), COUNT);
    let requests = queries();
    let answers: Vec<_> = requests.iter().map(|(request, _)| theirs.send(request)).collect();
    theirs.stop();

    let ours = start_ours(&home, &[("LOGLITE_JSON_COLUMNS", "text")]);
    assert_same_answers(&requests, &answers, &ours);
    let all = |fields: &str| ours.rows(&format!("/logs?fields={fields}&limit=100"));
    assert_eq!(all("*"), all(ALL_FIELDS));
    let mut subscriber = ours.subscribe("/logs/sse?fields=id,message");
    ours.store(&named("ours", 1));
    assert_eq!(subscriber.rows(1), [json!({"id": COUNT + 1, "message": "ours"})]);
    assert_eq!(ours.stop().code, Some(0));

    let theirs = release.start(&home);
    let (total, rows) = total_and_rows(&theirs.send(&query(&[], 1, 0)));
    assert_eq!(total, COUNT + 1);
    let newest = |name| rows.first().and_then(|row| row.get(name)).cloned();
    assert_eq!((newest("id"), newest("message")), (Some(json!(COUNT + 1)), Some(json!("ours"))));
    post_to_older(&theirs, &named("theirs again", 2), COUNT + 2);
    theirs.stop();

    let ours = start_ours(&home, &[]);
    ours.store(&named("ours again", 3));
    let newest = ours.get("/logs?fields=id,message&limit=3");
    assert_eq!(newest.column("id"), [COUNT + 3, COUNT + 2, COUNT + 1]);
    assert_eq!(newest.column("message"), ["ours again", "theirs again", "ours"]);
    let extra = ours.rows("/logs?fields=extra&id==1");
    assert_eq!(extra, json!([{"extra": {"request_id": "0", "n": [1, {"ü": null}]}}]));
}

#[test]
fn an_installation_of_the_cpp_generation_is_taken_over_and_given_back() {
    take_over_and_give_back(CPP);
}

#[test]
fn an_installation_of_the_python_generation_is_taken_over_and_given_back() {
    take_over_and_give_back(PYTHON);
}

#[test]
fn a_partitioned_database_of_the_cpp_generation_is_refused_and_left_as_it_is() {
    let release = Release::install(CPP);
    let home = Home::new(&format!("partition_interval: daily\n{CONFIG}"));
    let theirs = release.start(&home);
    post_to_older(&theirs, &named("in a file of its day", 1), 1);
    theirs.stop();
    home.write_config(CONFIG);

    for arguments in
        [["serve", "-c", "config.yaml"].as_slice(), &["migrate", "rollout", "-c", "config.yaml"]]
    {
        let exit = home.run(arguments);
        assert_eq!(exit.code, Some(2), "{exit:#?}");
        assert!(exit.stderr.contains("partition files beside it (daily)"), "{exit:#?}");
    }

    home.write_config(&format!("partition_interval: daily\n{CONFIG}"));
    let theirs = release.start(&home);
    assert_eq!(total_and_rows(&theirs.send(&query(&[], 1, 0))).0, 1);
    theirs.stop();
}
