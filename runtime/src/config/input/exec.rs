//! `type: exec`: the output of a command.

use serde_json::{Map, Value, json};

use super::super::report::Report;
use super::super::value::{self, store};
use super::super::yaml::{Content, Node};
use super::super::{ExecConfig, InputConfig, mapping};
use super::field::{self, Field, Given, NONE, REQUIRED, Read};

const COMMAND: &str = "a command, or a list of a program and its arguments";
const ENVIRONMENT: &str = "a mapping of variables to texts";

impl Default for ExecConfig {
    /// Without a command.
    fn default() -> Self {
        Self { command: Vec::new(), directory: None, environment: Vec::new(), stderr: false }
    }
}

pub(super) const KEYS: &[Field<ExecConfig>] = &[
    Field {
        name: "command",
        expected: COMMAND,
        default: REQUIRED,
        doc: "What is run: a list of a program and its arguments, or a text for `sh -c`.",
        read: Read::Nested(read_command),
        show: |exec| json!(exec.command),
    },
    Field {
        name: "directory",
        expected: "the path of a directory",
        default: NONE,
        doc: "Where it runs; unless it is set, where loglite was started.",
        read: Read::Scalar(|exec, text| {
            store(&mut exec.directory, value::text(text).map(|dir| Some(dir.into())))
        }),
        show: |exec| json!(exec.directory),
    },
    Field {
        name: "environment",
        expected: ENVIRONMENT,
        default: "{}",
        doc: "Variables that it gets besides loglite's own. Secrets belong here and not into the \
              command: GET /settings shows their names only.",
        read: Read::Nested(read_environment),
        show: |exec| {
            let variables = exec.environment.iter();
            Value::Object(variables.map(|(name, value)| (name.clone(), json!(value))).collect())
        },
    },
    Field {
        name: "stderr",
        expected: value::BOOLEAN,
        default: "false",
        doc: "Whether its standard error is harvested, too; otherwise that goes to loglite's log.",
        read: Read::Scalar(|exec, text| store(&mut exec.stderr, value::boolean(text))),
        show: |exec| json!(exec.stderr),
    },
];

pub(super) fn read(given: &Given<'_>, report: &mut Report) -> Option<InputConfig> {
    let mut exec = ExecConfig::default();
    given.read(KEYS, &mut exec, report);
    given.require("command", COMMAND, report);
    Some(InputConfig::Exec(exec))
}

pub(super) fn show(exec: &ExecConfig) -> Map<String, Value> {
    field::show(KEYS, exec, &ExecConfig::default())
}

fn read_command(exec: &mut ExecConfig, node: &Node, path: &str, report: &mut Report) {
    let is_command = |text: &str| !text.trim().is_empty() && !text.contains('\0');
    match &node.content {
        Content::Scalar { text, .. } if is_command(text) => {
            exec.command = ["sh", "-c", text].map(str::to_owned).into();
        }
        Content::List(items) if items.first().and_then(Node::scalar).is_some_and(is_command) => {
            exec.command = value::each(node, path, report, |text| {
                let argument = (!text.contains('\0')).then(|| text.to_owned());
                argument.ok_or_else(|| "a text without zero bytes".into())
            });
        }
        _ => report.mismatch(path, node, COMMAND),
    }
}

fn read_environment(exec: &mut ExecConfig, node: &Node, path: &str, report: &mut Report) {
    exec.environment = Vec::new();
    for (key, node) in mapping::entries(node, path, ENVIRONMENT, report).unwrap_or_default() {
        let path = format!("{path}.{}", key.text);
        if key.text.is_empty() || key.text.contains(['=', '\0']) {
            let name = "a name of a variable, without `=`";
            report.mismatch_at(path, key.at, name, super::super::yaml::quote(&key.text));
            continue;
        }
        match &node.content {
            Content::Nothing => exec.environment.push((key.text.clone(), String::new())),
            Content::Scalar { text, .. } if !text.contains('\0') => {
                exec.environment.push((key.text.clone(), text.clone()));
            }
            _ => report.mismatch(path, node, "a text"),
        }
    }
}
