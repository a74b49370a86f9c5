//! `loglite plugin`: checking, running and measuring components without a server.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use loglite_e2e::{DEADLINE, Exit, Home, Launch, Process, binary, eventually, guest};
use serde_json::{Value, json};

/// Compiled components are shared between the tests, as they are between a user's commands.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/plugin-cli");

/// `loglite plugin …` about the component of a guest.
fn plugin(home: &Home, command: &str, name: &str, arguments: &[&str]) -> Launch {
    let component = guest(name);
    let component = component.to_str().expect("the path is text");
    let arguments = [&["plugin", command, component, "--cache-dir", CACHE], arguments].concat();
    home.launch(&arguments)
}

fn run(name: &str, input: &str, arguments: &[&str]) -> Exit {
    plugin(&Home::empty(), "run", name, arguments).input(input).run()
}

/// The JSON object that a command printed.
fn printed(exit: &Exit) -> Value {
    serde_json::from_str(&exit.stdout).unwrap_or_else(|error| panic!("{error}: {exit:#?}"))
}

fn lines(exit: &Exit) -> Vec<&str> {
    exit.stdout.lines().collect()
}

#[test]
fn check_says_what_a_component_is_and_what_it_may_use() {
    let home = Home::empty();
    let exit = plugin(&home, "check", "identity", &[]).run();
    assert_eq!((exit.code, exit.stderr.as_str()), (Some(0), ""), "{exit:#?}");
    for part in [
        "identity.wasm: a transform that can run",
        "world     loglite:plugin/transform-plugin@0.1.0",
        "exports   loglite:plugin/transform@0.1.0",
        "grants    it may use `grant.env`",
    ] {
        assert!(exit.stdout.contains(part), "{part}: {}", exit.stdout);
    }

    let report = printed(&plugin(&home, "check", "heartbeat", &["--json"]).run());
    assert_eq!((&report["runs"], &report["kind"]), (&json!(true), &json!("harvester")));
    let imports = report["imports"].as_array().expect("a list");
    assert!(imports.contains(&json!("loglite:plugin/ingestor@0.1.0")), "{report}");
}

#[test]
fn what_was_checked_once_is_loaded_from_the_cache() {
    let home = Home::empty();
    let component = guest("identity");
    let component = component.to_str().expect("the path is text");
    let check = || {
        let exit = home.launch(&["plugin", "check", component, "--json"]);
        printed(&exit.env("XDG_CACHE_HOME", home.path().to_str().expect("text")).run())
    };
    assert_eq!(check()["from_cache"], false);
    assert_eq!(check()["from_cache"], true);
    assert!(home.path().join("loglite/plugins").is_dir(), "where the user's caches are");
}

#[test]
fn check_says_why_a_component_can_not_run() {
    for (name, reason) in
        [("other-version", "version 0.9.0 of loglite:plugin"), ("other-world", "is no plugin")]
    {
        let exit = plugin(&Home::empty(), "check", name, &[]).run();
        assert_eq!((exit.code, exit.stdout.as_str()), (Some(1), ""), "{exit:#?}");
        assert!(exit.stderr.contains(reason), "{}", exit.stderr);
    }
    let home = Home::empty();
    std::fs::write(home.path().join("x.wasm"), "not WebAssembly").expect("writable");
    let exit = home.run(&["plugin", "check", "x.wasm", "--json", "--cache-dir", CACHE]);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    let report = printed(&exit);
    assert_eq!(report["runs"], false);
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("not WebAssembly")));
}

