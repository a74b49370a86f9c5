//! `loglite import`: files into the table, each line once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use loglite_e2e::{Exit, Home, compress, config, eventually};

/// Lines with these messages.
fn lines(name: &str, numbers: std::ops::Range<usize>) -> String {
    numbers
        .map(|number| format!("{{\"message\": \"{name}-{number}\", \"line\": {number}}}\n"))
        .collect()
}

fn home() -> Home {
    Home::new(&config::with(""))
}

fn write(home: &Home, name: &str, content: impl AsRef<[u8]>) {
    fs::write(home.path().join(name), content).expect("the test's directory is writable");
}

fn append(home: &Home, name: &str, content: &str) {
    let file = OpenOptions::new().append(true).open(home.path().join(name));
    file.expect("it is there").write_all(content.as_bytes()).expect("it is writable");
}

/// Runs `loglite import -c config.yaml` with these arguments.
fn import(home: &Home, arguments: &[&str]) -> Exit {
    home.run(&[&["import", "-c", "config.yaml"], arguments].concat())
}

#[track_caller]
fn import_well(home: &Home, arguments: &[&str]) -> Exit {
    let exit = import(home, arguments);
    assert_eq!(exit.code, Some(0), "{exit:#?}");
    exit
}

fn texts(home: &Home, sql: &str) -> Vec<String> {
    let database = home.database();
    let mut statement = database.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.collect::<Result<_, _>>().expect("texts")
}

fn messages(home: &Home) -> Vec<String> {
    texts(home, "SELECT message FROM Log ORDER BY id")
}

/// How many rows there are; none while there is no table.
fn count(home: &Home) -> usize {
    let count: Result<i64, _> =
        home.database().query_row("SELECT count(*) FROM Log", [], |row| row.get(0));
    usize::try_from(count.unwrap_or_default()).expect("a count is not negative")
}

fn letters(home: &Home) -> Vec<String> {
    texts(home, "SELECT entry FROM loglite_dead_letters ORDER BY id")
}

fn expected(name: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{name}-{number}")).collect()
}

#[track_caller]
fn assert_tells(exit: &Exit, part: &str) {
    assert!(exit.stdout.contains(part), "{part} is not in\n{exit:#?}");
}

#[test]
fn files_are_read_plain_or_compressed_whatever_their_names() {
    let home = home();
    let gzip =
        [compress::gzip(lines("b", 0..5).as_bytes()), compress::gzip(lines("b", 5..9).as_bytes())];
    let zstd =
        [compress::zstd(lines("c", 0..5).as_bytes()), compress::zstd(lines("c", 5..9).as_bytes())];
    write(&home, "plain.gz", lines("a", 0..3));
    write(&home, "gzip.log", gzip.concat());
    write(&home, "zstd", zstd.concat());

    let exit = import_well(&home, &["plain.gz", "gzip.log", "zstd"]);

    let all = [expected("a", 0..3), expected("b", 0..9), expected("c", 0..9)].concat();
    assert_eq!(messages(&home), all);
    assert_tells(
        &exit,
        "imported: 3 files, 21 lines, 21 stored, 0 dropped by transforms, 0 dead letters",
    );
}

#[test]
fn a_line_is_what_the_options_say() {
    let home = home();
    write(&home, "access.log", "WARNING [25/Nov/2026:04:00:00 +0100] it is late\n");

    import_well(
        &home,
        &[
            "--format",
            "regex",
            "--pattern",
            r"^(?<lvl>\w+) \[(?<time>[^\]]+)\] (?<message>.*)$",
            "--timestamp",
            "time:%d/%b/%Y:%H:%M:%S %z",
            "--column",
            "lvl=level",
            "--field",
            "line=7",
            "--origin-column",
            "service",
            "access.log",
        ],
    );

    let rows =
        texts(&home, "SELECT concat_ws('|', timestamp, level, message, line, service) FROM Log");
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(row.starts_with("2026-11-25T03:00:00"), "{row}");
    assert!(row.ends_with("|WARNING|it is late|7|access.log"), "{row}");
}

#[test]
fn lines_that_belong_together_are_one_entry_and_told_by_their_first_line() {
    let home = home();
    write(&home, "app.log", "first\n  at a\n  at b\n\nsecond\nthird\n  at c");

    let text = ["--format", "text", "--multiline", r"^\S", "app.log"];
    import_well(&home, &text);

    let stored = messages(&home);
    assert_eq!(stored.len(), 3, "{stored:?}");
    assert!(
        stored.first().is_some_and(|one| one.starts_with("first\n  at a\n  at b")),
        "{stored:?}"
    );
    assert_eq!(stored.get(2).map(String::as_str), Some("third\n  at c"));
}

