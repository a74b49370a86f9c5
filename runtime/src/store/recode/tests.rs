//! Commands that recode a database which others have left as it is, without a service beside.

use rusqlite::Connection;
use rusqlite::types::Value;
use tempfile::TempDir;

use super::{Direction, Recoding, Step, Tally};
use crate::config::Config;
use crate::domain::parse_filters;
use crate::store::dictionary::create;
use crate::store::introspect::read_schema;
use crate::store::matching::filter_sql;
use crate::store::{migrate, open_writer};

/// A database that holds what the statements put there, behind a table `Log (id, timestamp, level)`.
struct Database {
    config: Config,
    connection: Connection,
    _directory: TempDir,
}

impl Database {
    fn new(declared: &str, sql: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = Config::default();
        config.database.sqlite_dir = directory.path().into();
        let mut connection = open_writer(&config.database).expect("opened");
        migrate::ensure_bookkeeping(&mut connection).expect("made");
        let table =
            format!("CREATE TABLE Log (id INTEGER PRIMARY KEY, timestamp TEXT, level {declared})");
        connection.execute_batch(&table).expect("a table");
        create(&connection).expect("tables");
        connection.execute_batch(sql).expect(sql);
        Self { config, connection, _directory: directory }
    }

    fn recode(&self, direction: Direction) -> Tally {
        self.recode_watched(direction, || {})
    }

    /// The same, with a look at the rows before each step and at the end.
    fn recode_watched(&self, direction: Direction, look: impl Fn()) -> Tally {
        let recoding = Recoding::open(&self.config).expect("opened");
        let column = recoding.column("level", direction).expect("it can be recoded");
        let mut recoder = recoding.start(column, direction).expect("begun");
        look();
        assert!(recoder.place().is_none_or(|place| place.done <= place.total));
        while recoder.step().expect("a step") != Step::Done {
            look();
            assert!(recoder.place().is_none_or(|place| place.done <= place.total));
        }
        recoder.tally().clone()
    }

    fn all(&self, sql: &str) -> Vec<Value> {
        let mut statement = self.connection.prepare(sql).expect(sql);
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("values")
    }

    fn cells(&self) -> Vec<Value> {
        self.all("SELECT level FROM Log ORDER BY id")
    }

    /// How many rows a filter finds.
    fn found(&self, filter: &str) -> i64 {
        let schema = read_schema(&self.connection, &self.config.database).expect("a log table");
        let filters = parse_filters(&schema, filter).expect(filter);
        let sql = filter_sql(&self.connection, &schema, &filters).expect("a condition");
        let count = format!("SELECT count(*) FROM Log WHERE {}", sql.text);
        let values = rusqlite::params_from_iter(sql.values);
        self.connection.query_row(&count, values, |row| row.get(0)).expect(&count)
    }
}

const ENTRIES: &str = "INSERT INTO column_dictionary (column, value_id, value)
    VALUES ('level', 1, 'a'), ('level', 2, 'b');
    INSERT INTO Log (level) VALUES (1), (2), ('c');";

fn integers(integers: &[i64]) -> Vec<Value> {
    integers.iter().map(|integer| Value::Integer(*integer)).collect()
}

#[test]
fn ids_go_on_behind_those_that_an_older_loglite_has_added_since() {
    let state = "INSERT INTO loglite_compression VALUES ('level', 1, 1, 1, 0, 0);";
    let database = Database::new("INTEGER", &format!("{state}{ENTRIES}"));

    database.recode(Direction::Compress);

    assert_eq!(database.cells(), integers(&[1, 2, 3]));
    let values = "SELECT value FROM column_dictionary ORDER BY value_id";
    assert_eq!(database.all(values), ["a", "b", "c"].map(|text| Value::Text(text.into())));
}

/// Reals of a column that can hold integers as reals, too, beside an integer and a text.
const REALS: &str = "INSERT INTO Log (level) VALUES (0.5), (2), (3.25), ('a'), (2.0), (-7e30);";

fn check_reals(database: &Database) {
    for (filter, expected) in [
        ("level=>0.1", 5),
        ("level==0.5", 1),
        ("level==2", 2),
        ("level==1", 0),
        ("level==3", 0),
        ("level=<0", 1),
        ("level=<=3.25", 5),
        ("level=!=0.5", 5),
        ("level=~=.25", 1),
        ("level==a", 1),
    ] {
        assert_eq!(database.found(filter), expected, "{filter}");
    }
}

#[test]
fn filters_find_reals_at_every_moment_and_those_for_which_the_dictionary_has_no_room() {
    for declared in ["INTEGER", "NUMERIC", "BLOB", ""] {
        let mut database = Database::new(declared, REALS);
        // 2.0 comes back as 2, as from an INTEGER column.
        let numbers = "SELECT CASE typeof(level) WHEN 'text' THEN level ELSE level * 1.0 END FROM Log ORDER BY id";
        let before = database.all(numbers);
        database.config.compression.max_values = 2;

        let tally = database.recode_watched(Direction::Compress, || check_reals(&database));
        assert!(tally.left > 0, "the test is void");
        database.recode(Direction::Decompress);

        assert_eq!(database.all(numbers), before, "{declared}");
    }
}

#[test]
fn reals_that_were_left_among_ids_are_found_once_the_rows_are_compressed() {
    let mut database = Database::new("BLOB", "");
    let left = "INSERT INTO loglite_compression VALUES ('level', 1, 1, 3, 2, 2);
        INSERT INTO column_dictionary (column, value_id, value) VALUES ('level', 1, 'a'), ('level', 2, 'b');
        INSERT INTO Log (level) VALUES (1), (2), (2.0), (0.5);";
    database.connection.execute_batch(left).expect(left);
    database.config.compression.max_values = 2;

    let tally = database.recode(Direction::Compress);

    assert_eq!((tally.rows, tally.left), (0, 2));
    for (filter, expected) in [("level==b", 1), ("level==2", 1), ("level=<1", 1), ("level=!=b", 3)]
    {
        assert_eq!(database.found(filter), expected, "{filter}");
    }
}

#[test]
fn an_empty_table_is_recoded_at_once() {
    let database = Database::new("INTEGER", "");
    for direction in [Direction::Compress, Direction::Decompress] {
        assert_eq!(database.recode(direction).rows, 0);
    }
}

#[test]
fn text_that_is_no_utf_8_stays_as_it_is() {
    let sql = "INSERT INTO Log (level) VALUES ('a'), (CAST(x'61ff62' AS TEXT)), ('b')";
    let database = Database::new("INTEGER", sql);
    let bytes = "SELECT hex(level) FROM Log ORDER BY id";
    let before = database.all(bytes);

    let tally = database.recode(Direction::Compress);
    assert_eq!((tally.rows, tally.left), (2, 1));
    assert_eq!(database.found("level=~=b"), 2);
    database.recode(Direction::Decompress);

    assert_eq!(database.all(bytes), before);
}
