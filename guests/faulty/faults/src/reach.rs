//! Reaching for what may not be granted, and telling how that ended.

use std::{env, fs};

use loglite_guest::http;
use serde::Deserialize;
use serde_json::{Value, json};

/// What to reach for. Each is tried once; the outcome is an object with `what`, `target`, and `got` or `error`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reach {
    /// Files to read, and directories to list.
    paths: Vec<String>,
    /// Files to write.
    writes: Vec<String>,
    /// Environment variables. `*` lists all names.
    env: Vec<String>,
    /// `address:port` or `name:port` to connect to.
    tcp: Vec<String>,
    /// URLs to fetch over `loglite:plugin/http`.
    urls: Vec<String>,
    /// Requests over `wasi:http`, whose parts are sent as they are.
    wasi_http: Vec<WasiRequest>,
}

/// The parts of a request over `wasi:http`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WasiRequest {
    pub(crate) authority: String,
    #[serde(default)]
    pub(crate) https: bool,
    #[serde(default)]
    pub(crate) path: String,
}

impl Reach {
    /// Tries all, in the order of the fields.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Value> {
        let mut outcomes = Vec::new();
        let mut tell = |what: &str, target: &str, outcome: Result<String, String>| {
            outcomes.push(match outcome {
                Ok(got) => json!({"what": what, "target": target, "got": got}),
                Err(error) => json!({"what": what, "target": target, "error": error}),
            });
        };
        self.paths.iter().for_each(|path| tell("path", path, read(path)));
        self.writes.iter().for_each(|path| tell("write", path, write(path)));
        self.env.iter().for_each(|name| tell("env", name, variable(name)));
        self.tcp.iter().for_each(|target| tell("tcp", target, connect(target)));
        self.urls.iter().for_each(|url| tell("url", url, fetch(url)));
        for request in &self.wasi_http {
            tell("wasi-http", &request.authority, send(request));
        }
        outcomes
    }
}

fn read(path: &str) -> Result<String, String> {
    let listed = || -> std::io::Result<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(names.join(" "))
    };
    fs::read_to_string(path).or_else(|err| listed().map_err(|_| err.to_string()))
}

fn write(path: &str) -> Result<String, String> {
    fs::write(path, "written by a plugin").map_err(|err| err.to_string())?;
    Ok("written".to_owned())
}

fn variable(name: &str) -> Result<String, String> {
    if name == "*" {
        return Ok(env::vars().map(|(name, _)| name).collect::<Vec<_>>().join(" "));
    }
    env::var(name).map_err(|err| err.to_string())
}

fn fetch(url: &str) -> Result<String, String> {
    let response = http::get(url).map_err(|err| format!("{err:?}"))?;
    Ok(format!("{} {}", response.status(), response.text().unwrap_or("(no text)")))
}

#[cfg(target_family = "wasm")]
fn connect(target: &str) -> Result<String, String> {
    crate::wasi::connect(target)
}

#[cfg(target_family = "wasm")]
fn send(request: &WasiRequest) -> Result<String, String> {
    crate::wasi::send(request)
}

#[cfg(not(target_family = "wasm"))]
fn connect(_target: &str) -> Result<String, String> {
    Err("only in a component".to_owned())
}

#[cfg(not(target_family = "wasm"))]
fn send(_request: &WasiRequest) -> Result<String, String> {
    Err("only in a component".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_told_with_its_outcome() {
        let reach: Reach =
            serde_json::from_value(json!({"paths": ["/nowhere"], "env": ["CARGO_PKG_NAME"]}))
                .unwrap();
        let outcomes = reach.outcomes();
        assert_eq!(outcomes[0]["what"], "path");
        assert!(outcomes[0]["error"].is_string());
        assert_eq!(
            outcomes[1],
            json!({"what": "env", "target": "CARGO_PKG_NAME", "got": "faults"})
        );
    }
}
