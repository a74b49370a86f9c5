//! Which containers are followed.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::api::Container;
use crate::config::DockerConfig;

/// Patterns of names and images.
#[derive(Debug)]
pub(super) struct Choice {
    /// None: all containers.
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Choice {
    /// As configured.
    pub(super) fn new(config: &DockerConfig) -> Result<Self, globset::Error> {
        let include = (!config.include.is_empty()).then(|| set(&config.include)).transpose()?;
        Ok(Self { include, exclude: set(&config.exclude)? })
    }

    /// Whether this container is meant.
    pub(super) fn takes(&self, container: &Container) -> bool {
        let fits = |set: &GlobSet| set.is_match(&container.name) || set.is_match(&container.image);
        self.include.as_ref().is_none_or(fits) && !fits(&self.exclude)
    }
}

fn set(patterns: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern)?);
    }
    set.build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Start;

    fn taken(include: &[&str], exclude: &[&str], name: &str, image: &str) -> bool {
        let texts = |patterns: &[&str]| patterns.iter().map(ToString::to_string).collect();
        let config = DockerConfig {
            socket: "/engine.sock".into(),
            include: texts(include),
            exclude: texts(exclude),
            start: Start::End,
            image_column: None,
            stream_column: None,
        };
        let (id, name, image) = ("a".into(), name.into(), image.into());
        Choice::new(&config).expect("good patterns").takes(&Container { id, name, image })
    }

    #[test]
    fn names_and_images_choose_a_container() {
        assert!(taken(&[], &[], "web", "nginx:1"));
        assert!(taken(&["web*"], &[], "web-1", "nginx:1"));
        assert!(taken(&["*/nginx:*"], &[], "x", "registry.example/team/nginx:1"));
        assert!(!taken(&["web*"], &[], "db", "postgres"));
        assert!(!taken(&["*"], &["postgres*"], "db", "postgres:16"));
        assert!(!taken(&["web*"], &["web-2"], "web-2", "nginx"));
    }
}
