//! `some-service | loglite pipe`: what goes through is stored, by a running service or without one.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use loglite_e2e::{Exit, Home, binary, config, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A `loglite pipe` whose input is written bit by bit.
struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
}

impl Pipe {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["pipe", "-c", "config.yaml", "--format", "text"])
            .args(arguments)
            .current_dir(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(home.path().join("pipe.log")).expect("a writable home"))
            .spawn()
            .expect("the binary is there");
        let input = child.stdin.take();
        Self { child, input }
    }

    fn write(&mut self, text: &str) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(text.as_bytes()).expect("it reads");
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("an id is positive"), signal).expect("it runs");
    }

    /// Closes the input and waits; returns the output, too.
    fn finish(mut self) -> (ExitStatus, String) {
        drop(self.input.take());
        let mut output = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut output).expect("it writes text");
        }
        (self.wait(), output)
    }

    fn wait(&mut self) -> ExitStatus {
        eventually("it ends", || self.child.try_wait().expect("a child can be asked"))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Fails when it was waited for already.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// A home whose service listens on a port that stays the same.
fn home() -> Home {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let port = listener.local_addr().expect("a listener has an address").port();
    Home::new(&config::with("").replace("port: 0", &format!("port: {port}")))
}

fn log(home: &Home) -> String {
    std::fs::read_to_string(home.path().join("pipe.log")).expect("it is there")
}

fn pipe(home: &Home, arguments: &[&str], input: &str) -> Exit {
    home.launch(&[&["pipe", "-c", "config.yaml"], arguments].concat()).input(input).run()
}

fn messages(home: &Home) -> Vec<String> {
    let database = home.database();
    let mut statement =
        database.prepare("SELECT message FROM Log ORDER BY id").expect("the table is there");
    let rows = statement.query_map([], |row| row.get(0)).expect("the table can be read");
    rows.collect::<Result<_, _>>().expect("messages are text")
}

fn has(home: &Home, message: &str) -> bool {
    let sql = "SELECT count(*) FROM Log WHERE message = ?1";
    let found: rusqlite::Result<i64> = home.database().query_row(sql, [message], |row| row.get(0));
    found.is_ok_and(|count| count > 0)
}

#[test]
fn without_a_service_lines_are_stored_here_and_go_on_unchanged() {
    let home = home();
    let input = "one\r\n\ntwo\nno end";
    let exit = pipe(&home, &["--format", "text", "--field", "service=mine"], input);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_eq!(exit.stdout, input);
    assert_eq!(messages(&home), ["one", "two", "no end"]);

    let exit = pipe(&home, &["--quiet"], "{\"message\": \"three\"}\n");
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(0), ""), "{exit:#?}");
    assert_eq!(messages(&home).last().map(String::as_str), Some("three"));
}

#[test]
fn what_cannot_be_stored_here_is_told_and_kept() {
    let home = home();
    let exit = pipe(&home, &[], "nonsense\n{\"message\":\"good\"}\n{\"level\":\"INFO\"}\n");
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains(": nonsense\n"), "{exit:#?}");
    assert!(exit.stderr.contains("NOT NULL constraint failed"), "{exit:#?}");
    assert_eq!(messages(&home), ["good"]);
    let letters = home.run(&["dead-letters", "list", "-c", "config.yaml", "--json"]);
    assert_eq!(letters.stdout.lines().count(), 2, "{letters:#?}");
    assert!(letters.stdout.contains("\"source\":\"pipe\""), "{letters:#?}");
}

#[test]
fn a_running_service_gets_the_lines_and_its_refusals_are_told() {
    let home = home();
    let server = home.start();
    let long = format!("{{\"message\": \"a\\nb\", \"service\": \"{}\"}}", "x".repeat(300_000));
    let input = format!("nonsense\n{{\"message\":\"good\"}}\n{{\"level\":\"INFO\"}}\n{long}\n");
    let exit = pipe(&home, &[], &input);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert_eq!(exit.stdout, input);
    let told: Vec<_> = exit.stderr.lines().filter(|line| line.starts_with("not stored")).collect();
    assert_eq!(told.len(), 2, "{exit:#?}");
    let rows = server.rows("/logs?fields=message&order=asc");
    let rows = rows.as_array().expect("rows").iter();
    let found: Vec<_> = rows.filter_map(|row| row.get("message").and_then(Value::as_str)).collect();
    assert_eq!(found, ["good", "a\nb"]);
}

