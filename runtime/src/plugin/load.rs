//! From a file to a component that can be instantiated, or to the reason why not.

use crate::domain::PluginKind;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::bindings::{harvester::HarvesterPluginPre, transform::TransformPluginPre};
use super::guest::Guest;
use super::{Engine, Facts, LoadError};

/// The version of `loglite:plugin` that this loglite offers.
const VERSION: &str = "0.1.0";

/// The largest file that is read.
const MAX_BYTES: u64 = 256 << 20;

/// The first bytes of WebAssembly; what follows tells modules and components apart.
const MAGIC: &[u8] = b"\0asm";
const MODULE: &[u8] = &[1, 0, 0, 0];

/// A compiled component, checked against its world. Instances share it.
pub struct Loaded {
    /// What it is.
    pub kind: PluginKind,
    /// What is known of it.
    pub facts: Facts,
    pub(super) program: Program,
    /// Keeps the clock ticking that interrupts its instances.
    pub(super) engine: Arc<Engine>,
}

/// What instances are made of.
pub(super) enum Program {
    Harvester(HarvesterPluginPre<Guest>),
    Transform(TransformPluginPre<Guest>),
}

impl Engine {
    /// Reads, compiles and checks a component. It takes seconds for a large one that is not in the cache, and blocks
    /// meanwhile.
    ///
    /// # Errors
    /// [`LoadError`], which says what the file is instead.
    pub fn load(self: &Arc<Self>, path: &Path) -> Result<Arc<Loaded>, LoadError> {
        let bytes = read(path)?;
        let began = Instant::now();
        let misses = self.cache.cache_misses();
        let component = Component::from_binary(&self.wasmtime, &bytes)
            .map_err(|error| LoadError::Invalid { path: path.into(), reason: reason(&error) })?;
        let compile_time = began.elapsed();
        let was_cached = self.cache.cache_misses() == misses;
        let names = Names::of(&component, &self.wasmtime);
        let (kind, version) = names.kind(path)?;
        let program = self.link(path, kind, &component, &names)?;
        let facts = Facts {
            world: kind.world(),
            version,
            imports: names.imports,
            exports: names.exports,
            bytes: bytes.len() as u64,
            compile_time,
            was_cached,
        };
        Ok(Arc::new(Loaded { kind, facts, program, engine: Arc::clone(self) }))
    }

    fn link(
        &self,
        path: &Path,
        kind: PluginKind,
        component: &Component,
        names: &Names,
    ) -> Result<Program, LoadError> {
        let linker = self.linker(kind);
        let linked = linker.instantiate_pre(component).and_then(|pre| match kind {
            PluginKind::Harvester => HarvesterPluginPre::new(pre).map(Program::Harvester),
            PluginKind::Transform => TransformPluginPre::new(pre).map(Program::Transform),
        });
        linked.map_err(|error| {
            let missing = names.not_provided(kind);
            let path = path.into();
            if missing.is_empty() {
                LoadError::Misfit { path, kind, reason: reason(&error) }
            } else {
                LoadError::MissingImports { path, kind, names: missing }
            }
        })
    }
}

impl Loaded {
    /// Whether it can be used as configured.
    ///
    /// # Errors
    /// [`LoadError::WrongKind`] when it is the other kind of plugin.
    pub fn expect(&self, wanted: PluginKind, path: &Path) -> Result<(), LoadError> {
        if self.kind == wanted {
            return Ok(());
        }
        Err(LoadError::WrongKind { path: path.into(), found: self.kind, wanted })
    }
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// What a component imports and exports.
struct Names {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Names {
    fn of(component: &Component, engine: &wasmtime::Engine) -> Self {
        let types = component.component_type();
        let imports = types.imports(engine);
        // Types that a component exports are no functions of it.
        let exports = types.exports(engine).filter(|(_, item)| {
            !matches!(item.ty, ComponentItem::Type(_) | ComponentItem::Resource(_))
        });
        Self {
            imports: imports.map(|(name, _)| name.to_owned()).collect(),
            exports: exports.map(|(name, _)| name.to_owned()).collect(),
        }
    }

    /// What it implements, and of which version.
    fn kind(&self, path: &Path) -> Result<(PluginKind, String), LoadError> {
        for kind in [PluginKind::Transform, PluginKind::Harvester] {
            for export in &self.exports {
                let (interface, version) = split(export);
                if interface != kind.interface() {
                    continue;
                }
                if !is_compatible(version) {
                    let found = version.to_owned();
                    return Err(LoadError::OtherVersion {
                        path: path.into(),
                        found,
                        wanted: VERSION,
                    });
                }
                return Ok((kind, version.to_owned()));
            }
        }
        let exports = self.exports.clone();
        Err(LoadError::OtherWorld { path: path.into(), exports, wanted: VERSION })
    }

    fn not_provided(&self, kind: PluginKind) -> Vec<String> {
        self.imports.iter().filter(|name| !is_provided(name, kind)).cloned().collect()
    }
}

/// Patch releases of an interface only add to it.
fn is_compatible(version: &str) -> bool {
    let line = |version: &str| version.rsplit_once('.').map(|(line, _)| line.to_owned());
    line(version).is_some() && line(version) == line(VERSION)
}

/// Interface and version of `package/interface@version`.
fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, "none"))
}

fn is_provided(import: &str, kind: PluginKind) -> bool {
    const WASI: [&str; 6] = [
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:filesystem/",
        "wasi:io/",
        "wasi:random/",
        "wasi:sockets/",
    ];
    let (interface, version) = split(import);
    let own = interface.strip_prefix("loglite:plugin/");
    match (own, kind) {
        (Some("logging" | "http" | "types"), _) => is_compatible(version),
        (Some("lifecycle" | "ingestor"), PluginKind::Harvester) => is_compatible(version),
        (Some(_), _) => false,
        (None, _) => {
            let is_known = WASI.iter().any(|package| interface.starts_with(package))
                || matches!(interface, "wasi:http/types" | "wasi:http/outgoing-handler");
            is_known && version.starts_with("0.2.")
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |source| LoadError::Unreadable { path: path.into(), source };
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MAX_BYTES {
        return Err(LoadError::TooLarge { path: path.into(), bytes, limit: MAX_BYTES });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    if bytes.is_empty() {
        return Err(LoadError::Empty { path: path.into() });
    }
    match bytes.strip_prefix(MAGIC) {
        None => Err(LoadError::NotWasm { path: path.into() }),
        Some(rest) if rest.starts_with(MODULE) => Err(LoadError::CoreModule { path: path.into() }),
        Some(_) => Ok(bytes),
    }
}

/// wasmtime's message in one line.
fn reason(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
