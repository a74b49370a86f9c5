//! Reasons not to start: a port or a database that is taken.

use std::net::TcpListener;

use loglite_e2e::{Exit, Home, Launch, config};
use serde_json::json;

fn refused(launch: Launch) -> Exit {
    match launch.try_serve() {
        Err(exit) => exit,
        Ok(server) => panic!("it serves: {server:?}"),
    }
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_made() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let home = Home::new(&config::with(""));

    let exit = refused(home.launch(&["serve", "-c", "config.yaml"]).env("LOGLITE_PORT", &port));

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{exit:#?}");
    assert!(exit.stderr.contains("set another `port`"), "{exit:#?}");
    assert!(!home.database_path().exists());
}

#[test]
fn an_unknown_host_is_named() {
    let home = Home::new(&config::with(""));
    let launch = home.launch(&["serve", "-c", "config.yaml"]).env("LOGLITE_HOST", "203.0.113.1");
    let exit = refused(launch);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("cannot listen on 203.0.113.1:0"), "{exit:#?}");
}

#[test]
fn a_second_server_on_one_database_says_so_and_exits() {
    let home = Home::new(&config::with(""));
    let first = home.start();
    first.store(&json!({"message": "before"}));

    let exit = refused(home.launch(&["serve", "-c", "config.yaml"]));

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("in use by another loglite"), "{exit:#?}");
    assert!(exit.stderr.contains(&format!("process {}", first.process().pid())), "{exit:#?}");
    first.store(&json!({"message": "after"}));
    assert_eq!(first.get("/logs").at("/result/total"), 2);
}

#[test]
fn the_database_of_a_killed_server_is_free() {
    let home = Home::new(&config::with(""));
    let first = home.start();
    first.store(&json!({"message": "kept"}));
    first.kill();
    assert_eq!(home.start().rows("/logs?fields=message"), json!([{"message": "kept"}]));
}

#[test]
fn migrations_wait_for_the_server_to_stop() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    let rollback = ["migrate", "rollback", "-c", "config.yaml", "-v", "1", "-f"];

    let exit = home.run(&rollback);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("in use by another loglite"), "{exit:#?}");
    server.store(&json!({"message": "still here"}));
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(home.run(&rollback).code, Some(0));
}
