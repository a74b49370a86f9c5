//! Cuts a stream of bytes into lines, and puts lines together that are one entry.

use super::cut::{Cutter, Piece};
use super::join::Joiner;
use crate::config::{Framing, LineConfig};

/// What is kept of a line that is too long.
pub(super) const KEPT_BYTES: usize = 1024;
/// A buffer that has grown beyond this is given back: there may be thousands of streams.
pub(super) const KEPT_CAPACITY: usize = 64 * 1024;

/// Lines of one stream. What was fed and has not come out yet is pending.
///
/// The owner feeds what it reads. The last event of a stream with `multiline` stays pending until the next one begins:
/// when the stream has been silent for `multiline.timeout` and [`Assembler::has_event`], call [`Assembler::settle`].
/// When it has ended for good, call [`Assembler::finish`]. Whenever nothing is being fed, the stream has come out up to
/// [`Assembler::pending_bytes`] before what was fed last: a position from which an [`Assembler::resumed`] (or, at 0,
/// an [`Assembler::new`]) goes on.
#[derive(Debug)]
pub struct Assembler {
    cutter: Cutter,
    joiner: Option<Joiner>,
}

/// A line, or several that belong together, without line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// A line that is longer than allowed.
    TooLong {
        /// Its begin.
        start: &'a [u8],
        /// How long it is.
        bytes: u64,
    },
    /// A line where a message with its length in front should have begun; the next line may be one again.
    Uncounted(&'a [u8]),
}

impl Assembler {
    /// For one stream that is cut at line feeds, from its begin on: a byte order mark there is left out.
    #[must_use]
    pub fn new(config: &LineConfig) -> Self {
        Self::build(config, Framing::Newline, true)
    }

    /// For a stream that is cut at line feeds, from a position between two lines on.
    #[must_use]
    pub fn resumed(config: &LineConfig) -> Self {
        Self::build(config, Framing::Newline, false)
    }

    /// For one stream, from its begin on, whose messages are told apart in this way.
    #[must_use]
    pub fn framed(config: &LineConfig, framing: Framing) -> Self {
        Self::build(config, framing, true)
    }

    /// Takes the next bytes of the stream, and hands out the lines that are complete with them. Blank ones are left out.
    pub fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(Line<'_>)) {
        let joiner = &mut self.joiner;
        self.cutter.feed(bytes, &mut |piece| pass_on(joiner.as_mut(), &piece, &mut emit));
    }

    /// Hands out what is pending: the stream has ended. A last line without a line end counts.
    pub fn finish(&mut self, mut emit: impl FnMut(Line<'_>)) {
        let joiner = &mut self.joiner;
        self.cutter.finish(&mut |piece| pass_on(joiner.as_mut(), &piece, &mut emit));
        self.settle(emit);
    }

    /// Hands out the event of whole lines that is pending: the stream has been silent for so long that nothing more is
    /// expected to belong to it. A line that has no end yet stays pending.
    pub fn settle(&mut self, mut emit: impl FnMut(Line<'_>)) {
        if let Some(joiner) = &mut self.joiner {
            joiner.finish(&mut emit);
        }
    }

    /// Whether [`Assembler::settle`] would hand out something; never without `multiline`.
    #[must_use]
    pub fn has_event(&self) -> bool {
        self.joiner.as_ref().is_some_and(|joiner| joiner.pending_bytes() > 0)
    }

    /// Bytes of the stream that were fed and have not come out, line ends included: a position in the stream is so
    /// many bytes before what was fed last.
    #[must_use]
    pub fn pending_bytes(&self) -> u64 {
        self.cutter.pending_bytes() + self.joiner.as_ref().map_or(0, Joiner::pending_bytes)
    }

    fn build(config: &LineConfig, framing: Framing, is_begin: bool) -> Self {
        let longest = usize::try_from(config.max_line_size.0).unwrap_or(usize::MAX);
        let joiner = config.multiline.as_ref();
        Self {
            cutter: Cutter::new(framing, longest, is_begin),
            joiner: joiner.map(|multiline| Joiner::new(multiline.start.0.clone(), longest)),
        }
    }
}

fn pass_on(joiner: Option<&mut Joiner>, piece: &Piece<'_>, emit: &mut impl FnMut(Line<'_>)) {
    match (joiner, piece.line) {
        (Some(joiner), _) => joiner.add(piece, emit),
        (None, Line::Whole(line)) if line.trim_ascii().is_empty() => {}
        (None, line) => emit(line),
    }
}
