//! Histories as EDN: maps, one after the other or in one sequence.

use std::io::BufRead;

use super::MAX_ENTRY_BYTES;
use super::entry::Numbering;
use super::forms::Forms;
use crate::edn::{self, Part};
use crate::{HistoryError, MAX_DEPTH, Operation};

/// Reads operations from EDN maps, with or without the tag `#jepsen.history.Op`. What is behind `#_` is passed over.
pub(super) struct EdnReader<R> {
    forms: Forms<R>,
    numbering: Numbering,
    /// What ends in a `#_` or a tag whose value has not come yet. Nearly always nothing.
    open: String,
}

impl<R: BufRead> EdnReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self { forms: Forms::new(source), numbering: Numbering::default(), open: String::new() }
    }

    pub(super) fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        let mut first_line = None;
        let mut open_count = 0;
        loop {
            let Some(form) = self.forms.next_form()? else {
                return first_line.map_or(Ok(None), |line| Err(HistoryError::CutShort { line }));
            };
            let line = *first_line.get_or_insert(form.line);
            let part = if self.open.is_empty() {
                edn::read_part(form.text)
            } else {
                self.open.push_str(form.text);
                edn::read_part(&self.open)
            };
            match part {
                Ok(Part::Value(value)) => {
                    self.open.clear();
                    let operation = self.numbering.operation(value);
                    return operation
                        .map(Some)
                        .map_err(|reason| HistoryError::NotAnOperation { line, reason });
                }
                Ok(Part::Nothing) => {
                    self.open.clear();
                    first_line = None;
                }
                Ok(Part::Open) => {
                    if self.open.is_empty() {
                        self.open.push_str(form.text);
                    }
                    // Each part is read again with the next one, so that there cannot be many.
                    open_count += 1;
                    if self.open.len() > MAX_ENTRY_BYTES || open_count > MAX_DEPTH {
                        return Err(HistoryError::TooLong { line, limit: MAX_ENTRY_BYTES });
                    }
                    self.open.push('\n');
                }
                Err(_) if form.is_cut => return Err(HistoryError::CutShort { line }),
                Err(mut error) => {
                    error.line += line - 1;
                    return Err(HistoryError::Edn(error));
                }
            }
        }
    }
}
