//! Harvesters that break the rules, with HTTP ingest running beside them: they hurt nobody but themselves, and an
//! operator sees which plugin it is and what it ran into.

use loglite_e2e::{Clients, Home, Plugin, PluginStatus, Server, config, eventually, plugins};
use serde_json::{Value, json};

/// Answers that clients get after the fault was seen, so that what it leaves behind shows as well.
const ANSWERS_AFTER: usize = 60;
const FAILURES: &str = "loglite_plugin_failures_total{plugin=\"bad\",kind=\"harvester\"}";

fn faulty(config: &Value) -> Plugin {
    Plugin::harvester("bad", "faulty-harvester", config)
}

/// Runs the harvester beside clients until this is so, checks that nothing happened to them, and returns what
/// `GET /plugins` said.
fn beside_clients(
    harvester: &Plugin,
    what: &str,
    is_so: impl Fn(&Server, &PluginStatus) -> bool,
) -> (Server, PluginStatus) {
    let server = start(harvester);
    let clients = Clients::start(&server);
    let status = eventually(what, || {
        let status = server.plugin("bad");
        is_so(&server, &status).then_some(status)
    });
    clients.wait_for_answers(ANSWERS_AFTER);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(server.home());
    assert_eq!(server.get("/health").status, 200);
    (server, status)
}

fn start(harvester: &Plugin) -> Server {
    let keys = plugins::keys(std::slice::from_ref(harvester), &[]);
    Home::new(&config::with(&keys)).start()
}

/// The harvester fails, is started again after a pause, fails again, and the reason holds this text, in each place
/// where an operator looks.
fn fails_with(harvester: &Plugin, reason: &str) {
    let failed = |_: &Server, status: &PluginStatus| status.count("failures") > 1;
    let (server, status) = beside_clients(harvester, "the harvester fails again", failed);

    let error = status.text("last_error");
    assert!(error.contains(reason), "{status}");
    assert!(["waiting", "running"].contains(&status.text("state")), "{status}");
    server.wait_for_log(&["WARN", "bad", reason]);
    assert!(server.metric(FAILURES) >= 2.0);
}

#[test]
fn an_infinite_loop_ends_at_its_computing_time() {
    let harvester =
        faulty(&json!({"fault": "loop"})).with("limits", json!({"cpu_per_call": "300ms"}));
    fails_with(&harvester, "limits.cpu_per_call");
}

#[test]
fn endless_recursion_ends_at_the_stack() {
    fails_with(&faulty(&json!({"fault": "recursion"})), "plugin_stack_size");
}

#[test]
fn a_trap_ends_the_run() {
    fails_with(&faulty(&json!({"fault": "trap"})), "it trapped");
}

#[test]
fn allocating_without_end_ends_at_the_memory_limit() {
    fails_with(&faulty(&json!({"fault": "memory"})), "limits.memory");
}

#[test]
fn a_million_handles_end_at_their_limit() {
    fails_with(&faulty(&json!({"fault": "handles"})), "limits.handles");
}

#[test]
fn one_that_sleeps_for_ever_is_cut_off_when_the_service_stops() {
    let harvester =
        faulty(&json!({"fault": "sleep"})).with("limits", json!({"time_per_call": "300ms"}));
    let runs = |_: &Server, status: &PluginStatus| status.text("state") == "running";
    let (server, status) = beside_clients(&harvester, "it sleeps", runs);
    // Harvesters may sleep: only what waits for files or the network has a deadline.
    assert_eq!(status.count("failures"), 0);
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stderr.contains("bad") && exit.stderr.contains("cut off"), "{exit:#?}");
}

#[test]
fn a_gigabyte_of_random_bytes_is_not_made() {
    fails_with(&faulty(&json!({"fault": "random"})), "exceeds limit");
}

#[test]
fn what_an_entry_may_hold_ends_at_the_bytes_of_a_call() {
    let ingest = json!({"ingest": {"what": "megabyte"}});
    let harvester = faulty(&ingest).with("limits", json!({"bytes_per_call": "500KB"}));
    fails_with(&harvester, "limits.bytes_per_call");
}

