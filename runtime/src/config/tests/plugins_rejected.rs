//! Harvesters and transforms that are plugins: what is refused, and what is said of it.

use super::{check, parse_keys};

/// Compares the message about one transform with `fields`, without its place.
#[track_caller]
fn check_transform(fields: &str, message: &str) {
    let text = format!("transforms: [{{name: a, component: a.wasm, {fields}}}]");
    let errors = parse_keys(&text).expect_err(&text).to_string();
    let (_, found) = errors.split_once(": ").expect("a place and a message");
    assert_eq!(found, message, "{text}");
}

#[test]
fn every_problem_of_plugins_is_reported_with_its_place() {
    check(
        "harvesters:
  - {type: wasm, name: 'a b', component: '', restart: sometimes}
  - {name: http, component: x.wasm, typ: wasm}
  - wasm
transforms:
  - name: x
    componentt: x.wasm
    config: [1]
    limits: {memory: 1, speed: 5}
    sources: []
    on_failure: ignore",
        &[
            "2:24: `harvesters[0].name`: expected a name of at most 64 ASCII letters, digits, `-`, `_` \
             and `.`, found `a b`",
            "2:42: `harvesters[0].component`: expected the path of a WebAssembly component, such as \
             plugins/redact.wasm, found an empty text",
            "2:55: `harvesters[0].restart`: expected `always`, `on_failure` or `never`, found `sometimes`",
            "3:5: `harvesters[1].type` is missing: expected a type such as `file`, `socket` or `wasm`",
            "3:12: `harvesters[1].name`: expected another name: that of what POST /logs brings in is \
             `http`, found `http`",
            "3:37: unknown key `harvesters[1].typ`; did you mean `type`?",
            "4:5: `harvesters[2]`: expected a mapping with `type`, `name` and what its type needs, found \
             `wasm`",
            "6:5: `transforms[0].component` is missing: expected the path of a WebAssembly component, such \
             as plugins/redact.wasm",
            "7:5: unknown key `transforms[0].componentt`; did you mean `component`?",
            "8:13: `transforms[0].config`: expected a mapping of the plugin's own keys, found a list",
            "9:22: `transforms[0].limits.memory`: expected a size from 1MB to 4GB, found `1`",
            "9:25: unknown key `transforms[0].limits.speed`; known here: memory, recycle_memory, \
             table_elements, handles, cpu_per_call, time_per_call, start_time, entries_per_call, \
             bytes_per_call, log_lines_per_second, log_bytes_per_second",
            "10:14: `transforms[0].sources`: expected a list with at least one source; `*` is all of \
             them, found an empty list",
            "11:17: `transforms[0].on_failure`: expected `dead_letter`, `drop`, `pass` or `block`, found \
             `ignore`",
        ],
    );
}

#[test]
fn a_grant_that_is_none_is_refused_with_what_to_write() {
    check(
        "transforms:
  - name: a
    component: a.wasm
    grant:
      http: ['https://api.example.com/v1', [x]]
      tcp: db
      env: [A=b]
      dirs:
        - {host: /a, guest: logs}
        - {guest: /x, access: all}
        - {host: /b, guest: /x/}
      udp: []",
        &[
            "5:14: `transforms[0].grant.http[0]`: expected a host or `host:port` without scheme, path and \
             user, here `api.example.com`, found `https://api.example.com/v1`",
            "5:44: `transforms[0].grant.http[1]`: expected a text, found a list",
            "6:12: `transforms[0].grant.tcp[0]`: expected `host:port`, such as `10.0.0.5:5140` or \
             `[::1]:5140`, found `db`",
            "7:13: `transforms[0].grant.env[0]`: expected the name of an environment variable, of letters, \
             digits and underscores; its value comes from the environment of loglite, found `A=b`",
            "9:29: `transforms[0].grant.dirs[0].guest`: expected an absolute path without `.` and `..`, \
             such as /logs, found `logs`",
            "10:11: `transforms[0].grant.dirs[1].host` is missing: expected the path of a directory",
            "10:31: `transforms[0].grant.dirs[1].access`: expected `read` or `read-write`, found `all`",
            "11:29: `transforms[0].grant.dirs[2].guest`: `/x` is already taken in line 10; give each its own",
            "12:7: unknown key `transforms[0].grant.udp`; did you mean `tcp`?",
        ],
    );
}

#[test]
fn names_are_distinct_among_harvesters_and_among_transforms() {
    check(
        "harvesters:
  - {type: wasm, name: a, component: a.wasm}
  - {type: wasm, name: a, component: b.wasm}
transforms:
  - {name: a, component: a.wasm}
  - {name: a, component: a.wasm}",
        &[
            "3:24: `harvesters[1].name`: `a` is already taken in line 2; give each its own",
            "6:12: `transforms[1].name`: `a` is already taken in line 5; give each its own",
        ],
    );
}

#[test]
fn sources_that_are_none_are_refused_with_those_that_are() {
    // The place of `harvesters` in the file plays no part.
    check(
        "transforms: [{name: a, component: a.wasm, sources: [http, wea*, App, 'x y']}]
harvesters: [{type: wasm, name: weather, component: w.wasm}, {type: tape, name: app}]",
        &[
            "1:65: `transforms[0].sources[2]`: expected a source or a pattern that matches one, such as \
             `*`; there are: `http`, `weather`, `app`, found `App`",
            "1:70: `transforms[0].sources[3]`: expected a source or a pattern that matches one, such as \
             `*`; there are: `http`, `weather`, `app`, found `x y`",
            "2:69: `harvesters[1].type`: expected one of `file`, `socket`, `syslog`, `zmq`, `journald`, \
             `docker`, `exec`, `stdin`, `wasm`, found `tape`",
        ],
    );
}

#[test]
fn a_limit_out_of_range_or_void_is_refused() {
    let time = "expected a time from 1ms to 3600s, such as 200ms, 1.5s or a number of milliseconds";
    for (limits, message) in [
        (
            "memory: 5GB",
            "`transforms[0].limits.memory`: expected a size from 1MB to 4GB, found `5GB`",
        ),
        ("cpu_per_call: 0", &format!("`transforms[0].limits.cpu_per_call`: {time}, found `0`")),
        ("start_time: 2m", &format!("`transforms[0].limits.start_time`: {time}, found `2m`")),
        ("start_time: 0.5ms", &format!("`transforms[0].limits.start_time`: {time}, found `0.5ms`")),
        ("start_time: -1s", &format!("`transforms[0].limits.start_time`: {time}, found `-1s`")),
        (
            "cpu_per_call: 2s",
            "`transforms[0].limits.cpu_per_call`: expected at most `time_per_call`, which is 300ms, found `2s`",
        ),
        (
            "memory: 2MB, recycle_memory: 3MB",
            "`transforms[0].limits.recycle_memory`: expected at most `memory`, which is 2MB, found `3MB`",
        ),
        (
            "log_lines_per_second: all",
            "`transforms[0].limits.log_lines_per_second`: expected a whole number from 0 to 1000000, found `all`",
        ),
    ] {
        check_transform(&format!("limits: {{{limits}}}"), message);
    }
}

#[test]
fn what_json_can_not_say_is_refused_and_a_repeated_key_of_a_plugin_reported() {
    check_transform(
        "config: {a: [1, .inf]}",
        "`transforms[0].config.a[1]`: expected a finite number, as JSON has no others; write a text in \
         quotes, found `.inf`",
    );
    check_transform(
        "config: {a: 1, a: 2}",
        "`transforms[0].config.a` is set twice, first in line 1; remove one of them",
    );
}
