//! Components that are replaced on disk while the service runs: nothing in flight is lost, and what can't be used is
//! not taken over.

use std::fs;
use std::path::{Path, PathBuf};

use loglite_e2e::{Clients, Home, Plugin, Server, config, eventually, guest, plugins};
use serde_json::{Value, json};

const ANSWERS: usize = 60;

/// A home with a copy of the guest, to be replaced.
fn home_with(made_of: &str) -> (Home, PathBuf) {
    let home = Home::empty();
    let component = home.path().join("plugin.wasm");
    replace(&component, &fs::read(guest(made_of)).expect("the guest can be read"));
    (home, component)
}

/// As an editor or a package does it: at once.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).expect("the test's directory is writable");
    fs::rename(new, path).expect("the test's directory is writable");
}

fn replace_by(path: &Path, made_of: &str) {
    replace(path, &fs::read(guest(made_of)).expect("the guest can be read"));
}

fn start_transform(home: &Home, component: &Path) -> Server {
    let transform =
        Plugin::transform("changed", "identity", &json!({})).with("component", json!(component));
    home.write_config(&config::with(&plugins::keys(&[], &[transform])));
    home.start()
}

fn reloads(server: &Server, name: &str) -> u64 {
    server.plugin(name).count("reloads")
}

fn wait_for_reload(server: &Server, name: &str, count: u64) {
    eventually("the changed component is taken over", || {
        (reloads(server, name) >= count).then_some(())
    });
}

/// A line that `syslog` takes apart.
fn line(text: &str) -> String {
    format!("<34>1 2026-01-02T03:04:05Z host app 77 ID1 - {text}")
}

#[test]
fn a_transform_is_replaced_under_load_without_losing_an_entry() {
    let (home, component) = home_with("identity");
    let server = start_transform(&home, &component);
    let clients = Clients::start(&server);
    for (round, made_of) in (1..).zip(["sample", "identity", "sample", "identity"]) {
        clients.wait_for_answers(ANSWERS / 2);
        replace_by(&component, made_of);
        wait_for_reload(&server, "changed", round);
    }
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();

    ledger.check(&home);
    assert_eq!((ledger.turned_away, ledger.dead.len()), (0, 0));
    let status = server.plugin("changed");
    let entries = |fate: &str| status.entries(fate);
    assert!(ledger.dropped > 0 && entries("dropped") == ledger.dropped, "{status}");
    // Each entry was seen by one of the two.
    assert_eq!(entries("kept") + entries("dropped"), entries("in"), "{status}");
    assert_eq!(entries("in"), ledger.entries, "{status}");
    assert_eq!((status.count("failures"), status.text("state")), (0, "running"));
    server.wait_for_log(&["INFO", "changed", "replaced"]);
}

#[test]
fn compiling_a_large_component_beside_the_running_one_holds_nobody_up() {
    let (home, component) = home_with("identity");
    let transform =
        Plugin::transform("changed", "identity", &json!({})).with("component", json!(component));
    let keys = plugins::keys(&[], &[transform]);
    // With a cache of its own, in which nothing is compiled yet.
    let own = keys.lines().filter(|line| !line.starts_with("plugin_cache_dir"));
    home.write_config(&config::with(&own.collect::<Vec<_>>().join("\n")));
    let server = home.start();
    let clients = Clients::start(&server);
    replace_by(&component, "access-log");
    wait_for_reload(&server, "changed", 1);
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(&home);
}

#[test]
fn the_new_transform_changes_what_is_stored() {
    let (home, component) = home_with("identity");
    let server = start_transform(&home, &component);
    let entry = json!({"message": line("hello"), "service": "before"});
    server.store(&entry);

    replace_by(&component, "syslog");
    wait_for_reload(&server, "changed", 1);
    server.store(&entry);

    let sql = "SELECT group_concat(message, '; ') FROM (SELECT message FROM Log ORDER BY id)";
    let messages = home.database().query_row(sql, [], |row| row.get(0));
    assert_eq!(messages, Ok(format!("{}; hello", line("hello"))));
}

