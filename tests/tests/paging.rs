//! `GET /logs`: order, offset, and cursors that stay right while rows arrive.

use loglite_e2e::{Home, Server, config};
use serde_json::{Value, json};

/// A table whose timestamps may be missing or of any type.
const LOOSE_TABLE: &str = "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp, message TEXT);
CREATE INDEX idx_timestamp ON Log (timestamp);";

fn start() -> Server {
    Home::new(&config::with("")).start()
}

/// Entries with few distinct timestamps, so that most are tied.
fn store_tied(server: &Server, count: u32) {
    let entry =
        |n: u32| json!({"timestamp": format!("2024-01-0{}", n % 3 + 1), "message": n.to_string()});
    server.store(&(0..count).map(entry).collect::<Vec<_>>().into());
}

fn ids(values: &[Value]) -> Vec<i64> {
    values.iter().map(|id| id.as_i64().expect("an id")).collect()
}

/// Follows the cursor to the end; `between` is called after each page.
fn walk(server: &Server, parameters: &str, mut between: impl FnMut()) -> Vec<i64> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..1_000 {
        let page = server.get(&format!("/logs?fields=id&{parameters}{cursor}"));
        assert_eq!(page.status, 200, "{page:?}");
        all.extend(ids(&page.column("id")));
        let Value::String(next) = page.at("/result/cursor") else { return all };
        cursor = format!("&cursor={next}");
        between();
    }
    panic!("the cursor leads nowhere: {all:?}")
}

fn whole(server: &Server, parameters: &str) -> Vec<i64> {
    ids(&server.get(&format!("/logs?fields=id&limit=1000&{parameters}")).column("id"))
}

#[test]
fn rows_come_newest_first_and_ties_by_the_newest_id() {
    let server = start();
    store_tied(&server, 6);

    assert_eq!(whole(&server, "order=desc"), [6, 3, 5, 2, 4, 1]);
    assert_eq!(whole(&server, ""), whole(&server, "order=desc"));
    assert_eq!(whole(&server, "order=asc"), [1, 4, 2, 5, 3, 6]);
}

#[test]
fn the_limit_is_100_unless_given_and_the_total_counts_all_matches() {
    let server = start();
    store_tied(&server, 150);

    let page = server.get("/logs?fields=id");
    let filtered = server.get("/logs?fields=id&message=~=1&limit=2&offset=3");
    let none = server.get("/logs?limit=0");

    assert_eq!(page.column("id").len(), 100);
    let numbers = |answer: &loglite_e2e::Response| {
        ["total", "offset", "limit"].map(|name| answer.at(&format!("/result/{name}")))
    };
    assert_eq!(numbers(&page), [150, 0, 100]);
    let with_a_1 = (0..150).filter(|n| n.to_string().contains('1')).count();
    assert_eq!(numbers(&filtered), [json!(with_a_1), json!(3), json!(2)]);
    assert_eq!(filtered.column("id").len(), 2);
    assert_eq!(filtered.header("x-total-count"), Some(with_a_1.to_string().as_str()));
    assert_eq!(none.at("/result/results"), json!([]));
    assert_eq!(none.at("/result/total"), 150);
}

#[test]
fn offsets_cut_the_ordered_result() {
    let server = start();
    store_tied(&server, 50);
    for order in ["asc", "desc"] {
        let all = whole(&server, &format!("order={order}"));
        for offset in [0, 1, 20, 45, 50, 1_000_000] {
            let page = whole(&server, &format!("order={order}&offset={offset}"));
            assert_eq!(page, all.get(offset..).unwrap_or_default(), "{order} {offset}");
        }
    }
}

#[test]
fn cursors_lead_through_all_rows_once_whatever_the_page_size() {
    let server = start();
    store_tied(&server, 40);
    for order in ["asc", "desc"] {
        let all = whole(&server, &format!("order={order}"));
        assert_eq!(all.len(), 40);
        for limit in [1, 3, 39, 40, 41] {
            assert_eq!(walk(&server, &format!("order={order}&limit={limit}"), || ()), all);
        }
        let filter = format!("order={order}&message=~=2&timestamp=>=2024-01-02");
        assert_eq!(walk(&server, &format!("{filter}&limit=2"), || ()), whole(&server, &filter));
    }
}