#[test]
fn standard_input_is_read_as_it_comes() {
    let home = home();
    let launch = home.launch(&["import", "-c", "config.yaml", "-"]);

    let exit = launch.input(&lines("a", 0..10)).run();

    assert_eq!(exit.code, Some(0), "{exit:#?}");
    assert_eq!(messages(&home), expected("a", 0..10));
    assert_tells(&exit, "standard input: 10 lines, 10 stored");
}

#[test]
fn a_file_is_imported_once_under_whatever_name() {
    let home = home();
    write(&home, "a.log", lines("a", 0..10));
    import_well(&home, &["a.log"]);
    fs::copy(home.path().join("a.log"), home.path().join("copy.log")).expect("a copy");
    fs::rename(home.path().join("a.log"), home.path().join("b.log")).expect("renamed");

    let exit = import_well(&home, &["b.log", "copy.log"]);

    assert_eq!(count(&home), 10);
    for name in ["b.log", "copy.log"] {
        assert_tells(&exit, &format!("{name}: already imported (10 lines on 2"));
    }
    let again = import_well(&home, &["--again", "b.log"]);
    assert_eq!(count(&home), 20, "{again:#?}");
    import_well(&home, &["b.log"]);
    assert_eq!(count(&home), 20);
}

#[test]
fn a_file_that_has_grown_goes_on_and_one_that_begins_alike_is_another() {
    let home = home();
    write(&home, "a.log", lines("a", 0..10));
    import_well(&home, &["a.log"]);
    write(&home, "other.log", [lines("a", 0..10), lines("b", 0..3)].concat());
    append(&home, "a.log", &lines("a", 10..15));

    import_well(&home, &["a.log"]);
    assert_eq!(messages(&home), expected("a", 0..15));

    import_well(&home, &["other.log"]);
    assert_eq!(count(&home), 15 + 13, "the file of another name is new");
    append(&home, "a.log", &lines("a", 15..16));
    import_well(&home, &["a.log", "other.log"]);
    assert_eq!(count(&home), 16 + 13);
}

#[test]
fn files_with_the_same_long_begin_are_told_apart() {
    let home = home();
    let head = lines("head", 0..3_000);
    write(&home, "a.log", [head.clone(), lines("a", 0..10)].concat());
    write(&home, "b.log", [head, lines("b", 0..10)].concat());

    import_well(&home, &["a.log", "b.log"]);

    assert_eq!(count(&home), 2 * 3_010);
    import_well(&home, &["b.log", "a.log"]);
    assert_eq!(count(&home), 2 * 3_010);
}

