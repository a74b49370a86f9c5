//! `GET /openapi.json`: the interface described for machines.

use axum::response::Response;

use super::error::json_bytes;

const DOCUMENT: &str = include_str!("openapi.json");

/// The OpenAPI document, with this build's version.
pub(super) async fn handle() -> Response {
    let document = DOCUMENT.replace("{version}", env!("CARGO_PKG_VERSION"));
    json_bytes(axum::http::StatusCode::OK, document)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value};

    use super::*;
    use crate::domain::Kind;
    use crate::store::stats::{ACTIVITY, DATABASE};

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).expect("the document is JSON")
    }

    fn object<'a>(document: &'a Value, pointer: &str) -> &'a Map<String, Value> {
        let found = document.pointer(pointer).and_then(Value::as_object);
        found.unwrap_or_else(|| panic!("no object at {pointer}"))
    }

    /// `GET /logs` and so on, with the operation.
    fn operations(document: &Value) -> Vec<(String, &Map<String, Value>)> {
        let mut operations = Vec::new();
        for (path, item) in object(document, "/paths") {
            for (method, operation) in item.as_object().expect("a path item") {
                let operation = operation.as_object().expect("an operation");
                operations.push((format!("{} {path}", method.to_uppercase()), operation));
            }
        }
        operations
    }

    /// What a `$ref` points to, or the value itself.
    fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
        let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
        resolved(document, target.unwrap_or_else(|| panic!("`{reference}` points nowhere")))
    }

    fn each_reference(value: &Value, visit: &mut impl FnMut(&Value)) {
        if value.get("$ref").is_some() {
            visit(value);
        }
        match value {
            Value::Object(members) => members.values().for_each(|one| each_reference(one, visit)),
            Value::Array(items) => items.iter().for_each(|one| each_reference(one, visit)),
            _ => {}
        }
    }

    #[test]
    fn what_is_described_is_what_is_served() {
        let document = document();
        let described: BTreeSet<_> =
            operations(&document).into_iter().map(|(name, _)| name).collect();
        let served: BTreeSet<_> = super::super::routes()
            .iter()
            .flat_map(|(path, methods, _)| methods.iter().map(move |one| format!("{one} {path}")))
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_operation_tells_its_success_and_its_errors() {
        let document = document();
        for (name, operation) in operations(&document) {
            let responses = operation.get("responses").and_then(Value::as_object).expect(&name);
            let (good, bad): (Vec<_>, Vec<_>) =
                responses.iter().partition(|(status, _)| status.starts_with('2'));
            assert!(!good.is_empty() && !bad.is_empty(), "{name}");
            for (status, response) in good {
                let content = resolved(&document, response).get("content");
                assert!(content.is_some_and(|one| one.is_object()), "{name} {status}");
            }
            for (status, response) in bad {
                let schema = resolved(&document, response)
                    .pointer("/content/application~1json/schema")
                    .unwrap_or_else(|| panic!("{name} {status} has no JSON body"));
                let envelope = resolved(&document, schema);
                assert_eq!(
                    envelope.get("required"),
                    Some(&serde_json::json!(["status", "error"])),
                    "{name} {status}"
                );
            }
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = document();
        let operations = operations(&document);
        let names: BTreeSet<_> = operations
            .iter()
            .map(|(name, operation)| operation.get("operationId").expect(name).to_string())
            .collect();
        assert_eq!(names.len(), operations.len());
    }

    #[test]
    fn every_reference_points_to_something() {
        let document = document();
        let mut count = 0;
        each_reference(&document, &mut |reference| {
            assert!(resolved(&document, reference).is_object());
            count += 1;
        });
        assert!(count > 0);
    }

    #[test]
    fn every_kind_of_column_is_described() {
        let kinds = [
            Kind::Integer,
            Kind::Number,
            Kind::Boolean,
            Kind::Datetime,
            Kind::Json,
            Kind::Blob,
            Kind::Text,
        ];
        let document = document();
        let described = document.pointer("/components/schemas/Column/properties/kind/enum");
        assert_eq!(described, Some(&serde_json::json!(kinds)));
    }

    #[test]
    fn every_statistic_is_described() {
        let document = document();
        for (name, series) in [("Activities", ACTIVITY), ("DatabaseSizes", DATABASE)] {
            let fields =
                object(&document, &format!("/components/schemas/{name}/properties/fields"));
            let known: Vec<_> = series.fields().collect();
            let described = fields.get("items").and_then(|items| items.get("enum"));
            assert_eq!(described, Some(&serde_json::json!(known)), "{name}");
            let text = fields.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(known.iter().all(|field| text.contains(&format!("`{field}`: "))), "{name}");
        }
    }

    #[test]
    fn the_version_stands_in_one_place() {
        assert_eq!(DOCUMENT.matches("{version}").count(), 1);
    }
}
