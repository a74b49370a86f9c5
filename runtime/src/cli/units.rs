//! Numbers as people read them.

const UNITS: [(&str, u64); 4] =
    [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];

/// `1000000` as `1 000 000`.
pub(in crate::cli) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `8598324` as `8.2 MB`; units are powers of 1024, as in the configuration.
pub(in crate::cli) fn bytes(number: u64) -> String {
    let Some((unit, factor)) = UNITS.iter().find(|(_, factor)| number >= *factor) else {
        return format!("{number} B");
    };
    let value = number as f64 / *factor as f64;
    if value < 100.0 && !number.is_multiple_of(*factor) {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A number that may have been estimated.
pub(in crate::cli) fn whole(number: f64) -> u64 {
    number.max(0.0).round() as u64
}

/// The part in per cent: `11 %`, `0.3 %`.
pub(in crate::cli) fn percent(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    if percent < 9.95 && part > 0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

/// A time in days as `5 hours`, `12 days`, `3 months` or `2 years`.
pub(in crate::cli) fn days(days: f64) -> String {
    let (number, unit) = match days {
        days if days < 2.0 => (days * 24.0, "hour"),
        days if days < 60.0 => (days, "day"),
        days if days < 730.0 => (days / 30.4, "month"),
        days => (days / 365.25, "year"),
    };
    let number = whole(number).max(1);
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 999, 1000, 71_428, 1_000_000].map(count);
        assert_eq!(texts, ["0", "999", "1 000", "71 428", "1 000 000"]);
    }

    #[test]
    fn bytes_have_as_many_digits_as_matter() {
        let texts = [0, 1023, 1024, 8_598_324, 333 << 20, 1 << 40].map(bytes);
        assert_eq!(texts, ["0 B", "1023 B", "1 KB", "8.2 MB", "333 MB", "1 TB"]);
    }

    #[test]
    fn times_are_told_in_the_unit_that_fits() {
        let texts = [0.01, 0.2, 12.4, 90.0, 10_000.0].map(days);
        assert_eq!(texts, ["1 hour", "5 hours", "12 days", "3 months", "27 years"]);
    }
}
