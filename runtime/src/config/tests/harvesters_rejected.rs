//! Harvesters that are no plugins: what is refused, and what is said of it.

use super::{check, parse_keys};

/// Compares the only message about a harvester's `config` with `message`, without what it begins with.
#[track_caller]
fn check_config(kind: &str, config: &str, message: &str) {
    let text = format!("harvesters: [{{type: {kind}, name: a, config: {{{config}}}}}]");
    let errors = parse_keys(&text).expect_err(&text).to_string();
    let (_, found) = errors.split_once(": ").expect("a place and a message");
    assert_eq!(found.replacen("harvesters[0].config.", "", 1), message, "{text}");
}

/// As [`check_config`], of a key for lines.
#[track_caller]
fn check_line(config: &str, message: &str) {
    check_config("file", &format!("path: /x, {config}"), message);
}

#[test]
fn every_problem_of_harvesters_is_reported_with_its_place() {
    check(
        "harvesters:
  - type: file
    name: ' app'
    restart: maybe
    component: x.wasm
    config:
      pth: /x
      poll_interval: 1ms
      exclude: ['[']
  - {type: socket, name: http, config: {port: 99999, max_connections: 0}}
  - {type: zmq, name: z, config: []}
  - {type: exec, name: z}",
        &[
            "3:11: `harvesters[0].name`: expected a name of at most 64 ASCII letters, digits, `-`, `_`, \
             `.` and spaces between them, found ` app`",
            "4:14: `harvesters[0].restart`: expected `always`, `on_failure` or `never`, found `maybe`",
            "5:5: unknown key `harvesters[0].component`; known here: type, name, config, restart",
            "7:7: unknown key `harvesters[0].config.pth`; did you mean `path`?",
            "7:7: `harvesters[0].config.path` is missing: expected the path of a file, or a list of \
             paths, such as /var/log/app/*.log",
            "8:22: `harvesters[0].config.poll_interval`: expected a time from 50ms to 3600s, such as \
             250ms, 1s or a number of milliseconds, found `1ms`",
            "9:17: `harvesters[0].config.exclude[0]`: expected a path or pattern (unclosed character \
             class; missing ']'), found `[`",
            "10:26: `harvesters[1].name`: expected another name: that of what POST /logs brings in is \
             `http`, found `http`",
            "10:47: `harvesters[1].config.port`: expected a port from 0 to 65535, such as 5140; 0 picks \
             a free one, found `99999`",
            "10:71: `harvesters[1].config.max_connections`: expected a whole number from 1 to 100000, \
             found `0`",
            "11:34: `harvesters[2].config`: expected a mapping of endpoint, endpoints, socket_type, \
             bind, topics, format, pattern, message_field, fields, timestamp, columns, origin_column, \
             max_line_size, found an empty list",
            "11:34: `harvesters[2].config.endpoint` is missing: expected an endpoint such as \
             tcp://127.0.0.1:5555 or ipc:///run/app.sock, or a list of them",
            "12:5: `harvesters[3].config.command` is missing: expected a command, or a list of a \
             program and its arguments",
            "12:24: `harvesters[3].name`: `z` is already taken in line 11; give each its own",
        ],
    );
}

#[test]
fn names_are_distinct_among_all_harvesters_also_where_they_are_those_of_types() {
    check(
        "harvesters:
  - {type: wasm, name: file, component: a.wasm}
  - {type: file, config: {path: /x}}",
        &["3:5: `harvesters[1].name`: `file` is already taken in line 2; give each its own"],
    );
}

#[test]
fn standard_input_is_read_once() {
    check(
        "harvesters:
  - {type: stdin, name: a}
  - {type: stdin, name: b}",
        &[
            "3:12: `harvesters[1].type`: expected another type, as the harvester in line 2 reads standard \
           input, found `stdin`",
        ],
    );
}

#[test]
fn an_unknown_type_is_refused_with_those_that_are_known() {
    let known = "expected one of `file`, `socket`, `syslog`, `zmq`, `journald`, `docker`, `exec`, \
                 `stdin`, `wasm`";
    for (kind, rest) in [
        ("files", " (did you mean `file`?), found `files`"),
        ("FileHarvester", " (did you mean `file`?), found `FileHarvester`"),
        ("wasn", " (did you mean `wasm`?), found `wasn`"),
        ("kafka", ", found `kafka`"),
        ("[file]", ", found a list"),
        (
            "my_project.logger.MyHarvester",
            "; a class in Python can't run here: write it as a plugin (`type: wasm`), run it with \
             `type: exec`, or let it send its entries to POST /logs, found \
             `my_project.logger.MyHarvester`",
        ),
    ] {
        check(
            &format!("harvesters: [{{type: {kind}, name: a, config: {{interval: 5}}}}]"),
            &[&format!("1:21: `harvesters[0].type`: {known}{rest}")],
        );
    }
}

