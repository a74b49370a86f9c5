//! `GET /logs`: filters with each operator on each kind of column, escapes, fields, and what is refused.

use loglite_e2e::{Home, Response, Server, config};
use serde_json::{Value, json};

fn start(keys: &str) -> Server {
    Home::new(&config::with(keys)).start()
}

/// A server with a handful of entries, oldest first named a to e.
fn filled() -> Server {
    let server = start("");
    server.store(&json!([
        {"timestamp": "2024-01-01T00:00:00Z", "level": "DEBUG", "service": "api", "message": "a",
         "line": 9, "ratio": 0.5, "ok": true, "extra": {"k": 1}},
        {"timestamp": "2024-01-02T00:00:00Z", "level": "INFO", "service": "API, v2", "message": "b",
         "line": 10, "ratio": 1, "ok": false},
        {"timestamp": "2024-01-03T00:00:00Z", "level": "WARNING", "service": "50%_off", "message": "c",
         "line": 100, "ratio": 2.5},
        {"timestamp": "2024-01-04T00:00:00Z", "level": "ERROR", "service": "back\\slash", "message": "d",
         "line": -3, "ok": true},
        {"timestamp": "2024-01-05T00:00:00Z", "level": "ERROR", "message": "e"}
    ]));
    server
}

/// The names of the entries that match, oldest first.
fn matches(server: &Server, parameters: &[(&str, &str)]) -> String {
    let fixed = [("fields", "message"), ("order", "asc")];
    let answer = server.query(&[&fixed, parameters].concat());
    assert_eq!(answer.status, 200, "{parameters:?}: {answer:?}");
    let names = answer.column("message");
    assert_eq!(answer.at("/result/total"), names.len(), "{parameters:?}");
    names.iter().filter_map(Value::as_str).collect()
}

fn check(server: &Server, cases: &[(&str, &str, &str)]) {
    for (column, condition, expected) in cases {
        assert_eq!(matches(server, &[(column, condition)]), *expected, "{column} {condition}");
    }
}

fn refusal(server: &Server, parameters: &[(&str, &str)]) -> String {
    let answer = server.query(parameters);
    assert_eq!(answer.status, 400, "{parameters:?}: {answer:?}");
    answer.error()
}

#[test]
fn text_compares_as_text() {
    check(
        &filled(),
        &[
            ("level", "=ERROR", "de"),
            ("level", "=error", ""),
            ("level", "!=ERROR", "abc"),
            ("level", ">INFO", "c"),
            ("level", ">=INFO", "bc"),
            ("level", "<ERROR", "a"),
            ("level", "<=ERROR", "ade"),
            ("service", "=10", ""),
            ("timestamp", ">=2024-01-04", "de"),
            ("timestamp", "<2024-01-02T00:00:00Z", "a"),
            ("timestamp", ">=2024-01-02,<2024-01-04", "bc"),
        ],
    );
}

#[test]
fn numbers_compare_as_numbers() {
    check(
        &filled(),
        &[
            ("line", "=10", "b"),
            ("line", "=10.0", "b"),
            ("line", "!=10", "acd"),
            ("line", ">9", "bc"),
            ("line", ">=9", "abc"),
            ("line", "<9.5", "ad"),
            ("line", "<=-3", "d"),
            ("line", ">-9223372036854775808", "abcd"),
            ("ratio", "=1", "b"),
            ("ratio", ">0.9", "bc"),
            ("ratio", "<=5e-1", "a"),
            ("ok", "=1", "ad"),
            ("ok", "=true", "ad"),
            ("ok", "!=1", "b"),
            ("line", "=abc", ""),
        ],
    );
}

#[test]
fn contains_ignores_case_and_takes_wildcards_literally() {
    check(
        &filled(),
        &[
            ("service", "~=api", "ab"),
            ("level", "~=ERR", "de"),
            ("service", "~=%_", "c"),
            ("service", "~=0%_o", "c"),
            ("service", "~=_", "c"),
            ("service", "~=%api%", ""),
            ("service", "~=", "abcd"),
            ("line", "~=0", "bc"),
            ("extra", "~=\"k\":1", "a"),
        ],
    );
}