#[test]
fn a_transform_maps_standard_input_to_standard_output() {
    let exit = run("identity", "{\"a\": 1}\n\n[2]\n{\"b\":\"\u{fc}\"}", &[]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_eq!(lines(&exit), ["{\"a\": 1}", "{\"b\":\"\u{fc}\"}"]);
    assert!(exit.stderr.contains("line 3: refused: it is not a JSON object\n"), "{}", exit.stderr);
    let summary = "in 3, out 2: kept 2, replaced 0, dropped 0, split 0, refused 1, failed 0; ";
    assert!(exit.stderr.contains(summary), "{}", exit.stderr);
}

#[test]
fn only_the_faulty_entry_fails() {
    let input = (0..600).map(|n| {
        let text = if n == 300 { "poison" } else { "fine" };
        format!("{{\"n\":{n},\"message\":\"{text}\"}}\n")
    });
    let input: String = input.collect();
    let config = "{fault: trap, marker: poison}";

    let exit = run("faulty-transform", &input, &["--config", config]);

    assert_eq!(exit.code, Some(1), "an entry failed: {}", exit.stderr);
    assert_eq!(lines(&exit).len(), 599);
    assert!(!exit.stdout.contains("poison"));
    assert!(exit.stderr.contains("line 301: failed: it trapped"), "{}", exit.stderr);
    assert!(exit.stderr.contains("refused 0, failed 1; "), "{}", exit.stderr);
}

#[test]
fn a_line_is_answered_while_the_next_one_is_not_there_yet() {
    let component = guest("identity");
    let mut child = Command::new(binary())
        .args(["plugin", "run", component.to_str().expect("text"), "--cache-dir", CACHE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("stdin is piped");
    let output = child.stdout.take().expect("stdout is piped");
    input.write_all(b"{\"a\":1}\n").expect("it reads");
    let (sender, answer) = sync_channel(1);
    let reading = std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        sender.try_send(read.map(|_| line)).expect("there is room for one");
    });

    let line = answer.recv_timeout(DEADLINE);

    drop(input);
    let status = child.wait().expect("it ends with its input");
    reading.join().expect("reading does not panic");
    assert_eq!(line.expect("an answer in time").expect("readable"), "{\"a\":1}\n");
    assert!(status.success(), "{status}");
}

#[test]
fn a_configuration_that_the_plugin_refuses_is_told() {
    let exit = run("faulty-transform", "", &["--config", "{\"turn_down\": \"no such colour\"}"]);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("does not start"), "{}", exit.stderr);
    assert!(exit.stderr.contains("no such colour"), "{}", exit.stderr);
}

#[test]
fn arguments_that_are_wrong_are_all_told_and_exit_with_2() {
    let grants = ["--grant", "tcp=db", "--limit", "memory=lots", "--config", "[1]"];
    let exit = run("identity", "", &grants);
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(2), ""), "{exit:#?}");
    for part in ["--grant: `grant.tcp[0]`", "--limit: `limits.memory`", "--config: `config`"] {
        assert!(exit.stderr.contains(part), "{part}: {}", exit.stderr);
    }
    let exit = run("identity", "", &["--entries", "1"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("are for harvesters"), "{}", exit.stderr);
    let exit = run("identity", "", &["--config", "@nowhere.yaml"]);
    assert!(exit.stderr.contains("nowhere.yaml"), "{}", exit.stderr);
}

#[test]
fn limits_hold_as_in_the_service() {
    let arguments = ["--config", "{fault: loop}", "--limit", "cpu_per_call=50ms"];
    let exit = run("faulty-transform", "{}\n", &arguments);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("`limits.cpu_per_call`"), "{}", exit.stderr);
}

#[test]
fn a_plugin_sees_what_is_granted_and_nothing_else() {
    let home = Home::empty();
    std::fs::create_dir(home.path().join("data")).expect("writable");
    std::fs::write(home.path().join("data/x.txt"), "seen").expect("writable");
    let reach = r#"{"reach": {"env": ["COLOUR"], "paths": ["/data/x.txt"]}}"#;
    let run = |grants: &[&str]| {
        let arguments = [&["--config", reach], grants].concat();
        let launch = plugin(&home, "run", "faulty-transform", &arguments);
        let exit = launch.env("COLOUR", "blue").input("{}\n").run();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        exit.stdout
    };

    let without = run(&[]);
    assert!(!without.contains("blue") && !without.contains("seen"), "{without}");

    let with = run(&["--grant", "env=COLOUR", "--grant", "dir=data:/data"]);
    assert!(with.contains("blue") && with.contains("seen"), "{with}");
}

#[test]
fn a_configuration_file_sets_a_plugin_up() {
    let component = guest("faulty-transform");
    let component = component.display();
    let home = Home::new(&loglite_e2e::config::with(&format!(
        "transforms:\n  - name: poisoned\n    component: {component}\n    config: {{fault: trap, marker: poison}}"
    )));
    let run = |name: &str| {
        let arguments = ["plugin", "run", "-c", "config.yaml", "--name", name];
        home.launch(&arguments).input("{\"a\":\"poison\"}\n{}\n").run()
    };

    let exit = run("poisoned");
    assert_eq!((exit.code, lines(&exit)), (Some(1), vec!["{}"]), "{exit:#?}");

    let exit = run("poisonous");
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("no plugin `poisonous`; there is: `poisoned`"), "{}", exit.stderr);
}

