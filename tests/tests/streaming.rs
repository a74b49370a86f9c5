//! `GET /logs`: answers longer than a page, as JSON, NDJSON and CSV.

use std::sync::atomic::{AtomicBool, Ordering};

use loglite_e2e::{Home, Request, Response, Server, config};
use serde_json::{Value, json};

const ROWS: usize = 3_500;

fn filled(keys: &str) -> Server {
    let server = Home::new(&config::with(keys)).start();
    let entry = |n: usize| json!({"timestamp": format!("t{}", n % 7), "message": format!("m{n}"), "line": n});
    server.store(&(0..ROWS).map(entry).collect::<Vec<_>>().into());
    server
}

fn lines_of(answer: &Response) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect()
}

#[test]
fn a_json_answer_longer_than_a_page_is_one_document() {
    let server = filled("");

    let answer = server.get("/logs?fields=id&limit=3000&offset=100&order=asc");
    let all = server.get("/logs?fields=id&limit=100000&order=asc");

    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.at("/result/total"), ROWS);
    assert_eq!(answer.at("/result/limit"), 3000);
    let (part, whole) = (answer.column("id"), all.column("id"));
    assert_eq!(whole.len(), ROWS);
    assert_eq!(Some(part.as_slice()), whole.get(100..3100));
    assert!(answer.at("/result/cursor").is_string(), "400 rows are left");
    assert!(all.at("/result/cursor").is_null(), "none is left");
}

#[test]
fn the_cursor_of_a_long_answer_goes_on_behind_it() {
    let server = filled("");
    let first = server.get("/logs?fields=id&limit=2500");
    let cursor = first.at("/result/cursor");

    let rest = server
        .get(&format!("/logs?fields=id&limit=2500&cursor={}", cursor.as_str().expect("more")));

    let all = [first.column("id"), rest.column("id")].concat();
    assert_eq!(all, server.get("/logs?fields=id&limit=5000").column("id"));
    assert!(rest.at("/result/cursor").is_null(), "{:?}", rest.at("/result/cursor"));
}

#[test]
fn ndjson_streams_the_whole_result_unless_limited() {
    let server = filled("");

    let all = server.get("/logs?format=ndjson&order=asc&fields=id,message");
    let some = server.get("/logs?format=ndjson&order=asc&fields=id,message&limit=1200&offset=2000");
    let none = server.get("/logs?format=ndjson&level==ERROR");

    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(all.header("x-total-count"), Some(ROWS.to_string().as_str()));
    let lines = lines_of(&all);
    assert_eq!(lines.len(), ROWS);
    let expected = json!({"id": 1, "message": "m0"});
    assert_eq!(lines.first(), Some(&expected));
    assert_eq!(Some(lines_of(&some).as_slice()), lines.get(2000..3200));
    assert_eq!(lines_of(&none).len(), 0);
}

#[test]
fn csv_has_a_header_and_quotes_what_needs_it() {
    let server = Home::new(&config::with("")).start();
    server.store(&json!([
        {"timestamp": "1", "message": "plain", "line": 1, "ratio": 1.5, "extra": {"a": [1, "x"]}},
        {"timestamp": "2", "message": "a \"b\", c\r\nd", "service": ""},
    ]));

    let answer =
        server.get("/logs?format=csv&fields=id,message,service,line,ratio,extra&order=asc");
    let empty = server.get("/logs?format=csv&fields=id,message&level==ERROR");

    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let expected = "id,message,service,line,ratio,extra\r\n\
                    1,plain,,1,1.5,\"{\"\"a\"\":[1,\"\"x\"\"]}\"\r\n\
                    2,\"a \"\"b\"\", c\r\nd\",\"\",,,\r\n";
    assert_eq!(answer.text(), expected);
    assert_eq!(empty.text(), "id,message\r\n");
}

#[test]
fn csv_streams_the_whole_result() {
    let answer = filled("").get("/logs?format=csv&fields=id&order=asc&timestamp==t3");
    let lines = answer.text().lines().count();
    assert_eq!(lines, 1 + ROWS / 7);
}

#[test]
fn a_long_answer_is_complete_without_duplicates_while_rows_arrive() {
    let server = filled("");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                server.store(&json!([
                    {"timestamp": "t0", "message": "new"}, {"timestamp": "t9", "message": "new"}
                ]));
            }
        });
        for order in ["asc", "desc"] {
            let answer =
                server.get(&format!("/logs?format=ndjson&fields=id,message&order={order}"));
            let lines = lines_of(&answer);
            let old = |line: &&Value| line.get("message").is_some_and(|message| message != "new");
            let mut ids: Vec<_> =
                lines.iter().filter(old).filter_map(|line| line.get("id")?.as_u64()).collect();
            ids.sort_unstable();
            let expected: Vec<_> = (1..=ROWS as u64).collect();
            assert_eq!(ids, expected, "{order}");
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn wide_rows_stream_too() {
    let server = Home::new(&config::with("")).start();
    let wide = "x".repeat(300_000);
    for _ in 0..4 {
        server.store(&vec![json!({"message": wide}); 10].into());
    }

    let json = server.get("/logs?fields=message");
    let lines = server.get("/logs?fields=id,message&format=ndjson");

    assert_eq!(json.column("message").len(), 40);
    assert_eq!(lines_of(&lines).len(), 40);
}

#[test]
fn a_client_that_hangs_up_during_a_long_answer_leaves_the_server_well() {
    let server = filled("db_pool_size: 1");
    for _ in 0..20 {
        let mut connection = server.connect();
        let request = Request::get("/logs?format=ndjson");
        connection.write(&request.to_bytes()).expect("the server reads");
        drop(connection);
    }
    assert_eq!(lines_of(&server.get("/logs?format=ndjson&fields=id")).len(), ROWS);
}

#[test]
fn rows_that_another_program_has_just_written_are_in_a_long_answer() {
    let server = filled("");
    let insert = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000)
        INSERT INTO Log (message) SELECT 'other ' || x FROM n";
    server.home().database().execute(insert, []).expect("another program can write");

    let answer = server.get("/logs?fields=id&limit=100000&message=~=other");
    let lines = lines_of(&server.get("/logs?fields=id&format=ndjson"));

    assert_eq!(answer.at("/result/total"), 2000);
    assert_eq!(answer.column("id").len(), 2000);
    assert_eq!(lines.len(), ROWS + 2000);
}
