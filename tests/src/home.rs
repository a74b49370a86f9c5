//! The directory that a test's service lives in: its configuration and its database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::launch::Launch;
use crate::process::Exit;
use crate::server::Server;

/// A temporary directory in which `loglite` is started. Clones share it; the last one removes it.
#[derive(Debug, Clone)]
pub struct Home {
    directory: Arc<TempDir>,
}

impl Home {
    /// A directory with this text as its `config.yaml`.
    ///
    /// # Panics
    /// When the file system doesn't let it be made.
    #[must_use]
    pub fn new(config: &str) -> Self {
        let home = Self::empty();
        home.write_config(config);
        home
    }

    /// A directory with nothing in it.
    ///
    /// # Panics
    /// When the file system doesn't let it be made.
    #[must_use]
    pub fn empty() -> Self {
        let directory = tempfile::Builder::new().prefix("loglite-e2e-").tempdir();
        Self { directory: Arc::new(directory.expect("a temporary directory can be made")) }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.path().join("config.yaml")
    }

    /// The database file of a configuration that leaves `sqlite_dir` as it is.
    #[must_use]
    pub fn database_path(&self) -> PathBuf {
        self.path().join("db/logs.db")
    }

    /// Replaces the configuration.
    ///
    /// # Panics
    /// When the file can't be written.
    pub fn write_config(&self, config: &str) {
        std::fs::write(self.config_path(), config).expect("the test's directory is writable");
    }

    /// Opens the database as another program would; it and its directory are made if they are missing.
    ///
    /// # Panics
    /// When it can't be opened.
    #[must_use]
    pub fn database(&self) -> rusqlite::Connection {
        let path = self.database_path();
        let directory = path.parent().expect("the database lies in a directory");
        std::fs::create_dir_all(directory).expect("the test's directory is writable");
        rusqlite::Connection::open(path).expect("the database can be opened")
    }

    /// A run of `loglite` in this directory, with these arguments.
    #[must_use]
    pub fn launch(&self, arguments: &[&str]) -> Launch {
        Launch::new(self.clone(), arguments)
    }

    /// Starts `loglite serve -c config.yaml` and waits until it listens.
    ///
    /// # Panics
    /// When it ends before; the message holds what it wrote.
    #[must_use]
    pub fn start(&self) -> Server {
        self.launch(&["serve", "-c", "config.yaml"]).serve()
    }

    /// Runs a command, such as `["migrate", "status", "-c", "config.yaml"]`, to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Exit {
        self.launch(arguments).run()
    }
}
