//! `tls`: what a socket shows and asks of its clients.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::{Content, Node};
use super::super::{TlsConfig, mapping};

pub(super) const EXPECTED: &str = "a mapping with `certificate`, `key` and maybe `client_ca`";
const FILE: &str = "the path of a PEM file";

/// Reads the mapping; none without a value.
pub(super) fn read(node: &Node, path: &str, report: &mut Report) -> Option<TlsConfig> {
    let mut tls = TlsConfig { certificate: PathBuf::new(), key: PathBuf::new(), client_ca: None };
    let known = ["certificate", "key", "client_ca"];
    let mut fields = mapping::fields(node, path, EXPECTED, &known, report);
    fields.retain(|(_, node)| !matches!(node.content, Content::Nothing));
    mapping::require(&fields, &[("certificate", FILE), ("key", FILE)], (node, path), report);
    for (name, node) in fields {
        let file = node.scalar().and_then(value::text).map(PathBuf::from);
        let is_read = match name {
            "certificate" => store(&mut tls.certificate, file),
            "key" => store(&mut tls.key, file),
            _ => store(&mut tls.client_ca, file.map(Some)),
        };
        if !is_read {
            report.mismatch(format!("{path}.{name}"), node, FILE);
        }
    }
    matches!(node.content, Content::Mapping(_)).then_some(tls)
}

pub(super) fn show(tls: &TlsConfig) -> Value {
    let mut shown = json!({"certificate": tls.certificate, "key": tls.key});
    if let (Some(authority), Some(shown)) = (&tls.client_ca, shown.as_object_mut()) {
        shown.insert("client_ca".into(), json!(authority));
    }
    shown
}
