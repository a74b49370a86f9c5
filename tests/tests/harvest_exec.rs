//! The output of commands.

use std::time::{Duration, Instant};

use loglite_e2e::{Home, Server, config, eventually};
use serde_json::{Value, json};

/// A service that runs this script by `sh -c`, with further settings of its harvester, each on a line.
fn running(script: &str, settings: &[&str]) -> Server {
    let settings: String = settings.iter().map(|line| format!("\n      {line}")).collect();
    let script = script.replace('\n', "\n        ");
    Home::new(&config::with(&format!(
        "harvesters:\n  - type: exec\n    name: tool\n    config:\n      command: |\n        {script}{settings}"
    )))
    .start()
}

fn total(server: &Server) -> u64 {
    server.get("/logs?limit=1").at("/result/total").as_u64().expect("a number")
}

fn wait_for(server: &Server, count: u64) {
    eventually("all entries are stored", || (total(server) >= count).then_some(()));
}

fn messages(server: &Server) -> Vec<Value> {
    server.get("/logs?fields=message&order=asc&limit=1000").column("message")
}

fn status(server: &Server) -> Value {
    server.get("/harvesters").at("/result/0")
}

#[test]
fn each_line_is_an_entry_and_what_is_none_becomes_a_dead_letter() {
    let script = r#"printf '{"message": "%s"}\n' one two; echo broken; printf '{"message": "three"}'; sleep 100"#;
    let server = running(script, &[]);

    wait_for(&server, 2);
    let exit = server.home().clone();
    let stopped = server.stop();

    assert_eq!(stopped.code, Some(0), "{stopped:#?}");
    let server = exit.launch(&["serve", "-c", "config.yaml"]).serve();
    wait_for(&server, 3);
    let found = messages(&server);
    assert_eq!(found.get(..3), Some(&[json!("one"), json!("two"), json!("three")][..]));
    let letters = server.home().run(&["dead-letters", "list", "--json", "-c", "config.yaml"]);
    assert!(letters.stdout.contains("broken"), "{letters:#?}");
}

#[test]
fn a_command_that_fails_is_run_again_and_its_last_words_are_known() {
    let script = r#"printf '{"message": "started"}\n'; echo 'no such device' >&2; exit 3"#;
    let server = running(script, &[]);

    wait_for(&server, 2);

    let error = status(&server).pointer("/last_error").cloned().unwrap_or_default();
    let error = error.as_str().expect("it has failed");
    assert!(error.contains("exit status: 3") && error.contains("no such device"), "{error}");
    assert!(server.process().stderr().contains("line=\"no such device\""));
}

#[test]
fn standard_error_is_harvested_if_asked_for() {
    let script = "echo out; echo err >&2; sleep 100";
    let server = running(script, &["stderr: true", "format: text", "origin_column: service"]);

    wait_for(&server, 2);

    let rows = server.rows("/logs?fields=message,service&message==err");
    assert_eq!(rows, json!([{"message": "err", "service": "stderr"}]));
}

#[test]
fn a_command_that_is_done_is_left_alone_if_configured_so() {
    let harvester = "harvesters:\n  - type: exec\n    name: tool\n    restart: on_failure\n    config:\n      \
                     command: [printf, '{\"message\": \"%s\", \"service\": \"x\"}\\n', a, b]";
    let server = Home::new(&config::with(harvester)).start();

    eventually("it has finished", || {
        (status(&server).pointer("/state") == Some(&json!("finished"))).then_some(())
    });

    assert_eq!(messages(&server), ["a", "b"]);
}

#[test]
fn lines_that_belong_together_come_when_the_command_falls_silent() {
    let script = "echo 'first'; echo '  goes on'; sleep 100";
    let multiline = "multiline: {start: '^\\S', timeout: 200ms}";
    let server = running(script, &["format: text", multiline]);

    wait_for(&server, 1);

    assert_eq!(messages(&server), ["first\n  goes on"]);
}

#[test]
fn a_stop_ends_all_that_the_command_has_started_and_stores_what_it_says_last() {
    let script = r#"trap 'echo "{\"message\": \"last\"}"; exit 0' TERM
sleep 1000 &
echo "{\"message\": \"pid\", \"line\": $!}"
wait"#;
    let server = running(script, &[]);
    wait_for(&server, 1);
    let home = server.home().clone();
    let pid = server.get("/logs?fields=line").column("line").first().cloned().expect("a row");

    let begun = Instant::now();
    let exit = server.stop();

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let count = "SELECT count(*) FROM Log WHERE message = 'last'";
    let last: u32 = home.database().query_row(count, [], |row| row.get(0)).expect("the table");
    assert_eq!(last, 1);
    eventually("what it had started is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_command_that_does_not_end_is_killed() {
    let server =
        running("trap '' TERM; echo '{\"message\": \"stubborn\"}'; while :; do sleep 1; done", &[]);
    wait_for(&server, 1);

    let begun = Instant::now();
    let exit = server.stop();

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_program_that_is_not_there_is_tried_again() {
    let harvester =
        "harvesters:\n  - type: exec\n    name: tool\n    config: {command: [/no/such/program, x]}";
    let server = Home::new(&config::with(harvester)).start();

    let failed = eventually("it has failed twice", || {
        let status = status(&server);
        (status.pointer("/failures")?.as_u64()? >= 2).then_some(status)
    });

    let error = failed.pointer("/last_error").and_then(Value::as_str).unwrap_or_default();
    assert!(error.contains("`/no/such/program x` can't be run"), "{error}");
}
