//! Tables with rules of their own, and other programs that write to them.

mod load;

use std::collections::BTreeSet;

use load::Posters;
use loglite_e2e::{Connection, Home, Request, Response, Server, config, eventually};
use serde_json::{Value, json};

/// The refused indexes of an answer.
fn refused(answer: &Response) -> Vec<u64> {
    let list = answer.at("/result/refused");
    let indexes = list.as_array().into_iter().flatten().filter_map(|one| one["index"].as_u64());
    indexes.collect()
}

fn messages(server: &Server) -> Vec<Value> {
    server.get("/logs?order=asc&limit=100000&fields=message").column("message")
}

fn with_rule(rule: &str) -> Server {
    let sql = format!(
        "CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT DEFAULT (datetime('now')), {rule})"
    );
    Home::new(&config::with_table(&sql, "")).start()
}

fn entries(messages: &[&str]) -> String {
    Value::from_iter(messages.iter().map(|message| json!({"message": message}))).to_string()
}

#[test]
fn another_program_that_writes_meanwhile_breaks_no_ids() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    let posters = Posters::start(server.address(), "ours", 3);
    let other = home.database();
    let mut theirs = 0;
    eventually("both have written", || {
        let insert = "INSERT INTO Log (message) VALUES (?1)";
        other.execute(insert, [format!("theirs-{theirs}")]).expect("it can write");
        theirs += 1;
        (theirs >= 100 && posters.acknowledged() >= 2000).then_some(())
    });
    let mut posted = posters.finish();
    posted.attempted.extend((0..theirs).map(|number| format!("theirs-{number}")));
    posted.acknowledged.extend((0..theirs).map(|number| format!("theirs-{number}")));

    let newest = posted.check(&home.database()).into_values().max().expect("there are rows");

    // Ids stay used when another program deletes the rows.
    other.execute("DELETE FROM Log", []).expect("rows can be deleted");
    server.store(&json!({"message": "later"}));
    let id = server.get("/logs").column("id").into_iter().next().expect("a row");
    assert!(id.as_i64() > Some(newest), "{id} after {newest}");
}

#[test]
fn a_lock_held_by_another_program_is_waited_for_or_told() {
    let home = Home::new(&config::with(""));
    let server = home.start();
    server.store(&json!({"message": "before"}));
    let other = home.database();
    other.execute_batch("BEGIN IMMEDIATE").expect("it can lock");

    let answer = server.post(entries(&["refused"]));

    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.error().contains("locked"), "{answer:?}");
    assert_eq!(messages(&server), ["before"]);
    other.execute_batch("ROLLBACK").expect("it can unlock");
    server.store(&json!({"message": "after"}));
    assert_eq!(server.get("/health").status, 200);
    assert_eq!(messages(&server), ["before", "after"]);
}

#[test]
fn a_rollback_rule_refuses_its_row_alone() {
    let server = with_rule("message TEXT UNIQUE ON CONFLICT ROLLBACK");
    let answer = server.post(entries(&["a", "b", "a", "c", "b", "d"]));
    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(4)), "{answer:?}");
    assert_eq!(refused(&answer), [2, 4]);
    assert!(answer.text().contains("UNIQUE constraint failed: Log.message"), "{answer:?}");
    assert_eq!(messages(&server), ["a", "b", "c", "d"]);
    assert_eq!(refused(&server.post(entries(&["d"]))), [0]);
}

#[test]
fn a_rollback_rule_takes_no_neighbours_rows_with_it() {
    let server = with_rule("message TEXT UNIQUE ON CONFLICT ROLLBACK");
    let home = server.home().clone();
    server.store(&json!({"message": "taken"}));
    let posters = Posters::start(server.address(), "good", 3);
    let mut connection = server.connect();
    let mut own = 0;
    eventually("both have posted", || {
        own += 1;
        let body = entries(&["taken", &format!("own-{own}"), "taken"]);
        let answer = connection.send(&Request::post("/logs").body(body)).expect("an answer");
        assert_eq!((answer.status, refused(&answer)), (200, vec![0, 2]), "{answer:?}");
        (own >= 50 && posters.acknowledged() >= 500).then_some(())
    });
    let mut posted = posters.finish();
    posted.acknowledged.extend((1..=own).map(|number| format!("own-{number}")));
    posted.acknowledged.insert("taken".into());
    posted.attempted.extend(posted.acknowledged.clone());
    posted.check(&home.database());
}

