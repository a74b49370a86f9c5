//! Names that rotation gives: which name is another one with a number, a date or an ending of compression.

/// The name that rotated names stem from: `app.log` of `app.log.2.gz`, `app.log-20261125` and `app-20261125.log`.
pub(super) fn stem(name: &str) -> String {
    let mut name = name.strip_suffix(".gz").unwrap_or(name);
    while let Some((before, _)) = name
        .rsplit_once(['.', '-', '_'])
        .filter(|(before, last)| !before.is_empty() && is_count_or_date(last))
    {
        name = before;
    }
    let Some((before, ending)) = name.rsplit_once('.') else { return name.to_owned() };
    match before.rsplit_once(['.', '-', '_']) {
        Some((stem, mark)) if !stem.is_empty() && is_mark(before, stem, mark) => {
            format!("{stem}.{ending}")
        }
        _ => name.to_owned(),
    }
}

/// What a name and those of its copies begin with: `app` of `app.log.bak` and `app-20261125.log`.
pub(super) fn first_part(name: &str) -> String {
    let stem = stem(name);
    let dots = stem.match_indices('.').map(|(at, _)| at);
    let end = dots.into_iter().find(|at| *at > 0);
    end.and_then(|end| stem.get(..end)).unwrap_or(&stem).to_owned()
}

/// Whether a file of the first name may be a copy, rotated away, of one with the second name in the same directory.
pub(super) fn is_rotated(name: &str, original: &str) -> bool {
    if name == original {
        return false;
    }
    let name = name.strip_suffix(".gz").unwrap_or(name);
    match name.strip_prefix(original) {
        Some(suffix) => suffix.is_empty() || suffix.starts_with(['.', '-', '_', '~']),
        None => has_mark_before_ending(name, original),
    }
}

/// Whether it is compressed, by its name.
pub(super) fn is_gzip(name: &str) -> bool {
    name.ends_with(".gz")
}

/// `app-20261125.log` and `app.1.log` of `app.log`.
fn has_mark_before_ending(name: &str, original: &str) -> bool {
    let Some((stem, ending)) = original.rsplit_once('.') else { return false };
    let mark = name.strip_suffix(ending).and_then(|rest| rest.strip_suffix('.'));
    let Some(before) = mark else { return false };
    before
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix(['.', '-', '_']))
        .is_some_and(|mark| is_mark(before, stem, mark))
}

/// `app-1.log` may well be another one's log than `app.log`: only `app.1.log` is a number of rotation.
fn is_mark(before: &str, stem: &str, mark: &str) -> bool {
    let has_dot = before.strip_prefix(stem).is_some_and(|rest| rest.starts_with('.'));
    is_count_or_date(mark) && (has_dot || mark.len() >= 8)
}

fn is_count_or_date(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | ':' | 'T');
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stem_is_what_stands_before_numbers_and_dates() {
        for (name, expected) in [
            ("app.log", "app.log"),
            ("app.log.1", "app.log"),
            ("app.log.12.gz", "app.log"),
            ("app.log.gz", "app.log"),
            ("app.log-20261125", "app.log"),
            ("app.log-2026-11-25.gz", "app.log"),
            ("app-20261125.log", "app.log"),
            ("app.1.log", "app.log"),
            ("app-1.log", "app-1.log"),
            ("app1.log", "app1.log"),
            ("messages", "messages"),
            ("messages.1", "messages"),
            ("1.log", "1.log"),
            ("a.b.log", "a.b.log"),
        ] {
            assert_eq!(stem(name), expected, "{name}");
        }
    }

    #[test]
    fn copies_begin_as_the_original() {
        for name in
            ["app.log", "app.log.bak", "app-20261125.log", "app.log.1.gz", "app.1.log", "app"]
        {
            assert_eq!(first_part(name), "app", "{name}");
        }
        assert_eq!(
            (first_part(".a.log"), first_part("app-web.log")),
            (".a".into(), "app-web".into())
        );
    }

    #[test]
    fn a_rotated_name_adds_to_the_original_one() {
        for (name, original) in [
            ("app.log.1", "app.log"),
            ("app.log-20261125", "app.log"),
            ("app.log.bak", "app.log"),
            ("app.log.gz", "app.log"),
            ("app.log.1.gz", "app.log.1"),
            ("app-20261125.log", "app.log"),
            ("app.1.log", "app.log"),
        ] {
            assert!(is_rotated(name, original), "{name} {original}");
        }
        for (name, original) in [
            ("app.log", "app.log"),
            ("app.log", "app.log.1"),
            ("app.log2", "app.log"),
            ("app-1.log", "app.log"),
            ("app1.log", "app.log"),
            ("app-web.log", "app.log"),
            ("other.log", "app.log"),
        ] {
            assert!(!is_rotated(name, original), "{name} {original}");
        }
    }
}
