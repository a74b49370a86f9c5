//! Databases that older releases, as PyPI has them, have compressed: read and filtered as they did it, continued, and
//! given back.
//!
//! Both lose the form of text that looks like a number, as their dictionary makes a number of it; the C++ generation
//! stores numbers as text and so gets them back as numbers, too. After a restart it can't read them itself. Hence the
//! numbers of the two are compared as text.

use loglite_e2e::{Home, Request, Response, Server, eventually};
use serde_json::{Value, json};

mod older;

use older::{Older, Release};

const CPP: &str = "loglite==1.4.0";
/// It imports zmq whether it is used or not.
const PYTHON: &str = "loglite[zmq]==0.4.1";

const CONFIG: &str = "
host: 127.0.0.1
port: 7788
auto_rollout: yes
log_table_name: Log
sqlite_dir: ./db
task_backlog_flush_interval: 1
sse_debounce_ms: 100
compression:
  enabled: true
  columns: [level, service, status, extra]
sqlite_params:
  journal_mode: WAL
migrations:
  - version: 1
    rollout:
      - |
        CREATE TABLE Log (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            timestamp DATETIME NOT NULL,
            message TEXT NOT NULL,
            level INTEGER NOT NULL,
            service INTEGER,
            status INTEGER,
            extra JSON
        );
      - CREATE INDEX idx_timestamp ON Log (timestamp);
      - CREATE INDEX idx_level ON Log (level);
    rollback:
      - DROP TABLE Log;
";

const ALL_FIELDS: &str = "id,timestamp,message,level,service,status,extra";
const COUNT: usize = 30;

/// Conditions that both generations understand as we do. The Python one compares only values of one type, minds the case
/// in `~=`, and finds in it what is part of the literal, too.
const CONDITIONS: [(&str, &str); 11] = [
    ("level", "=INFO"),
    ("level", "=info"),
    ("level", "!=INFO"),
    ("level", ">=INFO"),
    ("level", "<=ERROR"),
    ("level", ">ERROR"),
    ("level", "<INFO"),
    ("level", "~=RRO"),
    ("service", "=cröñ"),
    ("service", "=a b"),
    ("extra", "~=request"),
];

/// The values at this position; the positions of a release's second run repeat those of its first one.
fn entry(position: usize, message: &str) -> Value {
    let levels = ["DEBUG", "INFO", "WARNING", "ERROR"];
    let services = [json!("api"), json!("cröñ"), json!("a b"), Value::Null];
    let statuses = [json!(200), json!(404), json!(0.5)];
    json!({
        "timestamp": format!("2025-01-01T00:00:{position:02}"), "message": message,
        "level": levels.get(position % 4), "service": services.get(position % 3 + usize::from(position.is_multiple_of(7))),
        "status": statuses.get(position % 3),
        "extra": {"request": position % 5},
    })
}

fn entries(message: &str) -> Value {
    (0..COUNT).map(|position| entry(position, message)).collect()
}

fn query(conditions: &[(&str, &str)], limit: &str) -> Request {
    let mut parameters = vec![("fields", ALL_FIELDS), ("limit", limit), ("offset", "0")];
    parameters.extend(conditions);
    Request::query("/logs", &parameters)
}

/// `total` and the rows, oldest first. 1.x gives them without an envelope.
fn total_and_rows(answer: &Response) -> (Value, Vec<Value>) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    let result = body.get("result").unwrap_or(&body);
    let part = |name| result.get(name).cloned().unwrap_or_else(|| panic!("no {name}: {answer:?}"));
    let Value::Array(mut rows) = part("results") else { panic!("no rows: {answer:?}") };
    rows.sort_by_key(|row| row["id"].as_u64());
    (part("total"), rows)
}

/// With numbers as text.
fn as_texts(answer: &Response) -> (Value, Vec<Value>) {
    let (total, mut rows) = total_and_rows(answer);
    for row in &mut rows {
        let status = &mut row["status"];
        *status = Value::from(status.as_str().map_or_else(|| status.to_string(), str::to_owned));
    }
    (total, rows)
}

/// Posts to an older release and waits until it has stored `total` entries: it answers before.
fn post_to_older(server: &Older, entries: &Value, total: usize) {
    let post = Request::post("/logs").header("Content-Type", "application/json");
    let answer = server.send(&post.body(entries.to_string()));
    assert_eq!(answer.status, 200, "{answer:?}");
    let count = Request::query("/logs", &[("fields", "id"), ("limit", "1"), ("offset", "0")]);
    eventually("the older release stores what it was sent", || {
        (total_and_rows(&server.send(&count)).0 == total).then_some(())
    });
}

