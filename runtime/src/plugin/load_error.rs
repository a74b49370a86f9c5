//! Why a file is no plugin.

use crate::domain::PluginKind;
use std::io;
use std::path::{Path, PathBuf};

/// A file that can't be run as a plugin, and why.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It can't be read.
    #[error("can't read the component {}", located(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It holds nothing.
    #[error("`{}` is empty: it was not written, or is being written", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than any component should be.
    #[error("`{}` has {bytes} bytes; a component has at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size.
        limit: u64,
    },
    /// It is something else.
    #[error("`{}` is not WebAssembly: expected a component (.wasm)", path.display())]
    NotWasm {
        /// The file.
        path: PathBuf,
    },
    /// It is WebAssembly without the component model's types.
    #[error(
        "`{}` is a core module, not a component: build it for the target wasm32-wasip2, or make it a component with \
         `wasm-tools component new`",
        path.display()
    )]
    CoreModule {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged, or uses what loglite's engine does not know.
    #[error("`{}` is no valid component: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the compiler says.
        reason: String,
    },
    /// It is a component for something else.
    #[error(
        "`{}` is no plugin: it exports {}, but loglite looks for loglite:plugin/harvester@{wanted} or \
         loglite:plugin/transform@{wanted}",
        path.display(), listed(exports)
    )]
    OtherWorld {
        /// The file.
        path: PathBuf,
        /// What it exports.
        exports: Vec<String>,
        /// The version that loglite offers.
        wanted: &'static str,
    },
    /// It is a plugin for another loglite.
    #[error(
        "`{}` was made for version {found} of loglite:plugin, and this loglite offers {wanted}: build it with the \
         SDK of this loglite",
        path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// What it was made for.
        found: String,
        /// What loglite offers.
        wanted: &'static str,
    },
    /// It needs what it does not get here.
    #[error("`{}` imports what loglite does not provide to a {kind}: {}", path.display(), names.join(", "))]
    MissingImports {
        /// The file.
        path: PathBuf,
        /// What it would be.
        kind: PluginKind,
        /// The imports.
        names: Vec<String>,
    },
    /// Names match, types do not.
    #[error("`{}` does not fit the world of a {kind}: {reason}", path.display())]
    Misfit {
        /// The file.
        path: PathBuf,
        /// What it would be.
        kind: PluginKind,
        /// What does not fit.
        reason: String,
    },
    /// It is the other kind of plugin.
    #[error("`{}` is a {found}, but configured as a {wanted}: it belongs under `{found}s`", path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: PluginKind,
        /// What it should be.
        wanted: PluginKind,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// A path, and the directory that it starts in if it does not say so itself.
fn located(path: &Path) -> String {
    match std::env::current_dir() {
        Ok(start) if path.is_relative() => {
            format!("`{}` in {}", path.display(), start.display())
        }
        _ => format!("`{}`", path.display()),
    }
}