/// What floods the log is cut to its limit, and that is told.
fn floods(fault: &str) {
    let harvester = faulty(&json!({"fault": fault}))
        .with("limits", json!({"log_lines_per_second": 20, "log_bytes_per_second": "4KB"}));
    let lost = |server: &Server, status: &PluginStatus| {
        let told = server.log_lines(&["WARN", "bad", "limits.log_lines_per_second"]);
        status.count("lost_messages") > 100 && !told.is_empty()
    };
    let (server, _) = beside_clients(&harvester, "messages are lost, and that is told", lost);

    let log = server.process().stderr();
    let seconds = server.log_lines(&["limits.log_lines_per_second"]).len() + 3;
    let written = server.log_lines(&["bad", "flood"]);
    assert!(!written.is_empty() && written.len() <= 20 * seconds, "{} lines", written.len());
    assert!(log.len() < (4096 + 20 * 200 + 1000) * seconds, "{} bytes", log.len());
    let lost = "loglite_plugin_lost_messages_total{plugin=\"bad\",kind=\"harvester\"}";
    assert!(server.metric(lost) > 100.0);
}

#[test]
fn a_flood_of_log_messages_is_cut() {
    floods("log-flood");
}

#[test]
fn a_flood_on_standard_output_is_cut() {
    floods("stdout-flood");
}

#[test]
fn a_line_without_end_on_standard_output_is_cut() {
    let harvester = faulty(&json!({"fault": "endless-line"}));
    let lost = |_: &Server, status: &PluginStatus| status.count("lost_messages") > 100;
    let (server, _) = beside_clients(&harvester, "messages are lost", lost);
    let longest = server.process().stderr().lines().map(str::len).max().unwrap_or(0);
    assert!(longest < 10_000, "{longest}");
}

#[test]
fn a_log_message_of_a_mebibyte_is_cut() {
    let harvester = faulty(&json!({"fault": "long-log"}));
    let logged =
        |server: &Server, _: &PluginStatus| !server.log_lines(&["bad", "long long"]).is_empty();
    let (server, _) = beside_clients(&harvester, "the message is logged", logged);
    let longest = server.process().stderr().lines().map(str::len).max().unwrap_or(0);
    assert!((8_000..10_000).contains(&longest), "{longest}");
}

#[test]
fn one_that_returns_at_once_for_ever_is_started_ever_more_seldom() {
    let began = std::time::Instant::now();
    let harvester = faulty(&json!({"end": "return"}));
    let again = |_: &Server, status: &PluginStatus| status.count("restarts") >= 2;
    let (server, status) = beside_clients(&harvester, "it is started again", again);
    // After 1 s and 2 s, a fifth more or less.
    assert!(began.elapsed().as_secs_f64() > 2.3, "{:?}", began.elapsed());
    assert_eq!(status.count("failures"), 0);
    server.wait_for_log(&["INFO", "bad", "returned"]);
}

#[test]
fn one_that_fails_at_once_for_ever_is_started_ever_more_seldom() {
    let began = std::time::Instant::now();
    let harvester = faulty(&json!({"end": "fail"}));
    let again = |_: &Server, status: &PluginStatus| status.count("failures") >= 3;
    let (server, status) = beside_clients(&harvester, "it fails again", again);
    assert!(began.elapsed().as_secs_f64() > 2.3, "{:?}", began.elapsed());
    assert_eq!(status.text("last_error"), "the faulty harvester fails, as configured");
    server.wait_for_log(&["WARN", "bad", "as configured"]);
}

#[test]
fn one_that_must_not_be_restarted_stays_ended() {
    let harvester = faulty(&json!({"end": "fail"})).with("restart", "never");
    let finished = |_: &Server, status: &PluginStatus| status.text("state") == "finished";
    let (server, status) = beside_clients(&harvester, "it is given up", finished);
    assert_eq!((status.count("failures"), status.count("restarts")), (1, 0));
    server.wait_for_log(&["ERROR", "bad", "restart: never"]);
}

#[test]
fn one_that_turns_its_configuration_down_waits_for_another_component() {
    let harvester = faulty(&json!({"turn_down": "the moon is full"}));
    let unusable = |_: &Server, status: &PluginStatus| status.text("state") == "unusable";
    let (server, status) = beside_clients(&harvester, "it is given up", unusable);
    assert!(status.text("last_error").contains("the moon is full"), "{status}");
    server.wait_for_log(&["ERROR", "bad", "the moon is full"]);
}

