//! Files that are no plugins: the service does not start with one, and goes on with the one it has.

use std::fs;
use std::path::{Path, PathBuf};

use loglite_e2e::{Home, Plugin, config, eventually, guest, plugins};
use serde_json::json;

/// A file in the place of a plugin, and what is told of it.
struct Bad {
    name: &'static str,
    bytes: Vec<u8>,
    /// What it is, and the way out.
    told: [&'static str; 2],
}

/// An empty core module.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn bad_files() -> Vec<Bad> {
    let whole = fs::read(guest("identity")).expect("the guest can be read");
    let half = whole.get(..whole.len() / 2).unwrap_or_default();
    let garbled =
        whole.iter().enumerate().map(|(at, byte)| if at > 100 { byte ^ 0x5a } else { *byte });
    let of = |name: &str| fs::read(guest(name)).expect("the guest can be read");
    let bad = |name, bytes: Vec<u8>, told| Bad { name, bytes, told };
    vec![
        bad(
            "world",
            of("other-world"),
            ["is no plugin: it exports example:greeter/greeting", "loglite:plugin/transform@0.1.0"],
        ),
        bad("version", of("other-version"), ["version 0.9.0", "build it with the SDK"]),
        bad("kind", of("faulty-harvester"), ["is a harvester", "configured as a transform"]),
        bad("module", MODULE.to_vec(), ["is a core module", "wasm32-wasip2"]),
        bad("truncated", half.to_vec(), ["is no valid component", ""]),
        bad("garbled", garbled.collect(), ["is no valid component", ""]),
        bad("garbage", b"#!/bin/sh\nexit 0\n".to_vec(), ["is not WebAssembly", "component"]),
        bad("empty", Vec::new(), ["is empty", ""]),
    ]
}

/// A transform made of a file in the home.
fn of_file(path: &Path) -> Plugin {
    Plugin::transform("checked", "identity", &json!({})).with("component", json!(path))
}

fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).expect("the test's directory is writable");
    fs::rename(new, path).expect("the test's directory is writable");
}

#[test]
fn the_service_does_not_start_with_a_file_that_is_no_plugin() {
    for Bad { name, bytes, told } in bad_files() {
        let home = Home::empty();
        let path = home.path().join(format!("{name}.wasm"));
        replace(&path, &bytes);
        home.write_config(&config::with(&plugins::keys(&[], &[of_file(&path)])));

        let exit = home.run(&["serve", "-c", "config.yaml"]);

        assert_eq!(exit.code, Some(2), "{name}: {exit:#?}");
        let file = path.display().to_string();
        for text in ["`checked`", &file, told[0], told[1]] {
            assert!(exit.stderr.contains(text), "{name}: no {text:?} in {exit:#?}");
        }
        assert!(!home.database_path().exists(), "{name}: something was begun");
    }
}

#[test]
fn the_service_does_not_start_without_the_file() {
    let home = Home::empty();
    let path = home.path().join("missing.wasm");
    home.write_config(&config::with(&plugins::keys(&[], &[of_file(&path)])));
    let exit = home.run(&["serve", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    for text in ["`checked`", "missing.wasm", "No such file"] {
        assert!(exit.stderr.contains(text), "{exit:#?}");
    }
}

#[test]
fn a_directory_is_no_plugin() {
    let home = Home::empty();
    let path: PathBuf = home.path().join("folder.wasm");
    fs::create_dir(&path).expect("the test's directory is writable");
    home.write_config(&config::with(&plugins::keys(&[], &[of_file(&path)])));
    let exit = home.run(&["serve", "-c", "config.yaml"]);
    assert_eq!(exit.code, Some(2), "{exit:#?}");
    assert!(exit.stderr.contains("`checked`") && exit.stderr.contains("folder.wasm"), "{exit:#?}");
}

#[test]
fn a_running_plugin_stays_when_its_file_becomes_a_bad_one() {
    let home = Home::empty();
    let path = home.path().join("plugin.wasm");
    fs::copy(guest("identity"), &path).expect("the test's directory is writable");
    home.write_config(&config::with(&plugins::keys(&[], &[of_file(&path)])));
    let server = home.start();
    for (kept, Bad { name, bytes, told }) in (1..).zip(bad_files()) {
        replace(&path, &bytes);
        server.process().hang_up();

        eventually(&format!("{name}: the log says that the old one stays"), || {
            let lines = server.log_lines(&["ERROR", "plugin.wasm", "the old one stays", told[0]]);
            (!lines.is_empty()).then_some(())
        });

        server.store(&json!([{"message": name}]));
        let status = server.plugin("checked");
        assert_eq!(status.text("state"), "running", "{status}");
        assert_eq!(status.entries("kept"), kept, "{status}");
    }
    assert_eq!(server.plugin("checked").count("reloads"), 0);
}
