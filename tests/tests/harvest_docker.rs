//! Logs of containers, from a stand-in for the engine: each line once, whatever ends meanwhile.

mod engine;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loglite_e2e::{Home, config, eventually};
use serde_json::{Value, json};

use engine::{Containers, Engine};

const STDOUT: u8 = 1;
const STDERR: u8 = 2;

/// A home with a harvester of the engine at `engine.sock`, and these keys for it.
fn home(keys: &Value) -> Home {
    let mut config = json!({
        "socket": "engine.sock",
        "origin_column": "service",
        "columns": {"stream": "extra"},
        "stream_column": "extra",
    });
    let both = config.as_object_mut().expect("an object");
    both.extend(keys.as_object().expect("an object").clone());
    let harvester = json!({"name": "containers", "type": "docker", "config": config});
    Home::new(&config::with(&format!("harvesters:\n  - {harvester}")))
}

fn socket(home: &Home) -> PathBuf {
    home.path().join("engine.sock")
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// How often each message of a container is in the table.
fn stored(home: &Home, name: &str) -> BTreeMap<String, u64> {
    let sql = "SELECT message, count(*) FROM Log WHERE service = ?1 GROUP BY message";
    let database = home.database();
    let mut statement = database.prepare(sql).expect("the table is there");
    let rows = statement.query_map([name], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)));
    rows.and_then(Iterator::collect).expect("the table can be read")
}

fn await_lines(home: &Home, name: &str, expected: &[&str]) {
    let once: BTreeMap<_, _> = expected.iter().map(|line| (line.to_string(), 1)).collect();
    eventually(&format!("{} lines of {name}, each once", expected.len()), || {
        (stored(home, name) == once).then_some(())
    });
}

/// Waits until the harvester has seen these many containers, so that what is written then is new.
fn await_inputs(server: &loglite_e2e::Server, count: u64) {
    eventually("containers are followed", || {
        let inputs = server.get("/harvesters").at("/result/0/inputs");
        (inputs == count).then_some(())
    });
}

#[test]
fn containers_that_are_there_begin_at_their_end_and_later_ones_at_their_first_line() {
    let (home, containers) = (home(&json!({})), Containers::default());
    let old = containers.add("old", "nginx:1", false);
    containers.write(&old, STDOUT, &lines(&["before"]));
    let _engine = Engine::start(&socket(&home), &containers);
    let server = home.start();
    await_inputs(&server, 1);

    containers.write(&old, STDOUT, &lines(&["after"]));
    containers.write(&old, STDERR, &lines(&["on stderr"]));
    let new = containers.add("new", "redis:7", false);
    containers.write(&new, STDOUT, &lines(&["first"]));
    containers.start(&new);
    await_lines(&home, "new", &["first"]);
    containers.write(&new, STDOUT, &lines(&["last words"]));
    containers.die(&new);

    await_lines(&home, "old", &["after", "on stderr"]);
    await_lines(&home, "new", &["first", "last words"]);
    await_inputs(&server, 1);
    let row = server.rows("/logs?fields=message,service,extra,timestamp&message==on%20stderr");
    assert_eq!(row[0]["extra"], "stderr", "{row}");
    let time = row[0]["timestamp"].as_str().expect("a time");
    assert_eq!(time.len(), "2026-11-25T04:00:00.123456789Z".len(), "the engine's: {time}");
    // It is started once more, under the same id.
    containers.write(&new, STDOUT, &lines(&["again"]));
    containers.start(&new);
    await_lines(&home, "new", &["first", "last words", "again"]);
}

#[test]
fn with_start_beginning_all_that_is_there_is_read_also_of_containers_that_have_ended() {
    let (home, containers) = (home(&json!({"start": "beginning"})), Containers::default());
    for (name, is_running) in [("runs", true), ("ended", false)] {
        let id = containers.add(name, "app", false);
        containers.write(&id, STDOUT, &lines(&["one", "two"]));
        if !is_running {
            containers.die(&id);
        }
    }
    let _engine = Engine::start(&socket(&home), &containers);
    let server = home.start();
    await_lines(&home, "runs", &["one", "two"]);
    await_lines(&home, "ended", &["one", "two"]);

    // What is written and ends while loglite is down is read at its next start.
    assert_eq!(server.stop().code, Some(0));
    let brief = containers.add("brief", "app", false);
    containers.write(&brief, STDOUT, &lines(&["hello", "goodbye"]));
    containers.die(&brief);
    let _server = home.start();
    await_lines(&home, "brief", &["hello", "goodbye"]);
    await_lines(&home, "ended", &["one", "two"]);
}

#[test]
fn lines_that_the_engine_has_cut_are_whole_again() {
    let (home, containers) = (home(&json!({"start": "beginning"})), Containers::default());
    let long = |letter: &str, length: usize| letter.repeat(length);
    let expected =
        [long("a", 100_000), "short".into(), long("b", 16_384), long("c", 16_385), "end".into()];
    for (name, has_terminal) in [("frames", false), ("terminal", true)] {
        let id = containers.add(name, "app", has_terminal);
        containers.write(&id, STDOUT, &expected);
    }
    let _engine = Engine::start(&socket(&home), &containers);
    let _server = home.start();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    await_lines(&home, "frames", &expected);
    await_lines(&home, "terminal", &expected);
}

