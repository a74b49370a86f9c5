//! SQL text cut into statements and words, without understanding it.
//!
//! The rules are those of `sqlite3_complete()` (<https://sqlite.org/c3ref/complete.html>), by which SQLite's own shell
//! finds the end of a statement: a semicolon outside of strings, names and comments, and for a trigger `; END ;`.

/// The statements of a text, each up to and with its semicolon. What holds nothing but comments is left out.
#[derive(Debug, Clone)]
pub(super) struct Statements<'a> {
    rest: &'a str,
}

/// The bare words of a text: neither in strings, quoted names nor comments.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    tokens: Tokens<'a>,
}

/// Cuts `sql` into statements.
pub(super) fn statements(sql: &str) -> Statements<'_> {
    Statements { rest: sql }
}

/// The bare words of `sql`.
pub(super) fn words(sql: &str) -> Words<'_> {
    Words { tokens: Tokens { rest: sql } }
}

/// Whether `word` stands in `sql` outside of strings, quoted names and comments, in either case.
pub(super) fn has_word(sql: &str, word: &str) -> bool {
    words(sql).any(|found| found.eq_ignore_ascii_case(word))
}

/// The conditions of the CHECK constraints in a CREATE TABLE statement, with their parentheses.
pub(super) fn checks(sql: &str) -> Vec<&str> {
    let mut tokens = Tokens { rest: sql };
    let mut checks = Vec::new();
    while let Some(token) = tokens.next() {
        if !matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("CHECK")) {
            continue;
        }
        let begin = tokens.rest;
        let mut depth = 0_usize;
        loop {
            let text = tokens.rest;
            let Some(token) = tokens.next() else { return checks };
            match (token, text.as_bytes().first()) {
                (Token::Other, Some(b'(')) => depth += 1,
                (Token::Other, Some(b')')) => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !matches!(token, Token::Space) {
                break;
            }
        }
        checks.extend(begin.strip_suffix(tokens.rest).map(str::trim));
    }
    checks
}

impl<'a> Iterator for Statements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let mut tokens = Tokens { rest: self.rest };
            let mut state = State::Start;
            let mut is_empty = true;
            for token in tokens.by_ref() {
                is_empty &= matches!(token, Token::Space | Token::Semicolon);
                state = state.after(token);
                if matches!(token, Token::Semicolon) && state == State::Start {
                    break;
                }
            }
            let text = self.rest.strip_suffix(tokens.rest).unwrap_or(self.rest);
            let ended = self.rest.is_empty();
            self.rest = tokens.rest;
            if ended {
                return None;
            }
            if !is_empty {
                return Some(text.trim());
            }
        }
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        self.tokens.find_map(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
    }
}

/// Where in a statement the text is; the names are those of SQLite's own table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Normal,
    Explain,
    Create,
    Trigger,
    TriggerSemicolon,
    TriggerEnd,
}

impl State {
    fn after(self, token: Token<'_>) -> Self {
        let is = |keyword: &str| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        match (self, token) {
            (state, Token::Space) => state,
            (Self::Trigger | Self::TriggerSemicolon, Token::Semicolon) => Self::TriggerSemicolon,
            (_, Token::Semicolon) => Self::Start,
            (Self::TriggerSemicolon, _) if is("END") => Self::TriggerEnd,
            (Self::Trigger | Self::TriggerSemicolon | Self::TriggerEnd, _) => Self::Trigger,
            (Self::Start, _) if is("EXPLAIN") => Self::Explain,
            (Self::Explain, _) if is("QUERY") || is("PLAN") => Self::Explain,
            (Self::Start | Self::Explain, _) if is("CREATE") => Self::Create,
            (Self::Create, _) if is("TEMP") || is("TEMPORARY") => Self::Create,
            (Self::Create, _) if is("TRIGGER") => Self::Trigger,
            _ => Self::Normal,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Token<'a> {
    Semicolon,
    /// White space or a comment.
    Space,
    Word(&'a str),
    /// A string, a quoted name or a symbol.
    Other,
}

#[derive(Debug, Clone)]
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = self.rest.chars().next()?;
        Some(match first {
            ';' => self.take(1, Token::Semicolon),
            '-' if self.rest.starts_with("--") => self.take_through("\n", 2, Token::Space),
            '/' if self.rest.starts_with("/*") => self.take_through("*/", 2, Token::Space),
            // A doubled quote inside is a string that ends and one that begins: no matter here.
            '\'' => self.take_through("'", 1, Token::Other),
            '"' => self.take_through("\"", 1, Token::Other),
            '`' => self.take_through("`", 1, Token::Other),
            '[' => self.take_through("]", 1, Token::Other),
            _ if first.is_ascii_whitespace() => self.take(1, Token::Space),
            _ if is_word(first) => self.take_word(),
            _ => self.take(first.len_utf8(), Token::Other),
        })
    }
}

impl<'a> Tokens<'a> {
    fn take(&mut self, bytes: usize, token: Token<'a>) -> Token<'a> {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        token
    }

    /// Takes the text through the first `end` behind its first `skip` bytes; without one, all of it.
    fn take_through(&mut self, end: &str, skip: usize, token: Token<'a>) -> Token<'a> {
        let behind = self.rest.get(skip..).and_then(|inner| inner.find(end));
        let bytes = behind.map_or(self.rest.len(), |at| skip + at + end.len());
        self.take(bytes, token)
    }

    fn take_word(&mut self) -> Token<'a> {
        let bytes = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let word = self.rest.get(..bytes).unwrap_or_default();
        self.take(bytes, Token::Word(word))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(statements(sql).collect::<Vec<_>>(), expected, "{sql}");
    }

    #[test]
    fn a_semicolon_ends_a_statement() {
        check("SELECT 1; SELECT 2", &["SELECT 1;", "SELECT 2"]);
        check(" ; ;\n-- nothing; here\n/* or ; here */", &[]);
        check("", &[]);
    }

    #[test]
    fn a_semicolon_in_quotes_or_a_comment_does_not_end_it() {
        for sql in
            ["SELECT 'a;''b;'", "SELECT \"a;\"", "SELECT [a;], `b;`", "SELECT 1 -- a;\n+ 1 /* ; */"]
        {
            check(sql, &[sql]);
        }
    }

    #[test]
    fn a_trigger_ends_with_its_end() {
        let trigger = "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN
            UPDATE a SET b = CASE WHEN 1 THEN 2 END; DELETE FROM c; /* so */ END;";
        check(&format!("{trigger} SELECT 1;"), &[trigger, "SELECT 1;"]);
    }

    #[test]
    fn an_unterminated_string_reaches_to_the_end() {
        check("SELECT 'a; SELECT 2", &["SELECT 'a; SELECT 2"]);
    }

    #[test]
    fn words_in_strings_names_and_comments_do_not_count() {
        let sql =
            "CREATE TABLE t (\"conflict\" TEXT DEFAULT 'CONFLICT' /* conflict */) -- conflict";
        assert!(!has_word(sql, "CONFLICT"));
        assert!(has_word("a UNIQUE ON conflict IGNORE", "CONFLICT"));
    }
}
