//! The command line and the life of the process: first start, help, completions, log formats, signals.

use loglite_e2e::{Home, Request, config, eventually};
use serde_json::{Value, json};

#[test]
fn without_a_configuration_it_serves_from_an_empty_directory() {
    let home = Home::empty();
    let server = home.launch(&["serve"]).env("LOGLITE_PORT", "0").serve();

    let request =
        Request::post("/logs").header("Content-Type", "application/x-www-form-urlencoded");
    let answer = server.send(&request.body(r#"{"message": "hello", "user": 7}"#));

    assert_eq!(answer.at("/result"), json!({"stored": 1, "refused": [], "ignored_fields": []}));
    let row = server.rows("/logs?fields=id,level,service,message,extra");
    assert_eq!(
        row,
        json!([{"id": 1, "level": "INFO", "service": "", "message": "hello", "extra": {"user": 7}}])
    );
    assert!(home.database_path().exists());
    assert!(server.address().ip().is_loopback());
    eventually("the log shows a first command", || {
        let command =
            format!("curl http://{}/logs -d '{{\"message\":\"hello\"}}'", server.address());
        server.process().stderr().contains(&command).then_some(())
    });
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!([{"message": "a"}, {"message": "b"}]));
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");

    let server = home.launch(&["server", "run", "-c", "config.yaml"]).serve();
    server.store(&json!({"message": "c"}));

    assert_eq!(server.get("/logs?order=asc&id=>0").column("message"), ["a", "b", "c"]);
}

#[test]
fn a_stop_leaves_one_whole_database_file() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!({"message": "a"}));

    assert_eq!(server.stop().code, Some(0));

    let wal = home.path().join("db/logs.db-wal");
    let is_checkpointed = std::fs::metadata(wal).map_or(true, |wal| wal.len() == 0);
    assert!(is_checkpointed, "the write-ahead log is checkpointed");
}

#[test]
fn ctrl_c_stops_it_in_order() {
    let server = Home::new(&config::with("")).start();
    server.store(&json!({"message": "a"}));

    server.process().interrupt();
    let exit = server.wait();

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stderr.contains("stopped"), "{exit:#?}");
}

#[test]
fn a_stop_answers_the_request_in_flight() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    let mut connection = server.connect();
    let body = r#"{"message": "in flight"}"#;
    let head = format!("POST /logs HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    connection.write(head.as_bytes()).expect("the server reads");
    // Only a request that has arrived is in flight.
    eventually("the request is in flight", || {
        let metrics = server.get("/metrics").text();
        metrics.lines().any(|line| line == "loglite_http_connections 2").then_some(())
    });
    server.process().terminate();
    eventually("it is stopping", || server.process().stderr().contains("stopping").then_some(()));

    connection.write(body.as_bytes()).expect("the server reads on");
    let answer = connection.read_response().expect("an answer");

    assert_eq!(answer.at("/result/stored"), 1, "{answer:?}");
    assert_eq!(server.wait().code, Some(0));
    assert_eq!(home.start().get("/logs").column("message"), ["in flight"]);
}

#[test]
fn a_second_signal_exits_at_once() {
    let server = Home::new(&config::with("")).start();
    let mut connection = server.connect();
    let head = b"POST /logs HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n";
    connection.write(head).expect("the server reads");
    eventually("the request is in flight", || {
        let metrics = server.get("/metrics").text();
        metrics.lines().any(|line| line == "loglite_http_connections 2").then_some(())
    });
    server.process().terminate();
    eventually("it is stopping", || server.process().stderr().contains("stopping").then_some(()));

    server.process().terminate();

    assert_eq!(server.wait().code, Some(128 + 15));
}

#[test]
fn json_logs_are_one_object_per_line_and_hold_the_address() {
    let home = Home::new(&config::with(""));
    let server = home.launch(&["serve", "-c", "config.yaml", "--log-format", "json"]).serve();
    let address = server.address().to_string();

    let exit = server.stop();

    let lines: Vec<Value> = exit
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    assert!(lines.iter().any(|line| line.get("address") == Some(&json!(address))), "{lines:#?}");
    assert!(
        lines.iter().all(|line| line.get("level").is_some() && line.get("timestamp").is_some())
    );
}

#[test]
fn logs_in_a_pipe_carry_no_colours_and_results_go_to_standard_output() {
    let home = Home::new(&config::with(""));
    let exit = home.start().stop();
    assert!(!exit.stderr.contains('\u{1b}'), "{exit:#?}");
    assert_eq!(exit.stdout, "");
}

#[test]
fn completions_are_printed_for_each_shell() {
    let home = Home::empty();
    for shell in ["bash", "zsh", "fish"] {
        let exit = home.run(&["completions", shell]);
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        assert!(exit.stdout.contains("loglite") && exit.stdout.contains("migrate"), "{shell}");
    }
}

#[test]
fn help_names_the_commands_and_wrong_arguments_exit_with_2() {
    let home = Home::empty();
    let help = home.run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for command in ["serve", "migrate", "config", "completions"] {
        assert!(help.stdout.contains(command), "{command}: {help:#?}");
    }
    for wrong in [&["sevre"][..], &["serve", "--prot", "1"], &["migrate", "rollback"], &[]] {
        let exit = home.run(wrong);
        assert_eq!(exit.code, Some(2), "{wrong:?}: {exit:#?}");
        assert!(exit.stderr.contains("Usage"), "{exit:#?}");
    }
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_left_running() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    let port = server.address().port().to_string();
    let other = Home::new(&config::with(""));

    let exit = other.launch(&["serve", "-c", "config.yaml"]).env("LOGLITE_PORT", &port).run();

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{exit:#?}");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_host_name_may_be_listened_on() {
    let server = Home::new(&config::with("").replace("127.0.0.1", "localhost")).start();
    assert_eq!(server.get("/health").status, 200);
}
