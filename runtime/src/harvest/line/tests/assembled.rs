//! What comes out of a stream, however it is cut into chunks.

use std::time::Duration;

use regex::Regex;

use super::Dice;
use crate::config::{Framing, LineConfig, MultilineConfig, Pattern};
use crate::domain::ByteSize;
use crate::harvest::{Assembler, Line};

fn plain(longest: u64) -> LineConfig {
    LineConfig { max_line_size: ByteSize(longest), ..LineConfig::default() }
}

fn multiline(longest: u64) -> LineConfig {
    let start = Pattern(Regex::new("^[0-9]").expect("it is an expression"));
    let multiline = Some(MultilineConfig { start, timeout: Duration::from_secs(1) });
    LineConfig { multiline, ..plain(longest) }
}

fn shown(line: Line<'_>) -> String {
    match line {
        Line::Whole(text) => String::from_utf8_lossy(text).into_owned(),
        Line::TooLong { start, bytes } => {
            format!("TOO LONG {bytes}: {}", String::from_utf8_lossy(start))
        }
        Line::Uncounted(text) => format!("UNCOUNTED {}", String::from_utf8_lossy(text)),
    }
}

fn fed(assembler: &mut Assembler, bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    assembler.feed(bytes, |line| lines.push(shown(line)));
    lines
}

fn finished(mut assembler: Assembler) -> Vec<String> {
    let mut lines = Vec::new();
    assembler.finish(|line| lines.push(shown(line)));
    assert_eq!(assembler.pending_bytes(), 0);
    lines
}

fn all_of(mut assembler: Assembler, bytes: &[u8]) -> Vec<String> {
    let lines = fed(&mut assembler, bytes);
    [lines, finished(assembler)].concat()
}

fn lines(config: &LineConfig, text: &str) -> Vec<String> {
    all_of(Assembler::new(config), text.as_bytes())
}

fn framed(framing: Framing, text: &str) -> Vec<String> {
    all_of(Assembler::framed(&plain(12), framing), text.as_bytes())
}

#[test]
fn line_ends_blank_lines_and_a_byte_order_mark_are_left_out() {
    let config = plain(100);
    assert_eq!(lines(&config, "a\nb\r\n\n \r\nc"), ["a", "b", "c"]);
    assert_eq!(lines(&config, "\u{feff}a\n\u{feff}b\n"), ["a", "\u{feff}b"]);
    assert_eq!(lines(&config, "\u{feff}\na\r\r\n"), ["a\r"]);
    assert_eq!(all_of(Assembler::resumed(&config), "\u{feff}a".as_bytes()), ["\u{feff}a"]);
    assert!(lines(&config, "").is_empty());
}

#[test]
fn a_line_may_be_as_long_as_allowed_and_no_longer() {
    let config = plain(5);
    let text = "12345\r\n123456\r\n\n1\n1234567890123456\n123456";
    let long = |bytes: u64, start: &str| format!("TOO LONG {bytes}: {start}");
    assert_eq!(
        lines(&config, text),
        [
            "12345".to_owned(),
            long(7, "123456\r"),
            "1".to_owned(),
            long(16, "1234567890123456"),
            long(6, "123456")
        ]
    );
    assert_eq!(lines(&config, "\u{feff}12345\n"), ["12345"]);
}

#[test]
fn of_a_line_that_is_too_long_little_is_kept_and_all_is_counted() {
    let mut assembler = Assembler::new(&plain(10_000));
    for _ in 0..1000 {
        assert!(fed(&mut assembler, &[b'x'; 1000]).is_empty());
    }
    assert_eq!(assembler.pending_bytes(), 1_000_000);
    let expected = format!("TOO LONG 1000000: {}", "x".repeat(1024));
    assert_eq!(fed(&mut assembler, b"\ny"), [expected]);
    assert_eq!(assembler.pending_bytes(), 1);
}

#[test]
fn lines_that_are_no_start_belong_to_the_one_before() {
    let config = multiline(100);
    assert_eq!(lines(&config, "1 a\n  at\n\n b\r\n\n2\n\n"), ["1 a\n  at\n\n b", "2"]);
    assert_eq!(lines(&config, "\n no\n start\n1"), [" no\n start", "1"]);
    let long = format!("1\n{}\n{}\n2", "a".repeat(60), "b".repeat(60));
    let expected = format!("TOO LONG 123: {}", long.strip_suffix("\n2").expect("it ends so"));
    assert_eq!(lines(&config, &long), [expected, "2".to_owned()]);
}

