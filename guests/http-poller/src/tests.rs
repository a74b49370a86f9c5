use loglite_guest::http::{Error, Response};
use loglite_guest::testing::Host;
use serde_json::json;

use super::*;

const URL: &str = "https://api.example.com/items";

fn config() -> Value {
    json!({
        "url": URL, "interval": 5, "items": "/data",
        "cursor": {"field": "id", "param": "after"}
    })
}

fn page(items: &Value) -> Response {
    Response::json(200, &json!({"data": items}))
}

#[test]
fn pages_are_fetched_until_one_brings_nothing_new() {
    let host = Host::new();
    host.answer(URL, page(&json!([{"id": 1}, {"id": 2}])));
    host.answer(&format!("{URL}?after=2"), page(&json!([{"id": "a b"}])));
    host.answer(&format!("{URL}?after=a%20b"), page(&json!([])));

    host.harvest::<HttpPoller>(config()).unwrap();

    assert_eq!(host.entries(), [json!({"id": 1}), json!({"id": 2}), json!({"id": "a b"})]);
    assert_eq!(host.checkpoint(), Some(json!("a b")));
    assert_eq!(host.sleeps(), [Duration::from_secs(5)]);
}

#[test]
fn it_goes_on_behind_its_checkpoint() {
    let host = Host::new();
    host.start_at(&41);
    host.answer(&format!("{URL}?after=41"), page(&json!([])));

    host.harvest::<HttpPoller>(config()).unwrap();

    assert_eq!(host.requests().len(), 1);
    assert_eq!(host.checkpoint(), Some(41));
}

#[test]
fn a_server_that_ignores_the_cursor_is_not_asked_without_end() {
    let host = Host::new();
    host.answer(URL, page(&json!([{"id": 1}])));
    host.answer(&format!("{URL}?after=1"), page(&json!([{"id": 1}])));
    host.harvest::<HttpPoller>(config()).unwrap();
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn a_server_that_fails_is_told_and_asked_again_at_the_next_interval() {
    let host = Host::new();
    host.stop_after(3);
    host.fail(URL, Error::Timeout);
    host.answer(URL, Response::new(503, vec![], "busy"));
    host.answer(URL, Response::new(200, vec![], "no JSON"));

    host.harvest::<HttpPoller>(config()).unwrap();

    let told: Vec<String> = host.logged().into_iter().map(|(_, text)| text).collect();
    assert_eq!(told[0], format!("{URL}: no response in time"));
    assert_eq!(told[1], format!("{URL}: the server answered 503: busy"));
    assert!(told[2].contains("the response's body is unusable"));
}

#[test]
fn a_url_that_is_not_granted_is_a_mistake_in_the_configuration() {
    let failure = Host::new().harvest::<HttpPoller>(config()).unwrap_err();
    assert!(matches!(failure, Failure::InvalidConfig(text) if text.contains(URL)));
}

#[test]
fn headers_take_variables_of_the_environment() {
    let host = Host::new();
    host.answer(URL, Response::json(200, &json!(["plain"])));
    let headers = json!({"authorization": "Bearer ${CARGO_PKG_NAME}!"});

    host.harvest::<HttpPoller>(json!({"url": URL, "interval": 1, "headers": headers})).unwrap();

    let sent = ("authorization".to_owned(), "Bearer http-poller!".to_owned());
    assert!(host.requests()[0].headers.contains(&sent));
    assert_eq!(host.entries(), [json!({"message": "plain"})]);
}

#[test]
fn a_variable_that_is_not_there_is_named_with_its_grant() {
    let headers = json!({"authorization": "${NO_SUCH_VARIABLE}"});
    let config = json!({"url": URL, "interval": 1, "headers": headers});
    let failure = Host::new().harvest::<HttpPoller>(config).unwrap_err();
    assert!(failure.to_string().contains("grant: {env: [NO_SUCH_VARIABLE]}"));
}
