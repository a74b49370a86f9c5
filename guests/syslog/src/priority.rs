//! The number in front of a line: 8 × facility + severity (RFC 5424, 6.2.1).

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// Severities, and the levels that loggers call them by.
const SEVERITIES: [(&str, &str); 8] = [
    ("emerg", "CRITICAL"),
    ("alert", "CRITICAL"),
    ("crit", "CRITICAL"),
    ("err", "ERROR"),
    ("warning", "WARNING"),
    ("notice", "INFO"),
    ("info", "INFO"),
    ("debug", "DEBUG"),
];

/// A line's facility, severity and level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Priority {
    pub(crate) facility: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) level: &'static str,
}

impl Priority {
    /// The priority in angle brackets that the text begins with, and what follows it.
    pub(crate) fn parse(text: &str) -> Option<(Self, &str)> {
        let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
        if number.is_empty() || number.len() > 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: usize = number.parse().ok()?;
        let (severity, level) = *SEVERITIES.get(number % 8)?;
        let facility = *FACILITIES.get(number / 8)?;
        Some((Self { facility, severity, level }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_taken_apart() {
        let (priority, rest) = Priority::parse("<34>1 x").unwrap();
        assert_eq!(
            (priority.facility, priority.severity, priority.level),
            ("auth", "crit", "CRITICAL")
        );
        assert_eq!(rest, "1 x");
    }

    #[test]
    fn what_is_out_of_range_or_no_number_is_none() {
        for text in ["<192>", "<1234>", "<>", "<+1>", "<1", "34>"] {
            assert_eq!(Priority::parse(text), None, "{text}");
        }
    }
}
