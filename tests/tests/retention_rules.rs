//! `retention` in the configuration: rows that match a filter are deleted at an age of their own, while the service runs.

mod mixed;

use loglite_e2e::{Home, Server, config, eventually};
use serde_json::{Value, json};

use mixed::compressed_home;

/// A pass ten times a second.
const OFTEN: &str = "task_vacuum_interval: 0.1";

fn start(rules: &str) -> Server {
    Home::new(&config::with(&format!("{OFTEN}\nretention:{rules}"))).start()
}

/// An entry as old as SQLite's modifier says, such as `-2 days`.
fn aged(server: &Server, modifier: &str, entry: &Value) -> Value {
    let database = server.home().database();
    let sql = "SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1)";
    let timestamp: String = database.query_row(sql, [modifier], |row| row.get(0)).expect("a time");
    let mut entry = entry.clone();
    if let Some(fields) = entry.as_object_mut() {
        fields.insert("timestamp".into(), timestamp.into());
    }
    entry
}

/// In the order of arrival.
fn messages(server: &Server) -> Vec<Value> {
    let answer = server.get("/logs?limit=1000&fields=id,message");
    let mut rows: Vec<_> = answer.column("id").into_iter().zip(answer.column("message")).collect();
    rows.sort_by_key(|(id, _)| id.as_i64());
    rows.into_iter().map(|(_, message)| message).collect()
}

/// Waits until these messages are left, and through two more passes.
fn assert_left(server: &Server, expected: &[&str]) {
    eventually(&format!("only {expected:?} are left"), || {
        let left = messages(server);
        assert!(expected.iter().all(|message| left.contains(&json!(message))), "{left:?}");
        (left.len() == expected.len()).then_some(())
    });
    assert_eq!(messages(server), expected);
}

#[test]
fn each_rule_deletes_what_matches_at_its_own_age() {
    let server = start(
        "\n  - {where: level==DEBUG, max_days: 1}\n  - {where: service=~=health&line=<400, max_days: 0.25}",
    );
    let debug = |message| json!({"level": "DEBUG", "message": message});
    let health =
        |line, message| json!({"service": "HealthCheck", "line": line, "message": message});
    let entries = [
        aged(&server, "-2 days", &debug("old debug")),
        aged(&server, "-2 days", &json!({"level": "ERROR", "message": "old error"})),
        aged(&server, "-23 hours", &debug("young debug")),
        aged(&server, "-7 hours", &health(200, "old check")),
        aged(&server, "-7 hours", &health(500, "failed check")),
        aged(&server, "-5 hours", &health(200, "young check")),
    ];

    server.store(&json!(entries));

    assert_left(&server, &["old error", "young debug", "failed check", "young check"]);
    let metrics = server.get("/metrics").text();
    assert!(metrics.contains("rows_deleted_total{reason=\"rule\"} 2\n"), "{metrics}");
}

#[test]
fn what_arrives_late_goes_as_well_and_what_gets_old_goes_then() {
    // Four seconds.
    let server = start("\n  - {where: level==DEBUG, max_days: 0.0000463}");
    server.store(&aged(&server, "-1 day", &json!({"level": "DEBUG", "message": "old"})));
    server.store(&json!({"level": "INFO", "message": "kept"}));
    assert_left(&server, &["kept"]);

    server.store(&aged(&server, "-1 day", &json!({"level": "DEBUG", "message": "late"})));
    server.store(&json!({"level": "DEBUG", "message": "gets old"}));

    eventually("the late row is gone, and only it", || {
        (messages(&server) == ["kept", "gets old"]).then_some(())
    });
    assert_left(&server, &["kept"]);
}

#[test]
fn a_restart_goes_on_and_ids_are_not_given_out_again() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    let entry = aged(&server, "-2 days", &json!({"level": "DEBUG", "message": "old"}));
    server.store(&json!([{"message": "first"}, entry]));
    server.kill();

    home.write_config(&config::with(&format!(
        "{OFTEN}\nretention: [{{where: level==DEBUG, max_days: 1}}]"
    )));
    let server = home.start();
    assert_left(&server, &["first"]);
    server.store(&json!({"message": "next"}));

    assert_eq!(server.rows("/logs?fields=id&message==next"), json!([{"id": 3}]));
}

#[test]
fn rows_whose_timestamps_can_not_be_read_go_with_the_next_match_that_can() {
    let server = start("\n  - {where: level==DEBUG, max_days: 1}");
    let broken = |message| json!({"level": "DEBUG", "message": message, "timestamp": "yesterday, about noon"});
    let entries = [
        broken("before old"),
        json!({"level": "INFO", "message": "kept", "timestamp": "?"}),
        aged(&server, "-2 days", &json!({"level": "DEBUG", "message": "old"})),
        broken("before young"),
        json!({"level": "DEBUG", "message": "young"}),
        broken("at the end"),
    ];

    server.store(&json!(entries));

    assert_left(&server, &["kept", "before young", "young", "at the end"]);
}

