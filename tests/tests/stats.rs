//! Statistics over time: what `GET /stats` answers, and what is noted when.

#[expect(dead_code, reason = "shared with tests that want to know more")]
mod load;
#[expect(dead_code, reason = "shared with the tests that take the right to write away")]
mod mounts;

use std::fs;
use std::time::{Duration, Instant};

use load::Posters;
use loglite_e2e::{Home, Request, Server, config, eventually};
use mounts::Mount;
use serde_json::{Value, json};

const OFTEN: &str = "task_diagnostics_interval: 0.1";
/// Longer than any test: what is noted is noted at the stop.
const SELDOM: &str = "task_diagnostics_interval: 3600";

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// The rows of `activities` or `database`, oldest first, with these fields.
fn rows(server: &Server, series: &str, fields: &str) -> Vec<Vec<Value>> {
    let parameter = if series == "database" { "database" } else { "activity" };
    let path = format!("/stats?ordering=asc&{parameter}_stats_fields={fields}");
    let answer = server.get(&path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    assert_eq!(
        answer.at(&format!("/{series}/fields")),
        json!(fields.split(',').collect::<Vec<_>>())
    );
    serde_json::from_value(answer.at(&format!("/{series}/data"))).expect("rows")
}

/// The sums of these fields of `activities` over all rows.
fn sums(server: &Server, fields: &str) -> Vec<u64> {
    let rows = rows(server, "activities", fields);
    let sum = |at: usize| rows.iter().filter_map(|row| row.get(at)?.as_u64()).sum();
    (0..fields.split(',').count()).map(sum).collect()
}

fn newest(server: &Server, series: &str, field: &str) -> Option<Value> {
    rows(server, series, field).pop().and_then(|mut row| row.pop())
}

fn texts(server: &Server, series: &str, field: &str) -> Vec<String> {
    let rows = rows(server, series, field);
    let text = |row: &Vec<Value>| row.first().and_then(Value::as_str).expect("a time").to_owned();
    rows.iter().map(text).collect()
}

#[test]
fn known_traffic_gives_known_numbers_over_several_intervals() {
    let server = start(OFTEN);
    for round in 1..=3_u64 {
        server.store(&json!([{"message": "a"}, {"message": "b"}]));
        assert_eq!(server.post(r#"[{"message": "c"}, {"level": "x"}]"#).status, 200);
        assert_eq!(server.get("/logs").status, 200);
        let fields = "query_count,ingest_count,insert_total_count,ingest_refuse_count";
        let expected = vec![round, 2 * round, 3 * round, round];
        eventually("the round is noted", || (sums(&server, fields) == expected).then_some(()));
    }

    assert_eq!(sums(&server, "ingest_drop_count,query_fail_count,http_error_count"), [0, 0, 0]);
    let sent = (r#"[{"message":"a"},{"message":"b"}]"#.len()
        + r#"[{"message": "c"}, {"level": "x"}]"#.len()) as u64;
    assert_eq!(sums(&server, "ingest_size_total"), [3 * sent]);
    let spreads = rows(
        &server,
        "activities",
        "query_count,query_min,query_avg,query_max,insert_total_cost,insert_total_count",
    );
    for row in &spreads {
        let numbers: Vec<_> = row.iter().map(|value| value.as_f64().expect("a number")).collect();
        let [queries, least, average, most, cost, stored] = numbers[..] else { panic!("{row:?}") };
        assert!(least <= average && average <= most, "{row:?}");
        assert_eq!(queries > 0.0, most > 0.0, "{row:?}");
        assert!(stored == 0.0 || cost > 0.0, "{row:?}");
    }
    assert_eq!(newest(&server, "database", "rows_count"), Some(json!(9)));
}

#[test]
fn the_answer_has_the_form_of_the_older_generation() {
    let server = start(OFTEN);
    server.store(&json!({"message": "a"}));
    eventually("it is noted", || (sums(&server, "insert_total_count") == [1]).then_some(()));

    let answer = server.get("/stats").json();

    let fields =
        |pointer: &str| answer.pointer(pointer).and_then(Value::as_array).cloned().expect("fields");
    let activity = fields("/activities/fields");
    let theirs = [
        "id",
        "since",
        "until",
        "query_count",
        "query_min",
        "query_max",
        "query_avg",
        "ingest_count",
        "ingest_size_min",
        "ingest_size_max",
        "ingest_size_avg",
        "ingest_drop_count",
        "insert_batch_count",
        "insert_total_count",
        "insert_total_cost",
        "sse_session_count",
        "http_conn_count",
    ];
    assert_eq!(activity[..theirs.len()], theirs.map(Value::from));
    let database = fields("/database/fields");
    assert_eq!(database[..4], ["id", "timestamp", "rows_count", "db_size"].map(Value::from));
    assert_eq!(fields("/activities/data/0").len(), activity.len());
    assert_eq!(fields("/database/data/0").len(), database.len());
    assert!(answer["uptime"].is_u64());
    for size in ["db_size", "wal_size", "disk_free"] {
        assert!(
            newest(&server, "database", size).is_some_and(|size| size.as_u64() > Some(0)),
            "{size}"
        );
    }
}

#[test]
fn rows_are_chosen_by_time_and_ordered() {
    let server = start(OFTEN);
    for line in 0..3 {
        server.store(&json!({"message": "a", "line": line}));
        eventually("it is noted", || {
            (sums(&server, "insert_total_count") == [line + 1]).then_some(())
        });
    }
    let untils = texts(&server, "activities", "until");
    let (second, third) = (&untils[1], &untils[2]);
    let chosen = |parameters: &str| {
        let answer = server.get(&format!("/stats?activity_stats_fields=until&{parameters}"));
        assert_eq!(answer.status, 200, "{parameters}: {answer:?}");
        let data = answer.at("/activities/data");
        data.as_array().expect("rows").iter().map(|row| row[0].clone()).collect::<Vec<_>>()
    };

    assert_eq!(chosen(&format!("since={second}&until={third}")), [third.as_str(), second]);
    assert_eq!(
        chosen(&format!("since={second}&until={third}&ordering=asc")),
        [second.as_str(), third]
    );
    let local = second.replace('Z', "+00:00");
    assert_eq!(chosen(&format!("since={local}&until={second}")), [second.as_str()]);
    assert!(chosen("since=0&until=1000").is_empty());
    assert!(untils.is_sorted(), "{untils:?}");
}

#[test]
fn what_can_not_be_answered_is_refused_with_what_is_known() {
    let server = start("");
    for (parameters, part) in [
        ("activity_stats_fields=nope", "there are: id, since, until, query_count"),
        ("database_stats_fields=since", "there are: id, timestamp, rows_count"),
        ("ordering=up", "asc or desc"),
        ("since=yesterday", "2026-11-28T12:00:00Z"),
        ("since=2&until=1", "swap them"),
        ("limit=3", "since, until, activity_stats_fields"),
    ] {
        let answer = server.get(&format!("/stats?{parameters}"));
        assert_eq!(answer.status, 400, "{parameters}: {answer:?}");
        assert!(answer.error().contains(part), "{parameters}: {answer:?}");
    }
    assert_eq!(server.send(&Request::new("POST", "/stats")).status, 405);
}

#[test]
fn a_restart_keeps_the_history_and_a_stop_notes_the_last_interval() {
    let server = start(SELDOM);
    server.store(&json!([{"message": "a"}, {"message": "b"}]));
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));

    let server = home.start();
    assert_eq!(sums(&server, "insert_total_count"), [2]);
    assert_eq!(newest(&server, "database", "rows_count"), Some(json!(2)));
    server.store(&json!({"message": "c"}));
    assert_eq!(server.stop().code, Some(0));

    let server = home.start();
    assert_eq!(sums(&server, "insert_total_count"), [3]);
    let rows = rows(&server, "database", "rows_count");
    assert_eq!(rows, [[json!(2)], [json!(3)]]);
}

#[test]
fn kill_9_loses_the_running_interval_only() {
    let server = start(OFTEN);
    server.store(&json!({"message": "a"}));
    eventually("it is noted", || (sums(&server, "insert_total_count") == [1]).then_some(()));
    let before = rows(&server, "activities", "since,until,insert_total_count");
    let home = server.home().clone();
    server.kill();

    let server = home.start();

    let after = rows(&server, "activities", "since,until,insert_total_count");
    assert_eq!(after[..before.len()], before[..]);
    eventually("a new interval is noted", || {
        (rows(&server, "activities", "id").len() > before.len()).then_some(())
    });
    assert_eq!(sums(&server, "insert_total_count"), [1]);
}

#[test]
fn an_idle_service_does_not_write() {
    let server = start(OFTEN);
    server.store(&json!({"message": "a"}));
    let quiet = || {
        let rows = rows(&server, "activities", "insert_total_count");
        (rows.len() > 1 && rows.last() == Some(&vec![json!(0)])).then_some(rows.len())
    };
    let noted = eventually("the first idle interval is noted", quiet);
    let database = server.home().database();
    let version = || -> i64 {
        database.query_row("PRAGMA data_version", [], |row| row.get(0)).expect("a number")
    };
    let before = version();
    let idle_until = Instant::now() + Duration::from_secs(1);
    eventually("intervals pass", || {
        assert_eq!(server.get("/health").status, 200);
        (Instant::now() > idle_until).then_some(())
    });
    assert_eq!(version(), before, "written, though nothing but health checks happened");

    server.store(&json!({"message": "b"}));
    eventually("it is noted", || (sums(&server, "insert_total_count") == [2]).then_some(()));

    let rows = rows(&server, "activities", "since,until,insert_total_count");
    assert_eq!(rows[noted][2], 0, "the idle time is one row: {rows:?}");
    assert_eq!(rows[noted + 1][2], 1, "{rows:?}");
    assert!(rows.windows(2).all(|pair| pair[0][1] == pair[1][0]), "no gaps: {rows:?}");
}

#[test]
fn old_rows_go_and_tables_of_the_older_generation_stay() {
    let server = start(&format!("{SELDOM}\nstats_retention_hours: 2"));
    let home = server.home().clone();
    assert_eq!(server.stop().code, Some(0));
    let theirs = "INSERT INTO activity_stats VALUES (1, '2020-01-01T00:00:00.000Z')";
    home.database()
        .execute_batch(&format!(
            "CREATE TABLE activity_stats (id INTEGER PRIMARY KEY, since DATETIME NOT NULL); {theirs};
             UPDATE loglite_activity_stats SET until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3 hours');
             UPDATE loglite_database_stats SET timestamp = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 hours');"
        ))
        .expect("statistics of earlier");

    assert_eq!(home.start().stop().code, Some(0));

    let count =
        |sql: &str| -> i64 { home.database().query_row(sql, [], |row| row.get(0)).expect(sql) };
    let recent = "WHERE until > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-1 minutes')";
    assert_eq!(count("SELECT count(*) FROM loglite_activity_stats"), 1);
    assert_eq!(count(&format!("SELECT count(*) FROM loglite_activity_stats {recent}")), 1);
    assert_eq!(count("SELECT count(*) FROM loglite_database_stats"), 2);
    assert_eq!(count("SELECT count(*) FROM activity_stats"), 1);
}

#[test]
fn rows_of_other_programs_are_counted() {
    let server = start(OFTEN);
    server.store(&json!([{"message": "a"}, {"message": "b"}]));
    let counted =
        |rows| move |server: &Server| newest(server, "database", "rows_count") == Some(json!(rows));
    eventually("two rows", || counted(2)(&server).then_some(()));

    server
        .home()
        .database()
        .execute_batch("INSERT INTO Log (message) VALUES ('c'), ('d'), ('e'); DELETE FROM Log WHERE message = 'a'")
        .expect("rows of another program");

    eventually("four rows", || counted(4)(&server).then_some(()));
    server.store(&json!({"message": "f"}));
    eventually("five rows", || counted(5)(&server).then_some(()));
}

#[test]
fn what_retention_deletes_is_counted() {
    let server = start(&format!("{OFTEN}\ntask_vacuum_interval: 0.2\nvacuum_max_days: 10"));
    let old = json!({"message": "a", "timestamp": "2020-01-01T00:00:00Z"});
    server.store(&json!([old, old, old, {"message": "b"}, {"message": "c"}]));

    eventually("old rows are deleted and counted", || {
        (sums(&server, "insert_total_count,delete_count") == [5, 3]).then_some(())
    });
    eventually("the others are left", || {
        (newest(&server, "database", "rows_count") == Some(json!(2))).then_some(())
    });
}

#[test]
fn beside_load_nothing_fails_and_the_numbers_add_up() {
    let home = Home::new(&config::with(OFTEN));
    let mut acknowledged = 0;
    for round in ["first", "second"] {
        let server = home.start();
        let posters = Posters::start(server.address(), round, 4);
        eventually("there is load", || {
            assert_eq!(server.get("/stats").status, 200);
            (posters.acknowledged() > 2_000).then_some(())
        });
        acknowledged += posters.finish().acknowledged.len() as u64;
        eventually("all is noted", || {
            (sums(&server, "insert_total_count") == [acknowledged]).then_some(())
        });
        eventually("the rows are right", || {
            (newest(&server, "database", "rows_count") == Some(json!(acknowledged))).then_some(())
        });
        assert_eq!(sums(&server, "http_error_count,ingest_drop_count,query_fail_count"), [0, 0, 0]);
        assert_eq!(server.stop().code, Some(0));
    }
}

#[test]
fn open_subscriptions_and_connections_are_told() {
    let server = start(OFTEN);
    let subscription = server.subscribe("/logs/sse");
    eventually("the subscription is told", || {
        (newest(&server, "activities", "sse_session_count") == Some(json!(1))).then_some(())
    });
    assert!(
        newest(&server, "activities", "http_conn_count")
            .is_some_and(|open| open.as_u64() >= Some(1))
    );
    drop(subscription);
    server.store(&json!({"message": "the stream notices that its reader has gone"}));
    eventually("its end is told", || {
        (newest(&server, "activities", "sse_session_count") == Some(json!(0))).then_some(())
    });
}

#[test]
fn pages_of_other_origins_may_read_it() {
    let answer = start("allow_origin: https://dash.example")
        .send(&Request::get("/stats").header("Origin", "https://dash.example"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Access-Control-Allow-Origin"), Some("https://dash.example"));
}

#[test]
fn a_full_disk_is_told_once_and_statistics_go_on_when_there_is_space() {
    let home = Home::new(&config::with(OFTEN));
    let Ok(_disk) = Mount::small(&home.path().join("db"), 8 << 20) else {
        eprintln!("not tested, as no small disk can be mounted here");
        return;
    };
    let server = home.start();
    server.store(&json!({"message": "a"}));
    eventually("it is noted", || (sums(&server, "insert_total_count") == [1]).then_some(()));
    let ballast = home.path().join("db/ballast");
    fill(&ballast);
    let entry = json!({"message": "x".repeat(100_000)});
    let full = eventually("the disk is full", || {
        let answer = server.post(entry.to_string());
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(full.status, 507, "{full:?}");
    let told = || server.process().stderr().matches("statistics not noted").count();
    eventually("the sampler tells", || {
        let answer = server.post(entry.to_string());
        assert_eq!(answer.status, 507, "{answer:?}");
        (told() > 0).then_some(())
    });
    let later = Instant::now() + Duration::from_secs(1);
    eventually("further intervals pass", || {
        assert_eq!(server.get("/stats").status, 200);
        assert_eq!(server.post(entry.to_string()).status, 507);
        (Instant::now() > later).then_some(())
    });

    fs::remove_file(&ballast).expect("space again");

    server.store(&json!({"message": "b"}));
    eventually("the time of the full disk is noted", || {
        (sums(&server, "ingest_drop_count")[0] > 0).then_some(())
    });
    assert_eq!(told(), 1);
}

fn fill(ballast: &std::path::Path) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).expect("a file");
    for size in [64 << 10, 4 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