/// A harvester that counts, with the position as its checkpoint.
const COUNTING: &str = "{ingest: {what: count, batch: 2, calls: 3}, end: return}";

#[test]
fn a_harvester_prints_what_it_ingests() {
    let exit = run("faulty-harvester", "", &["--config", COUNTING]);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    let messages: Vec<Value> = lines(&exit)
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["message"].clone())
        .collect();
    assert_eq!(messages, ["0", "1", "2", "3", "4", "5"]);
    assert!(
        exit.stderr.contains("ingested 6 entries in 3 calls; 0 were refused"),
        "{}",
        exit.stderr
    );
}

#[test]
fn a_harvester_goes_on_at_the_checkpoint_in_the_file() {
    let home = Home::empty();
    let run = |entries: &str| {
        let config = "{ingest: {what: count, batch: 2}}";
        let arguments = ["--config", config, "--checkpoint", "position", "--entries", entries];
        let exit = plugin(&home, "run", "faulty-harvester", &arguments).run();
        assert_eq!(exit.code, Some(0), "{exit:#?}");
        let ended = exit.stdout.lines().last().expect("a line").to_owned();
        (
            exit.stdout.lines().count(),
            serde_json::from_str::<Value>(&ended).expect("JSON")["message"].clone(),
        )
    };
    assert_eq!(run("4"), (4, json!("3")));
    assert_eq!(std::fs::read_to_string(home.path().join("position")).expect("kept"), "4");
    assert_eq!(run("3"), (3, json!("6")));
    // Of the last call one entry was left out, so its checkpoint must not count.
    assert_eq!(std::fs::read_to_string(home.path().join("position")).expect("kept"), "6");
}

#[test]
fn what_a_harvester_ingests_is_checked() {
    let config = "{ingest: {what: invalid, batch: 1, calls: 1}, end: return}";
    let exit = run("faulty-harvester", "", &["--config", config]);
    assert_eq!((exit.code, exit.stdout.as_str()), (Some(0), ""), "{exit:#?}");
    assert!(exit.stderr.contains("call 1, entry 0: refused: it is not"), "{}", exit.stderr);
}

#[test]
fn a_harvester_that_fails_is_told() {
    let exit = run("faulty-harvester", "", &["--config", "{end: fail}"]);
    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(exit.stderr.contains("fails, as configured"), "{}", exit.stderr);
}

/// A harvester that has printed its first entry and goes on until it is stopped.
fn running(home: &Home, end: &str) -> Process {
    let config = format!("{{ingest: {{what: count, batch: 1, calls: 1}}, end: {end}}}");
    let position = home.path().join("position");
    let arguments = ["--config", &config, "--checkpoint", position.to_str().expect("text")];
    let process = plugin(home, "run", "faulty-harvester", &arguments).spawn();
    eventually("the first entry is there", || position.exists().then_some(()));
    process
}

#[test]
fn ctrl_c_asks_a_harvester_to_end() {
    let home = Home::empty();
    let process = running(&home, "wait");
    process.interrupt();
    let exit = process.wait();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stderr.contains("ingested 1 entries in 1 calls"), "{}", exit.stderr);
}

#[test]
fn a_second_ctrl_c_cuts_a_harvester_off() {
    let home = Home::empty();
    let mut process = running(&home, "ignore");
    let begun = Instant::now();
    eventually("it is cut off", || {
        process.interrupt();
        (!process.is_running()).then_some(())
    });
    // Without the second one it would be given five seconds.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let exit = process.wait();
    assert!(exit.stderr.contains("was cut off"), "{}", exit.stderr);
}

