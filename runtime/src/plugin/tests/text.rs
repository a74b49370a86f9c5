//! Components as text, around the code that a test is about.

/// Memory that is never freed, and what the canonical ABI asks for.
const MEMORY: &str = r#"
    (memory (export "memory") 16)
    (table $t 1 funcref)
    (global $free (mut i32) (i32.const 65536))
    (func $alloc (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get 3)))
        (local.get $at))
"#;

const FAILURE: &str = r#"
    (type $f (variant (case "invalid-config" string) (case "failed" string)))
    (export $failure "failure" (type $f))
"#;

/// A transform whose `configure` says yes and whose `apply` has this body: parameters `$entries` and `$count`, result
/// the address of the list's address and length. A verdict has 12 bytes, the first says which.
pub(super) fn transform(apply: &str) -> String {
    format!(
        r#"(component
        (core module $m {MEMORY}
            (func (export "configure") (param i32 i32) (result i32) (i32.const 1024))
            (func $apply (export "apply")
                (param $source i32) (param $length i32) (param $entries i32) (param $count i32)
                (result i32)
                {apply}))
        (core instance $i (instantiate $m))
        {FAILURE}
        (type $v (variant (case "keep") (case "drop") (case "replace" string)
            (case "split" (list string)) (case "refuse" string)))
        (export $verdict "verdict" (type $v))
        (func $configure (param "config" string) (result (result (error $failure)))
            (canon lift (core func $i "configure")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (func $apply (param "source" string) (param "entries" (list string))
            (result (list $verdict))
            (canon lift (core func $i "apply")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (instance $out
            (export "failure" (type $failure)) (export "verdict" (type $verdict))
            (export "configure" (func $configure)) (export "apply" (func $apply)))
        (export "loglite:plugin/transform@0.1.0" (instance $out)))"#
    )
}

/// A harvester whose `run` has this body, which may call `$sleep` and `$stopping` and returns the address of a
/// result; 1024 is one that says yes.
pub(super) fn harvester(run: &str) -> String {
    format!(
        r#"(component
        (import "loglite:plugin/lifecycle@0.1.0" (instance $lifecycle
            (export "stopping" (func (result bool)))
            (export "sleep" (func (param "milliseconds" u64) (result bool)))))
        (core func $stopping (canon lower (func $lifecycle "stopping")))
        (core func $sleep (canon lower (func $lifecycle "sleep")))
        (core module $m
            (import "host" "stopping" (func $stopping (result i32)))
            (import "host" "sleep" (func $sleep (param i64) (result i32)))
            {MEMORY}
            (func (export "run") (param i32 i32) (result i32) {run}))
        (core instance $i (instantiate $m (with "host" (instance
            (export "stopping" (func $stopping)) (export "sleep" (func $sleep))))))
        {FAILURE}
        (func $run (param "config" string) (result (result (error $failure)))
            (canon lift (core func $i "run")
                (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
        (instance $out (export "failure" (type $failure)) (export "run" (func $run)))
        (export "loglite:plugin/harvester@0.1.0" (instance $out)))"#
    )
}
