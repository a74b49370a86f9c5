//! An engine of a test's own, and plugins in it.

use crate::domain::PluginKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Grants, Limits, PluginConfig};
use crate::domain::ByteSize;
use crate::pipeline::Verdict;
use crate::plugin::{Budget, CallError, Engine, LoadError, Loaded, PluginSetup, TransformInstance};

/// Enough for what ends well, on a busy machine too.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Home {
    directory: tempfile::TempDir,
    pub(super) engine: Arc<Engine>,
}

impl Home {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::start(&directory.path().join("cache"), ByteSize(256 << 10)).unwrap();
        Self { directory, engine }
    }

    /// Writes the bytes to a file.
    pub(super) fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join("plugin.wasm");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(super) fn load(&self, bytes: &[u8]) -> Result<Arc<Loaded>, LoadError> {
        self.engine.load(&self.file(bytes))
    }

    /// A component from its text, which must load.
    pub(super) fn component(&self, text: &str) -> Arc<Loaded> {
        self.load(&wat::parse_str(text).unwrap()).unwrap()
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

pub(super) fn setup(kind: PluginKind, limits: Limits) -> Arc<PluginSetup> {
    let config = PluginConfig {
        name: "x".into(),
        component: "x.wasm".into(),
        config: serde_json::json!({}),
        grant: Grants::default(),
        limits,
    };
    PluginSetup::new(&config, kind).unwrap()
}

/// Starts a transform with these limits and applies it to `{}`, once.
pub(super) async fn apply_once(text: &str, limits: Limits) -> Result<Vec<Verdict>, CallError> {
    let home = Home::new();
    let loaded = home.component(text);
    let budget = Budget { cpu: limits.cpu_per_call, time: PATIENCE };
    let setup = setup(PluginKind::Transform, limits);
    let mut instance = TransformInstance::start(&loaded, &setup).await?;
    instance.apply("http", &["{}"], budget).await
}
