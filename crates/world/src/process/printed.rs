//! What a program has printed, and what is still missing of it.

use super::exit::Tail;
use super::lines::LineSplitter;

/// The standard output of a program, whether it runs in real time or in lock step.
#[derive(Debug, Default)]
pub(crate) struct Printed {
    pub(crate) lines: LineSplitter,
    pub(crate) tail: Tail,
    /// Whether it was told to end: what it was printing then is nobody's fault.
    pub(crate) is_killed: bool,
    /// Whether the world will look again at a line that has begun; see [`LineSplitter::progress`].
    pub(crate) watched_line: Option<(u64, usize)>,
}

impl Printed {
    pub(crate) fn new(line_limit_bytes: usize) -> Self {
        Self { lines: LineSplitter::new(line_limit_bytes), ..Self::default() }
    }
}