#[test]
fn the_last_event_stays_pending_until_the_stream_is_silent_or_ends() {
    let mut assembler = Assembler::new(&multiline(100));
    assert_eq!(fed(&mut assembler, b"1\n a\n2\n b\n c"), ["1\n a"]);
    assert!(assembler.has_event());
    assert_eq!(assembler.pending_bytes(), 7);

    let mut settled = Vec::new();
    assembler.settle(|line| settled.push(shown(line)));
    assert_eq!(settled, ["2\n b"]);
    assert!(!assembler.has_event());
    assert_eq!(assembler.pending_bytes(), 2);
    assert_eq!(finished(assembler), [" c"]);
}

#[test]
fn silence_does_not_end_a_plain_line() {
    let mut assembler = Assembler::new(&plain(100));
    assert_eq!(fed(&mut assembler, b"a\nb"), ["a"]);
    assert!(!assembler.has_event());
    assembler.settle(|line| panic!("{line:?}"));
    assert_eq!(fed(&mut assembler, b"c\n"), ["bc"]);
}

#[test]
fn counted_messages_may_hold_line_feeds() {
    let counted = |text| framed(Framing::OctetCounted, text);
    assert_eq!(counted("5 hello3 a\nb"), ["hello", "a\nb"]);
    assert_eq!(counted("6 hello\n\n7 hello\r\n0 1 x"), ["hello", "hello", "x"]);
    assert_eq!(
        counted("20 12345678901234567890x\n1 a"),
        ["TOO LONG 20: 12345678901234567890", "UNCOUNTED x", "a"]
    );
    assert_eq!(counted("9 half"), ["half"]);
}

#[test]
fn behind_a_bad_count_the_next_line_is_tried() {
    let counted = |text| framed(Framing::OctetCounted, text);
    assert_eq!(counted("hello\n5 hello"), ["UNCOUNTED hello", "hello"]);
    assert_eq!(counted("12x\n1 a"), ["UNCOUNTED 12x", "a"]);
    assert_eq!(counted("1234567890 \n1 a17"), ["UNCOUNTED 1234567890 ", "a", "UNCOUNTED 17"]);
}

#[test]
fn both_framings_of_syslog_are_told_apart() {
    let auto = |text| framed(Framing::Auto, text);
    assert_eq!(auto("<1>a\n5 <1>b\n<1>c\r\n4 <1>d<1>e"), ["<1>a", "<1>b", "<1>c", "<1>d", "<1>e"]);
    assert_eq!(auto("10.0.0.1 x\n2 ab"), ["10.0.0.1 x", "ab"]);
    assert_eq!(auto("2026"), ["2026"]);
}

/// Text with everything that matters to where lines end.
fn random_text(dice: &mut Dice, parts: &[&str]) -> Vec<u8> {
    let count = dice.roll(30);
    (0..count).flat_map(|_| parts[dice.roll(parts.len())].bytes()).collect()
}

const PARTS: [&str; 12] =
    ["\n", "\r\n", "\n\n", "\r", "1 one", "2", " at", "\u{feff}", "0123456789", "\t \n", "x", "é"];

#[test]
fn chunks_make_no_difference() {
    let configs = [plain(8), plain(100), multiline(8), multiline(100)];
    let framings = [Framing::Newline, Framing::OctetCounted, Framing::Auto];
    let mut dice = Dice(7);
    for round in 0..6000 {
        let config = &configs[round % configs.len()];
        let framing = framings[round % framings.len()];
        let text = random_text(&mut dice, &PARTS);
        let expected = all_of(Assembler::framed(config, framing), &text);
        let mut assembler = Assembler::framed(config, framing);
        let mut found = Vec::new();
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(1 + dice.roll(rest.len()).min(dice.roll(9)));
            found.extend(fed(&mut assembler, chunk));
            rest = behind;
        }
        found.extend(finished(assembler));
        assert_eq!(found, expected, "{framing:?} {:?}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn from_every_position_that_is_reported_reading_goes_on_exactly() {
    let configs = [plain(8), plain(100), multiline(8), multiline(100)];
    let mut dice = Dice(11);
    for round in 0..1500 {
        let config = &configs[round % configs.len()];
        let text = random_text(&mut dice, &PARTS);
        let expected = all_of(Assembler::new(config), &text);
        for end in 0..=text.len() {
            let mut before = Assembler::new(config);
            let mut found = fed(&mut before, &text[..end]);
            let pending = usize::try_from(before.pending_bytes()).expect("it is small");
            let position = end - pending;
            let after =
                if position == 0 { Assembler::new(config) } else { Assembler::resumed(config) };
            found.extend(all_of(after, &text[position..]));
            assert_eq!(found, expected, "{end} {:?}", String::from_utf8_lossy(&text));
        }
    }
}
