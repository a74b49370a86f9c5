//! The files of a new project: the templates beside this file, the SDK and the interface, all inside the program.

use super::new::{Kind, Language};
use super::sdk::{self, Files};

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectFile {
    /// Where, within the project.
    pub(super) path: String,
    /// What is in it.
    pub(super) text: String,
}

/// What differs between the languages.
struct Outline {
    sdk: Files,
    /// The folder of the interface.
    wit: &'static str,
    /// The built component.
    component: String,
    /// The file that the user begins with.
    source: &'static str,
    build: &'static str,
    files: &'static str,
    templates: Vec<(&'static str, &'static str)>,
}

/// All files of a project.
pub(super) fn project(language: Language, kind: Kind, name: &str) -> Vec<ProjectFile> {
    let outline = outline(language, kind, name);
    let (readme, config) = match kind {
        Kind::Harvester => (template!("harvester.md"), template!("harvester.yaml")),
        Kind::Transform => (template!("transform.md"), template!("transform.yaml")),
    };
    let mut texts = vec![("README.md", readme), ("loglite.yaml", config)];
    if kind == Kind::Transform {
        texts.push(("examples.ndjson", template!("examples.ndjson")));
    }
    texts.extend(&outline.templates);
    let filled = texts.into_iter().map(|(path, text)| ProjectFile {
        path: path.into(),
        text: outline.fill(text, language, kind, name),
    });
    let wit = sdk::WIT.iter().map(|(path, text)| ProjectFile {
        path: path.replacen("wit", outline.wit, 1),
        text: (*text).into(),
    });
    let sdk = outline
        .sdk
        .iter()
        .map(|(path, text)| ProjectFile { path: (*path).into(), text: (*text).into() });
    filled.chain(wit).chain(sdk).collect()
}

impl Outline {
    /// Puts names in the place of `{{…}}`. The parts come first, as they hold names themselves.
    fn fill(&self, text: &str, language: Language, kind: Kind, name: &str) -> String {
        let identifier = name.replace('-', "_");
        text.replace("{{build}}", self.build.trim_end())
            .replace("{{files}}", self.files.trim_end())
            .replace("{{component}}", &self.component)
            .replace("{{identifier}}", &identifier)
            .replace("{{kind}}", &kind.to_string())
            .replace("{{language}}", &language.to_string())
            .replace("{{name}}", name)
            .replace("{{source}}", self.source)
            .replace("{{version}}", env!("CARGO_PKG_VERSION"))
            .replace("{{wit}}", self.wit)
    }
}

fn outline(language: Language, kind: Kind, name: &str) -> Outline {
    match language {
        Language::Rust => rust(kind, name),
        Language::Python => python(kind, name),
        Language::Javascript => javascript(kind, name),
        Language::C => c(kind, name),
    }
}

fn rust(kind: Kind, name: &str) -> Outline {
    let code = match kind {
        Kind::Harvester => template!("rust/harvester.rs.txt"),
        Kind::Transform => template!("rust/transform.rs.txt"),
    };
    Outline {
        sdk: sdk::RUST,
        // The crate's own, as it must be within it.
        wit: "guest-sdk/rust/wit",
        component: format!("target/wasm32-wasip2/release/{}.wasm", name.replace('-', "_")),
        source: "src/lib.rs",
        build: template!("rust/build.md"),
        files: template!("rust/files.md"),
        templates: vec![
            ("Cargo.toml", template!("rust/Cargo.toml.txt")),
            ("src/lib.rs", code),
            (".gitignore", template!("rust/gitignore")),
        ],
    }
}

fn python(kind: Kind, name: &str) -> Outline {
    let (code, tests) = match kind {
        Kind::Harvester => {
            (template!("python/harvester.py.txt"), template!("python/test_harvester.py.txt"))
        }
        Kind::Transform => {
            (template!("python/transform.py.txt"), template!("python/test_transform.py.txt"))
        }
    };
    Outline {
        sdk: sdk::PYTHON,
        wit: "wit",
        component: format!("{name}.wasm"),
        source: "app.py",
        build: template!("python/build.md"),
        files: template!("python/files.md"),
        templates: vec![
            ("app.py", code),
            ("test_app.py", tests),
            ("build", template!("python/build")),
            (".gitignore", template!("python/gitignore")),
        ],
    }
}

