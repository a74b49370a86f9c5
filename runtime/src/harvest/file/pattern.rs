//! Patterns of paths, cut into what each directory on the way has to match.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

/// A pattern of paths, made absolute.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// The directory below which it matches, or the path itself.
    pub(super) base: PathBuf,
    /// What follows; nothing if it is a path.
    pub(super) steps: Vec<Step>,
}

/// What one name on the way has to be.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// This one.
    Name(String),
    /// One that matches.
    Matching(GlobMatcher, Hidden),
    /// Any number of directories, none included.
    Anywhere,
    /// Any number of names, the whole path of which matches.
    Path(GlobMatcher),
}

/// Whether names that begin with a dot may match, as in a shell: only if the pattern begins with one, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hidden {
    /// They may.
    Shown,
    /// They don't.
    Skipped,
}

/// Paths that match a pattern as a whole.
#[derive(Debug, Clone)]
pub(super) struct PathSet {
    whole: GlobSet,
    /// Those without a slash: of names in any directory.
    names: GlobSet,
}

impl Pattern {
    /// Reads a pattern; relative ones begin at `directory`.
    ///
    /// # Errors
    /// What the pattern can't be read for.
    pub(super) fn read(pattern: &str, directory: &Path) -> Result<Self, globset::Error> {
        let whole = absolute(pattern, directory);
        let pieces = pieces(&whole);
        let is_plain = |piece: &&String| !has_wildcard(piece);
        let plain = pieces.iter().take_while(is_plain).count();
        let mut base = PathBuf::from("/");
        base.extend(pieces.iter().take(plain).map(|piece| unescaped(piece)));
        let rest = pieces.iter().skip(plain);
        let steps = if rest.clone().any(|piece| piece.contains('/')) {
            vec![Step::Path(glob(&whole)?.compile_matcher())]
        } else {
            rest.map(|piece| step(piece)).collect::<Result<_, _>>()?
        };
        Ok(Self { base, steps })
    }
}

impl Hidden {
    /// Whether such a name may match.
    pub(super) fn admits(self, name: &str) -> bool {
        self == Self::Shown || !name.starts_with('.')
    }
}

impl PathSet {
    /// Of these patterns.
    ///
    /// # Errors
    /// What one of them can't be read for.
    pub(super) fn read(patterns: &[String], directory: &Path) -> Result<Self, globset::Error> {
        let (mut whole, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for pattern in patterns {
            if pattern.contains('/') {
                whole.add(glob(&absolute(pattern, directory))?);
            } else {
                names.add(glob(pattern)?);
            }
        }
        Ok(Self { whole: whole.build()?, names: names.build()? })
    }

    /// Whether one of them matches.
    pub(super) fn has(&self, path: &Path) -> bool {
        let matches_name = || path.file_name().is_some_and(|name| self.names.is_match(name));
        self.whole.is_match(path) || matches_name()
    }
}

/// With the directory in front if it is relative.
pub(super) fn absolute(pattern: &str, directory: &Path) -> String {
    if pattern.starts_with('/') {
        return pattern.to_owned();
    }
    let pattern = pattern.trim_start_matches("./");
    format!("{}/{pattern}", globset::escape(&directory.to_string_lossy()))
}

fn glob(pattern: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(pattern).literal_separator(true).build()
}

fn step(piece: &str) -> Result<Step, globset::Error> {
    if piece == "**" {
        return Ok(Step::Anywhere);
    }
    if !has_wildcard(piece) {
        return Ok(Step::Name(unescaped(piece)));
    }
    let hidden = if piece.starts_with('.') { Hidden::Shown } else { Hidden::Skipped };
    Ok(Step::Matching(glob(piece)?.compile_matcher(), hidden))
}

fn has_wildcard(piece: &str) -> bool {
    // One in brackets that is nothing but itself comes from escaping.
    unescaped(piece).contains(['*', '?', '[', '{']) && piece != globset::escape(&unescaped(piece))
}

/// Without the brackets that [`globset::escape`] puts around what would mean something else.
fn unescaped(piece: &str) -> String {
    let mut text = piece.to_owned();
    for special in ["*", "?", "[", "]", "{", "}", "!"] {
        text = text.replace(&format!("[{special}]"), special);
    }
    text
}

/// The names between slashes; slashes in braces belong to the name, and so do those in brackets.
fn pieces(pattern: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut braces, mut class) = (0_usize, None);
    for c in pattern.chars() {
        class = match (class, c) {
            (None, '[') => Some(0),
            // A bracket at the begin of a class is one of its characters.
            (Some(1..), ']') => None,
            (Some(0), '!' | '^') => Some(0),
            (Some(length), _) => Some(length + 1),
            (None, _) => None,
        };
        match c {
            '{' if class.is_none() => braces += 1,
            '}' if class.is_none() => braces = braces.saturating_sub(1),
            _ => {}
        }
        if c == '/' && braces == 0 && class.is_none() {
            pieces.push(String::new());
        } else if let Some(last) = pieces.last_mut() {
            last.push(c);
        }
    }
    pieces.retain(|piece| !piece.is_empty() && piece != ".");
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_behind_the_first_wildcard_is_searched() {
        for (pattern, base, steps) in [
            ("/var/log/app.log", "/var/log/app.log", 0),
            ("/var/log/*.log", "/var/log", 1),
            ("logs/*/a.log", "/home/me/logs", 2),
            ("./a.log", "/home/me/a.log", 0),
            ("/var/**/*.log", "/var", 2),
            ("/var/{a/b,c}/*.log", "/var", 1),
            ("/var/a[[]1[]]/x.log", "/var/a[1]/x.log", 0),
        ] {
            let read = Pattern::read(pattern, Path::new("/home/me")).expect("a pattern");
            assert_eq!((read.base.as_path(), read.steps.len()), (Path::new(base), steps));
        }
    }

    #[test]
    fn a_pattern_without_a_slash_matches_names_everywhere() {
        let patterns = ["*.bak".to_owned(), "/var/log/a*".to_owned(), "x/*.log".to_owned()];
        let set = PathSet::read(&patterns, Path::new("/home")).expect("patterns");
        for path in ["/a/b.bak", "/var/log/ab", "/home/x/y.log"] {
            assert!(set.has(Path::new(path)), "{path}");
        }
        for path in ["/var/log/b", "/home/x/z/y.log", "/var/log/a/b"] {
            assert!(!set.has(Path::new(path)), "{path}");
        }
    }
}
