//! A transform for a version of the interface that loglite does not have. There is nothing in it natively.

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the exports, which are generated")]
mod component {
    wit_bindgen::generate!({
        inline: "
            package loglite:plugin@0.9.0;
            interface transform {
                apply: func(entries: list<string>) -> list<string>;
            }
            world transform-plugin {
                export transform;
            }
        ",
    });

    struct Transform;

    impl exports::loglite::plugin::transform::Guest for Transform {
        fn apply(entries: Vec<String>) -> Vec<String> {
            entries
        }
    }

    export!(Transform);
}