#[test]
fn names_and_images_choose_the_containers() {
    let keys = json!({"start": "beginning", "include": ["web*", "*/db:*"], "exclude": ["web-2"]});
    let (home, containers) = (home(&keys), Containers::default());
    let all = [("web-1", "nginx"), ("web-2", "nginx"), ("x", "example.org/db:1"), ("y", "redis")];
    for (name, image) in all {
        let id = containers.add(name, image, false);
        containers.write(&id, STDOUT, &lines(&["hello"]));
    }
    let _engine = Engine::start(&socket(&home), &containers);
    let server = home.start();
    await_lines(&home, "web-1", &["hello"]);
    await_lines(&home, "x", &["hello"]);
    await_inputs(&server, 2);
    let asked = containers.asked();
    let logs = asked.iter().filter(|path| path.contains("/logs?")).count();
    assert_eq!(logs, 2, "{asked:#?}");
}

#[test]
fn a_missing_engine_is_told_of_and_tried_again() {
    let (home, containers) = (home(&json!({"start": "beginning"})), Containers::default());
    let id = containers.add("late", "app", false);
    containers.write(&id, STDOUT, &lines(&["hello"]));
    let server = home.start();
    let error = eventually("the log tells", || {
        let log = server.process().stderr();
        log.lines()
            .find(|line| line.contains("cannot reach the container engine"))
            .map(str::to_owned)
    });
    assert!(error.contains("engine.sock: No such file or directory"), "{error}");
    assert!(error.contains("name its socket with `socket`"), "{error}");

    let _engine = Engine::start(&socket(&home), &containers);
    await_lines(&home, "late", &["hello"]);
}

/// Writes lines to three containers until it is told to stop; says how many each got.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

const NAMES: [&str; 3] = ["plain", "mixed", "terminal"];

impl Writer {
    fn start(containers: &Containers) -> Self {
        let ids = NAMES.map(|name| containers.add(name, "app", name == "terminal"));
        let (stop, containers) = (Arc::<AtomicBool>::default(), containers.clone());
        let is_over = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut written = 0;
            while !is_over.load(Ordering::Relaxed) && written < 100_000 {
                let batch = 7;
                for (place, id) in ids.iter().enumerate() {
                    let stream = if place == 1 && written % 2 == 1 { STDERR } else { STDOUT };
                    let text = |number: usize| format!("{number} {}", "x".repeat(number % 97));
                    let mut texts: Vec<_> = (written..written + batch).map(text).collect();
                    if written % 350 == 0 {
                        texts.pop();
                        texts.push(format!("{} {}", written + batch - 1, "y".repeat(40_000)));
                    }
                    containers.write(id, stream, &texts);
                }
                written += batch;
                std::thread::park_timeout(std::time::Duration::from_millis(4));
            }
            written
        });
        Self { stop, thread }
    }

    fn finish(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer does not panic")
    }
}

fn count(home: &Home) -> i64 {
    let sql = "SELECT count(*) FROM Log";
    home.database().query_row(sql, [], |row| row.get(0)).expect("the table can be read")
}

/// Waits until each container's lines are there, and checks that each is there once.
fn assert_each_once(home: &Home, written: usize) {
    eventually("all lines are there", || {
        (count(home) >= (written * NAMES.len()) as i64).then_some(())
    });
    for name in NAMES {
        let stored = stored(home, name);
        let twice: Vec<_> = stored.iter().filter(|(_, count)| **count != 1).take(5).collect();
        assert!(twice.is_empty(), "{name}: {twice:?}");
        let number = |line: &String| line.split(' ').next().and_then(|text| text.parse().ok());
        let mut numbers: Vec<usize> = stored.keys().filter_map(number).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..written), "{name}: {} of {written}", numbers.len());
    }
}

#[test]
fn each_line_is_there_once_after_ten_kills() {
    let (home, containers) = (home(&json!({"start": "beginning"})), Containers::default());
    let _engine = Engine::start(&socket(&home), &containers);
    let writer = Writer::start(&containers);
    for round in 0..10 {
        let server = home.start();
        let before = count(&home);
        eventually("it reads", || (count(&home) > before + round * 40).then_some(()));
        server.kill();
    }
    let _server = home.start();
    assert_each_once(&home, writer.finish());
}

#[test]
fn each_line_is_there_once_after_the_engine_was_restarted() {
    let (home, containers) = (home(&json!({"start": "beginning"})), Containers::default());
    let mut engine = Engine::start(&socket(&home), &containers);
    let writer = Writer::start(&containers);
    let server = home.start();
    let mut hidden = Vec::new();
    for round in 0..3 {
        let before = count(&home);
        eventually("it reads", || (count(&home) > before + 50).then_some(()));
        drop(engine);
        // One that nobody tells of is found as well.
        let name = format!("hidden-{round}");
        let id = containers.add(&name, "app", false);
        containers.write(&id, STDOUT, &lines(&["hello"]));
        hidden.push(name);
        engine = Engine::start(&socket(&home), &containers);
    }
    for name in &hidden {
        await_lines(&home, name, &["hello"]);
    }
    assert_each_once(&home, writer.finish());
    assert_eq!(server.stop().code, Some(0));
}
