//! Where a file begins that is not read from its beginning: behind its last whole line.

use std::fs::File;
use std::io;

use super::identity::read_at;

/// As much is searched at once.
const STEP_BYTES: u64 = 64 * 1024;

/// Where the last whole line of a file ends, so that one that is being written is read as a whole. If there is none
/// among the last bytes, as many as a line may have, it is the end of the file.
///
/// # Errors
/// When it can't be read.
pub(super) fn end_of_lines(file: &File, longest_line: u64) -> io::Result<u64> {
    let size = file.metadata()?.len();
    let lowest = size.saturating_sub(longest_line);
    let mut buffer = vec![0; usize::try_from(STEP_BYTES).unwrap_or_default()];
    let mut end = size;
    while end > lowest {
        let start = end.saturating_sub(STEP_BYTES).max(lowest);
        let wanted = usize::try_from(end - start).unwrap_or_default();
        let room = buffer.get_mut(..wanted).unwrap_or_default();
        let read = read_at(file, room, start)?;
        let found = memchr::memrchr(b'\n', room.get(..read).unwrap_or_default());
        if let Some(at) = found {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(if lowest == 0 { 0 } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_behind_the_last_line_feed() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let long = "x".repeat(200_000);
        for (content, longest, expected) in [
            (String::new(), 1_000, 0),
            ("a\nb\n".into(), 1_000, 4),
            ("a\nb".into(), 1_000, 2),
            ("ab".into(), 1_000, 0),
            (format!("a\n{long}"), 1_000_000, 2),
            (format!("a\n{long}"), 100_000, 200_002),
        ] {
            std::fs::write(&path, &content).expect("written");
            let file = File::open(&path).expect("opened");
            assert_eq!(end_of_lines(&file, longest).expect("read"), expected);
        }
    }
}
