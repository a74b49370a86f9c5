//! A file that is no plugin is told for what it is.

use crate::domain::ByteSize;
use crate::domain::PluginKind;
use crate::plugin::{Engine, LoadError};

use super::home::Home;
use super::text::transform;

fn error(bytes: &[u8]) -> String {
    let home = Home::new();
    let error = home.load(bytes).unwrap_err().to_string();
    error.replace(&home.path().display().to_string(), "")
}

fn error_of(text: &str) -> String {
    error(&wat::parse_str(text).unwrap())
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let home = Home::new();
    let error = home.engine.load("/no/such.wasm".as_ref()).unwrap_err();
    assert_eq!(error.to_string(), "can't read the component `/no/such.wasm`");
}

#[test]
fn empty_and_foreign_files_are_told_apart() {
    assert!(error(b"").contains("is empty"));
    assert!(error(b"#!/bin/sh\n").contains("is not WebAssembly"));
}

#[test]
fn a_core_module_is_told_how_to_become_a_component() {
    let error = error_of("(module)");
    assert!(error.contains("core module") && error.contains("wasm32-wasip2"), "{error}");
}

#[test]
fn truncated_and_garbled_components_are_invalid() {
    let whole = wat::parse_str(transform("(unreachable)")).unwrap();
    let half = whole.get(..whole.len() / 2).unwrap();
    assert!(error(half).contains("is no valid component: "));
    let mut garbled = whole.clone();
    garbled.iter_mut().skip(20).for_each(|byte| *byte ^= 0x5a);
    assert!(error(&garbled).contains("is no valid component: "));
}

#[test]
fn a_component_of_another_world_is_told_what_it_exports() {
    let error = error_of("(component (instance $i) (export \"wasi:cli/run@0.2.0\" (instance $i)))");
    assert!(error.contains("it exports wasi:cli/run@0.2.0, but loglite looks for"), "{error}");
    assert!(error_of("(component)").contains("it exports nothing"));
}

#[test]
fn a_plugin_of_another_version_is_told_both() {
    let text = transform("(unreachable)").replace("transform@0.1.0", "transform@0.2.0");
    let error = error_of(&text);
    assert!(
        error.contains("version 0.2.0 of loglite:plugin, and this loglite offers 0.1.0"),
        "{error}"
    );
}

#[test]
fn imports_that_nobody_provides_are_named() {
    let text = transform("(unreachable)").replacen(
        "(component",
        "(component (import \"wasi:gpu/device@0.2.0\" (instance (export \"f\" (func))))
            (import \"loglite:plugin/ingestor@0.1.0\" (instance (export \"f\" (func))))",
        1,
    );
    let error = error_of(&text);
    assert!(
        error.ends_with("to a transform: wasi:gpu/device@0.2.0, loglite:plugin/ingestor@0.1.0"),
        "{error}"
    );
}

#[test]
fn a_transform_is_no_harvester() {
    let home = Home::new();
    let loaded = home.component(&transform("(unreachable)"));
    assert!(loaded.expect(PluginKind::Transform, "x".as_ref()).is_ok());
    let error = loaded.expect(PluginKind::Harvester, "x".as_ref()).unwrap_err();
    assert!(matches!(error, LoadError::WrongKind { .. }));
    assert_eq!(
        error.to_string(),
        "`x` is a transform, but configured as a harvester: it belongs under `transforms`"
    );
}

#[test]
fn a_second_engine_finds_what_the_first_has_compiled() {
    let home = Home::new();
    let path = home.file(&wat::parse_str(transform("(unreachable)")).unwrap());
    assert!(!home.engine.load(&path).unwrap().facts.was_cached);
    let again = Engine::start(&home.path().join("cache"), ByteSize(256 << 10)).unwrap();
    assert!(again.load(&path).unwrap().facts.was_cached);
}
