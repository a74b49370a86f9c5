//! The logging handler that the README gives to Python programs, run as its users run it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use loglite_e2e::{Exit, Home, Process, Server, eventually};
use serde_json::json;

const README: &str = include_str!("../../README.md");
const NO_PYTHON: &str = "not tested, as there is no python3 here";

/// The README's first Python block is the handler.
fn handler() -> &'static str {
    let (_, rest) = README.split_once("```python\n").expect("the README has a block of Python");
    rest.split_once("```\n").expect("the block ends").0
}

fn has_python() -> bool {
    Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Runs this program, in which `log` is a logger that sends to the server.
fn start_program(home: &Home, server: &Server, program: &str) -> Process {
    fs::write(home.path().join("loglite_handler.py"), handler()).expect("the home is writable");
    let address = server.address();
    let text = format!(
        "import logging, time
from loglite_handler import LogliteHandler
handler = LogliteHandler(service='shop', address='{address}', exit_seconds=30)
logging.basicConfig(level=logging.INFO, handlers=[handler])
log = logging.getLogger('shop.orders')
{program}"
    );
    Process::start(Command::new("python3").arg("-").current_dir(home.path()), &text)
}

fn assert_quiet(exit: &Exit) {
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:#?}");
}

#[test]
fn the_handler_sends_what_a_program_logs() {
    if !has_python() {
        eprintln!("{NO_PYTHON}");
        return;
    }
    let home = Home::empty();
    let server = home.launch(&["serve"]).env("LOGLITE_PORT", "0").serve();

    let program = "
log.info('order %d placed', 42, extra={'amount': 9.5})
try:
    1 / 0
except ZeroDivisionError:
    log.exception('order failed')";
    assert_quiet(&start_program(&home, &server, program).wait());

    let rows = server.rows("/logs?order=asc&fields=level,service,message,extra");
    let at = |pointer: &str| rows.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(
        [at("/0/level"), at("/0/service"), at("/0/message"), at("/0/extra/amount")],
        [json!("INFO"), json!("shop"), json!("order 42 placed"), json!(9.5)]
    );
    assert_eq!(at("/1/level"), "ERROR");
    let exception = at("/1/extra/exception");
    assert!(exception.as_str().is_some_and(|text| text.contains("ZeroDivisionError")), "{rows}");
}

#[test]
fn the_handler_names_what_was_refused_and_delivers_the_rest() {
    if !has_python() {
        eprintln!("{NO_PYTHON}");
        return;
    }
    let home = Home::empty();
    let server = home.launch(&["serve"]).env("LOGLITE_PORT", "0").serve();

    let program = "
log.info('bad', extra={'share': float('nan')})
log.info('good')";
    let exit = start_program(&home, &server, program).wait();

    let complaint = exit.stderr.as_str();
    assert!(complaint.starts_with("loglite: refused: ") && complaint.contains("bad"), "{exit:#?}");
    assert_eq!(server.rows("/logs?fields=message"), json!([{"message": "good"}]));
}

#[test]
fn the_handler_loses_nothing_over_a_restart_of_the_service() {
    if !has_python() {
        eprintln!("{NO_PYTHON}");
        return;
    }
    let home = Home::empty();
    let server = home.launch(&["serve"]).env("LOGLITE_PORT", "0").serve();
    let port = server.address().port().to_string();

    let program = "
for number in range(1000):
    log.info('%d', number)
    time.sleep(0.002)";
    let running = start_program(&home, &server, program);
    eventually("the first entries are there", || {
        let rows = server.rows("/logs?limit=1");
        rows.as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
    });
    assert_eq!(server.stop().code, Some(0));
    let server = home.launch(&["serve"]).env("LOGLITE_PORT", &port).serve();
    assert_quiet(&running.wait());

    let rows = server.rows("/logs?fields=message&limit=10000");
    let stored: BTreeSet<&str> = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row.get("message")?.as_str())
        .collect();
    let logged: Vec<String> = (0..1000).map(|number: i32| number.to_string()).collect();
    let lost: Vec<&String> = logged.iter().filter(|text| !stored.contains(text.as_str())).collect();
    assert_eq!(lost, Vec::<&String>::new());
}