#[test]
fn garbage_is_not_taken_over_and_the_next_good_one_is() {
    let (home, component) = home_with("identity");
    let server = start_transform(&home, &component);
    let clients = Clients::start(&server);
    replace(&component, b"garbage");
    eventually("the log says that the old one stays", || {
        let lines =
            server.log_lines(&["ERROR", "plugin.wasm", "is not WebAssembly", "the old one stays"]);
        (!lines.is_empty()).then_some(())
    });
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(&home);
    assert_eq!(reloads(&server, "changed"), 0);

    replace_by(&component, "sample");
    wait_for_reload(&server, "changed", 1);

    let entries: Vec<_> = (0..10).map(|at| json!({"message": "m", "line": at})).collect();
    let answer = server.post(Value::from(entries).to_string());
    assert_eq!((answer.at("/result/stored"), answer.at("/result/dropped")), (json!(1), json!(9)));
}

#[test]
fn a_new_version_that_does_not_take_the_configuration_is_not_taken_over() {
    let (home, component) = home_with("faulty-transform");
    let config = json!({"fault": "trap", "marker": "poison"});
    let transform =
        Plugin::transform("changed", "identity", &config).with("component", json!(component));
    home.write_config(&config::with(&plugins::keys(&[], &[transform])));
    let server = home.start();

    // It has no such keys.
    replace_by(&component, "identity");

    eventually("the log says that the old one stays", || {
        let lines = server.log_lines(&["ERROR", "changed", "unknown field", "the old one stays"]);
        (!lines.is_empty()).then_some(())
    });
    assert_eq!(reloads(&server, "changed"), 0);
    let entries = json!([{"message": "good"}, {"message": "poison"}]);
    let answer = server.post(entries.to_string());
    assert_eq!(answer.at("/result/stored"), 1, "{answer:?}");
    assert_eq!(answer.at("/result/dead_letters/0/index"), 1, "{answer:?}");
}

#[test]
fn a_new_version_that_hangs_at_its_start_holds_nobody_up() {
    let (home, component) = home_with("many-tables");
    let transform =
        Plugin::transform("changed", "identity", &json!({"fault": "loop", "at_start": true}))
            .with("component", json!(component))
            .with("on_failure", "pass")
            .with("limits", json!({"start_time": "3s"}));
    home.write_config(&config::with(&plugins::keys(&[], &[transform])));
    let server = home.start();
    let clients = Clients::start(&server);

    // Unlike the other one, it looks at its configuration.
    replace_by(&component, "faulty-transform");

    eventually("the log says that the old one stays", || {
        let lines = server.log_lines(&["ERROR", "limits.start_time", "the old one stays"]);
        (!lines.is_empty()).then_some(())
    });
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(&home);
}

#[test]
fn a_missing_file_is_waited_for() {
    let (home, component) = home_with("identity");
    let server = start_transform(&home, &component);
    fs::remove_file(&component).expect("the file is there");
    server.process().hang_up();
    server.store(&json!({"message": "meanwhile"}));
    replace_by(&component, "sample");
    wait_for_reload(&server, "changed", 1);
}

#[test]
fn a_hang_up_loads_components_again_though_nothing_has_changed() {
    let (home, component) = home_with("identity");
    let server = start_transform(&home, &component);
    let clients = Clients::start(&server);
    for round in 1..=3 {
        server.process().hang_up();
        wait_for_reload(&server, "changed", round);
    }
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(&home);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_harvester_that_is_replaced_goes_on_from_its_checkpoint() {
    let (home, component) = home_with("faulty-harvester");
    let count = json!({"ingest": {"what": "count", "batch": 7, "pause_ms": 1}});
    let harvester = Plugin::harvester("counter", "faulty-harvester", &count)
        .with("component", json!(component));
    home.write_config(&config::with(&plugins::keys(&[harvester], &[])));
    let server = home.start();
    for round in 1..=3 {
        let before = stored(&server);
        eventually("it counts", || (stored(&server) > before).then_some(()));
        replace_by(&component, "faulty-harvester");
        wait_for_reload(&server, "counter", round);
    }
    let before = stored(&server);
    eventually("it counts on", || (stored(&server) > before).then_some(()));

    let status = server.plugin("counter");
    assert_eq!((status.count("failures"), status.count("restarts")), (0, 0), "{status}");
    assert_eq!(server.stop().code, Some(0));
    let database = home.database();
    let sql = "SELECT CAST(message AS INTEGER) FROM Log ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let numbers: Vec<i64> =
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).expect("readable");
    assert!(numbers.iter().copied().eq(0..numbers.len() as i64), "{numbers:?}");
}

fn stored(server: &Server) -> u64 {
    server.plugin("counter").entries("stored")
}
