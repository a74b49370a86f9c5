//! A plugin that the options of a command describe: the same words, checks and messages as in the file.

use std::path::PathBuf;

use super::component::Plugins;
use super::problem::{ConfigErrors, Fault, Origin, Position};
use super::report::Report;
use super::yaml::{self, Content, Node, NodeKey};
use super::{PluginConfig, grant, limits};
use crate::domain::PluginKind;

/// How a grant is written as an option.
const GRANT: &str = "`env=NAME`, `dir=HOST:GUEST`, `dir=HOST:GUEST:rw`, `tcp=HOST:PORT`, `http=HOST` or `http=HOST:PORT`";
const LIMIT: &str = "a limit and its value, such as `memory=64MB`";

/// What a command was told of a plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginOptions {
    /// What it is called in messages.
    pub name: String,
    /// The component's file.
    pub component: PathBuf,
    /// Where its configuration was found, and its text: a mapping in YAML or JSON.
    pub config: Option<(Origin, String)>,
    /// Grants, such as `env=TOKEN`, `dir=/var/log/app:/logs:rw`, `tcp=10.0.0.5:5140` and `http=api.example.com`.
    pub grants: Vec<String>,
    /// Limits, such as `memory=64MB`. Of several for the same the last one counts.
    pub limits: Vec<String>,
}

impl PluginOptions {
    /// Reads them; `kind` decides on the defaults of the limits.
    ///
    /// # Errors
    /// [`ConfigErrors`] with everything that is wrong.
    pub fn read(self, kind: PluginKind) -> Result<PluginConfig, ConfigErrors> {
        let mut plugin = PluginConfig {
            name: self.name,
            component: self.component,
            ..Plugins::new(kind).unread()
        };
        let mut report = Report::new(Origin::Option("--config"));
        if let Some((origin, text)) = self.config {
            report.enter(origin);
            match yaml::parse(&text) {
                Ok(node) => {
                    let mut plugins = Plugins::new(kind);
                    plugins.read(&mut plugin, ("config", &node), "config", &mut report);
                }
                Err(error) => report.add("", Some(error.at), Fault::Syntax(error.message)),
            }
        }
        report.enter(Origin::Option("--grant"));
        let grants = grant_nodes(&self.grants, &mut report);
        plugin.grant = grant::read(&grants, "grant", &mut report);
        report.enter(Origin::Option("--limit"));
        let limits = limit_nodes(&self.limits, &mut report);
        plugin.limits = limits::read(&limits, kind, "limits", &mut report);
        report.finish(plugin)
    }
}

/// The mapping that `grant:` would have in a file.
fn grant_nodes(grants: &[String], report: &mut Report) -> Node {
    let mut lists = [("env", vec![]), ("dirs", vec![]), ("tcp", vec![]), ("http", vec![])];
    for text in grants {
        let parts = text.split_once('=').and_then(|(name, value)| match name {
            "dir" => Some(("dirs", dir_node(value)?)),
            _ => Some((name, scalar(value))),
        });
        let found = parts.and_then(|(name, node)| {
            let (_, list) = lists.iter_mut().find(|(known, _)| *known == name)?;
            // `dirs=…` is no spelling of `dir=…`.
            (name != "dirs" || text.starts_with("dir=")).then(|| list.push(node))
        });
        if found.is_none() {
            let found = format!("`{text}`");
            report.add("", None, Fault::Mismatch { expected: GRANT.into(), found });
        }
    }
    mapping(lists.into_iter().map(|(name, items)| (name, node(Content::List(items)))))
}

/// `HOST:GUEST`, and what may be done there.
fn dir_node(text: &str) -> Option<Node> {
    let (rest, access) = match text.rsplit_once(':') {
        Some((rest, "ro")) => (rest, "read"),
        Some((rest, "rw")) => (rest, "read-write"),
        _ => (text, "read"),
    };
    let (host, guest) = rest.rsplit_once(':')?;
    let fields = [("host", host), ("guest", guest), ("access", access)];
    Some(mapping(fields.map(|(name, text)| (name, scalar(text)))))
}

