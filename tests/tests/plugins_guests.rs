//! The plugins of `guests/` at their work, each once through the real service.

use loglite_e2e::{Home, Plugin, Server, TinyServer, config, eventually, plugins};
use serde_json::{Value, json};

fn start(harvesters: &[Plugin], transforms: &[Plugin]) -> Server {
    Home::new(&config::with(&plugins::keys(harvesters, transforms))).start()
}

/// The service with one transform.
fn transform(made_of: &str, config: &Value) -> Server {
    start(&[], &[Plugin::transform("guest", made_of, config)])
}

/// The messages of the table, in the order they were committed.
fn messages(home: &Home) -> Vec<String> {
    let database = home.database();
    let sql = "SELECT message FROM Log ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let messages = statement.query_map([], |row| row.get(0));
    messages.and_then(Iterator::collect).expect("the table can be read")
}

/// A timestamp as this project writes it: UTC with milliseconds.
fn is_timestamp(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let shape = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c });
    shape.eq("0000-00-00T00:00:00.000Z".chars())
}

#[test]
fn heartbeat_brings_in_an_entry_per_interval() {
    let config = json!({"interval": 0.05, "service": "shop", "message": "alive"});
    let server = start(&[Plugin::harvester("guest", "heartbeat", &config)], &[]);
    let rows = eventually("it beats", || {
        let rows = server.rows("/logs?fields=timestamp,level,service,message&service==shop");
        (rows.as_array().map(Vec::len) >= Some(3)).then_some(rows)
    });
    for row in rows.as_array().into_iter().flatten() {
        assert_eq!((&row["level"], &row["message"]), (&json!("INFO"), &json!("alive")));
        assert!(is_timestamp(&row["timestamp"]), "{row}");
    }
    assert_eq!(server.stop().code, Some(0));
}

/// The heartbeats that count: after a restart they go on with the next number.
fn counts_over_a_restart(made_of: &str) {
    let config = json!({"interval": 0.05, "service": "billing"});
    let home = Home::new(&config::with(&plugins::keys(
        &[Plugin::harvester("guest", made_of, &config)],
        &[],
    )));
    let mut beats = 0;
    for _ in 0..2 {
        beats += 3;
        let server = home.start();
        eventually("it beats", || (messages(&home).len() >= beats).then_some(()));
        let rows = server.get("/logs?limit=1&service==billing&level==INFO").column("timestamp");
        assert!(!rows.is_empty() && rows.iter().all(is_timestamp), "{rows:?}");
        let exit = server.stop();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        assert!(!exit.stderr.contains("cut off"), "{exit:#?}");
        beats = messages(&home).len();
    }
    let messages = messages(&home);
    let number = |message: &String| message.strip_prefix("heartbeat ")?.parse::<usize>().ok();
    let first = messages.first().and_then(number).expect("a number");
    let counted = messages.iter().map(number).eq((first..).map(Some).take(messages.len()));
    assert!(counted, "{messages:?}");
}

#[test]
fn heartbeat_in_python_counts_on_after_a_restart() {
    counts_over_a_restart("heartbeat-python");
}

#[test]
fn heartbeat_in_javascript_counts_on_after_a_restart() {
    counts_over_a_restart("heartbeat-javascript");
}

#[test]
fn access_log_reads_lines_of_web_servers_into_fields() {
    let table =
        "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level TEXT, message TEXT,
        remote_host TEXT, user TEXT, method TEXT, path TEXT, status INTEGER, bytes INTEGER);";
    let guest = Plugin::transform("guest", "access-log", &json!({}));
    let keys = plugins::keys(&[], &[guest]);
    let server = Home::new(&config::with_table(table, &keys)).start();
    let line = "203.0.113.9 - ann [29/Feb/2024:23:59:58 +0130] \"GET /a?b=c HTTP/1.1\" 404 512";

    let answer = server.post(json!([{"message": line}, {"message": "no such line"}]).to_string());

    assert_eq!(answer.at("/result/stored"), 2, "{answer:?}");
    let fields = "fields=timestamp,level,message,remote_host,user,method,path,status,bytes";
    let row = server.rows(&format!("/logs?{fields}&status==404"));
    assert_eq!(
        row,
        json!([{
            "timestamp": "2024-02-29T22:29:58.000Z", "level": "WARNING", "message": line,
            "remote_host": "203.0.113.9", "user": "ann", "method": "GET", "path": "/a?b=c",
            "status": 404, "bytes": 512
        }])
    );
    let status = server.plugin("guest");
    assert_eq!((status.entries("replaced"), status.entries("kept")), (1, 1), "{status}");
}

#[test]
fn sample_keeps_one_in_n_per_key_and_all_errors() {
    let server =
        transform("sample", &json!({"rate": 4, "key": "service", "keep_levels": ["ERROR"]}));
    let entry = |at: i64, service: &str, level: &str| json!({"message": format!("{service}-{at}"), "service": service, "level": level});
    let entries: Vec<_> = (0..8)
        .flat_map(|at| [entry(at, "a", "INFO"), entry(at, "b", "INFO")])
        .chain([entry(8, "a", "ERROR"), entry(9, "a", "ERROR")])
        .collect();
    let answer = server.post(Value::from(entries).to_string());
    assert_eq!((answer.at("/result/stored"), answer.at("/result/dropped")), (json!(6), json!(12)));
    assert_eq!(messages(server.home()), ["a-0", "b-0", "a-4", "b-4", "a-8", "a-9"]);
}

