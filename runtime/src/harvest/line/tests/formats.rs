//! What a line is in each format.

use super::{ACCESS, Dice, entry, haul, pattern, reason, texts, with};
use crate::config::{LineConfig, LineFormat};
use crate::harvest::{Line, LineReader};
use crate::pipeline::HaulBuilder;

#[test]
fn a_json_line_stays_as_it_is() {
    let json = LineConfig::default();
    for line in [r#"{"a" : 1.10, "a":2}"#, "nonsense", "7", r#"{"a":1} x"#, "[1,", " {} "] {
        assert_eq!(texts(&haul(&json, line.as_bytes())), [line]);
    }
}

#[test]
fn elements_of_an_array_are_entries() {
    let json = LineConfig::default();
    let found = haul(&json, br#" [ {"a": 1} , {"b":[2]},3] "#);
    assert_eq!(texts(&found), [r#"{"a": 1}"#, r#"{"b":[2]}"#, "3"]);
    assert!(haul(&json, b"[]").is_empty());
}

#[test]
fn a_line_of_text_is_the_message() {
    let text = with(LineFormat::Text);
    assert_eq!(entry(&text, "say \"hi\"\t\0"), r#"{"message":"say \"hi\"\t\u0000"}"#);
    let named = LineConfig { message_field: "body".into(), ..text.clone() };
    assert_eq!(entry(&named, "a\nb"), r#"{"body":"a\nb"}"#);
    assert_eq!(texts(&haul(&text, b"a\xFFb")), ["{\"message\":\"a\u{fffd}b\"}"]);
}

#[test]
fn named_groups_that_take_part_are_fields() {
    let access = pattern(ACCESS);
    let line = r#"::1 - ann [25/Nov/2026:03:47:32 +0000] "GET / \x22" 200 -"#;
    let expected = r#"{"client":"::1","user":"ann","time":"25/Nov/2026:03:47:32 +0000","request":"GET / \\x22","status":"200"}"#;
    assert_eq!(entry(&access, line), expected);
    assert_eq!(entry(&pattern("(?P<é>.)b(?P<c>c*)"), "xéb"), r#"{"é":"é","c":""}"#);
    assert_eq!(reason(&access, "segfault"), "does not match `pattern`");
}

#[test]
fn logfmt_is_pairs_with_or_without_quotes() {
    let logfmt = with(LineFormat::Logfmt);
    for (line, expected) in [
        (r#"a=1 b="x y" c"#, r#"{"a":"1","b":"x y","c":true}"#),
        (r#"  a=   b="" =x c="1"d=2 "#, r#"{"a":"","b":"","=x":true,"c":"1","d":"2"}"#),
        (r#"a="say \"hi\"\n\\ \u00e9" b=é"#, r#"{"a":"say \"hi\"\n\\ é","b":"é"}"#),
        (r#"a="C:\dir \"x\" \t" b=\n"#, r#"{"a":"C:\\dir \"x\" \t","b":"\\n"}"#),
        (r#"a="never ends \" b=1"#, r#"{"a":"never ends \" b=1"}"#),
        ("a=1=2 b=x\"y\tc=3", r#"{"a":"1=2","b":"x\"y","c":"3"}"#),
        ("a=1\nb=2", r#"{"a":"1","b":"2"}"#),
    ] {
        assert_eq!(entry(&logfmt, line), expected, "{line}");
    }
    assert_eq!(reason(&logfmt, "just words = here"), "no `key=value` in it");
}

#[test]
fn what_is_no_whole_line_is_a_misfit_that_says_why() {
    let mut out = HaulBuilder::default();
    let reader = LineReader::new(&LineConfig::default(), "ts");
    reader.read(Line::TooLong { start: b"{\"a", bytes: 2_000_000 }, "", &mut out);
    reader.read(Line::Uncounted(b"hello"), "", &mut out);
    let misfits = out.take().misfits;
    let reasons: Vec<_> = misfits.iter().map(|misfit| misfit.reason.as_str()).collect();
    assert!(reasons[0].starts_with("2000000 bytes in a line, more than "), "{reasons:?}");
    assert!(reasons[1].starts_with("expected a message with its length in front"), "{reasons:?}");
    assert_eq!((misfits[0].text.as_str(), misfits[1].text.as_str()), ("{\"a", "hello"));
}

#[test]
fn any_bytes_are_an_entry_or_a_misfit() {
    let formats = [
        LineConfig::default(),
        with(LineFormat::Text),
        pattern(ACCESS),
        with(LineFormat::Logfmt),
        with(LineFormat::Syslog),
    ];
    let parts: [&[u8]; 14] = [
        b"<34>",
        b"1 ",
        b"Oct 11 22:14:15 ",
        b"2026-11-25T03:47:32Z ",
        b"host ",
        b"app[1]: ",
        b"[id a=\"",
        b"\\",
        b"\"",
        b"]",
        b"\xFF",
        b"k=v ",
        b"- ",
        "é[{".as_bytes(),
    ];
    let mut dice = Dice(1);
    for round in 0..20_000 {
        let mut line = Vec::new();
        for _ in 0..round % 9 {
            line.extend_from_slice(parts[dice.roll(parts.len())]);
        }
        let config = &formats[round % formats.len()];
        let found = haul(config, &line);
        assert_eq!(found.entries.len() + found.misfits.len(), 1, "{:?}", line.escape_ascii());
        if config.format != LineFormat::Json {
            for text in texts(&found) {
                serde_json::from_str::<serde_json::Value>(text).expect("it is JSON");
            }
        }
    }
}
