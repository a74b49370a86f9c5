//! Transforms that break the rules while entries of HTTP clients pass through them: what they do costs the entries
//! that they fail on, and no others.

use std::time::Instant;

use loglite_e2e::{Clients, Home, LONGEST, Plugin, Response, Server, config, eventually, plugins};
use serde_json::{Value, json};

const ANSWERS: usize = 60;
const MARKER: &str = "poison";
const FAILURES: &str = "loglite_plugin_failures_total{plugin=\"bad\",kind=\"transform\"}";

fn faulty(config: &Value) -> Plugin {
    Plugin::transform("bad", "faulty-transform", config)
}

fn start(transform: &Plugin) -> Server {
    Home::new(&config::with(&plugins::keys(&[], std::slice::from_ref(transform)))).start()
}

/// Nine entries, the one in the middle with the marker.
fn post_nine(server: &Server, batch: &str) -> Response {
    let message = |at| match at {
        4 => format!("{batch}-{at} {MARKER}"),
        _ => format!("{batch}-{at}"),
    };
    let entries = (0..9).map(|at| json!({"service": "nine", "message": message(at), "line": at}));
    server.post(Value::from_iter(entries).to_string())
}

fn lines(server: &Server, service: &str) -> Vec<i64> {
    let database = server.home().database();
    let sql = "SELECT line FROM Log WHERE service = ?1 ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let lines = statement.query_map([service], |row| row.get(0));
    lines.and_then(Iterator::collect).expect("the table can be read")
}

fn letters(server: &Server) -> Vec<(String, String, String)> {
    let database = server.home().database();
    let sql = "SELECT source, reason, entry FROM loglite_dead_letters ORDER BY id";
    let mut statement = database.prepare(sql).expect("the table is there");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.and_then(Iterator::collect).expect("the table can be read")
}

/// With clients beside it, whose entries the transform keeps, it fails on one entry among others, for this reason.
fn fails_on_the_marked_entry_alone(transform: &Plugin, reason: &str) {
    let server = start(transform);
    let clients = Clients::start(&server);
    clients.wait_for_answers(ANSWERS / 2);
    for batch in ["first", "second"] {
        let answer = post_nine(&server, batch);
        assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(8)), "{answer:?}");
        assert_eq!(answer.at("/result/dead_letters/0/index"), 4, "{answer:?}");
        assert_eq!(answer.at("/result/dead_letters/1"), Value::Null, "{answer:?}");
        let error = answer.at("/result/dead_letters/0/error");
        let error = error.as_str().unwrap_or_default();
        assert!(error.contains("`bad`") && error.contains(reason), "{error}");
    }
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();

    ledger.assert_all_stored();
    ledger.check(server.home());
    // Its neighbours are stored, in their order.
    let neighbours = [0, 1, 2, 3, 5, 6, 7, 8];
    assert_eq!(lines(&server, "nine"), [neighbours, neighbours].concat());
    let letters = letters(&server);
    assert_eq!(letters.len(), 2);
    for (source, why, entry) in letters {
        assert_eq!(source, "http");
        assert!(why.contains("`bad`") && why.contains(reason), "{why}");
        assert!(entry.contains(MARKER), "{entry}");
    }
    assert_operator_sees(&server, reason);
}

fn assert_operator_sees(server: &Server, reason: &str) {
    let status = server.plugin("bad");
    assert!(status.count("failures") > 0, "{status}");
    assert!(status.text("last_error").contains(reason), "{status}");
    server.wait_for_log(&["WARN", "bad", reason]);
    assert!(server.metric(FAILURES) >= 1.0);
    assert_eq!(server.get("/health").status, 200);
}

/// A fault on marked entries.
fn on_marked(fault: &str) -> Plugin {
    faulty(&json!({"fault": fault, "marker": MARKER}))
}

/// A wrong answer on marked entries.
fn answering(answer: &str) -> Plugin {
    faulty(&json!({"answer": answer, "marker": MARKER}))
}

#[test]
fn a_loop_on_an_entry_costs_that_entry() {
    let transform =
        on_marked("loop").with("limits", json!({"cpu_per_call": "40ms", "time_per_call": "2s"}));
    fails_on_the_marked_entry_alone(&transform, "limits.cpu_per_call");
}

#[test]
fn endless_recursion_on_an_entry_costs_that_entry() {
    fails_on_the_marked_entry_alone(&on_marked("recursion"), "plugin_stack_size");
}

#[test]
fn a_trap_on_an_entry_costs_that_entry() {
    fails_on_the_marked_entry_alone(&on_marked("trap"), "it trapped");
}

