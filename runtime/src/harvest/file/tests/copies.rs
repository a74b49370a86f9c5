//! Files that are copied and truncated, and copies that are none.

use super::*;

#[test]
fn the_rest_is_read_from_the_copy() {
    for pattern in ["a.log", "a.log*"] {
        let mut logs = Logs::of(&[pattern]);
        logs.write("a.log", &lines("a", 0..1_000));
        logs.harvest();
        logs.append("a.log", &lines("a", 1_000..2_000));
        logs.copy("a.log", "a.log.1");
        logs.write("a.log", &lines("b", 0..5_000));
        logs.harvest();
        assert_eq!(logs.rows.len(), 7_000, "{pattern}");
        logs.harvest();
        logs.rows.sort();
        let mut expected = [texts("a", 0..2_000), texts("b", 0..5_000)].concat();
        expected.sort();
        assert_eq!(logs.rows, expected, "{pattern}");
    }
}

#[test]
fn a_copy_waits_while_the_original_is_there() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..1_000));
    logs.harvest();
    logs.copy("a.log", "a.log.1");
    logs.append("a.log", &lines("a", 1_000..1_100));
    logs.harvest();
    assert!(logs.file("a.log.1").is_dormant);
    assert_eq!(logs.tails().unread(), 0);
    // What was written between copying and truncating is read already.
    logs.write("a.log", "");
    logs.harvest();
    assert_eq!(logs.rows, texts("a", 0..1_100));
    logs.append("a.log.1", "more\n");
    logs.rows.clear();
    assert_eq!(logs.harvested(), ["more"], "it is a file of its own now");
}

#[test]
fn several_generations_of_copies_are_told_apart() {
    let mut logs = Logs::of(&["a.log*"]);
    let mut expected = Vec::new();
    for run in ["a", "b", "c", "d", "e"] {
        logs.append("a.log", &lines(run, 0..300));
        logs.harvest();
        logs.append("a.log", &lines(run, 300..400));
        for number in (1..4).rev().filter(|number| logs.path(&format!("a.log.{number}")).exists()) {
            logs.rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
        }
        logs.copy("a.log", "a.log.1");
        logs.write("a.log", "");
        expected.extend(texts(run, 0..400));
    }
    logs.harvest();
    logs.rows.sort();
    expected.sort();
    assert_eq!(logs.rows, expected);
}

#[test]
fn what_was_copied_and_truncated_while_nobody_looked_is_read_from_the_copy() {
    for pattern in ["a.log", "a.log*"] {
        let mut logs = Logs::of(&[pattern]);
        logs.write("a.log", &lines("a", 0..1_000));
        logs.harvest();
        logs.stop();
        logs.append("a.log", &lines("a", 1_000..2_000));
        logs.copy("a.log", "a.log-20261125");
        logs.write("a.log", &lines("b", 0..3_000));
        logs.new_rows();
        let mut rows = logs.harvested();
        rows.sort();
        let mut expected = [texts("a", 1_000..2_000), texts("b", 0..3_000)].concat();
        expected.sort();
        assert_eq!(rows, expected, "{pattern}");
        logs.stop();
        assert!(logs.harvested().is_empty(), "{pattern}");
    }
}

#[test]
fn a_copy_of_a_file_nothing_was_read_of_is_read_once() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..100));
    logs.copy("a.log", "a.log.1");
    assert_eq!(logs.harvested(), texts("a", 0..100));
    logs.write("a.log", "b\n");
    assert_eq!(logs.harvested(), ["b"]);
}

#[test]
fn a_copy_that_outlives_its_original_is_not_read_again() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..100));
    logs.harvest();
    logs.copy("a.log", "a.log.bak");
    logs.remove("a.log");
    logs.harvest();
    logs.pass_silence();
    logs.harvest();
    logs.append("a.log.bak", "more\n");
    logs.harvest();
    assert_eq!(logs.rows, [texts("a", 0..100), vec!["more".into()]].concat());
}

#[test]
fn a_copy_that_becomes_another_file_is_read_as_a_whole() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..100));
    logs.harvest();
    logs.copy("a.log", "a.log.1");
    logs.harvest();
    logs.append("a.log.1", "other\n");
    logs.new_rows();
    assert_eq!(logs.harvested(), [texts("a", 0..100), vec!["other".into()]].concat());
}

#[test]
fn rotated_files_that_begin_alike_are_no_copies() {
    let mut logs = Logs::of(&["a.log*"]);
    let header = "the same header of every file\n".repeat(50);
    logs.write("a.log.2", &format!("{header}one\n"));
    logs.write("a.log.1", &format!("{header}two\n"));
    logs.write("a.log", &format!("{header}three\n"));
    let rows = logs.harvested();
    let others: Vec<_> = rows.iter().filter(|row| !row.starts_with("the same")).collect();
    assert_eq!(rows.len(), 153);
    assert_eq!(others.len(), 3, "{others:?}");
}

#[test]
fn of_several_copies_of_a_truncated_file_one_is_read() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..1_000));
    logs.harvest();
    logs.append("a.log", &lines("a", 1_000..1_100));
    logs.copy("a.log", "a.log.bak");
    logs.copy("a.log", "a.log.1");
    logs.write("a.log", "b\n");
    logs.harvest();
    logs.rows.sort();
    let mut expected = [texts("a", 0..1_100), vec!["b".into()]].concat();
    expected.sort();
    assert_eq!(logs.rows, expected);
}

#[test]
fn a_copy_with_a_lower_inode_number_than_its_original_waits_as_well() {
    let mut logs = Logs::of(&["a.log*"]);
    // The numbers of files that were made before are given to those that come then, or lower ones.
    for turn in 0..2 {
        let (first, second) = if turn == 0 { ("x", "y") } else { ("y", "x") };
        logs.write(first, "");
        logs.write(second, "");
        logs.rename("x", "a.log");
        logs.write("a.log", &lines("a", 0..1_000));
        logs.harvest();
        logs.rename("y", "a.log.1");
        logs.copy("a.log", "a.log.1");
        logs.append("a.log", &lines("a", 1_000..1_100));
        logs.harvest();
        logs.write("a.log", "");
        logs.harvest();
        assert_eq!(logs.new_rows(), texts("a", 0..1_100));
        logs = Logs::of(&["a.log*"]);
    }
}
