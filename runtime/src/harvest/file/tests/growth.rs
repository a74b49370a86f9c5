//! Files that grow where they are.

use super::*;
use crate::config::{MultilineConfig, Pattern};
use crate::domain::ByteSize;

#[test]
fn what_is_appended_is_handed_over_once() {
    let mut logs = Logs::of(&["a.log"]);
    assert!(logs.harvested().is_empty(), "a missing file is waited for");
    for number in 0..5 {
        logs.append("a.log", &lines("a", number * 10..number * 10 + 10));
        logs.harvest();
        logs.harvest();
    }
    assert_eq!(logs.rows, texts("a", 0..50));
}

#[test]
fn a_partial_last_line_waits_until_it_is_complete() {
    let mut logs = Logs::of(&["a.log"]);
    for (part, expected) in
        [("on", vec![]), ("e\ntw", vec!["one"]), ("o", vec![]), ("\n", vec!["two"])]
    {
        logs.append("a.log", part);
        assert_eq!(logs.harvested(), expected, "after {part:?}");
    }
    logs.append("a.log", "three");
    logs.harvest();
    logs.pass_silence();
    assert!(logs.harvested().is_empty(), "a file that keeps its name is not at its end");
}

#[test]
fn a_long_partial_line_is_kept_and_not_read_again() {
    let mut logs = Logs::of(&["a.log"]);
    logs.line.max_line_size = ByteSize(1 << 20);
    let long = "x".repeat(100_000);
    for _ in 0..5 {
        logs.append("a.log", &long);
        assert!(logs.harvested().is_empty());
    }
    logs.append("a.log", "\nnext\n");
    let rows = logs.harvested();
    assert_eq!((rows[0].len(), rows[1].as_str()), (500_000, "next"));
    logs.append("a.log", "y\n");
    assert_eq!(logs.harvested(), ["y"], "its print is right");
}

#[test]
fn a_truncated_file_is_read_from_its_beginning() {
    let mut logs = Logs::of(&["a.log"]);
    logs.write("a.log", &lines("a", 0..100));
    logs.harvest();
    for (content, expected) in [
        (lines("b", 0..3), texts("b", 0..3)),
        // It is longer than before already.
        (lines("c", 0..300), texts("c", 0..300)),
        // As long as before, but another one.
        (lines("d", 0..300), texts("d", 0..300)),
        (String::new(), vec![]),
        (lines("d", 0..300), texts("d", 0..300)),
    ] {
        logs.new_rows();
        logs.write("a.log", &content);
        assert_eq!(logs.harvested(), expected);
    }
}

#[test]
fn one_busy_file_does_not_hold_up_the_others() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("busy.log", &lines("busy", 0..200_000));
    logs.harvest_some(1);
    for number in 0..20 {
        logs.write(&format!("quiet{number}.log"), &format!("quiet{number}\n"));
    }
    logs.tails().times.look = Instant::now();
    logs.new_rows();
    logs.harvest_some(3);
    let rows = logs.new_rows();
    let quiet = rows.iter().filter(|row| row.starts_with("quiet")).count();
    assert_eq!(quiet, 20, "of {} rows", rows.len());
}

#[test]
fn files_with_the_same_content_are_files_of_their_own_and_few_are_open() {
    let mut logs = Logs::of(&["*.log"]);
    logs.config.max_open_files = 7;
    for number in 0..300 {
        logs.write(&format!("a{number}.log"), &lines("same", 0..10));
    }
    logs.harvest();
    assert_eq!(logs.new_rows().len(), 3_000);
    logs.append("a7.log", "more\n");
    logs.append("a290.log", "more\n");
    assert_eq!(logs.harvested(), ["more", "more"]);
    let open = logs.tails().files.keys().copied().collect::<Vec<_>>();
    let open = open.into_iter().filter(|id| logs.tails().handles.has(*id)).count();
    assert_eq!(open, 7);
    assert_eq!((logs.tails().present(), logs.tails().unread()), (300, 0));
}

#[test]
fn an_event_of_several_lines_is_complete_after_a_while() {
    let mut logs = Logs::of(&["a.log"]);
    let start = Pattern(regex::Regex::new("^[A-Z]").expect("a pattern"));
    let timeout = Duration::from_secs(3_600);
    logs.line.multiline = Some(MultilineConfig { start, timeout });
    logs.append("a.log", "A\n b\nC\n d\n");
    assert_eq!(logs.harvested(), ["A\n b"]);
    assert!(logs.tails().unread() > 0);
    logs.append("a.log", " e\n f");
    assert!(logs.harvested().is_empty());

    logs.tails().files.values_mut().for_each(|file| file.settle_at = Some(Instant::now()));

    assert_eq!(logs.harvested(), ["C\n d\n e"]);
    logs.append("a.log", "\nG\n");
    assert_eq!(logs.harvested(), [" f"]);
    logs.stop();
    logs.append("a.log", "H\n");
    assert_eq!(logs.harvested(), ["G"], "the position was at the event's begin");
}

#[test]
fn a_file_that_cannot_be_read_does_not_stop_the_others() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    std::fs::create_dir(logs.path("b.log")).expect("made");
    std::os::unix::fs::symlink("c.log", logs.path("c.log")).expect("a link in a circle");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        logs.path("d.log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    assert_eq!(logs.harvested(), ["a"]);
}

#[test]
fn the_hole_that_truncation_leaves_to_a_writer_that_does_not_append_is_skipped() {
    use std::os::unix::fs::FileExt;
    for hole in [10, 10_000, 1_000_000] {
        let mut logs = Logs::of(&["a.log"]);
        logs.write("a.log", "old\n");
        logs.harvest();
        logs.write("a.log", "");
        let file = OpenOptions::new().write(true).open(logs.path("a.log")).expect("opened");
        file.write_all_at(b"new\nnext\n", hole).expect("written");
        logs.harvest();
        assert_eq!(logs.new_rows(), ["old", "new", "next"]);
    }
}
