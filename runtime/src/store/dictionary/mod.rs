//! Compressed columns: each distinct value is stored once, in `column_dictionary`, and rows hold its id.
//!
//! What a compressed column's cell holds says what it means, whatever was switched on or off before:
//! NULL is NULL; an INTEGER is the id of a value, if the column `holds_ids` ([`state`]), else itself; anything else is a
//! value that stands for itself ([`cell`]). So a column may hold both, and each row of it can be changed alone.
//!
//! Invariants: an id is never used for another value, also after its value was deleted, so whoever knows an id's value
//! may keep it. A value is committed with, or before, the first row that holds its id.

mod adopt;
mod allowed;
mod cache;
mod cell;
mod check;
mod comparison;
mod decode;
mod default;
mod encode;
mod error;
mod functions;
mod ids;
mod known;
mod lost;
mod mend;
mod state;
mod strays;
mod values;

pub(in crate::store) use adopt::adopt;
pub(in crate::store) use allowed::compressible_column;
pub(in crate::store) use cache::ValueCache;
#[cfg(test)]
pub(in crate::store) use cell::to_dictionary;
pub(in crate::store) use cell::{owned, to_cell, unescaped};
pub(in crate::store) use comparison::{Comparison, Others};
pub(in crate::store) use decode::{Cell, CellError, Decoder};
pub(in crate::store) use encode::{CellEncoder, NewCell};
pub use error::CompressionError;
pub(in crate::store) use functions::add_functions;
pub(in crate::store) use ids::{Dictionary, Ids, Lost, Standing};
pub use lost::LostValue;
pub(in crate::store) use state::{ColumnState, add_state, create, has_states, read_states};
pub(in crate::store) use values::Values;
