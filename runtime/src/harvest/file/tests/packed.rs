//! Compressed files.

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn packed(content: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content.as_bytes()).expect("memory can be written to");
    encoder.finish().expect("memory can be written to")
}

impl Logs {
    fn packing(patterns: &[&str]) -> Self {
        let mut logs = Self::of(patterns);
        logs.config.gzip = true;
        logs
    }

    fn pack(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), packed(content)).expect("written");
    }
}

#[test]
fn compressed_files_are_left_out_unless_asked_for() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.pack("a.log.1.gz", "a\n");
    assert!(logs.harvested().is_empty());
}

#[test]
fn a_compressed_file_is_read_once_and_whole() {
    let mut logs = Logs::packing(&["a.log*"]);
    let content = lines("a", 0..100_000) + "last";
    logs.pack("a.log.1.gz", &content);
    assert_eq!(logs.harvested(), [texts("a", 0..100_000), vec!["last".into()]].concat());
    logs.rename("a.log.1.gz", "a.log.2.gz");
    assert!(logs.harvested().is_empty());
    logs.stop();
    assert!(logs.harvested().is_empty());
}

#[test]
fn a_compressed_file_is_read_on_after_a_restart() {
    let mut logs = Logs::packing(&["*.gz"]);
    logs.pack("a.gz", &lines("a", 0..100_000));
    while logs.rows.len() < 100_000 {
        logs.tails().times.look = Instant::now();
        logs.harvest_some(3);
        logs.stop();
    }
    assert_eq!(logs.new_rows(), texts("a", 0..100_000));
}

#[test]
fn one_that_is_being_written_is_read_when_it_is_complete() {
    let mut logs = Logs::packing(&["*.gz"]);
    let whole = packed(&lines("a", 0..100_000));
    std::fs::write(logs.path("a.gz"), &whole[..whole.len() / 2]).expect("written");
    logs.harvest();
    assert!(logs.rows.len() < 100_000);
    std::fs::write(logs.path("a.gz"), &whole).expect("written");
    logs.harvest();
    assert_eq!(logs.new_rows(), texts("a", 0..100_000));
}

#[test]
fn a_file_that_is_compressed_after_it_was_read_is_not_read_again() {
    let mut logs = Logs::packing(&["a.log*"]);
    let content = lines("a", 0..10_000);
    logs.write("a.log", &content);
    logs.harvest();
    logs.rename("a.log", "a.log.1");
    logs.write("a.log", "b\n");
    logs.harvest();
    logs.pack("a.log.1.gz", &content);
    logs.harvest();
    logs.remove("a.log.1");
    logs.harvest();
    logs.pass_silence();
    logs.harvest();
    logs.harvest();
    assert_eq!(logs.new_rows(), [texts("a", 0..10_000), vec!["b".into()]].concat());
}

#[test]
fn the_rest_of_a_file_that_was_compressed_while_nobody_looked_is_read() {
    let mut logs = Logs::packing(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..10_000));
    logs.harvest();
    logs.stop();
    logs.remove("a.log");
    logs.pack("a.log.1.gz", &lines("a", 0..12_000));
    logs.new_rows();
    logs.harvest();
    assert_eq!(logs.new_rows(), texts("a", 10_000..12_000));
}

#[test]
fn one_that_is_damaged_does_not_stop_the_others() {
    let mut logs = Logs::packing(&["*"]);
    logs.write("a.gz", "this is not compressed at all");
    logs.write("b.log", "b\n");
    assert_eq!(logs.harvested(), ["b"]);
    assert_eq!(logs.file("a.gz").offset, 0);
}
