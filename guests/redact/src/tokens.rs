//! Tokens: what follows `Bearer`, and what begins as the keys of well-known services do.

/// Beginnings of tokens, and the least number of bytes that follow.
const STARTS: &[(&[u8], usize)] = &[
    (b"AIza", 30),
    (b"AKIA", 16),
    (b"ASIA", 16),
    (b"eyJ", 30),
    (b"ghp_", 30),
    (b"gho_", 30),
    (b"ghs_", 30),
    (b"ghu_", 30),
    (b"github_pat_", 30),
    (b"glpat-", 16),
    (b"sk-", 20),
    (b"sk_live_", 16),
    (b"sk_test_", 16),
    (b"xoxb-", 16),
    (b"xoxp-", 16),
];

/// The least length of a token behind `Bearer`: shorter ones are words.
const BEARER_LEAST: usize = 8;

/// The length of the token, with `Bearer` before it, that the text begins with.
pub(crate) fn length(text: &[u8]) -> Option<usize> {
    // Most words end here.
    match text.first()? {
        b'B' | b'b' => bearer(text),
        b'A' | b'e' | b'g' | b's' | b'x' => {
            STARTS.iter().find_map(|(start, least)| known(text, start, *least))
        }
        _ => None,
    }
}

fn bearer(text: &[u8]) -> Option<usize> {
    const WORD: usize = b"bearer ".len();
    let (word, rest) = text.split_at_checked(WORD)?;
    let token = run(rest);
    (word.eq_ignore_ascii_case(b"bearer ") && token >= BEARER_LEAST).then_some(WORD + token)
}

fn known(text: &[u8], start: &[u8], least: usize) -> Option<usize> {
    let token = run(text.strip_prefix(start)?);
    (token >= least).then_some(start.len() + token)
}

/// How many bytes may belong to a token (RFC 6750, b64token).
fn run(text: &[u8]) -> usize {
    let belongs = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    text.iter().take_while(belongs).count()
}