#[test]
fn the_reason_of_a_failure_can_neither_forge_a_line_of_the_log_nor_fill_it() {
    let reason = format!("a\n2026-01-01T00:00:00Z ERROR forged {}", "x".repeat(1 << 20));
    let server = start(&faulty(&json!({"turn_down": reason})));
    eventually("it is given up", || {
        (server.plugin("bad").text("state") == "unusable").then_some(())
    });
    let error = server.plugin("bad").text("last_error").to_string();
    assert!(error.len() < 10_000, "{} bytes", error.len());
    let log = server.process().stderr();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("forged")).collect();
    assert!(!lines.is_empty() && log.len() < 20_000, "{} bytes", log.len());
    assert!(lines.iter().all(|line| !line.starts_with("2026-01-01")), "{lines:?}");
}

#[test]
fn entries_that_are_no_json_become_dead_letters_and_are_told_to_the_harvester() {
    let ingest = json!({"ingest": {"what": "invalid", "calls": 30, "batch": 7}});
    let all = |_: &Server, status: &PluginStatus| status.entries("refused") == 210;
    let (server, status) = beside_clients(&faulty(&ingest), "all are refused", all);
    assert_eq!(status.entries("in"), 210);
    let letters = "SELECT count(*), min(entry), min(reason) FROM loglite_dead_letters
        WHERE source = 'bad'";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let (count, entry, reason): (i64, String, String) =
        server.home().database().query_row(letters, [], row).expect("the table can be read");
    assert_eq!((count, entry.as_str()), (210, "{no JSON 0"));
    assert!(reason.contains("JSON"), "{reason}");
}

#[test]
fn an_entry_of_a_megabyte_is_stored() {
    let ingest = json!({"ingest": {"what": "megabyte", "calls": 5}});
    let all = |_: &Server, status: &PluginStatus| status.entries("stored") == 5;
    let (server, _) = beside_clients(&faulty(&ingest), "all are stored", all);
    let lengths = "SELECT count(*) FROM Log WHERE length(message) = 1048576";
    let count: i64 = server.home().database().query_row(lengths, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 5);
}

#[test]
fn a_hundred_thousand_calls_in_a_loop_are_all_answered() {
    let ingest = json!({"ingest": {"what": "forget", "calls": 100_000}});
    let server = start(&faulty(&ingest));
    let clients = Clients::start(&server);
    clients.wait_for_answers(ANSWERS_AFTER * 5);
    let ledger = clients.finish();
    ledger.assert_all_stored();
    ledger.check(server.home());
    let stored = "loglite_plugin_entries_total{plugin=\"bad\",kind=\"harvester\",fate=\"stored\"}";
    // In steps, as each has a deadline.
    for thousands in (10..=100_u32).step_by(10) {
        let count = f64::from(thousands * 1000);
        eventually("calls are answered", || (server.metric(stored) >= count).then_some(()));
    }
    let sql = "SELECT count(*), count(DISTINCT message) FROM Log WHERE service = 'faulty'";
    let counts: (i64, i64) = server
        .home()
        .database()
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("the table can be read");
    assert_eq!(counts, (100_000, 100_000));
}

#[test]
fn one_that_does_not_end_when_asked_is_cut_off() {
    let keys = format!(
        "{}\nshutdown_grace_ms: 1000",
        plugins::keys(&[faulty(&json!({"end": "ignore"}))], &[])
    );
    let server = Home::new(&config::with(&keys)).start();
    eventually("it runs", || (server.plugin("bad").text("state") == "running").then_some(()));
    server.store(&json!({"message": "kept"}));
    let home = server.home().clone();
    let exit = server.stop();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stderr.contains("cut off"), "{exit:#?}");
    let count = home.database().query_row("SELECT count(*) FROM Log", [], |row| row.get(0));
    assert_eq!(count, Ok(1_i64));
}

#[test]
fn one_whose_memory_has_grown_past_its_mark_goes_on_in_a_new_instance() {
    let ingest = json!({"what": "megabyte", "batch": 1, "pause_ms": 20});
    let harvester =
        faulty(&json!({"ingest": ingest})).with("limits", json!({"recycle_memory": "2MB"}));
    let replaced = |_: &Server, status: &PluginStatus| status.count("restarts") > 2;
    let (_server, status) = beside_clients(&harvester, "it is replaced again", replaced);
    assert_eq!((status.count("failures"), status.text("state")), (0, "running"), "{status}");
}