#[test]
fn allocating_without_end_on_an_entry_costs_that_entry() {
    let transform = on_marked("memory").with("limits", json!({"memory": "8MB"}));
    fails_on_the_marked_entry_alone(&transform, "limits.memory");
}

#[test]
fn a_million_handles_on_an_entry_cost_that_entry() {
    fails_on_the_marked_entry_alone(&on_marked("handles"), "limits.handles");
}

#[test]
fn waiting_in_the_host_for_ever_on_an_entry_costs_that_entry() {
    let transform =
        on_marked("sleep").with("limits", json!({"time_per_call": "40ms", "cpu_per_call": "40ms"}));
    fails_on_the_marked_entry_alone(&transform, "limits.time_per_call");
}

#[test]
fn a_flood_of_log_messages_on_an_entry_costs_that_entry() {
    let transform = on_marked("log-flood")
        .with("limits", json!({"time_per_call": "40ms", "cpu_per_call": "40ms"}));
    fails_on_the_marked_entry_alone(&transform, "_per_call");
}

#[test]
fn output_a_thousand_times_the_input_costs_that_entry() {
    let transform = answering("larger").with("limits", json!({"bytes_per_call": "16KB"}));
    fails_on_the_marked_entry_alone(&transform, "limits.bytes_per_call");
}

#[test]
fn a_thousand_entries_for_one_cost_that_entry_where_fewer_are_allowed() {
    let transform = answering("more").with("limits", json!({"entries_per_call": 500}));
    fails_on_the_marked_entry_alone(&transform, "limits.entries_per_call");
}

#[test]
fn too_few_verdicts_cost_the_entry_that_causes_them() {
    fails_on_the_marked_entry_alone(&answering("too-few"), "verdicts");
}

#[test]
fn too_many_verdicts_cost_the_entry_that_causes_them() {
    fails_on_the_marked_entry_alone(&answering("too-many"), "verdicts");
}

#[test]
fn a_million_table_elements_end_the_call() {
    let server = start(&Plugin::transform("bad", "many-tables", &json!({})));
    let answer = server.post(json!([{"message": "m", "line": 0}]).to_string());
    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(0)), "{answer:?}");
    assert_operator_sees(&server, "limits.table_elements");
}

#[test]
fn a_trap_on_every_nth_entry_loses_no_entry() {
    let server = start(&faulty(&json!({"fault": "trap", "every": 50})));
    let clients = Clients::start(&server);
    eventually("it has failed", || (server.plugin("bad").count("failures") >= 5).then_some(()));
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.check(server.home());
    assert_eq!(ledger.turned_away, 0);
    // A new instance counts from the start: tried again, an entry passes.
    assert!(ledger.stored.len() > 20 * ledger.dead.len(), "{} died", ledger.dead.len());
    assert_operator_sees(&server, "it trapped");
}

#[test]
fn a_request_with_many_faulty_entries_is_answered_in_time() {
    let server = start(&on_marked("loop"));
    let clients = Clients::start(&server);
    // One in each of the calls that the request is cut into.
    let entries = (0..2_560).map(|line| match line % 256 {
        100 => json!({"service": "many", "message": MARKER, "line": line}),
        _ => json!({"service": "many", "message": "m", "line": line}),
    });
    let began = Instant::now();

    let answer = server.post(Value::from_iter(entries).to_string());

    let took = began.elapsed();
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.check(server.home());
    assert!(took < LONGEST, "{took:?}");
    if answer.status == 503 {
        assert!(lines(&server, "many").is_empty(), "turned away, and stored in part");
    } else {
        let dead = answer.at("/result/dead_letters").as_array().map_or(0, Vec::len);
        let stored = lines(&server, "many").len();
        assert!(dead >= 10 && stored + dead == 2_560, "{stored} stored, {dead} dead");
    }
}

/// What fails on everything is left alone after a while: entries don't wait for it any more.
fn fails_on_everything(transform: &Plugin, reason: &str) {
    let server = start(transform);
    let clients = Clients::start(&server);
    eventually("the circuit opens", || {
        (server.plugin("bad").text("state") == "open").then_some(())
    });
    clients.wait_for_answers(ANSWERS * 5);
    let ledger = clients.finish();

    ledger.check(server.home());
    assert!(ledger.stored.is_empty() && ledger.dropped == 0, "{} stored", ledger.stored.len());
    assert!(ledger.dead.values().any(|why| why.contains("out of order") && why.contains(reason)));
    server.wait_for_log(&["ERROR", "bad", reason]);
    assert_operator_sees(&server, reason);
}

