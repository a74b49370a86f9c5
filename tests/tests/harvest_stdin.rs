//! Standard input of `loglite serve`.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loglite_e2e::{Home, Server, binary, config, eventually};
use serde_json::json;

const STDIN: &str = "harvesters:\n  - {type: stdin, name: input}";

fn total(server: &Server) -> u64 {
    server.get("/logs?limit=1").at("/result/total").as_u64().expect("a number")
}

#[test]
fn what_is_piped_in_is_stored_and_the_service_runs_on_at_its_end() {
    let input = "{\"message\": \"one\"}\n\n{broken\n{\"message\": \"no line end\"}";
    let home = Home::new(&config::with(STDIN));

    let server = home.launch(&["serve", "-c", "config.yaml"]).input(input).serve();

    eventually("it has finished", || {
        let state = server.get("/harvesters").at("/result/0/state");
        (state == json!("finished")).then_some(())
    });
    assert_eq!(
        server.get("/logs?fields=message&order=asc").column("message"),
        ["one", "no line end"]
    );
    let status = server.get("/harvesters").at("/result/0");
    assert_eq!(status.pointer("/bad_lines"), Some(&json!(1)), "{status}");
    server.store(&json!({"message": "over HTTP"}));
}

#[test]
fn a_long_input_is_stored_whole() {
    let line = format!("{{\"message\": \"{}\", \"line\": 1}}\n", "x".repeat(1_000));
    let home = Home::new(&config::with(STDIN));

    let server = home.launch(&["serve", "-c", "config.yaml"]).input(&line.repeat(20_000)).serve();

    eventually("all of it is stored", || (total(&server) == 20_000).then_some(()));
}

#[test]
fn a_stop_does_not_wait_for_input_that_never_ends() {
    let home = Home::new(&config::with(STDIN));
    let mut child = Command::new(binary())
        .args(["serve", "-c", "config.yaml"])
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    std::io::Write::write_all(&mut stdin, b"{\"message\": \"whole\"}\n{\"message\": \"half")
        .expect("it runs");
    let stored = || {
        let count = "SELECT count(*) FROM Log";
        home.database_path()
            .exists()
            .then(|| home.database().query_row(count, [], |row| row.get(0)))
    };
    eventually("the line is stored", || (stored() == Some(Ok(1_u32))).then_some(()));

    let begun = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    let status = child.wait().expect("a child can be waited for");

    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    drop(stdin);
}