fn javascript(kind: Kind, name: &str) -> Outline {
    let (code, tests) = match kind {
        Kind::Harvester => (
            template!("javascript/harvester.js.txt"),
            template!("javascript/harvester.test.js.txt"),
        ),
        Kind::Transform => (
            template!("javascript/transform.js.txt"),
            template!("javascript/transform.test.js.txt"),
        ),
    };
    Outline {
        sdk: sdk::JAVASCRIPT,
        wit: "wit",
        component: format!("{name}.wasm"),
        source: "plugin.js",
        build: template!("javascript/build.md"),
        files: template!("javascript/files.md"),
        templates: vec![
            ("plugin.js", code),
            ("plugin.test.js", tests),
            ("package.json", template!("javascript/package.json.txt")),
            (".gitignore", template!("javascript/gitignore")),
        ],
    }
}

fn c(kind: Kind, name: &str) -> Outline {
    let (code, tests) = match kind {
        Kind::Harvester => (template!("c/harvester.c.txt"), template!("c/harvester_test.c.txt")),
        Kind::Transform => (template!("c/transform.c.txt"), template!("c/transform_test.c.txt")),
    };
    Outline {
        sdk: sdk::C,
        wit: "wit",
        component: format!("{name}.wasm"),
        source: "plugin.c",
        build: template!("c/build.md"),
        files: template!("c/files.md"),
        templates: vec![
            ("plugin.c", code),
            ("plugin_test.c", tests),
            ("Makefile", template!("c/Makefile.txt")),
            (".gitignore", template!("c/gitignore")),
        ],
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const LANGUAGES: [Language; 4] =
        [Language::Rust, Language::Python, Language::Javascript, Language::C];

    fn text(files: &[ProjectFile], path: &str) -> String {
        let found = files.iter().find(|file| file.path == path);
        found.unwrap_or_else(|| panic!("there is no {path}")).text.clone()
    }

    #[test]
    fn names_are_filled_in_as_each_place_takes_them() {
        let files = project(Language::Rust, Kind::Transform, "my-filter");
        assert!(text(&files, "Cargo.toml").contains("name = \"my-filter\""));
        let component = "target/wasm32-wasip2/release/my_filter.wasm";
        assert!(text(&files, "loglite.yaml").contains(&format!("component: {component}\n")));
        assert!(text(&files, "README.md").contains(&format!("loglite plugin check {component}")));
        assert!(text(&files, "guest-sdk/rust/wit/worlds.wit").contains("world transform-plugin"));
    }

    #[test]
    fn no_file_is_written_twice_or_outside_of_the_project() {
        for language in LANGUAGES {
            let mut paths: Vec<_> =
                project(language, Kind::Harvester, "x").into_iter().map(|file| file.path).collect();
            let count = paths.len();
            paths.sort();
            paths.dedup();
            assert_eq!(paths.len(), count, "{language}");
            assert!(paths.iter().all(|path| !path.starts_with('/') && !path.contains("..")));
        }
    }

    #[test]
    fn projects_name_the_tools_that_the_guests_are_built_with() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let toolchain = |name: &str| {
            fs::read_to_string(root.join("guests/toolchain").join(name))
                .expect("the script is there")
        };
        let readme = |language| text(&project(language, Kind::Harvester, "x"), "README.md");
        let python = readme(Language::Python);
        let package = text(&project(Language::Javascript, Kind::Harvester, "x"), "package.json");
        let c = readme(Language::C);
        for (text, tool, script, pin) in [
            (&python, "componentize-py==0.25.1", "python", "componentize-py==0.25.1"),
            (&package, "jco\": \"1.35.0", "javascript", "jco@1.35.0"),
            (&c, "jco@1.35.0", "javascript", "jco@1.35.0"),
            (&c, "--version 0.63.0", "c", "BINDGEN=0.63.0"),
            (&c, "ziglang==0.17.1", "c", "ZIG=0.17.1"),
        ] {
            assert!(text.contains(tool), "{tool}");
            assert!(toolchain(script).contains(pin), "guests/toolchain/{script} has no {pin}");
        }
    }
}