#[test]
fn bench_measures_a_transform() {
    let home = Home::empty();
    let exit = plugin(&home, "bench", "identity", &["--entries", "2000", "--json"]).run();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    let report = printed(&exit);
    assert_eq!(report["kind"], "transform");
    let rates = report["rates"].as_array().expect("a list");
    let batches: Vec<_> = rates.iter().map(|rate| rate["batch"].clone()).collect();
    assert_eq!(batches, [json!(1), json!(16), json!(256)]);
    for rate in rates {
        assert!(rate["entries"].as_u64() >= Some(2000), "{rate}");
        assert!(rate["entries_per_second"].as_u64() > Some(0), "{rate}");
    }
    let (cold, cached) = (&report["load_cold_ms"], &report["load_cached_ms"]);
    assert!(cold.as_f64() > cached.as_f64(), "{report}");
    assert!(report["memory_bytes"].as_u64() >= Some(65_536), "{report}");
}

#[test]
fn bench_takes_entries_from_a_file() {
    let home = Home::empty();
    std::fs::write(home.path().join("in.ndjson"), "{\"a\":1}\n{\"b\":22}\n").expect("writable");
    let arguments = ["--entries", "100", "--input", "in.ndjson"];
    let exit = plugin(&home, "bench", "identity", &arguments).run();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert!(exit.stdout.contains("with entries of 7 bytes:"), "{}", exit.stdout);
}

#[test]
fn bench_measures_a_harvester() {
    let config = "{ingest: {what: count, batch: 10}}";
    let arguments = ["--config", config, "--entries", "500", "--json"];
    let exit = plugin(&Home::empty(), "bench", "faulty-harvester", &arguments).run();
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    let report = printed(&exit);
    assert_eq!((&report["kind"], &report["entries"]), (&json!("harvester"), &json!(500)));
    assert_eq!(report["calls"], 50);
}

#[test]
fn a_new_project_is_complete_and_overwrites_nothing() {
    let home = Home::empty();
    for (language, source) in [
        ("rust", "src/lib.rs"),
        ("python", "app.py"),
        ("javascript", "plugin.js"),
        ("c", "plugin.c"),
    ] {
        for kind in ["harvester", "transform"] {
            let name = format!("my-{language}-{kind}");
            let new = ["plugin", "new", "--lang", language, "--kind", kind, &name];
            let exit = home.run(&new);
            assert_eq!(exit.code, Some(0), "{exit:#?}");
            let folder = home.path().join(&name);
            for file in [source, "README.md", "loglite.yaml", ".gitignore"] {
                assert!(folder.join(file).is_file(), "{name} has no {file}");
            }
            nothing_is_left_open(&folder);
            let config = folder.join("loglite.yaml");
            let show = home.run(&["config", "show", "-c", config.to_str().expect("text")]);
            assert_eq!(show.code, Some(0), "{show:#?}");

            let again = home.run(&new);
            assert_eq!(again.code, Some(1), "{again:#?}");
            assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
        }
    }
    let exit = home.run(&["plugin", "new", "--lang", "rust", "--kind", "transform", "My Plugin"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
}

/// Runs a command in a project of `plugin new` and expects it to succeed.
fn succeeds(folder: &Path, program: &str, arguments: &[&str]) {
    let run = Command::new(program)
        .args(arguments)
        .env("PYTHONPATH", "guest-sdk/python")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{program} is needed: {error}"));
    assert!(run.status.success(), "{}: {run:#?}", folder.display());
}

#[test]
fn the_tests_of_new_projects_pass() {
    let home = Home::empty();
    for kind in ["harvester", "transform"] {
        for language in ["python", "c"] {
            let name = format!("{language}-{kind}");
            let exit = home.run(&["plugin", "new", "--lang", language, "--kind", kind, &name]);
            assert_eq!(exit.code, Some(0), "{exit:#?}");
        }
        let python = home.path().join(format!("python-{kind}"));
        succeeds(&python, "python3", &["-m", "unittest"]);
        let c = home.path().join(format!("c-{kind}"));
        let arguments =
            ["-std=c11", "-Wall", "-Werror", "-I", "guest-sdk/c", "plugin_test.c", "-o", "run"];
        succeeds(&c, "cc", &arguments);
        succeeds(&c, "./run", &[]);
    }
}

/// No file of the project holds a name that was to be filled in.
fn nothing_is_left_open(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            nothing_is_left_open(&path);
        } else {
            let text = std::fs::read_to_string(&path).expect("text");
            let is_sdk = path.components().any(|part| part.as_os_str() == "guest-sdk");
            assert!(is_sdk || !text.contains("{{"), "{}", path.display());
        }
    }
}