#[test]
fn one_that_always_traps_is_left_alone_and_its_entries_are_kept_as_dead_letters() {
    fails_on_everything(&faulty(&json!({"fault": "trap"})), "it trapped");
}

#[test]
fn one_that_always_loops_is_left_alone_and_its_entries_are_kept_as_dead_letters() {
    let transform =
        faulty(&json!({"fault": "loop"})).with("limits", json!({"cpu_per_call": "50ms"}));
    fails_on_everything(&transform, "limits.cpu_per_call");
}

#[test]
fn one_that_always_sleeps_is_left_alone_and_its_entries_are_kept_as_dead_letters() {
    fails_on_everything(&faulty(&json!({"fault": "sleep"})), "limits.time_per_call");
}

#[test]
fn what_a_transform_makes_of_an_entry_must_be_an_entry() {
    for answer in ["invalid", "no-object"] {
        let server = start(&answering(answer));
        let clients = Clients::start(&server);
        let nine = post_nine(&server, "only");
        clients.wait_for_answers(ANSWERS);
        let ledger = clients.finish();
        assert_eq!((nine.status, nine.at("/result/stored")), (200, json!(8)), "{nine:?}");
        let refused = nine.at("/result/refused").as_array().map_or(0, Vec::len);
        let dead = nine.at("/result/dead_letters").as_array().map_or(0, Vec::len);
        assert_eq!(refused + dead, 1, "{nine:?}");
        assert!(nine.text().contains("bad"), "the transform is not named: {nine:?}");
        ledger.assert_all_stored();
        ledger.check(server.home());
    }
}

#[test]
fn a_reason_of_a_mebibyte_is_cut() {
    let server = start(&answering("long-reason"));
    let answer = post_nine(&server, "only");
    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(8)), "{answer:?}");
    let error = answer.at("/result/refused/0/error");
    let error = error.as_str().unwrap_or_default();
    assert!(error.contains("no no no") && error.len() < 20_000, "{} bytes", error.len());
}

/// A transform that traps on marked entries, and what is made of them.
fn on_failure(way: &str) -> Server {
    start(&on_marked("trap").with("on_failure", way))
}

#[test]
fn on_failure_drop_drops_the_entry_and_counts_it() {
    let server = on_failure("drop");
    let answer = post_nine(&server, "only");
    let result = answer.at("/result");
    assert_eq!((&result["stored"], &result["dropped"]), (&json!(8), &json!(1)), "{answer:?}");
    assert_eq!(lines(&server, "nine"), [0, 1, 2, 3, 5, 6, 7, 8]);
    assert_eq!(letters(&server), []);
    assert_eq!(server.plugin("bad").entries("dropped"), 1);
}

#[test]
fn on_failure_pass_stores_the_entry_as_it_was() {
    let server = on_failure("pass");
    let answer = post_nine(&server, "only");
    assert_eq!(answer.at("/result/stored"), 9, "{answer:?}");
    assert_eq!(lines(&server, "nine"), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(letters(&server), []);
    assert_eq!(server.plugin("bad").entries("passed"), 1);
}

#[test]
fn on_failure_block_takes_nothing_of_the_request_and_asks_to_come_back() {
    let server = on_failure("block");
    let clients = Clients::start(&server);
    let answer = post_nine(&server, "only");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    let error = answer.error();
    assert!(error.contains("`bad`") && error.contains("it trapped"), "{error}");
    clients.wait_for_answers(ANSWERS);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(server.home());
    assert_eq!(lines(&server, "nine"), [] as [i64; 0]);
    assert_eq!(letters(&server), []);
}

#[test]
fn one_that_never_starts_keeps_the_service_from_starting() {
    for fault in ["trap", "loop"] {
        let transform = faulty(&json!({"fault": fault, "at_start": true}))
            .with("limits", json!({"start_time": "500ms"}));
        let home = Home::new(&config::with(&plugins::keys(&[], &[transform])));
        let exit = home.run(&["serve", "-c", "config.yaml"]);
        assert_eq!(exit.code, Some(2), "{exit:#?}");
        assert!(exit.stderr.contains("transform `bad` does not start"), "{exit:#?}");
    }
}

#[test]
fn one_that_turns_its_configuration_down_keeps_the_service_from_starting() {
    let transform = faulty(&json!({"turn_down": "the moon is full"}));
    let home = Home::new(&config::with(&plugins::keys(&[], &[transform])));
    let exit = home.run(&["serve", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("bad") && exit.stderr.contains("the moon is full"), "{exit:#?}");
}
