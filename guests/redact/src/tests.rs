use loglite_guest::testing::TransformTest;
use serde_json::{Value, json};

use super::*;

/// The entry after the transform, with this configuration.
fn redacted(config: Value, text: &str) -> String {
    match TransformTest::<Redact>::start(config).unwrap().apply(text) {
        Verdict::Keep => text.to_owned(),
        Verdict::Replace(text) => text,
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn an_entry_without_secrets_is_kept() {
    let text = r#"{"level": "INFO", "message": "paid 4111 EUR, bearer of news", "n": 1700000000000000000}"#;
    let mut redact = TransformTest::<Redact>::start(json!({})).unwrap();
    assert_eq!(redact.apply(text), Verdict::Keep);
}

#[test]
fn fields_are_masked_by_name_at_any_depth_and_the_rest_stays_as_it_was() {
    let text =
        r#"{"a":  1.50, "user": {"Password": "x", "keys": [{"secret": {"b": [1]}}]}, "z": "é"}"#;
    assert_eq!(
        redacted(json!({"fields": ["password", "secret"]}), text),
        r#"{"a":  1.50, "user": {"Password": "***", "keys": [{"secret": "***"}]}, "z": "é"}"#
    );
}

#[test]
fn a_field_whose_name_is_escaped_is_masked() {
    let text = r#"{"\u0070assword": "x"}"#;
    assert_eq!(redacted(json!({}), text), r#"{"\u0070assword": "***"}"#);
}

#[test]
fn numbers_and_flags_are_masked_but_not_nothing() {
    let text = r#"{"token": 12, "secret": true, "password": null}"#;
    assert_eq!(redacted(json!({}), text), r#"{"token": "***", "secret": "***", "password": null}"#);
}

#[test]
fn card_numbers_are_masked_in_texts_and_as_numbers() {
    let text = r#"{"message": "at 12 4111 1111 1111 1111 ok", "card": 5555555555554444}"#;
    assert_eq!(redacted(json!({}), text), r#"{"message": "at 12 *** ok", "card": "***"}"#);
}

#[test]
fn a_card_number_behind_an_escape_is_masked() {
    let text = r#"{"message": "card:\t\u0034111111111111111\n"}"#;
    assert_eq!(redacted(json!({}), text), r#"{"message": "card:\t***\n"}"#);
}

#[test]
fn tokens_are_masked() {
    let text =
        r#"{"message": "Authorization: Bearer abc.DEF-123", "env": "KEY=AKIAABCDEFGHIJKLMNOP"}"#;
    assert_eq!(redacted(json!({}), text), r#"{"message": "Authorization: ***", "env": "KEY=***"}"#);
}

#[test]
fn fields_of_json_inside_a_text_are_masked() {
    let text = r#"{"message": "{\"password\": \"x\"}"}"#;
    assert_eq!(redacted(json!({}), text), r#"{"message": "{\"password\": \"***\"}"}"#);
}

#[test]
fn e_mail_addresses_are_masked_on_demand() {
    let text = r#"{"message": "mail from jo.doe@mail.example.com."}"#;
    assert_eq!(redacted(json!({}), text), text);
    assert_eq!(redacted(json!({"emails": true}), text), r#"{"message": "mail from ***."}"#);
}

#[test]
fn patterns_of_ones_own_are_masked_with_a_mask_of_ones_own() {
    let config = json!({"patterns": ["cust-[0-9]+"], "mask": "\"?\""});
    let text = r#"{"message": "cust-12 and cust-13"}"#;
    assert_eq!(redacted(config, text), r#"{"message": "\"?\" and \"?\""}"#);
}

#[test]
fn a_bad_pattern_is_named() {
    let failure = TransformTest::<Redact>::start(json!({"patterns": ["("]})).unwrap_err();
    assert!(matches!(failure, Failure::InvalidConfig(text) if text.starts_with("`patterns`: (:")));
}
