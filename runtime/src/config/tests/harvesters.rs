//! Harvesters that are no plugins: what is taken, and how it is shown.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::{
    Config, ExecConfig, FileConfig, Framing, HarvesterConfig, InputConfig, JournaldConfig,
    LineConfig, LineFormat, Listen, NativeHarvesterConfig, Restart, SocketConfig, Start,
    SyslogConfig, TimestampConfig, TimestampFormat, TlsConfig, UnixPath, ZmqConfig, ZmqSocketType,
};
use super::{accept, parse};
use crate::domain::ByteSize;

/// The only harvester of a configuration, which must load again as it is shown.
#[track_caller]
fn harvester(fields: &str) -> NativeHarvesterConfig {
    let config = accept(&format!("harvesters:\n- {{{fields}}}"));
    assert_eq!(parse(&config.to_yaml(), &[]).as_ref(), Ok(&config), "{}", config.to_yaml());
    let first = config.harvesters.first().and_then(HarvesterConfig::native);
    first.expect("a harvester that is no plugin").clone()
}

#[track_caller]
fn input(kind: &str, config: &str) -> InputConfig {
    harvester(&format!("type: {kind}, name: a, config: {{{config}}}")).input
}

#[track_caller]
fn line(config: &str) -> LineConfig {
    harvester(&format!("type: file, name: a, config: {{path: /x, {config}}}")).line
}

/// What is shown of the `config` of the only harvester.
fn shown(fields: &str) -> Value {
    let config = accept(&format!("harvesters:\n- {{{fields}}}"));
    let shown: Value = serde_yaml::from_str(&config.to_yaml()).expect("YAML");
    shown.pointer("/harvesters/0").cloned().expect("the harvester")
}

fn tcp(port: u16) -> SocketConfig {
    SocketConfig {
        listen: Listen::Tcp { host: "0.0.0.0".into(), port },
        framing: Framing::Newline,
        max_connections: 1024,
        idle_timeout: Duration::ZERO,
        tls: None,
    }
}

#[test]
fn harvesters_of_the_python_generation_load_unchanged() {
    let config = accept(
        "harvesters:
  - type: loglite.harvesters.FileHarvester
    name: app logs
    config:
      path: /tmp/cool-stuff/app.log
  - type: loglite.harvesters.ZMQHarvester
    name: zmq-logs
    config:
      endpoint: tcp://127.0.0.1:5555
      socket_type: PULL
      bind: true
  - type: loglite.harvesters.ZMQHarvester
    config: {endpoint: 'ipc:///tmp/x', socket_type: SUB}
  - type: loglite.harvesters.SocketHarvester
    name: tcp-logs
    config: {host: 0.0.0.0, port: 9000, path: null}
  - type: loglite.harvesters.SocketHarvester
    name: unix-logs
    config: {path: /tmp/app.sock}
transforms: [{name: t, component: t.wasm, sources: [app logs]}]",
    );

    let found = config.harvesters.iter().map(|one| (one.name(), one.kind()));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [
            ("app logs", "file"),
            ("zmq-logs", "zmq"),
            ("loglite.harvesters.ZMQHarvester", "zmq"),
            ("tcp-logs", "socket"),
            ("unix-logs", "socket"),
        ]
    );
    assert_eq!(parse(&config.to_yaml(), &[]), Ok(config));
}

#[test]
fn types_have_short_names() {
    for (kind, config, name) in [
        ("file", "path: /x", "file"),
        ("zmq", "endpoint: 'tcp://h:1'", "zmq"),
        ("zeromq", "endpoint: 'tcp://h:1'", "zmq"),
        ("socket", "port: 0", "socket"),
        ("syslog", "port: 5140", "syslog"),
        ("journald", "", "journald"),
        ("stdin", "", "stdin"),
        ("exec", "command: uptime", "exec"),
        ("docker", "", "docker"),
        ("loglite.harvesters.file.FileHarvester", "path: /x", "file"),
    ] {
        assert_eq!(input(kind, config).kind(), name);
    }
}

