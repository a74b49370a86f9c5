//! Transforms one after another, for the sources that they are meant for, and what each source is told.

use std::path::{Path, PathBuf};

use loglite_e2e::{
    Clients, Home, Plugin, PluginStatus, Server, config, eventually, guest, plugins,
};
use serde_json::{Value, json};

fn start(harvesters: &[Plugin], transforms: &[Plugin]) -> Server {
    Home::new(&config::with(&plugins::keys(harvesters, transforms))).start()
}

fn faulty(name: &str, config: &Value) -> Plugin {
    Plugin::transform(name, "faulty-transform", config)
}

/// Makes a marked entry something large without the marker.
fn larger(name: &str) -> Plugin {
    faulty(name, &json!({"answer": "larger", "marker": "poison"}))
}

/// Fails on a marked entry.
fn trapping(name: &str) -> Plugin {
    faulty(name, &json!({"fault": "trap", "marker": "poison"}))
}

/// A harvester of a few entries with the messages 0, 1, 2 and so on.
fn counter(entries: u64) -> Plugin {
    let config = json!({"ingest": {"what": "count", "batch": entries, "calls": 1}});
    Plugin::harvester("counter", "faulty-harvester", &config)
}

fn wait_for_counter(server: &Server) -> PluginStatus {
    let calls = || Some(server.plugin("counter")).filter(|status| status.count("calls") == 1);
    eventually("the harvester has brought its entries in", calls)
}

fn count(server: &Server, sql: &str) -> i64 {
    server.home().database().query_row(sql, [], |row| row.get(0)).expect("the tables can be read")
}

#[test]
fn transforms_apply_in_the_order_of_the_configuration() {
    let entry = json!({"message": "poison"}).to_string();

    let answer = start(&[], &[larger("first"), trapping("second")]).post(&*entry);
    assert_eq!(answer.at("/result/stored"), 1, "{answer:?}");

    let answer = start(&[], &[trapping("first"), larger("second")]).post(entry);
    assert_eq!(answer.at("/result/stored"), 0, "{answer:?}");
    let error = answer.at("/result/dead_letters/0/error");
    assert!(error.as_str().unwrap_or("").contains("`first`"), "{error}");
}

#[test]
fn what_one_drops_the_next_one_does_not_see() {
    let sample = json!({"rate": 5, "key": "service"});
    let transforms = [
        Plugin::transform("sample", "sample", &sample),
        Plugin::transform("identity", "identity", &json!({})),
    ];
    let server = start(&[], &transforms);
    let entries = (0..10).map(|line| json!({"message": "m", "line": line}));
    let answer = server.post(Value::from_iter(entries).to_string());
    assert_eq!((answer.at("/result/stored"), answer.at("/result/dropped")), (json!(2), json!(8)));
    assert_eq!(server.plugin("sample").entries("in"), 10);
    assert_eq!(server.plugin("identity").entries("in"), 2);
    assert_eq!(server.rows("/logs?fields=line"), json!([{"line": 5}, {"line": 0}]));
}

#[test]
fn an_answer_has_the_fields_of_plugins_only_where_there_is_something_to_tell() {
    let server = start(&[], &[Plugin::transform("identity", "identity", &json!({}))]);
    let answer = server.post(json!({"message": "m"}).to_string());
    let result = answer.at("/result");
    assert_eq!(result, json!({"stored": 1, "refused": [], "ignored_fields": []}));
}

#[test]
fn refused_neighbours_of_dead_letters_are_told_apart() {
    let server = start(&[], &[trapping("bad")]);
    let entries = json!([
        {"message": "a"}, {"message": "poison"}, {"message": "b", "level": "LOUD"}, {"message": "c"}
    ]);
    let answer = server.post(entries.to_string());
    let result = answer.at("/result");
    assert_eq!((answer.status, &result["stored"]), (200, &json!(2)), "{answer:?}");
    assert_eq!(result["dead_letters"][0]["index"], 1, "{answer:?}");
    assert_eq!(result["refused"][0]["index"], 2, "{answer:?}");
    assert_eq!((&result["dead_letters"][1], &result["refused"][1]), (&Value::Null, &Value::Null));
}

#[test]
fn a_transform_for_http_does_not_see_the_entries_of_a_harvester() {
    let transform = faulty("bad", &json!({"fault": "trap"})).with("sources", json!(["http"]));
    let server = start(&[counter(5)], &[transform]);
    assert_eq!(wait_for_counter(&server).entries("stored"), 5);
    let answer = server.post(json!({"message": "m"}).to_string());
    assert_eq!(answer.at("/result/dead_letters/0/index"), 0, "{answer:?}");
    assert_eq!(server.plugin("bad").entries("in"), 1);
}