#[test]
fn a_backslash_escapes_commas_and_itself() {
    check(
        &filled(),
        &[
            ("service", "=API\\, v2", "b"),
            ("service", "~=i\\,", "b"),
            ("service", "=back\\\\slash", "d"),
            ("service", "=back\\slash", "d"),
            ("service", "!=API\\, v2,!=api", "cd"),
        ],
    );
}

#[test]
fn null_is_asked_for_by_name() {
    check(
        &filled(),
        &[
            ("service", "is null", "e"),
            ("service", "IS NOT NULL", "abcd"),
            ("ok", "is null", "ce"),
            ("line", "is not null,>9", "bc"),
            ("service", "=is null", ""),
        ],
    );
}

#[test]
fn all_conditions_must_hold_also_those_of_a_repeated_parameter() {
    let server = filled();
    assert_eq!(matches(&server, &[("line", ">0"), ("ok", "=1")]), "a");
    assert_eq!(matches(&server, &[("line", ">0"), ("line", "<50")]), "ab");
    assert_eq!(matches(&server, &[("level", "=ERROR"), ("level", "=INFO")]), "");
}

#[test]
fn the_old_way_to_write_a_query_string_still_works() {
    let server = filled();
    let rows = server
        .rows("/logs?fields=message,level&level==WARNING&timestamp=>=2024-01-01,<=2024-12-31");
    assert_eq!(rows, json!([{"message": "c", "level": "WARNING"}]));
    assert_eq!(server.rows("/logs?fields=message&service=~=api%2C~=V2"), json!([{"message": "b"}]));
    assert_eq!(server.rows("/logs?fields=message&service=~=I%5C%2C+v"), json!([{"message": "b"}]));
}

#[test]
fn the_answer_has_the_fields_in_the_order_that_was_asked_for() {
    let server = filled();

    let answer = server.get("/logs?fields=line,message,id&limit=1");
    let all = server.get("/logs?limit=1");

    let expected = r#"{"status":"success","result":{"total":5,"offset":0,"limit":1,"results":[{"line":null,"message":"e","id":5}],"cursor":"#;
    assert!(answer.text().starts_with(expected), "{answer:?}");
    let columns = r#"[{"id":5,"timestamp":"2024-01-05T00:00:00Z","level":"ERROR","service":null,"message":"e","line":null,"ratio":null,"ok":null,"extra":null}]"#;
    assert!(all.text().contains(columns), "{all:?}");
    assert_eq!(server.get("/logs?fields=*&limit=1").body, all.body);
}

#[test]
fn json_columns_are_json_or_by_config_text() {
    let row = json!({"message": "a", "extra": {"k": [1, 2]}});
    let (as_json, as_text) = (start(""), start("json_columns: text"));
    as_json.store(&row);
    as_text.store(&row);

    assert_eq!(as_json.rows("/logs?fields=extra"), json!([{"extra": {"k": [1, 2]}}]));
    assert_eq!(as_text.rows("/logs?fields=extra"), json!([{"extra": "{\"k\":[1,2]}"}]));
}

#[test]
fn text_in_a_json_column_that_is_no_json_is_a_string() {
    let server = start("");
    server.store(&json!([{"message": "a", "extra": "plain"}, {"message": "b", "extra": 1.5}]));
    let database = server.home().database();
    database
        .execute("INSERT INTO Log (message, extra) VALUES ('c', '{broken')", [])
        .expect("a row");

    let answer = server.get("/logs?fields=extra&order=asc");

    assert_eq!(answer.column("extra"), [json!("plain"), json!(1.5), json!("{broken")]);
}

#[test]
fn unknown_columns_are_400_and_name_the_known_ones() {
    let server = filled();
    for parameters in
        [[("colour", "=red")], [("fields", "message,colour")], [("fields", "colour,*")]]
    {
        let error = refusal(&server, &parameters);
        assert!(error.contains("unknown column `colour`"), "{error}");
        assert!(error.contains("id, timestamp, level, service, message"), "{error}");
    }
}