#[test]
fn a_harvester_without_a_name_has_that_of_its_type_and_without_a_restart_always_has_one() {
    let file = harvester("type: file, config: {path: /x}");
    assert_eq!((file.name.as_str(), file.restart), ("file", Restart::Always));

    let stdin = harvester("type: stdin");
    assert_eq!((stdin.name.as_str(), stdin.restart), ("stdin", Restart::Never));
    assert_eq!(harvester("type: stdin, restart: always").restart, Restart::Always);
}

#[test]
fn files_have_paths_patterns_and_bounds() {
    let plain = FileConfig { paths: vec!["app.log".into()], ..FileConfig::default() };
    assert_eq!(input("file", "path: app.log"), InputConfig::File(plain));
    let all = FileConfig {
        paths: vec!["/a/**/*.{log,txt}".into(), "b[0-9]".into()],
        exclude: vec!["*.gz".into()],
        start: Some(Start::Beginning),
        poll_interval: Duration::from_millis(250),
        gzip: true,
        max_open_files: 8,
    };
    for key in ["path", "paths"] {
        let found = input(
            "file",
            &format!(
                "{key}: ['/a/**/*.{{log,txt}}', 'b[0-9]'], exclude: '*.gz', start: Beginning, \
                 poll_interval: 250, gzip: yes, max_open_files: 8"
            ),
        );
        assert_eq!(found, InputConfig::File(all.clone()), "{key}");
    }
}

#[test]
fn zeromq_sockets_have_endpoints_and_topics() {
    let found = input(
        "zmq",
        "endpoints: ['tcp://*:5555', 'tcp://[::1]:0', 'tcp://*:*', 'ipc:///a'], bind: on, \
         socket_type: sub, topics: [a, '']",
    );

    let endpoints = ["tcp://*:5555", "tcp://[::1]:0", "tcp://*:*", "ipc:///a"];
    let expected = ZmqConfig {
        endpoints: endpoints.map(str::to_owned).into(),
        socket_type: ZmqSocketType::Sub,
        bind: true,
        topics: vec!["a".into(), String::new()],
    };
    assert_eq!(found, InputConfig::Zmq(expected));
}

#[test]
fn sockets_listen_on_tcp_with_tls_or_in_the_file_system() {
    assert_eq!(input("socket", "port: 9000"), InputConfig::Socket(tcp(9000)));
    let tls = TlsConfig {
        certificate: "c.pem".into(),
        key: "k.pem".into(),
        client_ca: Some("ca.pem".into()),
    };
    let secure = SocketConfig {
        listen: Listen::Tcp { host: "localhost".into(), port: 0 },
        framing: Framing::OctetCounted,
        max_connections: 2,
        idle_timeout: Duration::from_secs(90),
        tls: Some(tls),
    };
    let found = input(
        "socket",
        "host: localhost, port: 0, framing: octet-counted, max_connections: 2, idle_timeout: 90s, \
         tls: {certificate: c.pem, key: k.pem, client_ca: ca.pem}",
    );
    assert_eq!(found, InputConfig::Socket(secure));
    for mode in ["0660", "'0660'", "\"0660\"", "0o660"] {
        let path = UnixPath { path: "/run/a.sock".into(), mode: Some(0o660) };
        let unix = SocketConfig { listen: Listen::Unix(path), ..tcp(0) };
        let found = input("socket", &format!("path: /run/a.sock, mode: {mode}"));
        assert_eq!(found, InputConfig::Socket(unix), "{mode}");
    }
}

