//! WebAssembly components as harvesters and transforms: the one home of wasmtime.
//!
//! Invariant: a plugin reaches what the configuration grants and nothing else, and one that loops, traps,
//! over-allocates or floods hurts only itself. It knows neither SQLite nor HTTP.
