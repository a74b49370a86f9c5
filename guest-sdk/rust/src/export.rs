//! From a plugin's type to the exports of its component.

#[cfg(target_family = "wasm")]
pub mod component;

/// Makes a type the plugin that this crate builds: `export!(harvester: MyHarvester)` or
/// `export!(transform: MyTransform)`, once, at the top of the crate.
///
/// The exports are there in a component only. Built for another target, it checks that the type implements the trait.
///
/// ```
/// # use loglite_guest::{Failure, Harvest, Harvester, NoConfig};
/// struct Nothing;
///
/// impl Harvester for Nothing {
///     type Config = NoConfig;
///
///     fn configure(NoConfig {}: NoConfig) -> Result<Self, Failure> {
///         Ok(Self)
///     }
///
///     fn run(&mut self, harvest: &Harvest) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// loglite_guest::export!(harvester: Nothing);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export {
    (harvester: $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Export;

            impl $crate::__component::harvester::Guest for Export {
                fn run(config: String) -> Result<(), $crate::__component::harvester::Failure> {
                    $crate::__component::run::<$plugin>(&config)
                }
            }

            $crate::__component::export_harvester!(
                Export with_types_in $crate::__component::harvester
            );
        };
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            const fn is_a_harvester<T: $crate::Harvester>() {}
            is_a_harvester::<$plugin>()
        };
    };
    (transform: $plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            ::std::thread_local! {
                static PLUGIN: $crate::__component::Slot<$plugin> =
                    const { $crate::__component::Slot::new(None) };
            }

            struct Export;

            impl $crate::__component::transform::Guest for Export {
                fn configure(
                    config: String,
                ) -> Result<(), $crate::__component::transform::Failure> {
                    $crate::__component::configure(&PLUGIN, &config)
                }

                fn apply(
                    source: String,
                    entries: Vec<String>,
                ) -> Vec<$crate::__component::transform::Verdict> {
                    $crate::__component::apply(&PLUGIN, &source, &entries)
                }
            }

            $crate::__component::export_transform!(
                Export with_types_in $crate::__component::transform
            );
        };
        #[cfg(not(target_family = "wasm"))]
        const _: () = {
            const fn is_a_transform<T: $crate::Transform>() {}
            is_a_transform::<$plugin>()
        };
    };
}