#[test]
fn a_path_that_is_none_is_refused() {
    for (config, message) in [
        (
            "path: []",
            "`path`: expected the path of a file, or a list of paths, such as /var/log/app/*.log, found an empty list",
        ),
        ("path: a, paths: [b]", "`paths`: expected either `path` or `paths`, found a list"),
        ("path: ''", "`path[0]`: expected the path of a file, found an empty text"),
        ("path: [a, [b]]", "`path[1]`: expected a text, found a list"),
        (
            "path: ~/x",
            "`path[0]`: expected a path without `~`, which only shells know, found `~/x`",
        ),
        (
            "path: '{a'",
            "`path[0]`: expected a path or pattern (unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)), found `{a`",
        ),
        ("path: a, start: middle", "`start`: expected `beginning` or `end`, found `middle`"),
    ] {
        check_config("file", config, message);
    }
}

#[test]
fn an_endpoint_that_is_none_is_refused_with_what_is_wrong() {
    let tcp = "expected tcp://host:port, such as tcp://127.0.0.1:5555";
    for (config, message) in [
        (
            "endpoint: 'inproc://a'",
            "`endpoint[0]`: expected an endpoint of tcp:// or ipc://, as inproc:// is not supported, found `inproc://a`",
        ),
        (
            "endpoint: 'pgm://eth0;239.1.1.1:1'",
            "`endpoint[0]`: expected an endpoint of tcp:// or ipc://, as pgm:// is not supported, found `pgm://eth0;239.1.1.1:1`",
        ),
        (
            "endpoint: 'localhost:5555'",
            "`endpoint[0]`: expected an endpoint with its transport, such as tcp://127.0.0.1:5555, found `localhost:5555`",
        ),
        ("endpoint: 'tcp://a'", &format!("`endpoint[0]`: {tcp}, found `tcp://a`")),
        ("endpoint: 'tcp://a:0'", &format!("`endpoint[0]`: {tcp}, found `tcp://a:0`")),
        ("endpoint: 'tcp://::1:5'", &format!("`endpoint[0]`: {tcp}, found `tcp://::1:5`")),
        (
            "endpoint: 'tcp://*:5'",
            "`endpoint[0]`: expected a host to connect to, as `*` stands for all networks and needs `bind: true`, found `tcp://*:5`",
        ),
        (
            "bind: true, endpoint: 'tcp://*:65536'",
            "`endpoint[0]`: expected tcp://host:port, such as tcp://*:5555, found `tcp://*:65536`",
        ),
        (
            "endpoint: 'ipc://@x'",
            "`endpoint[0]`: expected ipc:// and the path of a socket, at most 107 bytes, found `ipc://@x`",
        ),
        (
            "endpoints: ['tcp://a:1', 'ipc://']",
            "`endpoints[1]`: expected ipc:// and the path of a socket, at most 107 bytes, found `ipc://`",
        ),
        (
            "endpoint: 'tcp://a:1', socket_type: PUSH",
            "`socket_type`: expected `PULL` or `SUB`, found `PUSH`",
        ),
        (
            "endpoint: 'tcp://a:1', topics: [a]",
            "`topics`: expected only with `socket_type: SUB`, as PULL has no topics, found a list",
        ),
    ] {
        check_config("zmq", config, message);
    }
}

#[test]
fn a_socket_listens_in_one_place_only() {
    let mode = "expected permission bits in octal with a leading zero, such as 0660";
    for (config, message) in [
        (
            "",
            "`port` is missing: expected a port from 0 to 65535, such as 5140, or the `path` of a Unix socket",
        ),
        ("path: /x, port: 1", "`port`: expected only without `path`, found `1`"),
        (
            "path: /x, tls: {certificate: c, key: k}",
            "`tls`: expected only without `path`, found a mapping",
        ),
        ("port: 1, mode: 0660", "`mode`: expected only with `path`, found `0660`"),
        ("path: /x, mode: 660", &format!("`mode`: {mode}, found `660`")),
        ("path: /x, mode: rw", &format!("`mode`: {mode}, found `rw`")),
        ("port: 1, tls: {certificate: c}", "`tls.key` is missing: expected the path of a PEM file"),
        (
            "port: 1, tls: true",
            "`tls`: expected a mapping with `certificate`, `key` and maybe `client_ca`, found `true`",
        ),
        (
            "port: 1, framing: lines",
            "`framing`: expected `newline`, `octet-counted` or `auto`, found `lines`",
        ),
        (
            "port: 1, framing: octet-counted, multiline: {start: x}",
            "`multiline`: expected only where messages end with lines, found a mapping",
        ),
        (
            "port: 1, idle_timeout: -1",
            "`idle_timeout`: expected a time up to a day, such as 300s; 0 keeps silent connections open, found `-1`",
        ),
    ] {
        check_config("socket", config, message);
    }
}

