//! `loglite plugin new`: writes a small project that builds, tests and runs as its README says.

use std::fmt;
use std::fs;
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::new_files::{self, ProjectFile};
use crate::cli::UsageError;

/// The longest name that a configuration takes.
const LONGEST_NAME: usize = 64;

/// The arguments of `plugin new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    name: String,
    /// The language to write it in
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
    /// What it is to be: a harvester brings entries in, a transform looks at entries on their way to the table
    #[arg(long, value_enum)]
    kind: Kind,
    /// The folder to write it to; without it, a folder of the plugin's name
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// A language with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Rust,
    Python,
    #[value(alias = "js")]
    Javascript,
    C,
}

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Harvester,
    Transform,
}

impl New {
    /// Writes the project and says what to do next.
    ///
    /// # Errors
    /// A name that the language doesn't take, a folder that holds something, or one that can't be written.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        check_name(&self.name)?;
        let folder = self.dir.unwrap_or_else(|| PathBuf::from(&self.name));
        let files = new_files::project(self.lang, self.kind, &self.name);
        write_project(&folder, &files)?;
        let (lang, kind) = (self.lang, self.kind);
        writeln!(
            stdout(),
            "wrote the {lang} {kind} `{}` to {}; its README.md says how to build, try and use it",
            self.name,
            folder.display()
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A name that is one for cargo, npm, and loglite's configuration, and a module of every language once its hyphens are
/// underscores.
fn check_name(name: &str) -> Result<(), UsageError> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase();
    let fits = name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(is_letter)
        && !name.ends_with('-')
        && !name.contains("--")
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit() || byte == b'-');
    if !fits {
        return Err(UsageError::PluginName { name: name.to_owned() });
    }
    if TAKEN.contains(&name) {
        return Err(UsageError::TakenName { name: name.to_owned() });
    }
    Ok(())
}

/// What a crate can't be called: Rust's words, and what the project or its tools call so.
const TAKEN: &[&str] = &[
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "http",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loglite",
    "loglite-guest",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "node-modules",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "wit",
    "yield",
];

/// Writes all files into a folder that is new or empty.
fn write_project(folder: &Path, files: &[ProjectFile]) -> anyhow::Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            anyhow::ensure!(
                entries.next().is_none(),
                "{shown} is not empty, and nothing is overwritten; name another folder with `--dir`"
            );
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot look into {shown}")),
    }
    for file in files {
        write_file(folder, file)?;
    }
    Ok(())
}

fn write_file(folder: &Path, file: &ProjectFile) -> anyhow::Result<()> {
    let path = folder.join(&file.path);
    let cannot = || format!("cannot write {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(cannot)?;
    }
    let mut created = fs::File::create_new(&path).with_context(cannot)?;
    created.write_all(file.text.as_bytes()).with_context(cannot)?;
    if file.text.starts_with("#!") {
        make_executable(&created).with_context(cannot)?;
    }
    Ok(())
}

/// For everybody who may read it.
#[cfg(unix)]
fn make_executable(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = file.metadata()?.permissions();
    permissions.set_mode(permissions.mode() | ((permissions.mode() & 0o444) >> 2));
    file.set_permissions(permissions)
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Javascript => "JavaScript",
            Self::C => "C",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Harvester => "harvester",
            Self::Transform => "transform",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_for_every_tool() {
        for name in ["weather", "drop-below", "a1", "x"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Weather", "1a", "-a", "a-", "a--b", "a_b", "a.b", "a/b", "../x", "é"] {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains("lower-case letters"), "{error}");
        }
        assert!(check_name(&"a".repeat(LONGEST_NAME + 1)).is_err());
    }

    #[test]
    fn a_word_of_the_tools_is_no_name() {
        for name in ["test", "crate", "std", "loglite-guest", "http"] {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains("another"), "{error}");
        }
    }

    #[test]
    fn a_folder_that_holds_something_is_left_alone() {
        let folder = tempfile::tempdir().expect("a directory");
        let file = |text: &str| ProjectFile { path: "a/b.txt".into(), text: text.into() };
        write_project(folder.path(), &[file("first")]).expect("empty");

        let error = write_project(folder.path(), &[file("second")]).expect_err("not empty");

        assert!(error.to_string().contains("is not empty"), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join("a/b.txt")).expect("kept"), "first");
    }

    #[cfg(unix)]
    #[test]
    fn a_script_can_be_run() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().expect("a directory");
        let script = ProjectFile { path: "build".into(), text: "#!/bin/sh\n".into() };
        write_project(folder.path(), &[script]).expect("empty");
        let mode = fs::metadata(folder.path().join("build")).expect("written").permissions().mode();
        assert_eq!(mode & 0o100, 0o100);
    }
}