#[test]
fn an_entry_that_is_too_large_for_the_service_takes_none_with_it() {
    let home = Home::new(&config::with("max_body_size: 64KB"));
    let server = home.start();
    let url = format!("http://{}", server.address());
    let input = format!("one\ntwo\n{}\nthree\n", "x".repeat(100_000));
    let exit = pipe(&home, &["--format", "text", "--url", &url, "-q"], &input);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert_eq!(exit.stderr.matches("not stored: ").count(), 1, "{exit:#?}");
    assert_eq!(messages(&home), ["one", "two", "three"]);
}

#[test]
fn while_the_service_is_away_the_pipe_waits_and_then_goes_on() {
    let home = home();
    let server = home.start();
    let mut pipe = Pipe::start(&home, &[]);
    pipe.write("before\n");
    eventually("it is stored", || has(&home, "before").then_some(()));
    assert_eq!(server.stop().code, Some(0));
    let while_away: Vec<String> = (0..500).map(|number| format!("away {number}")).collect();
    pipe.write(&format!("{}\n", while_away.join("\n")));
    eventually("it tells", || log(&home).contains("waits until the service").then_some(()));

    let _server = home.start();
    pipe.write("after\n");
    let (status, output) = pipe.finish();

    assert_eq!(status.code(), Some(0), "{}", log(&home));
    assert_eq!(output.lines().count(), 502);
    let expected = ["before"].into_iter().chain(while_away.iter().map(String::as_str));
    assert!(messages(&home).iter().eq(expected.chain(["after"])), "each once, in their order");
    assert_eq!(log(&home).matches("waits until the service").count(), 1, "{}", log(&home));
    assert!(log(&home).contains("takes lines again"), "{}", log(&home));
}

#[test]
fn a_signal_is_left_to_the_command_in_front_and_a_second_one_ends_at_once() {
    let home = home();
    let mut pipe = Pipe::start(&home, &[]);
    pipe.write("before\n");
    eventually("it is stored", || has(&home, "before").then_some(()));
    pipe.signal(Signal::INT);
    eventually("it tells", || log(&home).contains("reads on until its input ends").then_some(()));
    pipe.write("last words\n");
    let (status, _) = pipe.finish();
    assert_eq!(status.code(), Some(0), "{}", log(&home));
    assert_eq!(messages(&home), ["before", "last words"]);

    let mut pipe = Pipe::start(&home, &[]);
    pipe.write("again\n");
    eventually("it is stored", || has(&home, "again").then_some(()));
    pipe.signal(Signal::TERM);
    eventually("it tells", || log(&home).contains("reads on until its input ends").then_some(()));
    pipe.signal(Signal::TERM);
    assert_eq!(pipe.wait().code(), Some(143), "{}", log(&home));
}

#[test]
fn a_reader_that_goes_away_keeps_nothing_from_being_stored() {
    let home = home();
    let mut pipe = Pipe::start(&home, &[]);
    drop(pipe.child.stdout.take());
    let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    pipe.write(&format!("{}\n", lines.join("\n")));
    let (status, _) = pipe.finish();
    assert_eq!(status.code(), Some(0), "{}", log(&home));
    assert_eq!(messages(&home), lines);
}

#[test]
fn lines_that_belong_together_are_one_entry() {
    let home = home();
    let mut pipe = Pipe::start(&home, &["--multiline", "^\\S"]);
    pipe.write("panic\n  at a\n  at b\n");
    // Nothing follows, so it is complete after a while.
    eventually("it is stored", || has(&home, "panic\n  at a\n  at b").then_some(()));
    let (status, _) = pipe.finish();
    assert_eq!(status.code(), Some(0), "{}", log(&home));
}

#[test]
fn wrong_arguments_are_told_before_anything_is_read() {
    let home = home();
    let exit = pipe(&home, &["--format", "yaml"], "one\n");
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("`json`, `text`, `regex`, `logfmt` or `syslog`"), "{exit:#?}");
    let exit = pipe(&home, &["--url", "nowhere"], "one\n");
    assert_eq!(exit.code, Some(2), "{exit:#?}");
}