#[test]
fn an_ignore_rule_is_told_as_a_refusal() {
    let server = with_rule("message TEXT UNIQUE ON CONFLICT IGNORE");
    let many: Vec<_> =
        (0..100).map(|at| if at % 10 == 3 { "same".into() } else { at.to_string() }).collect();
    let answer = server.post(entries(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(91)), "{answer:?}");
    assert_eq!(refused(&answer), [13, 23, 33, 43, 53, 63, 73, 83, 93]);
    assert_eq!(messages(&server).len(), 91);
}

#[test]
fn a_replace_rule_keeps_the_newer_row() {
    let server = with_rule("message TEXT UNIQUE ON CONFLICT REPLACE, n INTEGER");
    let body =
        json!([{"message": "a", "n": 1}, {"message": "b", "n": 2}, {"message": "a", "n": 3}]);
    let answer = server.post(body.to_string());
    assert_eq!((answer.status, refused(&answer)), (200, vec![]), "{answer:?}");
    let rows = server.rows("/logs?order=asc&fields=message,n");
    assert_eq!(rows, json!([{"message": "b", "n": 2}, {"message": "a", "n": 3}]));
}

#[test]
fn triggers_run_once_for_each_row_and_may_refuse_it() {
    let sql = "
        CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT);
        CREATE TABLE Seen (id INTEGER, message TEXT);
        CREATE TRIGGER skip BEFORE INSERT ON Log WHEN new.message = 'skip'
            BEGIN SELECT RAISE(IGNORE); END;
        CREATE TRIGGER abort BEFORE INSERT ON Log WHEN new.message = 'abort'
            BEGIN SELECT RAISE(ABORT, 'no such message please'); END;
        CREATE TRIGGER fail AFTER INSERT ON Log WHEN new.message = 'fail'
            BEGIN INSERT INTO Seen VALUES (0, 'trace of a failure'); SELECT RAISE(FAIL, 'failed late'); END;
        CREATE TRIGGER lose AFTER INSERT ON Log WHEN new.message = 'rollback'
            BEGIN SELECT RAISE(ROLLBACK, 'all lost'); END;
        CREATE TRIGGER copy AFTER INSERT ON Log
            BEGIN INSERT INTO Seen VALUES (new.id, new.message); END;";
    let server = Home::new(&config::with_table(sql, "")).start();

    let answer =
        server.post(entries(&["a", "skip", "b", "abort", "c", "rollback", "d", "fail", "e"]));

    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(5)), "{answer:?}");
    assert_eq!(refused(&answer), [1, 3, 5, 7]);
    for reason in ["no such message please", "all lost", "failed late", "skipped by a trigger"] {
        assert!(answer.text().contains(reason), "{reason} in {answer:?}");
    }
    assert_eq!(messages(&server), ["a", "b", "c", "d", "e"]);
    let database = server.home().database();
    let seen: String = database
        .query_row("SELECT group_concat(message, ' ' ORDER BY id) FROM Seen", [], |row| row.get(0))
        .expect("the table can be read");
    assert_eq!(seen, "a b c d e");
}

