//! The grammar, what each mistake is told, and where the text of a URL and that of a file differ.

use super::*;
use crate::domain::Column;

fn schema() -> Schema {
    let column = |(name, declared): (&str, &str)| {
        let (kind, affinity) = Column::kind_and_affinity(declared);
        Column {
            name: name.into(),
            sqlite_type: declared.into(),
            kind,
            affinity,
            not_null: false,
            has_default: false,
            primary_key: false,
            generated: false,
        }
    };
    let columns = [
        ("id", "INTEGER"),
        ("timestamp", "DATETIME"),
        ("level", "TEXT"),
        ("line", "INTEGER"),
        ("ok", "BOOLEAN"),
    ];
    let columns = columns.into_iter().map(column).collect();
    Schema::new("Log".into(), columns, ("id".into(), Some(ColumnId(0))), (ColumnId(1), true))
}

fn read(text: &str) -> Result<Vec<(usize, Operator, Literal)>, FilterError> {
    let filters = text.parse::<FilterText>()?.resolve(&schema())?;
    Ok(filters.into_iter().map(|f| (f.column.0, f.operator, f.literal)).collect())
}

fn filters(text: &str) -> Vec<(usize, Operator, Literal)> {
    read(text).expect(text)
}

fn text(text: &str) -> Literal {
    Literal::Text(text.into())
}

#[test]
fn each_operator_is_read() {
    for (written, operator, literal) in [
        ("line==5", Operator::Equal, Literal::Integer(5)),
        ("line=!=5", Operator::NotEqual, Literal::Integer(5)),
        ("line=>=5", Operator::AtLeast, Literal::Integer(5)),
        ("line=<=5", Operator::AtMost, Literal::Integer(5)),
        ("line=>5", Operator::Above, Literal::Integer(5)),
        ("line=<5", Operator::Below, Literal::Integer(5)),
        ("line=~=5", Operator::Contains, text("5")),
        ("line=is null", Operator::IsNull, Literal::Null),
        ("line=IS NOT NULL", Operator::IsNotNull, Literal::Null),
    ] {
        assert_eq!(filters(written), [(3, operator, literal)], "{written}");
    }
}

#[test]
fn what_stands_in_a_url_reads_as_there() {
    assert_eq!(
        filters("level==DEBUG&timestamp=>=2023-04-01T00:00:00,<2023-04-02&level=~=bug"),
        [
            (2, Operator::Equal, text("DEBUG")),
            (1, Operator::AtLeast, text("2023-04-01T00:00:00")),
            (1, Operator::Below, text("2023-04-02")),
            (2, Operator::Contains, text("bug")),
        ]
    );
}

#[test]
fn white_space_around_names_operators_and_values_does_not_matter() {
    let plain = filters("level==DEBUG&line=>5,<=9");
    assert_eq!(filters(" level == DEBUG & line = > 5 , <= 9 \n"), plain);
    assert_eq!(filters("&level==DEBUG&&line=>5,<=9,&"), plain);
}

#[test]
fn values_take_the_affinity_of_their_column() {
    assert_eq!(filters("line==07"), [(3, Operator::Equal, Literal::Integer(7))]);
    assert_eq!(filters("line=<1.5e3"), [(3, Operator::Below, Literal::Real(1500.0))]);
    assert_eq!(filters("level==07"), [(2, Operator::Equal, text("07"))]);
    assert_eq!(filters("ok==true"), [(4, Operator::Equal, Literal::Integer(1))]);
    assert_eq!(filters("line==nan"), [(3, Operator::Equal, text("nan"))]);
}

#[test]
fn a_backslash_keeps_what_would_end_a_value() {
    let value = |text| filters(text).remove(0).2;
    assert_eq!(value(r"level==a\,b"), text("a,b"));
    assert_eq!(value(r"level==a\&b"), text("a&b"));
    assert_eq!(value(r"level==a\\"), text(r"a\"));
    assert_eq!(value(r"level==C:\dir"), text(r"C:\dir"));
    assert_eq!(value(r"level==a\"), text(r"a\"));
    assert_eq!(filters(r"level==a\\&line==1").len(), 2);
    assert_eq!(filters(r"level==a\\,==b").len(), 2);
}

#[test]
fn quotes_and_percent_signs_are_part_of_the_value() {
    assert_eq!(filters("level==\"a b\""), [(2, Operator::Equal, text("\"a b\""))]);
    assert_eq!(filters("level=~=100%25"), [(2, Operator::Contains, text("100%25"))]);
    assert_eq!(filters("level=="), [(2, Operator::Equal, text(""))]);
}

#[test]
fn the_text_is_kept_as_it_was_written() {
    let filter: FilterText = " level==DEBUG & line=>5\n".parse().expect("a filter");
    assert_eq!(filter.as_str(), "level==DEBUG & line=>5");
}

#[test]
fn what_is_wrong_is_named_with_the_way_out() {
    for (written, parts) in [
        ("", &["a filter needs a condition such as level==DEBUG"][..]),
        (" & ", &["a filter needs a condition"]),
        ("nope==1", &["unknown column `nope` as a filter; `Log` has: id, timestamp, level"]),
        ("level==a&Level==b", &["unknown column `Level`"]),
        ("level=WARNING", &["`level`: `WARNING` starts with none", "write level==WARNING to ask"]),
        ("level==a,b", &["`level`: `b` starts with none", "a comma within a value as \\,"]),
        ("level=%3dDEBUG", &["write the characters themselves instead of their percent-encoding"]),
        ("level", &["`level` is no condition", "then an operator and a value: level==DEBUG"]),
        ("=DEBUG", &["`=DEBUG` is no condition"]),
        ("line>5", &["`line>5` is no condition", "then the operator: line=>5"]),
        ("line >= 5", &["`line >= 5` is no condition", "then the operator: line=>= 5"]),
        ("level~=a", &["then the operator: level=~=a"]),
        ("level is null", &["then the operator: level=is null"]),
        ("line>==5", &["unknown column `line>`", "`=` comes right after the name"]),
        ("timestamp=<28.11.2025", &["`timestamp` is compared with `28.11.2025`, which is no time"]),
        ("timestamp=<yesterday", &["write it as 2026-11-28"]),
        (&"line=>1,<2&".repeat(251), &["500 conditions at most"]),
    ] {
        let error = read(written).expect_err(written).to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{written}: {error}");
    }
}

#[test]
fn times_may_be_begun_only_or_be_numbers() {
    for text in ["2026", "2026-11", "2026-11-28", "2026-11-28T10:00:00+01:00", "1795878571"] {
        assert_eq!(filters(&format!("timestamp=<{text}")).len(), 1, "{text}");
    }
}
