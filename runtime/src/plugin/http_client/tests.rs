//! The client against servers that answer in every way.

use crate::domain::PluginKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::{Grants, Limits, PluginConfig};
use crate::domain::ByteSize;
use crate::plugin::PluginSetup;
use crate::plugin::bindings::http::{HttpError, Request, Response};

use super::exchange;

/// A server that answers one connection with these bytes, and gives back what it was sent. The answer `None` is
/// silence.
async fn server(answer: Option<&'static [u8]>) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut received = Vec::new();
        while !received.windows(4).any(|end| end == b"\r\n\r\n") {
            if socket.read_buf(&mut received).await.unwrap() == 0 {
                break;
            }
        }
        match answer {
            Some(bytes) => socket.write_all(bytes).await.unwrap(),
            None => {
                // Until the client has gone.
                while socket.read_buf(&mut received).await.is_ok_and(|count| count > 0) {}
            }
        }
        String::from_utf8(received).unwrap()
    });
    (address, task)
}

fn get(url: String) -> Request {
    Request { method: "GET".into(), url, headers: Vec::new(), body: None, timeout_ms: None }
}

async fn send(grant: String, request: Request) -> Result<Response, HttpError> {
    let limits = Limits {
        time_per_call: Duration::from_millis(300),
        bytes_per_call: ByteSize(100),
        ..Limits::of_harvester()
    };
    let config = PluginConfig {
        name: "x".into(),
        component: "x.wasm".into(),
        config: serde_json::json!({}),
        grant: Grants { http: vec![grant], ..Grants::default() },
        limits,
    };
    let setup = PluginSetup::new(&config, PluginKind::Harvester).unwrap();
    exchange(&setup.http, request).await
}

#[tokio::test]
async fn a_granted_request_is_answered() {
    let answer = b"HTTP/1.1 404 Not Found\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi";
    let (address, server) = server(Some(answer)).await;
    let mut request = get(format!("http://{address}/a?b=c"));
    request.headers.push(("X-Test".into(), "1".into()));
    let response = send(address.to_string(), request).await.unwrap();
    assert_eq!((response.status, response.body), (404, b"hi".to_vec()));
    assert!(response.headers.contains(&("x-a".into(), "b".into())));
    let received = server.await.unwrap();
    assert!(received.starts_with("GET /a?b=c HTTP/1.1\r\n"), "{received}");
    assert!(received.contains(&format!("host: {address}\r\n")), "{received}");
    assert!(received.contains("x-test: 1\r\n"), "{received}");
}

#[tokio::test]
async fn a_redirect_is_given_back_and_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (address, _server) = server(Some(answer)).await;
    let response = send(address.to_string(), get(format!("http://{address}/"))).await.unwrap();
    assert_eq!(response.status, 302);
}

#[tokio::test]
async fn what_is_not_granted_is_denied_before_a_connection_is_made() {
    let (address, server) = server(None).await;
    let error = send("example.com".into(), get(format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(&error, HttpError::Denied(text) if text.contains(&address.to_string())));
    assert!(!server.is_finished());
    server.abort();
}

#[tokio::test]
async fn a_name_for_this_machine_other_than_localhost_is_denied() {
    let (address, server) = server(None).await;
    let name = format!("127.1:{}", address.port());
    let error = send(name.clone(), get(format!("http://{name}/"))).await.unwrap_err();
    assert!(matches!(&error, HttpError::Denied(text) if text.contains("private")), "{error:?}");
    server.abort();
}

#[tokio::test]
async fn silence_ends_in_time() {
    let (address, server) = server(None).await;
    let error = send(address.to_string(), get(format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout), "{error:?}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_body_that_stalls_ends_in_time() {
    let (address, _server) = server(Some(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")).await;
    let error = send(address.to_string(), get(format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout | HttpError::Failed(_)), "{error:?}");
}

#[tokio::test]
async fn a_body_that_is_larger_than_the_limit_is_not_taken() {
    let body =
        [b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n".as_slice(), &[b'x'; 101]].concat();
    let (address, _server) = server(Some(body.leak())).await;
    let error = send(address.to_string(), get(format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge(100)), "{error:?}");
}

#[tokio::test]
async fn tricks_in_a_request_are_malformed() {
    let header = |name: &str, value: &str| {
        let mut request = get("http://127.0.0.1:1/".into());
        request.headers.push((name.into(), value.into()));
        request
    };
    let connect = Request { method: "CONNECT".into(), ..get("http://127.0.0.1:1/".into()) };
    for request in [
        header("Host", "evil.com"),
        header("Content-Length", "5"),
        header("X-A", "b\r\nX-C: d"),
        connect,
        Request { method: "GET / HTTP/1.1\r\nX:".into(), ..get("http://127.0.0.1:1/".into()) },
        get("http://127.0.0.1:1@evil.com/".into()),
        get("/relative".into()),
    ] {
        let url = request.url.clone();
        let error = send("127.0.0.1:1".into(), request).await.unwrap_err();
        assert!(matches!(error, HttpError::InvalidRequest(_)), "{url}: {error:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_told() {
    let error = send("127.0.0.1:1".into(), get("http://127.0.0.1:1/".into())).await.unwrap_err();
    assert!(
        matches!(&error, HttpError::Failed(text) if text.starts_with("127.0.0.1:1: can't connect"))
    );
}
