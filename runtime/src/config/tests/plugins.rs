//! Harvesters and transforms that are plugins: what is taken, and how it is shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{
    Access, Config, DirGrant, Grants, HarvesterConfig, Limits, OnFailure, PluginConfig, Restart,
    TransformConfig, WasmHarvesterConfig,
};
use super::{accept, parse};
use crate::domain::ByteSize;

const WHOLE: &str = "
harvesters:
  - type: wasm
    name: weather
    component: ./plugins/weather.wasm
    config: {interval: 5}
    grant:
      http: [API.example.com, 'https://x']
      env: API_TOKEN
      dirs: [{host: /var/log/app, guest: /logs/}, {host: x, guest: /x, access: read-write}]
      tcp: [10.0.0.5:5140]
    limits: {memory: 128MB, cpu_per_call: 1.5s, time_per_call: 250, handles: 0x10}
    restart: on_failure
transforms:
  - {name: redact, component: redact.wasm, sources: [http, 'wea*'], on_failure: Block}
  - {name: rest, component: rest.wasm}
plugin_cache_dir: /var/cache/loglite
plugin_stack_size: 1MB
";

/// The configuration above, without what is wrong in it.
fn whole() -> Config {
    accept(&WHOLE.replace(", 'https://x'", ""))
}

fn plugin(name: &str, component: &str, limits: Limits) -> PluginConfig {
    PluginConfig {
        name: name.into(),
        component: component.into(),
        config: json!({}),
        grant: Grants::default(),
        limits,
    }
}

/// What `config:` comes to, and comes to again when it was shown.
#[track_caller]
fn config_of(yaml: &str) -> Value {
    let config = accept(&format!("transforms:\n- name: a\n  component: a.wasm\n  config: {yaml}"));
    assert_eq!(parse(&config.to_yaml(), &[]).as_ref(), Ok(&config), "{yaml}");
    config.transforms.first().expect("a transform").plugin.config.clone()
}

#[test]
fn a_harvester_of_type_wasm_is_read_with_its_grants_and_limits() {
    let grant = Grants {
        http: vec!["api.example.com".into()],
        env: vec!["API_TOKEN".into()],
        dirs: vec![
            DirGrant { host: "/var/log/app".into(), guest: "/logs".into(), access: Access::Read },
            DirGrant { host: "x".into(), guest: "/x".into(), access: Access::ReadWrite },
        ],
        tcp: vec!["10.0.0.5:5140".into()],
    };
    let limits = Limits {
        memory: ByteSize(128 << 20),
        recycle_memory: ByteSize(96 << 20),
        cpu_per_call: Duration::from_millis(1500),
        time_per_call: Duration::from_millis(250),
        handles: 16,
        ..Limits::of_harvester()
    };
    let plugin = PluginConfig {
        config: json!({"interval": 5}),
        grant,
        ..plugin("weather", "./plugins/weather.wasm", limits)
    };
    let expected =
        HarvesterConfig::Wasm(WasmHarvesterConfig { plugin, restart: Restart::OnFailure });

    assert_eq!(whole().harvesters, [expected]);
}

#[test]
fn a_transform_is_read_with_its_sources_and_what_happens_on_failure() {
    let redact = TransformConfig {
        plugin: plugin("redact", "redact.wasm", Limits::of_transform()),
        sources: vec!["http".into(), "wea*".into()],
        on_failure: OnFailure::Block,
    };
    let rest = TransformConfig {
        plugin: plugin("rest", "rest.wasm", Limits::of_transform()),
        sources: vec!["*".into()],
        on_failure: OnFailure::DeadLetter,
    };

    assert_eq!(whole().transforms, [redact, rest]);
}

#[test]
fn compiled_components_are_kept_beside_the_database_unless_told_otherwise() {
    assert_eq!(whole().plugin_cache_dir().to_str(), Some("/var/cache/loglite"));
    assert_eq!(whole().plugins.stack_size, ByteSize(1 << 20));

    for text in ["", "plugin_cache_dir:\n", "plugin_cache_dir: none\n"] {
        let config = accept(&format!("{text}sqlite_dir: /x"));
        assert_eq!(config.plugin_cache_dir().to_str(), Some("/x/plugin-cache"), "{text}");
    }
}

#[test]
fn what_is_shown_of_plugins_loads_to_the_same() {
    let config = whole();

    assert_eq!(parse(&config.to_yaml(), &[]), Ok(config));
}

#[test]
fn limits_are_shown_where_they_differ_from_the_defaults() {
    let shown = whole().to_yaml();

    let limits = "  limits:\n    memory: 128MB\n    handles: 16\n    cpu_per_call: 1500ms\n    \
                  time_per_call: 250ms\n  restart: on_failure\n";
    assert!(shown.contains(limits), "{shown}");
    assert_eq!(shown.matches("limits:").count(), 1, "{shown}");
}

