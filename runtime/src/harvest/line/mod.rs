//! From bytes to entries: where a line ends, and what its fields are.

mod assemble;
mod clock;
mod cut;
mod entry;
mod groups;
mod join;
mod json_string;
mod logfmt;
mod members;
mod reader;
mod shape;
mod syslog;
#[cfg(test)]
mod tests;
mod trouble;

pub use assemble::{Assembler, Line};
pub use entry::FieldValue;
pub use reader::LineReader;
