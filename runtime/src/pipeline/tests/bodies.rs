//! Entries are found in a body for transforms exactly as they stand there, and bound as without transforms.

use super::*;
use crate::domain::{Affinity, Column, ColumnId, Kind, Schema, Value};
use crate::pipeline::bind::Stamp;
use crate::pipeline::{BadBody, Draft};

fn binder() -> Binder {
    let column = |name: &str| Column {
        name: name.into(),
        sqlite_type: "TEXT".into(),
        kind: Kind::Text,
        affinity: Affinity::Text,
        not_null: false,
        has_default: false,
        primary_key: false,
        generated: false,
    };
    let columns = vec![column("timestamp"), column("message")];
    let schema = Schema::new("Log".into(), columns, ("rowid".into(), None), (ColumnId(0), false));
    Binder::new(&Arc::new(schema), OwnColumns::none())
}

fn draft(body: &[u8], layout: Layout) -> Draft {
    binder().draft(body.to_vec(), layout).expect("entries")
}

/// Index and text of each entry.
fn found(draft: &Draft) -> Vec<(usize, &str)> {
    draft.places.iter().zip(&draft.texts).map(|(at, text)| (at.index, text.as_str())).collect()
}

#[test]
fn elements_of_an_array_are_found_among_others() {
    let body = " [ {\"message\": \"a\"} ,{},[[{\"x\": \"],}\"}], 1], {\"message\":{\"}\":\"{\\\"\"} , \"b\" : [ 1 , 2 ]\n}\
                ,\"{\", -1.5e3 ,true,{ \"\\u006dessage\" : \"é\" },null , { } ] ";

    let draft = draft(body.as_bytes(), Layout::Json);

    let expected = [
        (0, "{\"message\": \"a\"}"),
        (1, "{}"),
        (3, "{\"message\":{\"}\":\"{\\\"\"} , \"b\" : [ 1 , 2 ]\n}"),
        (7, "{ \"\\u006dessage\" : \"é\" }"),
        (9, "{ }"),
    ];
    assert_eq!(found(&draft), expected);
    let refused: Vec<_> = draft.bound.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!(refused, [2, 4, 5, 6, 8]);
}

#[test]
fn a_single_object_and_lines_are_found_without_what_is_around_them() {
    let one = draft(b"\n {\"message\": \"a\"}\r\n", Layout::Json);
    let lines = b" {\"message\": \"a\"}\r\n\n7\n{\"message\n{\"message\": \"\xff\"}\n{} x\n{\"message\": \"\xc3\xa9\"}";
    let lines = draft(lines, Layout::NdJson);

    assert_eq!(found(&one), [(0, "{\"message\": \"a\"}")]);
    assert_eq!(found(&lines), [(0, "{\"message\": \"a\"}"), (5, "{\"message\": \"é\"}")]);
    assert_eq!(lines.bound.refused.len(), 4);
}

#[test]
fn entries_are_bound_and_refused_as_without_transforms() {
    let bodies: [(&str, Layout); 4] = [
        (
            "[{\"message\": \"a\", \"b\": 1}, 2, {\"message\": 1e999}, {\"timestamp\": null}]",
            Layout::Json,
        ),
        ("{\"message\": \"a\"}", Layout::Json),
        ("{\"message\": \"a\"}\n{\"mess\n{\"message\": \"c\"}", Layout::NdJson),
        ("[]", Layout::Json),
    ];
    for (body, layout) in bodies {
        let plain = binder().read(body.as_bytes(), layout).expect("entries");
        let draft = draft(body.as_bytes(), layout);
        assert_eq!(format!("{:?}", draft.bound), format!("{plain:?}"));
    }
}

#[test]
fn what_holds_no_entries_is_refused_as_without_transforms() {
    let many = format!("[{}]", vec!["1"; 200_001].join(","));
    for body in ["", "7", "[{]", "{} {}", "[{\"a\": 1}", "\u{feff}{}", &many] {
        let plain = binder().read(body.as_bytes(), Layout::Json).expect_err("nothing");
        let draft = binder().draft(body.into(), Layout::Json).expect_err("nothing");
        assert_eq!(plain, draft);
    }
    let lines = binder().draft("1\n".repeat(200_001).into_bytes(), Layout::NdJson);
    assert_eq!(lines.expect_err("too many"), BadBody::TooMany);
    let bytes = binder().draft(b"{\"a\": \"\xff\"}".to_vec(), Layout::Json);
    assert_eq!(bytes.expect_err("no text"), BadBody::NotUtf8(7));
}

#[test]
fn entries_of_a_harvester_get_the_time_of_arrival_unless_they_name_one() {
    let entries =
        texts(&["{\"message\": \"a\"}", "{\"timestamp\": null}", "{\"timestamp\": \"t\"}", "x"]);

    let draft = binder().draft_entries(&entries, Stamp { source: "x", arrival: Some("now") });

    let rows: Vec<_> = draft.bound.parts.iter().flat_map(|part| part.rows.rows()).collect();
    let times: Vec<_> = rows.iter().filter_map(|row| row.values().next()).collect();
    assert_eq!(times, [Value::Text("now"), Value::Null, Value::Text("t")]);
    assert_eq!(strings(&draft.texts), strings(entries.get(..3).expect("four")));
    assert_eq!(draft.bound.refused.first().map(|refusal| refusal.index), Some(3));
}