/// Starts ours on what is there; only the port is another one, as the one of the file may be taken.
fn start_ours(home: &Home) -> Server {
    let launch = home.launch(&["server", "run", "-c", "config.yaml"]);
    launch.env("LOGLITE_PORT", "0").env("LOGLITE_JSON_COLUMNS", "text").serve()
}

fn message_and_values(server: &Server, id: usize) -> Value {
    server.rows(&format!("/logs?fields=message,level,service,status,extra&id=={id}"))
}

fn take_over_and_give_back(requirement: &str) {
    let release = Release::install(requirement);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &entries("first"), COUNT);
    let answers = CONDITIONS.map(|condition| theirs.send(&query(&[condition], "100")));
    let all = theirs.send(&query(&[], "100"));
    theirs.stop();

    let ours = start_ours(&home);
    assert_eq!(as_texts(&ours.send(&query(&[], "100"))), as_texts(&all));
    for (condition, theirs) in CONDITIONS.iter().zip(&answers) {
        let answer = as_texts(&ours.send(&query(&[*condition], "100")));
        assert_eq!(answer, as_texts(theirs), "{condition:?}");
    }
    assert_eq!(
        ours.query(&[("service", "is null")]).at("/result/total"),
        1,
        "NULL has an id in 0.4"
    );
    assert_eq!(ours.query(&[("service", "is not null")]).at("/result/total"), COUNT - 1);
    let mut subscriber = ours.subscribe("/logs/sse?fields=id,service&level==INFO");
    ours.store(&json!([entry(1, "known values"), {
        "timestamp": "2025-02-01", "message": "new values", "level": "TRACE", "service": "ours", "status": 418,
    }]));
    assert_eq!(subscriber.rows(1), [json!({"id": COUNT + 1, "service": "cröñ"})]);
    assert_eq!(ours.stop().code, Some(0));

    let theirs = release.start(&home);
    let rows = total_and_rows(&theirs.send(&Request::query(
        "/logs",
        &[
            ("fields", "id,message,level,service"),
            ("limit", "100"),
            ("offset", "0"),
            ("id", &format!(">{COUNT}")),
        ],
    )));
    assert_eq!(
        rows.1,
        [
            json!({"id": COUNT + 1, "message": "known values", "level": "INFO", "service": "cröñ"}),
            json!({"id": COUNT + 2, "message": "new values", "level": "TRACE", "service": "ours"}),
        ]
    );
    post_to_older(&theirs, &entries("again"), 2 * COUNT + 2);
    theirs.stop();

    let ours = start_ours(&home);
    for position in 0..COUNT {
        let mut expected = entry(position, "again");
        let fields = expected.as_object_mut().expect("an object");
        fields.remove("timestamp");
        fields["extra"] = fields["extra"].to_string().into();
        assert_eq!(message_and_values(&ours, COUNT + 3 + position), json!([expected]));
    }
    let both = ours.get("/logs?status==404&fields=message&limit=100").column("message");
    assert_eq!(both.len(), 21, "both ids of 404: {both:?}");
}

#[test]
fn a_database_that_the_cpp_generation_has_compressed_is_taken_over_and_given_back() {
    take_over_and_give_back(CPP);
}

#[test]
fn a_database_that_the_python_generation_has_compressed_is_taken_over_and_given_back() {
    take_over_and_give_back(PYTHON);
}

#[test]
fn values_that_a_dictionary_holds_twice_are_found_by_either_id() {
    let release = Release::install(PYTHON);
    let home = Home::new(CONFIG);
    let theirs = release.start(&home);
    post_to_older(&theirs, &entries("first"), COUNT);
    theirs.stop();
    // As two of their requests do that race: another id for a value, and one id for two values, of which the first one
    // was meant.
    home.database()
        .execute_batch(
            "INSERT INTO column_dictionary (column, value_id, value) VALUES ('service', 900, 'api'), ('service', 901, 'a');
             INSERT INTO column_dictionary (column, value_id, value) VALUES ('service', 901, 'b');
             UPDATE Log SET service = 900 WHERE id = 2;
             UPDATE Log SET service = 901 WHERE id = 3;",
        )
        .expect("duplicates");
    let api = "SELECT count(*) FROM Log WHERE service IN
        (SELECT value_id FROM column_dictionary WHERE column = 'service' AND value = 'api')";
    let count: i64 = home.database().query_row(api, [], |row| row.get(0)).expect("a count");

    let ours = start_ours(&home);

    assert_eq!(ours.get("/logs?service==api").at("/result/total"), count);
    assert_eq!(ours.rows("/logs?fields=service&id==2"), json!([{"service": "api"}]));
    assert_eq!(ours.rows("/logs?fields=service&id==3"), json!([{"service": "a"}]));
    assert_eq!(ours.get("/logs?service==a").at("/result/total"), 1);
    assert_eq!(ours.get("/logs?service==b").at("/result/total"), 0);
}
