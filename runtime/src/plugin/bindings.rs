//! What wasmtime makes of `wit/`: the host's side of the two worlds.

/// The world of harvesters.
pub(super) mod harvester {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "harvester-plugin",
        imports: {
            "loglite:plugin/ingestor": async | trappable,
            "loglite:plugin/lifecycle.sleep": async | trappable,
            "loglite:plugin/http": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
    });
}

/// The world of transforms. What it shares with harvesters is the same type here.
pub(super) mod transform {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "transform-plugin",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "loglite:plugin/logging": super::harvester::loglite::plugin::logging,
            "loglite:plugin/http": super::harvester::loglite::plugin::http,
            "loglite:plugin/types": super::harvester::loglite::plugin::types,
        },
        // Entries are lent to the guest instead of being copied into strings of their own first.
        ownership: Borrowing { duplicate_if_necessary: true },
        require_store_data_send: true,
    });
}

pub(super) use harvester::loglite::plugin::{http, ingestor, lifecycle, logging, types};
pub(super) use transform::exports::loglite::plugin::transform::Verdict;
