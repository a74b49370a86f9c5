//! Logs that are rotated by Debian's `logrotate`, and those that are compressed: each line is in the table exactly
//! once.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use loglite_e2e::{Home, LogFile, LogWriter, Pace, Server, eventually, harvest};
use serde_json::json;

const PACE: Pace = Pace { lines: 2_000, rotation: Duration::from_millis(800) };
const KILLS: u64 = 12;
const LONGEST_LIFE: Duration = Duration::from_millis(1_500);

/// Compresses a file as `gzip` does: into one beside it, which then takes its place.
fn compress(path: &Path) {
    use std::io::Write;
    let text = fs::read(path).expect("it is there");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&text).expect("memory takes it");
    let name = format!("{}.gz", path.display());
    fs::write(name, encoder.finish().expect("memory takes it")).expect("writable");
    fs::remove_file(path).expect("deleted");
}

#[test]
fn compressed_siblings_are_read_once_also_over_a_kill() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*", "gzip": true}));
    let mut log = LogFile::open(&home, "app.log");
    log.append(5);
    let mut old = Vec::new();
    for number in 1..=3 {
        let path = log.generation(number);
        let mut generation = LogFile::open_at(&path, &format!("old {number}"));
        generation.append(5_000);
        compress(&path);
        old.extend(generation.messages());
    }
    let server = home.start();
    eventually("some lines are stored", || (home.row_count() > 100).then_some(()));
    server.kill();
    let server = home.start();
    home.assert_stored_once(old.iter().cloned().chain(log.messages()));
    server.kill();

    let _server = home.start();
    log.append(5);
    home.assert_stored_once(old.into_iter().chain(log.messages()));
}

#[test]
fn a_file_that_was_read_is_not_read_again_once_it_is_compressed() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*", "gzip": true}));
    let mut log = LogFile::open(&home, "app.log");
    let server = home.start();
    for generation in 1..=3 {
        log.append(500);
        home.wait_for_rows(usize::try_from(log.lines()).expect("few"));
        log.rotate();
        // By another name than the next rotation gives.
        let renamed = home.path().join(format!("logs/app.log-{generation}"));
        fs::rename(log.generation(1), &renamed).expect("renamed");
        compress(&renamed);
    }
    log.append(1);
    home.assert_stored_once(log.messages());
    server.kill();

    let _server = home.start();
    log.append(1);
    home.assert_stored_once(log.messages());
}

/// What `compress delaycompress` does: the youngest old generation is compressed, and another one comes before it.
fn rotate_and_compress(log: &mut LogFile) {
    let compressed = |number| format!("{}.gz", log.generation(number).display());
    let oldest = (2..).find(|number| !Path::new(&compressed(*number)).exists()).unwrap_or(2);
    for number in (2..oldest).rev() {
        fs::rename(compressed(number), compressed(number + 1)).expect("renamed");
    }
    if log.generation(1).exists() {
        compress(&log.generation(1));
        fs::rename(compressed(1), compressed(2)).expect("renamed");
    }
    log.rotate();
}

#[test]
fn what_was_read_is_not_read_again_when_it_was_compressed_while_the_service_was_down() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*", "gzip": true}));
    let mut log = LogFile::open(&home, "app.log");
    for rotations in [1, 2, 3, 2] {
        let server = home.start();
        log.append(500);
        rotate_and_compress(&mut log);
        log.append(100);
        home.assert_stored_once(log.messages());
        server.kill();
        for _ in 0..rotations {
            log.append(200);
            // The inodes of files that are deleted here go to those that are made next.
            rotate_and_compress(&mut log);
        }
    }
    let _server = home.start();
    log.append(1);
    home.assert_stored_once(log.messages());
}

#[test]
fn compressed_files_are_left_alone_unless_asked_for() {
    let home = harvest::of_files(&json!({"path": "logs/app.log*"}));
    let mut log = LogFile::open(&home, "app.log");
    let old = home.path().join("logs/app.log-old");
    let mut older = LogFile::open_at(&old, "old");
    older.append(100);
    compress(&old);
    let server = home.start();
    log.append(100);
    home.assert_stored_once(log.messages());
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
}

/// Debian's logrotate on the log of a home.
struct Logrotate {
    configuration: std::path::PathBuf,
}

impl Logrotate {
    /// With these lines in its configuration.
    ///
    /// Errors: why it can't be run, mostly as it isn't installed.
    fn new(home: &Home, options: &[&str]) -> std::io::Result<Self> {
        Command::new("logrotate").arg("--version").output()?;
        let configuration = home.path().join("logrotate.conf");
        let log = home.path().join("logs/app.log");
        let options = options.join("\n    ");
        let text = format!("{} {{\n    rotate 50\n    {options}\n}}\n", log.display());
        fs::write(&configuration, text).expect("writable");
        Ok(Self { configuration })
    }

    fn run(&self) {
        let output = Command::new("logrotate")
            .arg("--force")
            .arg("--state")
            .arg(self.configuration.with_extension("state"))
            .arg(&self.configuration)
            .output()
            .expect("logrotate is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Kills the service again and again while logrotate rotates a log with these options, and checks what is stored.
///
/// Errors: why logrotate can't be run.
fn under_logrotate(
    options: &[&str],
    more: impl Fn(&mut LogFile) + Send + 'static,
) -> std::io::Result<()> {
    let home = harvest::of_files(&json!({"path": "logs/app.log*", "gzip": true}));
    let logrotate = Logrotate::new(&home, options)?;
    let writer = LogWriter::start(LogFile::open(&home, "app.log"), PACE, move |log| {
        log.complete();
        logrotate.run();
        more(log);
    });
    home.over_many_ends(KILLS, LONGEST_LIFE, Server::kill);
    let server = home.start();
    let enough = writer.rotations() + 3;
    eventually("the log is rotated", || (writer.rotations() >= enough).then_some(()));
    let log = writer.stop();

    home.assert_stored_once(log.messages());
    server.wait_until_harvested();
    assert_eq!(server.harvester("files").count("bad_lines"), 0);
    Ok(())
}

#[test]
fn logrotate_that_creates_a_new_file_loses_and_doubles_nothing() {
    if let Err(error) = under_logrotate(&["create"], LogFile::reopen) {
        eprintln!("not tested, as logrotate can't be run here: {error}");
    }
}

#[test]
fn logrotate_that_compresses_later_loses_and_doubles_nothing() {
    if let Err(error) = under_logrotate(&["create", "compress", "delaycompress"], LogFile::reopen) {
        eprintln!("not tested, as logrotate can't be run here: {error}");
    }
}

#[test]
fn logrotate_that_copies_and_truncates_loses_and_doubles_nothing() {
    if let Err(error) = under_logrotate(&["copytruncate"], |_| {}) {
        eprintln!("not tested, as logrotate can't be run here: {error}");
    }
}