#[test]
fn one_bad_entry_among_good_ones_is_refused_alone_under_concurrency() {
    const CLIENTS: usize = 4;
    const POSTS: usize = 40;
    // More than one statement takes.
    const ENTRIES: usize = 45;
    let server = Home::new(&config::with("")).start();
    let address = server.address();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            std::thread::spawn(move || {
                let mut connection = Connection::open(address).expect("connected");
                for post in 0..POSTS {
                    let bad = (7 * post + client) % ENTRIES;
                    let entry = |at: usize| {
                        let level = if at == bad { "LOUD" } else { "INFO" };
                        json!({"message": format!("{client}-{post}-{at}"), "level": level})
                    };
                    let body = Value::from_iter((0..ENTRIES).map(entry)).to_string();
                    let answer =
                        connection.send(&Request::post("/logs").body(body)).expect("an answer");
                    assert_eq!(answer.at("/result/stored"), ENTRIES - 1, "{answer:?}");
                    assert_eq!(refused(&answer), [bad as u64]);
                    assert!(answer.text().contains("CHECK constraint failed"), "{answer:?}");
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("all is answered as it should be"));

    let answer = server.get("/logs?fields=message&limit=100000");
    let messages: BTreeSet<_> = answer.column("message").iter().map(Value::to_string).collect();
    assert_eq!(answer.at("/result/total"), CLIENTS * POSTS * (ENTRIES - 1));
    assert_eq!(messages.len(), CLIENTS * POSTS * (ENTRIES - 1));
    assert_eq!(server.get("/logs?level==LOUD").at("/result/total"), 0);
}

/// A table whose `service` must be in another table by the time of the commit.
const DEFERRED: &str = "
    CREATE TABLE Services (name TEXT PRIMARY KEY);
    INSERT INTO Services VALUES ('known');
    CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, message TEXT,
        service TEXT REFERENCES Services (name) DEFERRABLE INITIALLY DEFERRED);";

fn with_foreign_keys() -> Server {
    let text = config::with_table(DEFERRED, "")
        .replace("sqlite_params:", "sqlite_params:\n  foreign_keys: 'ON'");
    Home::new(&text).start()
}

#[test]
fn a_row_that_the_commit_fails_for_is_refused_alone() {
    let server = with_foreign_keys();
    let services = ["known", "known", "none", "known", "no other", "known", "known"];
    let body = services
        .iter()
        .enumerate()
        .map(|(at, service)| json!({"message": at.to_string(), "service": service}));

    let answer = server.post(Value::from_iter(body).to_string());

    assert_eq!((answer.status, answer.at("/result/stored")), (200, json!(5)), "{answer:?}");
    assert_eq!(refused(&answer), [2, 4]);
    assert!(answer.text().contains("FOREIGN KEY constraint failed"), "{answer:?}");
    assert_eq!(messages(&server), ["0", "1", "3", "5", "6"]);
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn rows_that_the_commit_fails_for_take_no_neighbours_with_them() {
    let server = with_foreign_keys();
    let home = server.home().clone();
    let posters = Posters::start(server.address(), "good", 3);
    let mut connection = server.connect();
    let mut bad = 0;
    eventually("both have posted", || {
        bad += 1;
        let body = json!([{"message": "bad", "service": "none"}]).to_string();
        let answer = connection.send(&Request::post("/logs").body(body)).expect("an answer");
        assert_eq!(refused(&answer), [0], "{answer:?}");
        (bad >= 50 && posters.acknowledged() >= 500).then_some(())
    });
    posters.finish().check(&home.database());
}

#[test]
fn ids_that_are_used_up_are_told() {
    let server = Home::new(&config::with("")).start();
    let database = server.home().database();
    let last = "INSERT INTO Log (id, message) VALUES (9223372036854775806, 'last')";
    database.execute(last, []).expect("it can be inserted");

    let answer = server.post(entries(&["one", "more"]));

    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.error().contains("row ids are used up"), "{answer:?}");
    assert_eq!(messages(&server), ["last"]);
}

#[test]
fn a_health_check_does_not_wait_long_for_a_lock() {
    let server = Home::new(&config::with("")).start();
    let other = server.home().database();
    other.execute_batch("BEGIN IMMEDIATE").expect("it can lock");
    assert_eq!(server.post(entries(&["refused"])).status, 503);
    let begun = std::time::Instant::now();

    let answer = server.get("/health");

    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.text().contains("the writer did not answer within 2 s"), "{answer:?}");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
