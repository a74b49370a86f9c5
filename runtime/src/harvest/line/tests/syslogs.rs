//! What syslog messages say.

use jiff::{Span, Timestamp, tz::TimeZone};

use super::{entry, reason, timestamp, with};
use crate::config::{LineConfig, LineFormat, TimestampFormat};

fn syslog(timezone: &str) -> LineConfig {
    let mut config = with(LineFormat::Syslog);
    config.timestamp = timestamp("none", TimestampFormat::Iso8601);
    if let Some(timestamp) = &mut config.timestamp {
        timezone.clone_into(&mut timestamp.timezone);
    }
    config
}

#[test]
fn rfc_5424_is_read_whole() {
    let line = "<165>1 2026-11-25T03:47:32.003456+01:00 web1 shop 42 ID47 \
                [req@1 path=\"/a\\\"b\" n=\"1\"][empty@1] \u{feff}it works";
    let expected = r#"{"ts":"2026-11-25T02:47:32.003456Z","hostname":"web1","app_name":"shop","proc_id":"42","msg_id":"ID47","severity":"notice","facility":"local4","message":"it works","structured_data":{"req@1":{"path":"/a\"b","n":"1"},"empty@1":{}}}"#;
    assert_eq!(entry(&syslog("UTC"), line), expected);
    let bare = r#"{"severity":"emerg","facility":"kern","message":""}"#;
    assert_eq!(entry(&syslog("UTC"), "<0>1 - - - - - -"), bare);
}

#[test]
fn rfc_3164_is_read_with_the_nearest_year_in_the_zone_of_the_configuration() {
    let zone = TimeZone::get("America/New_York").expect("it is a zone");
    let days_ago = |days: i64| {
        let now = zone.to_datetime(Timestamp::now());
        now.checked_sub(Span::new().days(days)).expect("it is a time").date().at(12, 0, 9, 0)
    };
    for days in [0, 1, 150, -100] {
        let shown = days_ago(days);
        let date = shown.strftime("%b %e %H:%M:%S");
        let line = format!("<13>{date} web1 cron[7]: done: 3");
        let time = zone.to_timestamp(shown).expect("noon is there every day");
        let expected = format!(
            r#"{{"ts":"{time:.3}","hostname":"web1","app_name":"cron","proc_id":"7","severity":"notice","facility":"user","message":"done: 3"}}"#
        );
        assert_eq!(entry(&syslog("America/New_York"), &line), expected);
    }
}

#[test]
fn other_times_of_rfc_3164_are_read_too() {
    for (line, time) in [
        ("<13>2026-11-25T03:47:32.25+01:00 h a: m", "2026-11-25T02:47:32.250Z"),
        ("<13>Nov 25 2026 03:47:32 h a: m", "2026-11-25T02:47:32.000Z"),
        ("Nov 25 2026 03:47:32 h a: m", "2026-11-25T02:47:32.000Z"),
        ("<13>Mar 29 2026 02:30:00 h a: m", "2026-03-29T01:30:00.000Z"),
    ] {
        let text = entry(&syslog("Europe/Berlin"), line);
        assert!(text.starts_with(&format!(r#"{{"ts":"{time}","hostname":"h""#)), "{text}");
    }
}

#[test]
fn a_priority_is_enough_and_nothing_is_too_little() {
    let config = syslog("UTC");
    assert_eq!(
        entry(&config, "<191>it works"),
        r#"{"severity":"debug","facility":"local7","message":"it works"}"#
    );
    for line in ["it works", "<1000>x", "<x>y", "<>", "<192>x", "[1.5] kernel: x"] {
        assert_eq!(reason(&config, line), "no syslog message");
    }
}

#[test]
fn the_senders_time_may_go_to_a_column_of_its_own() {
    let columns = vec![("timestamp".into(), "sent".into()), ("app_name".into(), "service".into())];
    let config = LineConfig { columns, message_field: "body".into(), ..syslog("UTC") };
    let text = entry(&config, "<13>2026-11-25T03:47:32Z h a: m");
    let expected = r#"{"sent":"2026-11-25T03:47:32.000Z","hostname":"h","service":"a","severity":"notice","facility":"user","body":"m"}"#;
    assert_eq!(text, expected);
}
