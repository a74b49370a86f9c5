//! Where a harvester begins that is started for the first time, or again.

use super::*;

#[test]
fn by_default_the_first_start_begins_at_the_end_and_later_files_at_their_beginning() {
    let mut logs = Logs::of(&["*.log"]);
    logs.config.start = None;
    logs.write("old.log", "old\npart");
    assert!(logs.harvested().is_empty());
    logs.append("old.log", "ial\n");
    logs.write("new.log", "new\n");
    let mut rows = logs.harvested();
    rows.sort();
    assert_eq!(rows, ["new", "partial"]);
    logs.stop();
    logs.append("old.log", "while it was down\n");
    logs.write("later.log", "later\n");
    let mut rows = logs.harvested();
    rows.sort();
    assert_eq!(rows, ["later", "while it was down"]);
}

#[test]
fn a_first_start_that_stored_nothing_else_is_remembered() {
    let mut logs = Logs::of(&["*.log"]);
    logs.config.start = None;
    logs.harvest();
    logs.stop();
    logs.write("a.log", "a\n");
    assert_eq!(logs.harvested(), ["a"]);
}

#[test]
fn with_start_at_the_end_only_files_that_come_up_while_it_runs_begin_at_their_beginning() {
    let mut logs = Logs::of(&["*.log"]);
    logs.config.start = Some(Start::End);
    logs.write("a.log", "a\n");
    assert!(logs.harvested().is_empty());
    logs.write("b.log", "b\n");
    assert_eq!(logs.harvested(), ["b"]);
    logs.stop();
    logs.write("c.log", "c\n");
    logs.rename("a.log", "a.old");
    logs.write("a.log", "goes on\n");
    assert_eq!(logs.harvested(), ["goes on"]);
}

#[test]
fn whatever_was_not_committed_is_handed_over_again() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", &lines("a", 0..100_000));
    logs.write("b.log", &lines("b", 0..100_000));
    let mut rounds = 0;
    while logs.rows.len() < 200_000 {
        // Gathered, but the process ended before it was committed.
        logs.tails().times.look = Instant::now();
        logs.tails().gather();
        logs.tails().gather();
        logs.stop();
        logs.harvest_some(2);
        logs.stop();
        rounds += 1;
        assert!(rounds < 1_000, "it comes to no end");
    }
    logs.rows.sort();
    let mut expected = [texts("a", 0..100_000), texts("b", 0..100_000)].concat();
    expected.sort();
    assert_eq!(logs.rows, expected);
    assert!(rounds > 5);
}

#[test]
fn a_file_whose_device_has_another_number_now_is_known_by_its_path_and_content() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.stop();
    let as_other_device = |(key, checkpoint): (CheckpointKey, Checkpoint)| {
        let key = key.as_str().to_owned();
        let text = key.split_once('-').map(|(_, inode)| format!("logs/999999-{inode}"));
        (CheckpointKey::from(text.unwrap_or(key)), checkpoint)
    };
    logs.checkpoints =
        std::mem::take(&mut logs.checkpoints).into_iter().map(as_other_device).collect();
    logs.append("a.log", "b\n");
    logs.new_rows();
    assert_eq!(logs.harvested(), ["b"]);
    assert_eq!(logs.checkpoints.len(), 2, "the old position is forgotten");
}

#[test]
fn a_file_that_is_not_asked_for_any_more_is_left_alone() {
    let mut logs = Logs::of(&["*.log"]);
    logs.write("a.log", "a\n");
    logs.harvest();
    logs.stop();
    logs.append("a.log", "b\n");
    let all = std::mem::replace(&mut logs.config.paths, vec!["/none".into()]);
    logs.new_rows();
    assert!(logs.harvested().is_empty());
    logs.stop();
    logs.config.paths = all;
    assert_eq!(logs.harvested(), ["b"]);
}
