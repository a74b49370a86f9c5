//! What the service tells of itself: health, version, schema, settings, metrics, its description.

use loglite_e2e::{Home, Request, Server, config};
use serde_json::{Value, json};

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// The value of a sample such as `loglite_entries_total{outcome="stored"}`.
fn metric(server: &Server, sample: &str) -> f64 {
    let text = server.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("no {sample} in\n{text}"));
    value.parse().expect("a number")
}

#[test]
fn health_checks_the_database() {
    let server = start("");
    assert_eq!(server.get("/health").json(), json!({"status": "success", "result": "ok"}));

    server.home().database().execute_batch("DROP TABLE Log").expect("a drop");

    let answer = server.get("/health");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.error().contains("Log"), "the reason is named: {answer:?}");
}

#[test]
fn the_version_is_that_of_the_program() {
    let server = start("");
    let exit = server.home().run(&["--version"]);
    let version = server.get("/version").at("/version");
    assert_eq!(exit.stdout, format!("loglite {}\n", version.as_str().expect("a text")));
}

#[test]
fn the_schema_is_the_table_as_the_migrations_left_it() {
    let answer = start("").get("/schema");

    assert_eq!(answer.at("/table"), "Log");
    let column = |name: &str, kind: &str, sqlite_type: &str, not_null: bool, primary_key: bool| {
        json!({"name": name, "kind": kind, "sqlite_type": sqlite_type, "compressed": false,
               "not_null": not_null, "primary_key": primary_key})
    };
    assert_eq!(
        answer.at("/columns"),
        json!([
            column("id", "integer", "INTEGER", false, true),
            column("timestamp", "datetime", "DATETIME TEXT", true, false),
            column("level", "text", "TEXT", true, false),
            column("service", "text", "TEXT", false, false),
            column("message", "text", "TEXT", true, false),
            column("line", "integer", "INTEGER", false, false),
            column("ratio", "number", "REAL", false, false),
            column("ok", "boolean", "BOOLEAN", false, false),
            column("extra", "json", "JSON", false, false),
        ])
    );
}

#[test]
fn settings_are_those_in_effect_each_with_its_meaning() {
    let settings = start("sse_limit: 12").get("/settings").at("/settings");
    let settings = settings.as_array().expect("a list");
    let find = |key: &str| settings.iter().find(|setting| setting.get("key") == Some(&json!(key)));

    assert_eq!(find("sse_limit").and_then(|setting| setting.get("value")), Some(&json!(12)));
    assert_eq!(find("migrations").and_then(|setting| setting.get("value")), Some(&json!([1])));
    let has_meaning = |setting: &Value| {
        setting.get("description").and_then(Value::as_str).is_some_and(|text| text.len() > 10)
    };
    assert!(settings.len() > 20 && settings.iter().all(has_meaning), "{settings:#?}");
}

#[test]
fn metrics_count_what_happened() {
    let server = start("");
    server.store(&json!([{"message": "a"}, {"message": "b"}, {"message": "c"}]));
    assert_eq!(server.post(r#"[{"message": "d"}, {"level": "x"}]"#).status, 200);
    assert_eq!(server.post("{").status, 400);
    assert_eq!(server.get("/logs").status, 200);

    for (sample, value) in [
        ("loglite_entries_total{outcome=\"stored\"}", 4.0),
        ("loglite_entries_total{outcome=\"refused\"}", 1.0),
        ("loglite_entries_total{outcome=\"failed\"}", 0.0),
        ("loglite_batches_total{outcome=\"failed\"}", 0.0),
        ("loglite_queries_total{outcome=\"answered\"}", 1.0),
        ("loglite_http_requests_total{status=\"400\"}", 1.0),
        ("loglite_queue_bytes", 0.0),
        ("loglite_sse_subscribers", 0.0),
    ] {
        assert!(
            (metric(&server, sample) - value).abs() < 0.5,
            "{sample}: {}",
            metric(&server, sample)
        );
    }
    for sample in [
        "loglite_batches_total{outcome=\"committed\"}",
        "loglite_commit_duration_seconds_count",
        "loglite_commit_duration_seconds_bucket{le=\"+Inf\"}",
        "loglite_query_duration_seconds_count",
        "loglite_http_connections",
        "loglite_database_bytes{file=\"main\"}",
    ] {
        assert!(metric(&server, sample) >= 1.0, "{sample}");
    }
}

#[test]
fn metrics_are_in_the_format_that_prometheus_reads() {
    let answer = start("").get("/metrics");
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(answer.text().ends_with("# EOF\n"));
}

#[test]
fn the_description_names_every_path_that_is_served() {
    let server = start("");
    let description = server.get("/openapi.json");
    assert!(description.at("/openapi").as_str().is_some_and(|version| version.starts_with('3')));
    let paths = description.at("/paths");
    let paths = paths.as_object().expect("paths");

    for (path, methods) in paths {
        assert_ne!(server.send(&Request::new("HEAD", path)).status, 404, "{path}");
        for method in methods.as_object().expect("methods").keys() {
            assert!(["get", "post"].contains(&method.as_str()), "{method} {path}");
        }
    }
    for path in ["/logs", "/logs/sse", "/health", "/version", "/schema", "/settings", "/metrics"] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
}