#[test]
fn a_transform_for_a_harvester_does_not_see_the_entries_of_clients() {
    let transform =
        faulty("bad", &json!({"fault": "trap", "marker": "3"})).with("sources", json!(["count*"]));
    let server = start(&[counter(5)], &[transform]);
    let counter_after = wait_for_counter(&server);
    assert_eq!(
        (counter_after.entries("stored"), counter_after.entries("dead")),
        (4, 1),
        "{counter_after}"
    );
    server.store(&json!([{"message": "3"}, {"message": "33"}]));
    assert_eq!(server.plugin("bad").entries("in"), 5);
    let letters = "SELECT count(*) FROM loglite_dead_letters WHERE source = 'counter'
        AND entry ->> 'message' = '3' AND reason LIKE '%`bad`%trapped%'";
    assert_eq!(count(&server, letters), 1);
}

/// A home with a copy of the guest.
fn replaceable(made_of: &str) -> (Home, PathBuf) {
    let home = Home::empty();
    let component = home.path().join("plugin.wasm");
    replace(&component, made_of);
    (home, component)
}

/// At once, as packages do it.
fn replace(component: &Path, made_of: &str) {
    let new = component.with_extension("new");
    std::fs::copy(guest(made_of), &new).expect("the directory is writable");
    std::fs::rename(new, component).expect("the directory is writable");
}

/// Refuses what is no line of an access log.
fn refusing() -> Plugin {
    Plugin::transform("access-log", "access-log", &json!({"otherwise": "refuse"}))
}

#[test]
fn what_a_transform_refuses_goes_back_to_the_client() {
    let server = start(&[], &[refusing()]);
    let line = "203.0.113.9 - - [29/Feb/2024:23:59:58 +0000] \"GET / HTTP/1.1\" 200 5";
    let answer = server.post(json!([{"message": "nothing"}, {"message": line}]).to_string());
    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(1)), "{answer:?}");
    assert_eq!(answer.at("/result/refused/0/index"), 0, "{answer:?}");
    let alone = server.post(json!({"message": "nothing"}).to_string());
    assert_eq!(alone.status, 400, "{alone:?}");
    assert_eq!(count(&server, "SELECT count(*) FROM loglite_dead_letters"), 0);
}

#[test]
fn what_a_transform_refuses_of_a_harvester_becomes_a_dead_letter() {
    let server = start(&[counter(3)], &[refusing()]);
    let counter_after = wait_for_counter(&server);
    assert_eq!(
        (counter_after.entries("in"), counter_after.entries("refused")),
        (3, 3),
        "{counter_after}"
    );
    let letters = "SELECT count(*) FROM loglite_dead_letters WHERE source = 'counter'";
    assert_eq!(count(&server, letters), 3);
    assert_eq!(count(&server, "SELECT count(*) FROM Log"), 0);
}

#[test]
fn a_harvester_waits_for_a_transform_that_blocks_it() {
    let (home, component) = replaceable("many-tables");
    let gate = Plugin::transform("gate", "many-tables", &json!({}))
        .with("component", json!(component))
        .with("on_failure", "block");
    home.write_config(&config::with(&plugins::keys(&[counter(5)], &[gate])));
    let server = home.start();
    eventually("the transform fails", || {
        (server.plugin("gate").count("failures") > 0).then_some(())
    });
    let answer = server.post(json!({"message": "m"}).to_string());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(server.plugin("counter").entries("stored"), 0);

    replace(&component, "identity");

    assert_eq!(wait_for_counter(&server).entries("stored"), 5);
    server.store(&json!({"message": "m"}));
    assert_eq!(count(&server, "SELECT count(*) FROM loglite_dead_letters"), 0);
}

#[test]
fn the_circuit_opens_for_what_always_fails_and_closes_with_a_new_component() {
    let (home, component) = replaceable("many-tables");
    let transform =
        Plugin::transform("bad", "identity", &json!({})).with("component", json!(component));
    home.write_config(&config::with(&plugins::keys(&[], &[transform])));
    let server = home.start();
    let clients = Clients::start(&server);
    eventually("the circuit opens", || {
        (server.plugin("bad").text("state") == "open").then_some(())
    });
    replace(&component, "identity");
    eventually("it works again", || {
        (server.plugin("bad").text("state") == "running"
            && server.plugin("bad").entries("kept") > 0)
            .then_some(())
    });
    clients.wait_for_answers(20);
    let ledger = clients.finish();
    ledger.check(&home);
    assert!(!ledger.dead.is_empty() && !ledger.stored.is_empty());
    server.store(&json!([{"message": "m"}]));
}

#[test]
fn an_instance_whose_memory_has_grown_past_its_mark_is_replaced() {
    let transform = Plugin::transform("identity", "identity", &json!({}))
        .with("limits", json!({"recycle_memory": "3MB"}));
    let server = start(&[], &[transform]);
    let small = json!([{"message": "small"}]);
    server.store(&small);
    server.store(&small);
    assert_eq!(server.plugin("identity").count("restarts"), 0);
    let large = server.plugin("identity").count("memory_bytes");

    server.store(&json!([{"message": "x".repeat(3 << 20)}]));
    server.store(&small);
    server.store(&small);

    let status = server.plugin("identity");
    assert_eq!((status.count("restarts"), status.count("failures")), (1, 0), "{status}");
    assert!(status.count("memory_bytes") < 3 << 20, "{large} before, {status}");
    assert_eq!(status.entries("kept"), 5, "{status}");
}
