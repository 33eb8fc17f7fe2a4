//! EDN, the notation in which histories and results are kept: writing it on one line and pretty, and reading it.
//!
//! Writing is [`Value`](crate::Value)'s `Display` and [`pretty`]; reading is [`read`] and [`read_forms`].
//! Format: <https://github.com/edn-format/edn>.

mod pretty;
mod read;
mod write;

pub use pretty::pretty;
pub(crate) use read::{Part, read_part};
pub use read::{ReadError, read, read_forms};