#[test]
fn what_is_no_entry_becomes_a_dead_letter_and_its_line_is_told() {
    let home = home();
    let bad = ["broken", "{\"message\": \"x\", \"level\": \"LOUD\"}"];
    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(2_000));
    write(
        &home,
        "a.log",
        format!("{}\n{}{}\n{long}\n{}\n", bad[0], lines("a", 0..2), bad[1], lines("a", 2..3)),
    );

    let exit = import(&home, &["--max-line-size", "1KB", "a.log"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert_eq!(messages(&home), expected("a", 0..3));
    let kept = letters(&home);
    assert_eq!(kept.len(), 3, "{kept:?}");
    assert!(bad.iter().all(|one| kept.iter().any(|entry| entry == one)), "{kept:?}");
    for part in [
        "3 stored, 0 dropped, 3 dead letters",
        "  line 1: ",
        "  line 4: CHECK constraint failed",
        "  line 5: ",
        "`loglite dead-letters list -c config.yaml --source 'import'`",
    ] {
        assert_tells(&exit, part);
    }
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_imported() {
    let home = home();
    let whole = compress::gzip(lines("a", 0..10_000).as_bytes());
    let cut = whole.get(..whole.len() / 2).expect("a half");
    write(&home, "cut.gz", cut);
    write(&home, "b.log", lines("b", 0..3));

    let exit = import(&home, &["gone.log", "cut.gz", "b.log"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    assert!(
        exit.stderr.contains("error: gone.log: ") && exit.stderr.contains("error: cut.gz: "),
        "{exit:#?}"
    );
    let stored = count(&home);
    assert!(stored > 1_000, "{stored}");
    write(&home, "cut.gz", whole);
    import_well(&home, &["cut.gz"]);
    let mut numbers = messages(&home);
    numbers.sort();
    numbers.dedup();
    assert_eq!((numbers.len(), count(&home)), (10_003, 10_003), "the whole file goes on");
}

#[test]
fn an_import_that_is_killed_goes_on_and_each_line_is_there_once() {
    let home = home();
    write(&home, "a.log", lines("a", 0..60_000));
    write(&home, "b.gz", compress::gzip(lines("b", 0..60_000).as_bytes()));
    let mut kills = 0;
    for round in 0..10_usize {
        let launch = home.launch(&["import", "-c", "config.yaml", "a.log", "b.gz"]);
        let mut process = launch.spawn();
        // At another point each time, at first before there is anything.
        let least = count(&home) + (round * 7_919) % 9_000;
        eventually("it is far enough, or ends", || {
            (round == 0 || count(&home) > least || !process.is_running()).then_some(())
        });
        kills += usize::from(process.kill().code.is_none());
    }

    import_well(&home, &["a.log", "b.gz"]);

    assert!(kills >= 5, "{kills} kills");
    let mut stored = messages(&home);
    assert_eq!(stored.len(), 120_000);
    stored.sort();
    let mut all = [expected("a", 0..60_000), expected("b", 0..60_000)].concat();
    all.sort();
    assert!(stored == all, "each line once");
    let exit = import_well(&home, &["a.log", "b.gz"]);
    assert_tells(&exit, "a.log: already imported (60,000 lines");
}

#[test]
fn an_interrupted_import_stores_what_it_has_and_says_how_to_go_on() {
    let home = home();
    let pipe = home.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is part of the system");
    assert!(made.success());
    let process = home.launch(&["import", "-c", "config.yaml", "pipe"]).spawn();
    let mut writer = OpenOptions::new().write(true).open(&pipe).expect("it is being read");
    writer.write_all(lines("a", 0..10).as_bytes()).expect("written");
    writer.write_all(b"{\"message\": \"half").expect("written");
    eventually("what is there is stored", || (count(&home) == 10).then_some(()));

    process.interrupt();
    let exit = process.wait();

    assert_eq!(exit.code, Some(130), "{exit:#?}");
    assert_tells(&exit, "10 stored");
    assert_tells(&exit, "interrupted; the same command goes on where it stopped");
    assert_eq!(messages(&home), expected("a", 0..10));
    drop(writer);
}

#[test]
fn a_dry_run_stores_nothing_and_needs_no_database() {
    let home = home();
    let server = home.start();
    write(&home, "a.log", format!("{}broken\n[1]\n{}", lines("a", 0..4), lines("a", 4..5)));

    let exit = import(&home, &["--dry-run", "a.log"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    for part in [
        "7 lines, 5 would be entries, 2 would not",
        "  line 5: invalid JSON",
        "  line 6: expected a JSON object",
        "lines/s",
    ] {
        assert_tells(&exit, part);
    }
    assert_eq!((count(&home), letters(&home).len()), (0, 0));
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(count(&home), 0);
}

#[test]
fn beside_a_running_service_nothing_is_imported_and_the_ways_out_are_named() {
    let home = home();
    let server = home.start();
    write(&home, "a.log", lines("a", 0..4));

    let exit = import(&home, &["a.log"]);

    assert_eq!(exit.code, Some(1), "{exit:#?}");
    let pid = server.process().pid().to_string();
    for part in ["beside a running service", "start: beginning", "POST /logs", &pid] {
        assert!(exit.stderr.contains(part), "{part} is not in\n{exit:#?}");
    }
    assert_eq!(count(&home), 0);
}

#[test]
fn entries_get_the_source_that_is_named_and_a_time() {
    let home = Home::new(&config::with("source_column: service"));
    write(&home, "a.log", lines("a", 0..2));

    import_well(&home, &["--source", "old files", "a.log"]);

    assert_eq!(texts(&home, "SELECT service FROM Log"), ["old files", "old files"]);
    assert!(texts(&home, "SELECT timestamp FROM Log").iter().all(|time| time.starts_with("20")));
}

#[test]
fn wrong_options_are_told_at_once_by_their_names() {
    let home = home();
    let exit = import(&home, &["--format", "xml", "--column", "a", "--source", "import", "a.log"]);

    assert_eq!(exit.code, Some(2), "{exit:#?}");
    for part in ["--format: expected `json`", "--column: expected a field"] {
        assert!(exit.stderr.contains(part), "{part} is not in\n{exit:#?}");
    }
    assert_eq!(import(&home, &["--source", "http", "a.log"]).code, Some(2));
    assert_eq!(import(&home, &[]).code, Some(2));
    assert!(!Path::new(&home.database_path()).exists());
}
