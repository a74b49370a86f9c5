//! RFC 3164, behind the priority: `Mmm dd hh:mm:ss HOST APP[PID]: MESSAGE`; and the same with the timestamp of RFC 3339
//! that newer daemons write.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::line::Line;

/// The length of `Mmm dd hh:mm:ss`.
const STAMP: usize = 15;

/// How far ahead of ours a clock may be. What is further ahead is of last year.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn parse(text: &str, zone: Offset, now: Timestamp) -> Option<Line<'_>> {
    let (timestamp, rest) = timestamp(text, zone, now)?;
    let (host, rest) = rest.split_once(' ')?;
    if host.is_empty() {
        return None;
    }
    let line = Line { timestamp: Some(timestamp), host: Some(host), ..Line::default() };
    let Some((app, procid, message)) = tag(rest) else {
        return Some(Line { message: rest, ..line });
    };
    Some(Line { app: Some(app), procid, message, ..line })
}

/// The timestamp, and what follows the space behind it.
fn timestamp(text: &str, zone: Offset, now: Timestamp) -> Option<(Timestamp, &str)> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        let (stamp, rest) = text.split_once(' ')?;
        return Some((stamp.parse().ok()?, rest));
    }
    let (stamp, rest) = text.split_at_checked(STAMP)?;
    Some((without_year(stamp, zone, now)?, rest.strip_prefix(' ')?))
}

/// The year that the stamp leaves out is the one that brings it closest before now.
fn without_year(stamp: &str, zone: Offset, now: Timestamp) -> Option<Timestamp> {
    let this_year = zone.to_datetime(now).year();
    // The next one as well: around New Year the sender may be a day ahead.
    (this_year - 1..=this_year + 1)
        .rev()
        .filter_map(|year| {
            let civil = DateTime::strptime("%Y %b %e %H:%M:%S", format!("{year} {stamp}")).ok()?;
            zone.to_timestamp(civil).ok()
        })
        .find(|timestamp| timestamp.duration_since(now) <= AHEAD)
}

/// The app, its process id, and the message. Some lines have none.
fn tag(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let (tag, message) = text.split_once(':')?;
    let message = message.strip_prefix(' ').unwrap_or(message);
    if tag.is_empty() || tag.contains(' ') {
        return None;
    }
    match tag.strip_suffix(']').and_then(|tag| tag.split_once('[')) {
        Some((app, procid)) if !app.is_empty() => Some((app, Some(procid), message)),
        _ => Some((tag, None, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Line<'_>> {
        parse(text, Offset::UTC, "2026-01-01T00:30:00Z".parse().unwrap())
    }

    fn stamp(text: &str) -> String {
        parsed(text).unwrap().timestamp.unwrap().to_string()
    }

    #[test]
    fn the_parts_are_found() {
        let line = parsed("Dec 31 22:14:15 mymachine su[230]: 'su root' failed: no").unwrap();
        assert_eq!(
            (line.host, line.app, line.procid),
            (Some("mymachine"), Some("su"), Some("230"))
        );
        assert_eq!(line.message, "'su root' failed: no");
    }

    #[test]
    fn the_year_is_the_one_that_brings_the_stamp_closest_before_now() {
        assert_eq!(stamp("Dec 31 23:59:59 h x: y"), "2025-12-31T23:59:59Z");
        assert_eq!(stamp("Jan  1 00:29:00 h x: y"), "2026-01-01T00:29:00Z");
        assert_eq!(stamp("Jan  1 02:00:00 h x: y"), "2026-01-01T02:00:00Z");
        assert_eq!(stamp("Jan  3 02:00:00 h x: y"), "2025-01-03T02:00:00Z");
    }

    #[test]
    fn a_stamp_without_zone_is_of_the_configured_one() {
        let zone = jiff::tz::offset(2);
        let now = "2026-07-01T00:00:00Z".parse().unwrap();
        let line = parse("Jun 30 12:00:00 h x: y", zone, now).unwrap();
        assert_eq!(line.timestamp.unwrap().to_string(), "2026-06-30T10:00:00Z");
    }

    #[test]
    fn newer_daemons_write_whole_timestamps() {
        let text = "2025-12-31T22:14:15.5+01:00 h systemd[1]: Started.";
        assert_eq!(stamp(text), "2025-12-31T21:14:15.5Z");
        assert_eq!(parsed(text).unwrap().app, Some("systemd"));
    }

    #[test]
    fn a_message_may_have_no_tag() {
        let line = parsed("Dec 31 22:14:15 h link is up: eth0").unwrap();
        assert_eq!((line.app, line.message), (None, "link is up: eth0"));
    }

    #[test]
    fn other_lines_are_none() {
        for text in
            ["", "hello world, how are you", "Feb 30 00:00:00 h x: y", "Dec 31 22:14:15", "é"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