#[test]
fn redact_masks_secrets_and_leaves_the_rest_as_it_was() {
    let server = transform("redact", &json!({"fields": ["password"], "emails": true}));
    let entries = json!([
        {"message": "paid with 4111 1111 1111 1111", "extra": {"user": {"password": "hunter2"}}},
        {"message": "authorization: Bearer abcdefghijklmnop0123456789 of ann@example.com"},
        {"message": "nothing to hide", "line": 7},
    ]);
    server.store(&entries);
    let text = server.get("/logs").text();
    for secret in ["4111", "hunter2", "abcdefghijklmnop", "ann@example.com"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("paid with") && text.contains("***"), "{text}");
    let kept = server.rows("/logs?fields=message,line&line==7");
    assert_eq!(kept, json!([{"message": "nothing to hide", "line": 7}]));
    let status = server.plugin("guest");
    assert_eq!((status.entries("replaced"), status.entries("kept")), (2, 1), "{status}");
}

#[test]
fn drop_below_drops_by_level_and_service() {
    let levels = json!({"level": "warn", "services": {"shop": "debug", "cron": "error"}});
    let server = transform("drop-below", &levels);
    let entries: Vec<_> = [
        ("shop", "DEBUG"), ("other", "INFO"), ("other", "WARNING"), ("cron", "WARNING"),
        ("cron", "ERROR"), ("shop", "INFO"),
    ]
    .iter()
    .map(|(service, level)| json!({"message": format!("{service} {level}"), "service": service, "level": level}))
    .collect();
    let answer = server.post(Value::from(entries).to_string());
    assert_eq!((answer.at("/result/stored"), answer.at("/result/dropped")), (json!(4), json!(2)));
    let expected = ["shop DEBUG", "other WARNING", "cron ERROR", "shop INFO"];
    assert_eq!(messages(server.home()), expected);
}

#[test]
fn syslog_takes_lines_apart() {
    let table =
        "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level TEXT, message TEXT,
        facility TEXT, severity TEXT, host TEXT, app TEXT, procid TEXT);";
    let guest = Plugin::transform("guest", "syslog", &json!({}));
    let server = Home::new(&config::with_table(table, &plugins::keys(&[], &[guest]))).start();
    let new = "<34>1 2026-01-01T12:00:00Z web1 sshd 812 - - accepted";
    let old = "<13>Oct 11 22:14:15 db2 cron[99]: done";
    server.store(&json!([{"message": new}, {"message": old}, {"message": "plain"}]));
    let row = server
        .rows("/logs?fields=timestamp,level,message,facility,severity,host,app,procid&host==web1");
    assert_eq!(
        row,
        json!([{
            "timestamp": "2026-01-01T12:00:00Z", "level": "CRITICAL", "message": "accepted",
            "facility": "auth", "severity": "crit", "host": "web1", "app": "sshd", "procid": "812"
        }])
    );
    assert_eq!(messages(server.home()), ["accepted", "done", "plain"]);
    assert_eq!(
        server.rows("/logs?fields=app,procid&host==db2"),
        json!([{"app": "cron", "procid": "99"}])
    );
}

/// Items after the one that the query names, two at a time, up to this one.
fn page(path: &str, newest: u64) -> String {
    let after = path.split_once("after=").and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
    let items = (after + 1..=newest).take(2);
    let items: Vec<_> =
        items.map(|id| json!({"id": id, "message": format!("item {id}")})).collect();
    json!({"data": items}).to_string()
}

#[test]
fn http_poller_remembers_its_position_over_a_restart() {
    let home = Home::empty();
    let serve = |newest: u64| {
        TinyServer::start(Box::new(move |path| (200, String::new(), page(path, newest))))
    };
    let run = |web: &TinyServer, count: usize| {
        let authority = web.address().to_string();
        let polls = json!({
            "url": format!("http://{authority}/items"), "interval": 0.1, "items": "/data",
            "cursor": {"field": "id", "param": "after"},
            "headers": {"authorization": "Bearer ${E2E_TOKEN}"},
        });
        let poller = Plugin::harvester("poller", "http-poller", &polls)
            .with("grant", json!({"http": [authority], "env": ["E2E_TOKEN"]}));
        home.write_config(&config::with(&plugins::keys(&[poller], &[])));
        let server = home.launch(&["serve", "-c", "config.yaml"]).env("E2E_TOKEN", "abc").serve();
        eventually("the items are there", || (messages(&home).len() >= count).then_some(()));
        let requests = web.asked().len();
        eventually("it polls on", || (web.asked().len() > requests + 1).then_some(()));
        assert_eq!(server.stop().code, Some(0));
    };
    let expected = |newest: u64| (1..=newest).map(|id| format!("item {id}")).collect::<Vec<_>>();

    let web = serve(5);
    run(&web, 5);
    assert_eq!(messages(&home), expected(5));
    assert!(web.asked().iter().all(|head| head.contains("Bearer abc")), "{:?}", web.asked());

    let web = serve(8);
    run(&web, 8);
    assert_eq!(messages(&home), expected(8));
    let first = web.asked().into_iter().next().unwrap_or_default();
    assert!(first.starts_with("GET /items?after=5 "), "{first}");
}
