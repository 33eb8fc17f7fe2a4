//! The lines of a text, none of which may be endless.

use std::io::{BufRead, Read};

use super::MAX_ENTRY_BYTES;
use crate::HistoryError;

/// Reads a text line by line and counts them.
pub(super) struct Lines<R> {
    source: R,
    line: usize,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Reads what this source holds.
    pub(super) fn new(source: R) -> Self {
        Self { source, line: 0, text: Vec::new() }
    }

    /// Whether the line that was read last has no end, which only the last one of a text may lack.
    pub(super) fn is_last_line_open(&self) -> bool {
        !self.text.ends_with(b"\n")
    }

    /// The next line without its end, and its number, from 1.
    ///
    /// # Errors
    /// The source cannot be read, or the line is too long or no text.
    pub(super) fn next_line(&mut self) -> Result<Option<(usize, &str)>, HistoryError> {
        self.text.clear();
        let limit = MAX_ENTRY_BYTES as u64 + 1;
        if self.source.by_ref().take(limit).read_until(b'\n', &mut self.text)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        let line = self.line;
        if self.text.len() > MAX_ENTRY_BYTES {
            return Err(HistoryError::TooLong { line, limit: MAX_ENTRY_BYTES });
        }
        let is_open = self.is_last_line_open();
        let text = std::str::from_utf8(&self.text).map_err(|error| match error.error_len() {
            // The text was cut within a character.
            None if is_open => HistoryError::CutShort { line },
            _ => HistoryError::NotText { line },
        })?;
        Ok(Some((line, text.trim_end_matches(['\n', '\r']))))
    }
}
