//! A log file as programs write and rotate them: numbered lines, so that it is known what must be stored.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::home::Home;

/// A file that numbered lines are appended to. Their messages are the run's name, a dash and the number.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
    run: String,
    lines: u64,
    /// The end of a line that is not yet written.
    rest: Vec<u8>,
}

impl LogFile {
    /// Opens a file in the `logs` directory of a home; both are made if they are missing.
    ///
    /// # Panics
    /// When it can't be opened.
    #[must_use]
    pub fn open(home: &Home, name: &str) -> Self {
        let directory = home.path().join("logs");
        fs::create_dir_all(&directory).expect("the test's directory is writable");
        Self::open_at(&directory.join(name), name)
    }

    /// Opens a file; the run's name is the beginning of its lines' messages.
    ///
    /// # Panics
    /// When it can't be opened.
    #[must_use]
    pub fn open_at(path: &Path, run: &str) -> Self {
        let file = appending(path);
        Self { path: path.to_owned(), file, run: run.to_owned(), lines: 0, rest: Vec::new() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines were begun so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The messages of all lines so far, in all generations of the file.
    pub fn messages(&self) -> impl Iterator<Item = String> + use<> {
        messages(&self.run, self.lines)
    }

    /// Appends lines in one write.
    pub fn append(&mut self, lines: u64) {
        let text = self.next_lines(lines);
        self.write(&text);
    }

    /// Appends lines in one write that ends within the last one; the next write of any kind begins with its end.
    pub fn append_torn(&mut self, lines: u64) {
        let mut text = self.next_lines(lines);
        let rest = text.split_off(text.len() - text.len().min(9));
        self.write(&text);
        self.rest = rest;
    }

    /// Writes the end of a line that was torn.
    pub fn complete(&mut self) {
        self.write(b"");
    }

    /// Appends bytes as they are.
    ///
    /// # Panics
    /// When they can't be written.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut whole = std::mem::take(&mut self.rest);
        whole.extend_from_slice(bytes);
        self.file.write_all(&whole).expect("the test's file is writable");
    }

    /// The text of the next lines, which count as written.
    pub fn next_lines(&mut self, lines: u64) -> Vec<u8> {
        let numbers = self.lines..self.lines + lines;
        self.lines = numbers.end;
        let run = &self.run;
        let line = |number| {
            format!(
                "{{\"message\":\"{run}-{number}\",\"level\":\"INFO\",\"service\":\"writer\",\"line\":{number}}}\n"
            )
        };
        numbers.map(line).collect::<String>().into_bytes()
    }

    /// Renames the file to `.1`, the former `.1` to `.2` and so on, and goes on in a new one.
    ///
    /// # Panics
    /// When the system doesn't rename.
    pub fn rotate(&mut self) {
        self.complete();
        let oldest = (1..).find(|number| !self.generation(*number).exists()).unwrap_or(1);
        for number in (1..oldest).rev() {
            fs::rename(self.generation(number), self.generation(number + 1)).expect("renamed");
        }
        fs::rename(&self.path, self.generation(1)).expect("renamed");
        self.file = appending(&self.path);
    }

    /// Copies the file to this path and empties it, as logrotate's `copytruncate` does.
    ///
    /// # Panics
    /// When the system does neither.
    pub fn copy_and_truncate(&mut self, copy: &Path) {
        self.complete();
        fs::copy(&self.path, copy).expect("copied");
        self.truncate();
    }

    /// Empties the file.
    ///
    /// # Panics
    /// When the system doesn't.
    pub fn truncate(&mut self) {
        self.complete();
        self.file.set_len(0).expect("truncated");
    }

    /// Deletes the file and goes on in a new one.
    ///
    /// # Panics
    /// When the system doesn't delete it.
    pub fn recreate(&mut self) {
        self.complete();
        fs::remove_file(&self.path).expect("deleted");
        self.file = appending(&self.path);
    }

    /// Goes on in what is now at its path, as a program does that is told that its log was rotated.
    pub fn reopen(&mut self) {
        self.complete();
        self.file = appending(&self.path);
    }

    /// The path of a rotated generation; 1 is the youngest.
    #[must_use]
    pub fn generation(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

/// The messages of a run's first lines.
pub(crate) fn messages(run: &str, lines: u64) -> impl Iterator<Item = String> + use<> {
    let run = run.to_owned();
    (0..lines).map(move |number| format!("{run}-{number}"))
}

fn appending(path: &Path) -> File {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