#[test]
fn syslog_comes_over_four_transports() {
    let udp = SyslogConfig::Udp {
        address: "0.0.0.0".parse().expect("an address"),
        port: 5140,
        receive_buffer: ByteSize(8 << 20),
    };
    assert_eq!(input("syslog", "port: 5140"), InputConfig::Syslog(udp));
    let local = SyslogConfig::Udp {
        address: "127.0.0.1".parse().expect("an address"),
        port: 0,
        receive_buffer: ByteSize(0),
    };
    assert_eq!(
        input("syslog", "transport: UDP, host: localhost, port: 0, receive_buffer: 0"),
        InputConfig::Syslog(local)
    );
    let stream = SocketConfig { framing: Framing::Auto, ..tcp(601) };
    assert_eq!(
        input("syslog", "transport: tcp, port: 601"),
        InputConfig::Syslog(SyslogConfig::Stream(stream.clone()))
    );
    let path = UnixPath { path: "/dev/log".into(), mode: None };
    assert_eq!(
        input("syslog", "transport: unix-datagram, path: /dev/log"),
        InputConfig::Syslog(SyslogConfig::UnixDatagram(path.clone()))
    );
    let unix = SocketConfig { listen: Listen::Unix(path), ..stream };
    assert_eq!(
        input("syslog", "transport: unix, path: /dev/log"),
        InputConfig::Syslog(SyslogConfig::Stream(unix))
    );
}

#[test]
fn a_command_is_a_list_or_a_text_for_the_shell() {
    let list = ExecConfig {
        command: vec!["vmstat".into(), "5".into(), String::new()],
        ..ExecConfig::default()
    };
    assert_eq!(input("exec", "command: [vmstat, 5, '']"), InputConfig::Exec(list));
    let text = ExecConfig {
        command: vec!["sh".into(), "-c".into(), "tail -f x | grep y".into()],
        directory: Some("/srv".into()),
        environment: vec![("A".into(), "1".into()), ("B".into(), String::new())],
        stderr: true,
    };
    let found = input(
        "exec",
        "command: tail -f x | grep y, directory: /srv, environment: {A: 1, B: }, stderr: true",
    );
    assert_eq!(found, InputConfig::Exec(text));
}

#[test]
fn the_journal_and_containers_are_filtered() {
    let journal = JournaldConfig {
        program: "/opt/journalctl".into(),
        units: vec!["nginx.service".into()],
        matches: vec!["_TRANSPORT=kernel".into(), "+".into(), "PRIORITY=3".into()],
        start: Start::Beginning,
    };
    let found = input(
        "journald",
        "program: /opt/journalctl, units: nginx.service, \
         matches: [_TRANSPORT=kernel, +, PRIORITY=3], start: beginning",
    );
    assert_eq!(found, InputConfig::Journald(journal));
    let InputConfig::Docker(docker) =
        input("docker", "socket: /d.sock, include: [shop-*], exclude: '*test*', start: beginning")
    else {
        panic!("another type")
    };
    assert_eq!((docker.include, docker.exclude), (vec!["shop-*".into()], vec!["*test*".into()]));
    assert_eq!(docker.start, Start::Beginning);
}

#[test]
fn lines_have_a_format_that_depends_on_the_type() {
    for (kind, config, format) in [
        ("file", "path: x", LineFormat::Json),
        ("stdin", "", LineFormat::Json),
        ("docker", "", LineFormat::Text),
        ("syslog", "port: 1", LineFormat::Syslog),
        ("docker", "format: json", LineFormat::Json),
        ("exec", "command: x, format: LogFmt", LineFormat::Logfmt),
        ("socket", "port: 1, format: syslog", LineFormat::Syslog),
    ] {
        let found = harvester(&format!("type: {kind}, name: a, config: {{{config}}}"));
        assert_eq!(found.line.format, format, "{kind} {config}");
    }
}

