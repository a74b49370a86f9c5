//! The steps between a plain column and a compressed one: which cells a step changes, and the states it is from and to.
//!
//! | | before | cells that change | after |
//! |---|---|---|---|
//! | compress | plain numbers | numbers become escaped | no plain number is left, so integers can be ids |
//! | | values of their own | all become ids | no value of its own is left |
//! | decompress | ids | ids become values of their own | no id is left, so integers can be integers |
//! | | escaped values | become plain | nothing is left to unescape |
//! | | entries of the dictionary | are deleted | |
//!
//! Each row can be changed alone, as its cell says what it means under the state of the column. A step ends in a
//! transaction that has seen the rows to the last one, so that a service that goes on writing can't slip one in.

use super::column_state::ColumnCells;

/// What is to become of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Values become ids.
    Compress,
    /// Ids become values.
    Decompress,
}

/// A walk over all rows, in one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Numbers become escaped, so that they can't be taken for ids.
    Escape,
    /// Values become ids.
    Encode,
    /// Ids become values that stand for themselves.
    Decode,
    /// Escaped values become plain.
    Unescape,
    /// The dictionary's entries go. No walk over the rows.
    Forget,
}

impl Phase {
    /// The phase that a column in this state needs next; none at the end.
    pub(super) fn next(direction: Direction, cells: ColumnCells) -> Option<Self> {
        match (direction, cells) {
            (Direction::Compress, ColumnCells::Plain | ColumnCells::Escaped) => Some(Self::Escape),
            (Direction::Compress, ColumnCells::Mixed) => Some(Self::Encode),
            (Direction::Compress, ColumnCells::Ids) => None,
            (Direction::Decompress, ColumnCells::Ids | ColumnCells::Mixed) => Some(Self::Decode),
            (Direction::Decompress, ColumnCells::Escaped) => Some(Self::Unescape),
            (Direction::Decompress, ColumnCells::Plain) => Some(Self::Forget),
        }
    }

    /// How cells are read while the phase goes on.
    pub(super) fn during(self) -> ColumnCells {
        match self {
            Self::Escape | Self::Unescape => ColumnCells::Escaped,
            Self::Encode | Self::Decode => ColumnCells::Mixed,
            Self::Forget => ColumnCells::Plain,
        }
    }

    /// How cells are read once the phase has seen every row, and left none of those that it changes.
    pub(super) fn after(self) -> ColumnCells {
        match self {
            Self::Escape => ColumnCells::Mixed,
            Self::Encode => ColumnCells::Ids,
            Self::Decode => ColumnCells::Escaped,
            Self::Unescape | Self::Forget => ColumnCells::Plain,
        }
    }

    /// The types of the cells that the phase may have to change, as SQL's `typeof` names them.
    pub(super) fn types(self) -> &'static str {
        match self {
            Self::Escape => "'integer', 'real'",
            Self::Decode => "'integer'",
            Self::Encode => "'real', 'text', 'blob'",
            Self::Unescape => "'blob'",
            Self::Forget => "",
        }
    }

    /// What is done to the rows, for the progress.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Escape => "prepared",
            Self::Encode => "compressed",
            Self::Decode => "decompressed",
            Self::Unescape => "made plain",
            Self::Forget => "forgotten",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(direction: Direction, mut cells: ColumnCells) -> Vec<Phase> {
        let mut phases = Vec::new();
        while let Some(phase) = Phase::next(direction, cells) {
            phases.push(phase);
            cells = phase.after();
            if phase == Phase::Forget {
                break;
            }
        }
        phases
    }

    #[test]
    fn from_each_state_the_phases_lead_to_the_end() {
        use Phase::{Decode, Encode, Escape, Forget, Unescape};
        for (cells, compress, decompress) in [
            (ColumnCells::Plain, &[Escape, Encode][..], &[Forget][..]),
            (ColumnCells::Escaped, &[Escape, Encode], &[Unescape, Forget]),
            (ColumnCells::Mixed, &[Encode], &[Decode, Unescape, Forget]),
            (ColumnCells::Ids, &[], &[Decode, Unescape, Forget]),
        ] {
            assert_eq!(walk(Direction::Compress, cells), compress, "{cells:?}");
            assert_eq!(walk(Direction::Decompress, cells), decompress, "{cells:?}");
        }
    }

    #[test]
    fn a_phase_that_was_cut_off_is_the_next_one_again() {
        for (direction, phase) in [
            (Direction::Compress, Phase::Escape),
            (Direction::Compress, Phase::Encode),
            (Direction::Decompress, Phase::Decode),
            (Direction::Decompress, Phase::Unescape),
            (Direction::Decompress, Phase::Forget),
        ] {
            assert_eq!(Phase::next(direction, phase.during()), Some(phase));
        }
    }
}