#[test]
fn syslog_takes_what_its_transport_knows() {
    for (config, message) in [
        (
            "",
            "`port` is missing: expected a port from 0 to 65535, such as 5140; the standard one, 514, needs privileges",
        ),
        (
            "port: 1, host: log.example",
            "`host`: expected an address such as 0.0.0.0, `::` or 127.0.0.1, as UDP listens on no host names, found `log.example`",
        ),
        (
            "port: 1, framing: auto",
            "`framing`: expected only with `transport: tcp` or `unix`, found `auto`",
        ),
        (
            "transport: tcp, port: 1, receive_buffer: 1MB",
            "`receive_buffer`: expected only with `transport: udp`, found `1MB`",
        ),
        (
            "transport: unix-datagram",
            "`path` is missing: expected the path of a socket, at most 107 bytes",
        ),
        (
            "transport: unix, path: /x, tls: {certificate: c, key: k}",
            "`tls`: expected only with `transport: tcp`, found a mapping",
        ),
        (
            "port: 1, path: /x",
            "`path`: expected only with `transport: unix` or `unix-datagram`, found `/x`",
        ),
    ] {
        check_config("syslog", config, message);
    }
    let errors = parse_keys("harvesters: [{type: syslog, config: {port: 1, format: json}}]");
    let errors = errors.expect_err("a key of other types").to_string();
    assert!(errors.contains("unknown key `harvesters[0].config.format`"), "{errors}");
}

#[test]
fn what_can_not_be_run_is_refused() {
    for (config, message) in [
        (
            "command: []",
            "`command`: expected a command, or a list of a program and its arguments, found an empty list",
        ),
        (
            "command: ' '",
            "`command`: expected a command, or a list of a program and its arguments, found ` `",
        ),
        ("command: [a, [b]]", "`command[1]`: expected a text, found a list"),
        (
            "command: a, environment: {A=B: 1}",
            "`environment.A=B`: expected a name of a variable, without `=`, found `A=B`",
        ),
        ("command: a, environment: {A: [1]}", "`environment.A`: expected a text, found a list"),
    ] {
        check_config("exec", config, message);
    }
    check_config(
        "journald",
        "matches: [kernel]",
        "`matches[0]`: expected a match such as `_TRANSPORT=kernel`, or `+` between alternatives, found `kernel`",
    );
}

#[test]
fn an_expression_that_is_none_is_refused_with_the_engines_reason() {
    let named = "expected a regular expression with named groups, such as `^(?<level>\\w+) (?<message>.*)$`";
    for (config, message) in [
        ("format: regex", format!("`pattern` is missing: {named}")),
        ("pattern: (?<a>x)", "`pattern`: expected only with `format: regex`, found `(?<a>x)`".into()),
        ("format: regex, pattern: (x)", format!("`pattern`: {named}, found `(x)`")),
        ("format: regex, pattern: (?<a>x", "`pattern`: expected a regular expression (unclosed group), found `(?<a>x`".into()),
        ("multiline: {timeout: 1s}", "`multiline.start` is missing: expected a regular expression that the first line of an entry matches, such as `^\\S`".into()),
        ("multiline: {start: '*'}", "`multiline.start`: expected a regular expression (repetition operator missing expression), found `*`".into()),
        ("multiline: {start: x, timeout: 0}", "`multiline.timeout`: expected a time from 10ms to 3600s, such as 500ms, 1s or a number of milliseconds, found `0`".into()),
    ] {
        check_line(config, &message);
    }
}

#[test]
fn a_line_that_is_described_wrongly_is_refused() {
    let zone = "expected `local`, `UTC` or a name of the time zone database, such as Europe/Berlin";
    for (config, message) in [
        (
            "format: xml",
            "`format`: expected `json`, `text`, `regex`, `logfmt` or `syslog`, found `xml`",
        ),
        (
            "fields: [a]",
            "`fields`: expected a mapping of fields to values, such as `service: shop`, found a list",
        ),
        (
            "fields: {a: .nan}",
            "`fields.a`: expected a finite number, as JSON has no others; write a text in quotes, found `.nan`",
        ),
        ("columns: {a: [b]}", "`columns.a`: expected the name of a column, found a list"),
        ("max_line_size: 100", "`max_line_size`: expected a size from 1KB to 64MB, found `100`"),
        ("timestamp: {format: unix}", "`timestamp.field` is missing: expected the name of a field"),
        (
            "timestamp: {field: t, format: iso}",
            "`timestamp.format`: expected `iso8601`, `rfc3339`, `rfc2822`, `unix`, `unix_ms`, `unix_us`, `unix_ns` or conversions such as `%Y-%m-%d %H:%M:%S`, found `iso`",
        ),
        (
            "timestamp: {field: t, timezone: Mars/Base}",
            &format!("`timestamp.timezone`: {zone}, found `Mars/Base`"),
        ),
        (
            "timestamp: {field: t, zone: UTC}",
            "unknown key `timestamp.zone`; known here: field, format, timezone",
        ),
    ] {
        check_line(config, message);
    }
}

#[test]
fn conversions_that_no_time_can_be_read_by_are_refused() {
    for format in ["%!", "%Y-%m-%d %Z", "100%"] {
        let text = format!(
            "harvesters: [{{type: stdin, config: {{timestamp: {{field: t, format: '{format}'}}}}}}]"
        );
        let errors = parse_keys(&text).expect_err(format).to_string();
        let expected = "`harvesters[0].config.timestamp.format`: expected conversions that times can be \
                        read by (";
        assert!(errors.contains(expected), "{errors}");
    }
}