#[test]
fn what_becomes_of_a_line_is_read_with_constants_as_yaml_has_them() {
    let found = line(
        r#"format: regex, pattern: '^(?<lvl>\w+) (?P<text>.*)$', message_field: text,
           fields: {service: shop, port: 80, tags: [a], none: null, text: "80"},
           columns: {lvl: level, text: message}, origin_column: file, max_line_size: 2KB"#,
    );

    assert!(
        matches!(&found.format, LineFormat::Regex(pattern) if pattern.to_string().starts_with("^(?<lvl>"))
    );
    assert_eq!(
        Value::Object(found.fields),
        json!({"service": "shop", "port": 80, "tags": ["a"], "none": null, "text": "80"})
    );
    let columns = [("lvl", "level"), ("text", "message")];
    assert_eq!(found.columns, columns.map(|(field, column)| (field.into(), column.into())));
    assert_eq!(found.message_field, "text");
    assert_eq!(found.origin_column.as_deref(), Some("file"));
    assert_eq!(found.max_line_size, ByteSize(2 << 10));
}

#[test]
fn lines_that_belong_together_wait_for_a_second_unless_told_otherwise() {
    for (text, millis) in [("", 1000), (", timeout: 50ms", 50), (", timeout: ", 1000)] {
        let found = line(&format!("multiline: {{start: '^\\S'{text}}}"));
        let multiline = found.multiline.expect("it is set");
        assert_eq!(multiline.start.to_string(), "^\\S");
        assert_eq!(multiline.timeout, Duration::from_millis(millis), "{text}");
    }
}

#[test]
fn times_have_a_field_a_format_and_a_zone() {
    let iso = |timezone: &str| TimestampConfig {
        field: "ts".into(),
        format: TimestampFormat::Iso8601,
        timezone: timezone.into(),
    };
    let pattern = |text: &str| TimestampFormat::Pattern(text.into());
    for (text, expected) in [
        ("ts", iso("local")),
        ("{field: ts, format: RFC3339, timezone: UTC}", iso("UTC")),
        ("{field: ts, timezone: Europe/Berlin}", iso("Europe/Berlin")),
        (
            "{field: ts, format: unix_ms}",
            TimestampConfig { format: TimestampFormat::UnixMillis, ..iso("local") },
        ),
        (
            "{field: ts, format: '%d/%b/%Y:%H:%M:%S %z'}",
            TimestampConfig { format: pattern("%d/%b/%Y:%H:%M:%S %z"), ..iso("local") },
        ),
        (
            "{field: ts, format: '%b %e %H:%M:%S'}",
            TimestampConfig { format: pattern("%b %e %H:%M:%S"), ..iso("local") },
        ),
        (
            "{field: ts, format: '%s.%3f'}",
            TimestampConfig { format: pattern("%s.%3f"), ..iso("local") },
        ),
        (
            "{field: ts, format: '%Y-%m-%d %H:%M:%S,%3f', timezone: UTC}",
            TimestampConfig { format: pattern("%Y-%m-%d %H:%M:%S,%3f"), ..iso("UTC") },
        ),
    ] {
        let found = line(&format!("timestamp: {text}"));
        assert_eq!(found.timestamp.as_ref(), Some(&expected), "{text}");
    }
}

#[test]
fn only_what_differs_from_the_defaults_is_shown() {
    let shown =
        shown("type: file, name: a, config: {paths: [/x], gzip: false, format: json, start: end}");

    let config = json!({"path": "/x", "start": "end"});
    assert_eq!(shown, json!({"type": "file", "name": "a", "config": config, "restart": "always"}));
}

#[test]
fn clients_see_the_names_of_a_commands_variables_and_not_the_values() {
    let config: Config = accept(
        "harvesters: [{type: exec, name: a, config: {command: x, environment: {TOKEN: s3cret}}}]",
    );

    let settings = serde_json::to_value(config.settings()).expect("JSON").to_string();

    assert!(settings.contains(r#""environment":{"TOKEN":"…"}"#), "{settings}");
    assert!(!settings.contains("s3cret"), "{settings}");
    assert!(config.to_yaml().contains("s3cret"));
}
