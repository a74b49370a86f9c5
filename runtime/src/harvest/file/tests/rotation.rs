//! Files that are renamed, deleted and made anew.

use super::*;

#[test]
fn the_rest_of_a_renamed_file_is_read() {
    for pattern in ["a.log", "a.log*"] {
        let mut logs = Logs::of(&[pattern]);
        logs.write("a.log", &lines("a", 0..10));
        logs.harvest();
        logs.append("a.log", &lines("a", 10..20));
        logs.rename("a.log", "a.log.1");
        logs.write("a.log", &lines("b", 0..10));
        logs.harvest();
        logs.append("a.log.1", &lines("a", 20..30));
        logs.harvest();
        logs.tails().times.check = Instant::now();
        logs.harvest();
        let mut expected = [texts("a", 0..30), texts("b", 0..10)].concat();
        expected.sort();
        logs.rows.sort();
        assert_eq!(logs.rows, expected, "{pattern}");
    }
}

#[test]
fn a_renamed_file_is_read_before_the_one_that_takes_its_place() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..10));
    logs.harvest();
    logs.append("a.log", &lines("a", 10..50_000));
    logs.rename("a.log", "a.log.1");
    logs.write("a.log", &lines("b", 0..10));
    assert!(logs.path("a.log").exists());
    assert_eq!(logs.harvested(), [texts("a", 0..50_000), texts("b", 0..10)].concat());
}

#[test]
fn a_deleted_file_is_read_to_its_end() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.append("a.log", "b\nlast");
    logs.remove("a.log");
    assert_eq!(logs.harvested(), ["a", "b"]);
    assert_eq!(logs.tails().present(), 1, "a writer may have it open still");

    logs.pass_silence();

    assert_eq!(logs.harvested(), ["last"]);
    assert_eq!(logs.tails().present(), 0);
    logs.write("a.log", "a\nb\nlast");
    assert_eq!(logs.harvested(), ["a", "b"], "one that is made anew is another one");
}

#[test]
fn generations_that_came_while_nobody_looked_are_read_in_their_order() {
    let mut logs = Logs::of(&["a.log*"]);
    logs.write("a.log", &lines("a", 0..10));
    logs.harvest();
    logs.stop();
    logs.append("a.log", &lines("a", 10..20));
    for run in ["b", "c", "d"] {
        logs.remove_if_there("a.log.9");
        for number in (1..5).rev().filter(|number| logs.path(&format!("a.log.{number}")).exists()) {
            logs.rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
        }
        logs.rename("a.log", "a.log.1");
        logs.write("a.log", &lines(run, 0..5_000));
        logs.age("a.log", run);
    }
    logs.age("a.log.3", "a");
    logs.new_rows();
    let expected =
        [texts("a", 10..20), texts("b", 0..5_000), texts("c", 0..5_000), texts("d", 0..5_000)];
    assert_eq!(logs.harvested(), expected.concat());
}

#[test]
fn a_file_that_was_renamed_out_of_the_pattern_while_nobody_looked_is_found_by_its_inode() {
    let mut logs = Logs::of(&["a.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.append("a.log", "b\n");
    logs.stop();
    logs.rename("a.log", "old");
    logs.write("a.log", "c\n");
    logs.new_rows();
    let mut rows = logs.harvested();
    rows.sort();
    assert_eq!(rows, ["b", "c"]);
    logs.stop();
    logs.append("old", "d\n");
    assert_eq!(logs.harvested(), ["d"], "also after another start");
}

#[test]
fn a_link_that_is_switched_leads_to_another_file() {
    let mut logs = Logs::of(&["current.log"]);
    logs.write("1", "a\n");
    std::os::unix::fs::symlink("1", logs.path("current.log")).expect("linked");
    logs.harvest();
    logs.append("1", "b\n");
    logs.write("2", "c\n");
    std::os::unix::fs::symlink("2", logs.path("new")).expect("linked");
    logs.rename("new", "current.log");
    logs.harvest();
    logs.rows.sort();
    assert_eq!(logs.new_rows(), ["a", "b", "c"]);
    logs.append("2", "d\n");
    logs.tails().times.check = Instant::now();
    assert_eq!(logs.harvested(), ["d"]);
}

#[test]
fn a_file_with_two_names_is_read_once() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    std::fs::hard_link(logs.path("a.log"), logs.path("b.log")).expect("linked");
    std::os::unix::fs::symlink("a.log", logs.path("c.log")).expect("linked");
    assert_eq!(logs.harvested(), ["a"]);
    logs.append("b.log", "b\n");
    assert_eq!(logs.harvested(), ["b"]);
    logs.remove("a.log");
    logs.append("b.log", "c\n");
    assert_eq!(logs.harvested(), ["c"]);
}

#[test]
fn positions_of_files_that_are_gone_are_forgotten_in_the_end() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.remove("a.log");
    logs.harvest();
    logs.pass_silence();
    logs.harvest();
    assert_eq!(logs.checkpoints.len(), 2, "a copy of it may come up");
    logs.tails().files.values_mut().for_each(|file| {
        file.standing = crate::harvest::file::tailed::Standing::Gone(1);
    });
    logs.harvest();
    assert_eq!(logs.checkpoints.len(), 1, "that it was started before is still known");
}

#[test]
fn a_writer_that_is_late_is_read_from_the_file_that_was_moved_out_of_the_pattern() {
    let mut logs = Logs::of(&["a.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.rename("a.log", "a.log.1");
    logs.harvest();
    logs.pass_silence();
    logs.harvest();
    assert_eq!(logs.tails().present(), 0);
    logs.append("a.log.1", "late\n");
    logs.harvest();
    assert_eq!(logs.new_rows(), ["a", "late"]);
}
