//! Card numbers: 13 to 19 digits, which may be grouped by spaces or dashes, with an issuer's first digits and a right
//! check digit (ISO/IEC 7812). The issuers keep out timestamps in nanoseconds, of which every tenth would pass.

const LEAST: usize = 13;
const MOST: usize = 19;

/// The length of the card number that the text begins with.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    let mut digits = [0_u8; MOST];
    let mut count = 0;
    let mut longest = None;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                *digits.get_mut(count)? = byte - b'0';
                count += 1;
                let next = text.get(at + 1);
                if count >= LEAST
                    && !next.is_some_and(u8::is_ascii_alphanumeric)
                    && is_card(digits.get(..count)?)
                {
                    longest = Some(at + 1);
                }
            }
            b' ' | b'-' if text.get(at + 1).is_some_and(u8::is_ascii_digit) && count < MOST => {}
            _ => break,
        }
    }
    longest
}

fn is_card(digits: &[u8]) -> bool {
    has_issuer(digits) && luhn(digits)
}

/// The ranges of the large card schemes.
fn has_issuer(digits: &[u8]) -> bool {
    let start = digits.iter().take(4).fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    matches!(
        (start, digits.len()),
        (4000..=4999, 13 | 16 | 19)
            | (5100..=5599 | 2221..=2720, 16)
            | (3400..=3499 | 3700..=3799, 15)
            | (3000..=3059 | 3600..=3699 | 3800..=3999, 14..=19)
            | (3528..=3589 | 6011 | 6200..=6299 | 6440..=6599, 16..=19)
    )
}

/// The check digit: every second digit from the right is doubled, and the sum of all digits ends in 0.
fn luhn(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| match (place % 2, digit * 2) {
        (0, _) => u32::from(*digit),
        (_, doubled) => u32::from(doubled / 10 + doubled % 10),
    };
    digits.iter().rev().enumerate().map(value).sum::<u32>().is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(text: &str) -> Option<&str> {
        length(text.as_bytes()).and_then(|length| text.get(..length))
    }

    #[test]
    fn the_schemes_test_numbers_are_cards() {
        for number in
            ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117"]
        {
            assert_eq!(card(number), Some(number));
        }
    }

    #[test]
    fn groups_belong_together_and_what_follows_does_not() {
        assert_eq!(card("4111 1111 1111 1111 25 EUR"), Some("4111 1111 1111 1111"));
        assert_eq!(card("4111-1111-1111-1111, thanks"), Some("4111-1111-1111-1111"));
    }

    #[test]
    fn other_numbers_are_no_cards() {
        let wrong_check_digit = "4111111111111112";
        let nanoseconds = "1700000000000000000";
        let too_long = "41111111111111111111";
        let in_a_word = "4111111111111111a";
        for text in [wrong_check_digit, nanoseconds, too_long, in_a_word, "4111", ""] {
            assert_eq!(card(text), None, "{text}");
        }
    }
}