#[test]
fn rows_whose_timestamps_can_not_be_read_stay_behind_an_old_match() {
    let server = start("\n  - {where: level==DEBUG, max_days: 1}");
    let entries = [
        json!({"level": "INFO", "message": "young"}),
        aged(&server, "-2 days", &json!({"level": "DEBUG", "message": "old"})),
        json!({"level": "DEBUG", "message": "at the end", "timestamp": "25.11.2026"}),
    ];

    server.store(&json!(entries));

    assert_left(&server, &["young", "at the end"]);
}

#[test]
fn a_row_that_a_trigger_keeps_is_tried_again_later() {
    // Two seconds.
    let server = start("\n  - {where: level==DEBUG, max_days: 0.0000232}");
    let database = server.home().database();
    let keep = "CREATE TRIGGER keep BEFORE DELETE ON Log BEGIN SELECT RAISE(ABORT, 'kept'); END";
    database.execute_batch(keep).expect("another program can write");
    server.store(&json!({"level": "INFO", "message": "young"}));
    server.store(&aged(&server, "-1 day", &json!({"level": "DEBUG", "message": "old"})));
    eventually("the log tells", || {
        server.process().stderr().contains("does not let them go").then_some(())
    });

    database.execute_batch("DROP TRIGGER keep").expect("another program can write");

    assert_left(&server, &["young"]);
}

#[test]
fn many_old_rows_go_beside_ingest() {
    let home = Home::new(&config::with(""));
    home.database().execute_batch(config::TABLE).expect("made");
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
        INSERT INTO Log (timestamp, level, message, line)
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 days', i || ' seconds'),
            iif(i % 2, 'DEBUG', 'INFO'), 'filled', i FROM n";
    home.database().execute(sql, []).expect("filled");
    home.write_config(
        &config::with(&format!("{OFTEN}\nretention: [{{where: level==DEBUG, max_days: 1}}]"))
            .replace("auto_rollout: true", "auto_rollout: false"),
    );
    let server = home.start();

    let count = |filter| server.get(&format!("/logs?limit=1&{filter}")).at("/result/total");
    let mut stored = 0;
    eventually("the old rows are gone", || {
        stored += 1;
        server.store(&json!({"level": "DEBUG", "service": "ingest", "message": "m"}));
        (count("level==DEBUG&message==filled") == 0).then_some(())
    });

    assert_eq!(count("level==INFO"), 30_000);
    assert_eq!(count("service==ingest"), stored);
}

#[test]
fn a_rule_that_does_not_fit_the_table_ends_the_start_with_2() {
    let rules = "retention: [{where: level==DEBUG, max_days: 1}, {where: levl==X, max_days: 1}]";
    let home = Home::new(&config::with(rules));

    let exit = home.run(&["serve", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(2), "{exit:#?}");
    let expected = "`retention[1].where`, the filter `levl==X` does not fit the table: unknown column `levl` as a filter; \
                    `Log` has: id, timestamp, level,";
    assert!(exit.stderr.contains(expected), "{exit:#?}");
}

#[test]
fn what_is_wrong_without_a_database_is_found_by_config_check() {
    let home = Home::new(&config::with("retention: [{where: level=DEBUG, max_days: 0}]"));

    let exit = home.run(&["config", "check", "-c", "config.yaml"]);

    assert_eq!(exit.code, Some(2), "{exit:#?}");
    for part in
        ["`retention[0].where`: expected a filter", "`retention[0].max_days`: expected a number"]
    {
        assert!(exit.stderr.contains(part), "{exit:#?}");
    }
}

#[test]
fn a_rule_finds_compressed_values() {
    let server =
        compressed_home(&format!("{OFTEN}\nretention: [{{where: level==DEBUG, max_days: 1}}]"))
            .start();

    // While even the newest row is old, the clock is in doubt.
    server.store(&json!({"message": "new", "line": 7}));

    eventually("the rows with DEBUG are gone", || {
        let lines = server.get("/logs?order=asc&id=>0").column("line");
        assert!([2, 4, 6, 7].iter().all(|line| lines.contains(&json!(line))), "{lines:?}");
        (lines == [2, 4, 6, 7]).then_some(())
    });
}

#[test]
fn when_even_the_newest_row_is_old_for_a_rule_the_clock_is_doubted() {
    let server =
        compressed_home(&format!("{OFTEN}\nretention: [{{where: level==DEBUG, max_days: 1}}]"))
            .start();

    eventually("the log tells", || {
        server.process().stderr().contains("the clock may be wrong").then_some(())
    });

    assert_eq!(server.get("/logs?limit=0").at("/result/total"), 6);
}