#[test]
fn a_cursor_goes_on_behind_an_offset() {
    let server = start();
    store_tied(&server, 30);
    let first = server.get("/logs?fields=id&limit=5&offset=10");
    let cursor = first.at("/result/cursor");
    let cursor = cursor.as_str().expect("rows are left");

    let second = server.get(&format!("/logs?fields=id&limit=5&cursor={cursor}"));

    let pages = [ids(&first.column("id")), ids(&second.column("id"))].concat();
    assert_eq!(pages, whole(&server, "offset=10").get(..10).expect("20 are left"));
    let both = server.get(&format!("/logs?offset=5&cursor={cursor}"));
    assert_eq!(both.status, 400, "{both:?}");
}

#[test]
fn rows_that_arrive_meanwhile_shift_no_page() {
    let server = start();
    store_tied(&server, 60);
    let before = whole(&server, "");

    let newest_first = walk(&server, "limit=7", || {
        server.store(&json!({"timestamp": "2024-12-31", "message": "newer than all"}));
    });

    assert_eq!(newest_first, before);
}

#[test]
fn rows_that_are_deleted_meanwhile_shift_no_page() {
    let server = start();
    store_tied(&server, 60);
    let all = whole(&server, "");
    let mut seen = 0;

    let walked = walk(&server, "limit=7", || {
        // The row that the cursor points at goes, too.
        let gone = all.get(seen..seen + 7).unwrap_or_default();
        seen += 7;
        for id in gone {
            server
                .home()
                .database()
                .execute("DELETE FROM Log WHERE id = ?1", [id])
                .expect("a delete");
        }
    });

    assert_eq!(walked, all);
}

#[test]
fn rows_without_a_timestamp_come_last_and_are_not_lost_by_cursors() {
    let server = Home::new(&config::with_table(LOOSE_TABLE, "")).start();
    let entry = |n: u32| match n % 4 {
        0 => json!({"message": "null"}),
        1 => json!({"timestamp": "2024-01-01", "message": "text"}),
        2 => json!({"timestamp": n / 8, "message": "integer"}),
        _ => json!({"timestamp": f64::from(n) / 16.0, "message": "real"}),
    };
    server.store(&(0..48).map(entry).collect::<Vec<_>>().into());

    let desc = whole(&server, "order=desc");
    let asc = whole(&server, "order=asc");

    assert_eq!(desc.len(), 48);
    assert_eq!(asc, desc.iter().rev().copied().collect::<Vec<_>>());
    let last = server.get("/logs?offset=36").column("timestamp");
    assert!(last.iter().all(Value::is_null) && last.len() == 12, "{last:?}");
    for limit in [1, 5, 11, 12, 13, 36, 47] {
        assert_eq!(walk(&server, &format!("limit={limit}"), || ()), desc, "{limit}");
        assert_eq!(walk(&server, &format!("order=asc&limit={limit}"), || ()), asc, "{limit}");
    }
    let nulls = "timestamp=is%20null";
    assert_eq!(walk(&server, &format!("{nulls}&limit=5"), || ()), whole(&server, nulls));
}

#[test]
fn a_table_without_an_id_column_is_paged_by_its_rowid() {
    let table = "CREATE TABLE Log (timestamp TEXT, message TEXT)";
    let server = Home::new(&config::with_table(table, "")).start();
    let entry = |n: u32| json!({"timestamp": "same", "message": n.to_string()});
    server.store(&(0..10).map(entry).collect::<Vec<_>>().into());

    let first = server.get("/logs?limit=6");
    let cursor = first.at("/result/cursor");
    let second = server.get(&format!("/logs?limit=6&cursor={}", cursor.as_str().expect("more")));

    let messages = [first.column("message"), second.column("message")].concat();
    assert_eq!(messages, ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
}

#[test]
fn order_and_ties_follow_the_configured_timestamp_column() {
    let table = "CREATE TABLE Log (id INTEGER PRIMARY KEY, ts INTEGER, timestamp TEXT)";
    let server = Home::new(&config::with_table(table, "log_timestamp_field: ts")).start();
    server.store(&json!([
        {"ts": 10, "timestamp": "a"}, {"ts": 9, "timestamp": "b"}, {"ts": 100, "timestamp": "c"}
    ]));

    assert_eq!(server.get("/logs").column("timestamp"), ["c", "a", "b"]);
}