#[test]
fn a_plugins_config_keeps_what_yaml_says_its_values_are() {
    for (yaml, value) in [
        ("{a: 1, b: \"1\", c: '1'}", json!({"a": 1, "b": "1", "c": "1"})),
        (
            "{a: true, b: True, c: 'True', d: yes}",
            json!({"a": true, "b": true, "c": "True", "d": "yes"}),
        ),
        (
            "{a: null, b: ~, c: , d: 'null', e: Null}",
            json!({"a": null, "b": null, "c": null, "d": "null", "e": null}),
        ),
        (
            "{a: 1.5, b: 1.0, c: 1e3, d: -0x1}",
            json!({"a": 1.5, "b": 1.0, "c": 1000.0, "d": "-0x1"}),
        ),
        ("{a: 0x1F, b: 0o17, c: 1_000}", json!({"a": 31, "b": 15, "c": "1_000"})),
        ("{a: 18446744073709551615, b: -1}", json!({"a": u64::MAX, "b": -1})),
        (
            "{a: '', b: ' x ', c: '#', d: \"\\n\\t\\\\\"}",
            json!({"a": "", "b": " x ", "c": "#", "d": "\n\t\\"}),
        ),
        ("{a: !!str 1, b: [x, [1, {y: 2}]]}", json!({"a": "1", "b": ["x", [1, {"y": 2}]]})),
        (
            "\n    k: |\n      two\n      lines\n    l: &x {m: 1}\n    n: *x",
            json!({"k": "two\nlines\n", "l": {"m": 1}, "n": {"m": 1}}),
        ),
        ("{1: a, true: b, 'x y': c}", json!({"1": "a", "true": "b", "x y": "c"})),
        ("", json!({})),
        ("{}", json!({})),
    ] {
        assert_eq!(config_of(yaml), value, "{yaml}");
    }
}

#[test]
fn a_text_of_a_plugins_config_is_still_one_when_it_was_shown() {
    for text in [
        "1",
        "1.0",
        "1e3",
        "0x1F",
        "0o7",
        ".inf",
        ".nan",
        "true",
        "True",
        "TRUE",
        "no",
        "on",
        "null",
        "Null",
        "NULL",
        "~",
        "",
        " ",
        "-",
        "- a",
        "a: b",
        "a #b",
        "@a",
        "`a",
        "%a",
        "!a",
        "&a",
        "*a",
        "|",
        ">",
        "{}",
        "[]",
        "?",
        "a\nb",
        "a\n",
        "\ttab",
        "2026-01-01",
        "1_000",
        "12:30:00",
        "+1",
        "=",
        "<<",
        "\u{FEFF}",
        "\u{0}",
        "ü",
        "\u{1F600}",
        "'",
        "\"",
    ] {
        let yaml = json!({"text": text}).to_string();
        assert_eq!(config_of(&yaml), json!({"text": text}), "{text:?}");
    }
}

#[test]
fn clients_see_the_keys_of_a_plugins_config_and_not_the_values() {
    let config = accept(
        "transforms: [{name: a, component: a.wasm, config: {token: s3cret, deep: {x: s3cret}}}]\n\
         harvesters: [{type: wasm, name: b, component: b.wasm, config: {key: [s3cret]}}]",
    );

    let settings = serde_json::to_value(config.settings()).expect("JSON");

    let shown = |key: &str, path: &str| {
        let mut settings = settings.as_array().into_iter().flatten();
        let setting = settings.find(|setting| setting.get("key") == Some(&json!(key)));
        setting.and_then(|setting| setting.pointer(path)).cloned()
    };
    let hidden = json!({"token": "…", "deep": "…"});
    assert_eq!(shown("transforms", "/value/0/config"), Some(hidden));
    assert_eq!(shown("harvesters", "/value/0/config"), Some(json!({"key": "…"})));
    assert_eq!(shown("harvester_types", "/value"), Some(json!(["wasm"])));
    assert!(!settings.to_string().contains("s3cret"), "{settings}");
    assert!(config.to_yaml().contains("s3cret"));
}

#[test]
fn a_time_may_be_written_with_a_unit_or_in_milliseconds() {
    for (text, millis) in [
        ("200ms", 200),
        ("1s", 1000),
        ("1.5s", 1500),
        ("1.001S", 1001),
        ("250", 250),
        ("3 s", 3000),
    ] {
        let config = accept(&format!(
            "transforms: [{{name: a, component: a, limits: {{start_time: {text}}}}}]"
        ));
        let transform = config.transforms.first().expect("a transform");
        assert_eq!(transform.plugin.limits.start_time, Duration::from_millis(millis), "{text}");
        assert_eq!(parse(&config.to_yaml(), &[]).as_ref(), Ok(&config), "{text}");
    }
}
