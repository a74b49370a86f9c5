//! What web pages of other origins may do.

use loglite_e2e::{Home, Request, Response, Server, config};

const ORIGIN: &str = "https://app.example";

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// What a browser asks before it posts JSON.
fn preflight(server: &Server, origin: &str) -> Response {
    server.send(
        &Request::new("OPTIONS", "/logs")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type"),
    )
}

fn names(answer: &Response, header: &str) -> Vec<String> {
    let value = answer.header(header).unwrap_or_else(|| panic!("no {header} in {answer:?}"));
    value.split(',').map(|name| name.trim().to_lowercase()).collect()
}

#[test]
fn a_page_of_any_origin_may_post_json() {
    let server = start("");

    let answer = preflight(&server, ORIGIN);
    let request = Request::post("/logs").header("Origin", ORIGIN);
    let post = server
        .send(&request.header("Content-Type", "application/json").body(r#"{"message": "a"}"#));

    assert!(matches!(answer.status, 200 | 204), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert!(names(&answer, "access-control-allow-methods").contains(&"post".into()), "{answer:?}");
    assert!(
        names(&answer, "access-control-allow-headers").contains(&"content-type".into()),
        "{answer:?}"
    );
    assert_eq!(post.status, 200);
    assert_eq!(post.header("access-control-allow-origin"), Some("*"));
}

#[test]
fn errors_are_readable_for_pages_too() {
    let server = start("");
    for path in ["/logs?colour==red", "/nowhere"] {
        let answer = server.send(&Request::get(path).header("Origin", ORIGIN));
        assert!(answer.status >= 400);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
    }
}

#[test]
fn an_event_source_may_resume() {
    let server = start("");
    let answer = server.send(
        &Request::new("OPTIONS", "/logs/sse")
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "last-event-id"),
    );
    assert!(
        names(&answer, "access-control-allow-headers").contains(&"last-event-id".into()),
        "{answer:?}"
    );
}

#[test]
fn only_the_configured_origins_are_allowed() {
    let server = start(&format!("allow_origin: {ORIGIN},https://other.example"));

    let allowed = preflight(&server, ORIGIN);
    let other = preflight(&server, "https://other.example");
    let foreign = preflight(&server, "https://evil.example");
    let get = server.send(&Request::get("/logs").header("Origin", "https://evil.example"));

    assert_eq!(allowed.header("access-control-allow-origin"), Some(ORIGIN));
    assert_eq!(other.header("access-control-allow-origin"), Some("https://other.example"));
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    assert_eq!(get.header("access-control-allow-origin"), None);
    assert!(names(&allowed, "vary").contains(&"origin".into()), "caches must tell origins apart");
}