#[test]
fn a_condition_without_an_operator_is_400_and_names_the_parameter() {
    let server = filled();
    for condition in ["ERROR", "", "null", "=a,b", ">=1,x", "is nil", "=~a,like b"] {
        let error = refusal(&server, &[("level", condition)]);
        assert!(error.starts_with("`level`: "), "{condition}: {error}");
        assert!(error.contains("~="), "{condition}: {error}");
    }
}

#[test]
fn paging_parameters_that_are_none_are_400_and_named() {
    let server = filled();
    for (name, value) in [
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", ""),
        ("limit", "99999999999999999999"),
        ("offset", "1.5"),
        ("order", "up"),
        ("format", "xml"),
        ("cursor", "zzz"),
        ("cursor", ""),
    ] {
        let error = refusal(&server, &[(name, value)]);
        assert!(error.contains(&format!("`{name}`")) || error.contains(name), "{name}: {error}");
    }
    let twice = refusal(&server, &[("limit", "1"), ("limit", "2")]);
    assert!(twice.contains("`limit` is given more than once"), "{twice}");
}

#[test]
fn sql_in_names_and_values_stays_text() {
    let server = filled();
    let attacks =
        ["id; DROP TABLE Log", "id FROM Log --", "\"id\"", "1", "(SELECT 1)", "id\u{0}", "rowid'"];
    for attack in attacks {
        assert!(refusal(&server, &[("fields", attack)]).contains("unknown column"), "{attack}");
        assert!(refusal(&server, &[(attack, "=1")]).contains("unknown column"), "{attack}");
        assert!(refusal(&server, &[("order", attack)]).contains("asc or desc"), "{attack}");
        for operator in ["=", "~=", ">="] {
            let condition = format!("{operator}' OR 1=1; DELETE FROM Log; -- {attack}");
            assert_eq!(
                matches(&server, &[("level", "=x"), ("service", &condition)]),
                "",
                "{attack}"
            );
        }
    }
    assert_eq!(matches(&server, &[]), "abcde");
}

#[test]
fn tables_and_columns_with_awkward_names_work_like_others() {
    let table = "CREATE TABLE \"my \"\"logs\"\"; --\" (
        id INTEGER PRIMARY KEY, timestamp TEXT, \"select\" TEXT, \"a b\"\"c\" TEXT, [limit] INTEGER, \"größe\" TEXT);";
    let config = config::with_table(table, "")
        .replace("log_table_name: Log", "log_table_name: 'my \"logs\"; --'");
    let server = Home::new(&config).start();
    server.store(&json!([
        {"timestamp": "1", "select": "x", "a b\"c": "y", "limit": 5, "größe": "z"},
        {"timestamp": "2", "limit": 6}
    ]));

    let by_name = |parameters: &[(&str, &str)]| {
        let answer: Response = server.query(parameters);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.at("/result/results")
    };

    let expected = json!([{"select": "x", "a b\"c": "y", "größe": "z"}]);
    assert_eq!(by_name(&[("fields", "select,a b\"c,größe"), ("a b\"c", "=y")]), expected);
    assert_eq!(
        by_name(&[("fields", "limit"), ("limit", ">5"), ("limit", "1")]),
        json!([{"limit": 6}])
    );
}

#[test]
fn a_query_past_its_deadline_is_504_and_the_next_one_is_answered() {
    let server = start("query_timeout_ms: 10\ndb_pool_size: 1");
    fill(&server, 400_000);

    let slow = server.query(&[("message", "~=nowhere"), ("service", "~=either")]);

    assert_eq!(slow.status, 504, "{slow:?}");
    assert!(slow.error().contains("query_timeout_ms"), "{slow:?}");
    loglite_e2e::eventually("a quick query is answered", || {
        let quick = server.query(&[("id", "=7"), ("fields", "id")]);
        (quick.status == 200 && quick.column("id") == [7]).then_some(())
    });
    let metrics = server.get("/metrics").text();
    assert!(!metrics.contains("loglite_queries_total{outcome=\"timed_out\"} 0"), "{metrics}");
}

/// Writes many rows as another program would.
fn fill(server: &Server, rows: u32) {
    let sql = format!(
        "INSERT INTO Log (timestamp, message, service)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         SELECT 't', 'entry number ' || i, 'a service of some length' FROM n"
    );
    server.home().database().execute_batch(&sql).expect("the service lets others write");
}
