//! What the engine says, as far as it matters here.

use serde::Deserialize;

/// The version of the interface that this client was written for.
const OURS: ApiVersion = ApiVersion(1, 41);

/// The answer to `/version`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    api_version: String,
    #[serde(rename = "MinAPIVersion", default)]
    min_api_version: String,
}

/// A container of `/containers/json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    image: String,
    #[serde(default)]
    state: String,
}

/// The answer to `/containers/{id}/json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    name: String,
    config: ContainerConfig,
    state: ContainerState,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerConfig {
    #[serde(default)]
    image: String,
    #[serde(default)]
    tty: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerState {
    #[serde(default)]
    running: bool,
}

/// Tells that a container has started.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event {
    actor: Actor,
}

#[derive(Debug, Deserialize)]
struct Actor {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Attributes", default)]
    attributes: Attributes,
}

#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
}

/// A container, as far as it tells whether it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// Letters and digits.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
}

/// What matters of a container for reading its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) image: String,
    /// Whether its output is that of a terminal.
    pub(super) has_terminal: bool,
    pub(super) is_running: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct ApiVersion(u32, u32);

impl ApiVersion {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }
}

impl Version {
    /// The version both speak: ours, or the nearest that the engine knows.
    pub(super) fn spoken(&self) -> String {
        let newest = ApiVersion::parse(&self.api_version).unwrap_or(OURS);
        let oldest = ApiVersion::parse(&self.min_api_version).unwrap_or(ApiVersion(0, 0));
        let ApiVersion(major, minor) = OURS.min(newest).max(oldest);
        format!("{major}.{minor}")
    }
}

impl Listed {
    /// Whether it runs now.
    pub(super) fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// The container; none when its id could not stand in a path.
    pub(super) fn container(self) -> Option<Container> {
        let name = self.names.into_iter().next().unwrap_or_default();
        Container::new(self.id, &name, self.image)
    }
}

impl Event {
    /// The container; none when its id could not stand in a path.
    pub(super) fn container(self) -> Option<Container> {
        let Attributes { name, image } = self.actor.attributes;
        Container::new(self.actor.id, &name, image)
    }
}

impl From<Inspected> for Facts {
    fn from(inspected: Inspected) -> Self {
        Self {
            name: plain(&inspected.name),
            image: inspected.config.image,
            has_terminal: inspected.config.tty,
            is_running: inspected.state.running,
        }
    }
}

impl Container {
    fn new(id: String, name: &str, image: String) -> Option<Self> {
        let is_plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| Self { id, name: plain(name), image })
    }
}

/// Names come with a slash in front.
fn plain(name: &str) -> String {
    name.strip_prefix('/').unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_speak_the_nearest_version() {
        for (newest, oldest, spoken) in [
            ("1.41", "1.12", "1.41"),
            ("1.52", "1.44", "1.44"),
            ("1.30", "1.12", "1.30"),
            ("1.52", "", "1.41"),
            ("odd", "odder", "1.41"),
        ] {
            let version = Version { api_version: newest.into(), min_api_version: oldest.into() };
            assert_eq!(version.spoken(), spoken, "{newest} {oldest}");
        }
    }

    #[test]
    fn an_id_that_could_lead_elsewhere_is_no_container() {
        for id in ["", "../images", "a/b", "a?b"] {
            assert_eq!(Container::new(id.into(), "/web", "nginx".into()), None, "{id}");
        }
        let container = Container::new("ab12".into(), "/web", "nginx".into()).expect("a plain id");
        assert_eq!(container.name, "web");
    }
}
