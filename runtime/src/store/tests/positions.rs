//! Positions of a source's inputs beside its own.

use super::*;
use crate::store::position::read_input_checkpoints;

fn save(committer: &mut Committer, positions: &[(CheckpointKey, Option<&[u8]>)]) {
    let owned = |bytes: &[u8]| Checkpoint(bytes.to_vec());
    let checkpoints =
        positions.iter().map(|(key, bytes)| (key.clone(), bytes.map(owned))).collect();
    write(committer, &Delivery { checkpoints, ..Delivery::default() });
}

fn of_input(source: &str, input: &str) -> CheckpointKey {
    CheckpointKey::of_input(&source.into(), input)
}

fn inputs(committer: &Committer, source: &str) -> Vec<(String, Vec<u8>)> {
    let found = read_input_checkpoints(&committer.connection, &source.into()).expect("readable");
    found.into_iter().map(|(key, Checkpoint(bytes))| (key.as_str().to_owned(), bytes)).collect()
}

#[test]
fn a_source_is_told_the_positions_of_its_inputs_and_of_no_others() {
    let mut committer = committer(TABLE);
    save(
        &mut committer,
        &[
            (of_input("app", "b/c"), Some(b"2")),
            (of_input("app", "a%_"), Some(b"1")),
            (of_input("apps", "a"), Some(b"no")),
            (of_input("ap", "p/a"), Some(b"no")),
            (of_input("APP", "a"), Some(b"no")),
            ((&SourceName::from("app")).into(), Some(b"own")),
        ],
    );

    let found = inputs(&committer, "app");

    assert_eq!(found, [("app/a%_".into(), b"1".to_vec()), ("app/b/c".into(), b"2".to_vec())]);
    let own = read_checkpoint(&committer.connection, &"app".into()).expect("readable");
    assert_eq!(own, Some(Checkpoint(b"own".to_vec())));
}

#[test]
fn a_position_is_replaced_and_forgotten_by_its_key() {
    let mut committer = committer(TABLE);
    let (first, second) = (of_input("app", "1"), of_input("app", "2"));
    save(&mut committer, &[(first.clone(), Some(b"a")), (second.clone(), Some(b"b"))]);

    save(&mut committer, &[(first.clone(), Some(b"c")), (second, None)]);
    assert_eq!(inputs(&committer, "app"), [("app/1".into(), b"c".to_vec())]);

    save(&mut committer, &[(first, None), (of_input("app", "never there"), None)]);
    assert!(inputs(&committer, "app").is_empty());
}
