//! A component that has nothing to do with loglite. There is nothing in it natively.

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the exports, which are generated")]
mod component {
    wit_bindgen::generate!({
        inline: "
            package example:greeter@1.0.0;
            interface greeting {
                greet: func(name: string) -> string;
            }
            world greeter {
                export greeting;
            }
        ",
    });

    struct Greeter;

    impl exports::example::greeter::greeting::Guest for Greeter {
        fn greet(name: String) -> String {
            format!("hello, {name}")
        }
    }

    export!(Greeter);
}