fn limit_nodes(limits: &[String], report: &mut Report) -> Node {
    let mut fields: Vec<(&str, Node)> = Vec::new();
    for text in limits {
        let Some((name, value)) = text.split_once('=') else {
            let found = format!("`{text}`");
            report.add("", None, Fault::Mismatch { expected: LIMIT.into(), found });
            continue;
        };
        fields.retain(|(known, _)| *known != name);
        fields.push((name, scalar(value)));
    }
    mapping(fields)
}

pub(super) fn mapping<'a>(fields: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let key = |name: &str| NodeKey { at: NOWHERE, text: name.to_owned() };
    node(Content::Mapping(fields.into_iter().map(|(name, node)| (key(name), node)).collect()))
}

pub(super) fn scalar(text: &str) -> Node {
    node(Content::Scalar { text: text.to_owned(), json: None })
}

/// An option has no lines; messages name the option and the key.
pub(super) const NOWHERE: Position = Position { line: 1, column: 1 };

pub(super) fn node(content: Content) -> Node {
    Node { at: NOWHERE, content }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Access, DirGrant};
    use crate::domain::ByteSize;

    fn options(config: &str, grants: &[&str], limits: &[&str]) -> PluginOptions {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        PluginOptions {
            name: "x".into(),
            component: "x.wasm".into(),
            config: Some((Origin::Option("--config"), config.into())),
            grants: owned(grants),
            limits: owned(limits),
        }
    }

    #[test]
    fn options_mean_what_they_mean_in_the_file() {
        let grants =
            ["env=TOKEN", "dir=/var/log:/logs", "dir=./a:b:/b:rw", "tcp=db:1", "http=A.example"];
        let limits = ["memory=32MB", "cpu_per_call=50ms", "memory=16MB"];
        let plugin = options("{fields: [a, 1]}", &grants, &limits)
            .read(PluginKind::Transform)
            .expect("fine");

        assert_eq!(plugin.config, serde_json::json!({"fields": ["a", 1]}));
        assert_eq!(
            (plugin.grant.env, plugin.grant.tcp),
            (vec!["TOKEN".into()], vec!["db:1".into()])
        );
        assert_eq!(plugin.grant.http, ["a.example"]);
        let dir = |host: &str, guest: &str, access| DirGrant {
            host: host.into(),
            guest: guest.into(),
            access,
        };
        let dirs = [dir("/var/log", "/logs", Access::Read), dir("./a:b", "/b", Access::ReadWrite)];
        assert_eq!(plugin.grant.dirs, dirs);
        assert_eq!(plugin.limits.memory, ByteSize(16 << 20));
        assert_eq!(plugin.limits.cpu_per_call.as_millis(), 50);
    }

    #[test]
    fn what_is_wrong_names_the_option_and_is_told_at_once() {
        let grants = ["env=a-b", "dir=/x", "dirs=/x:/y", "files", "http=https://a.example/x"];
        let errors = options("[1]", &grants, &["memory=lots", "cpu=1s", "handles"])
            .read(PluginKind::Harvester)
            .expect_err("all of it is wrong")
            .to_string();

        for message in [
            "--config: `config`: expected",
            "--grant: `grant.env[0]`: expected",
            "found `dir=…`",
            "--grant: expected `env=NAME`, ",
            "here `a.example`",
            "--limit: `limits.memory`: expected a size",
            "--limit: unknown key `limits.cpu`",
            "--limit: expected a limit and its value, such as `memory=64MB`, found `handles`",
        ] {
            let message = message.replace("found `dir=…`", "found `dir=/x`");
            assert!(errors.contains(&message), "{message} is not in\n{errors}");
        }
        assert_eq!(errors.lines().count(), 9, "{errors}");
    }
}
