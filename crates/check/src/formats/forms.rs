//! One bracketed form of a text at a time, so that a history of any length is read in little memory.

use std::io::{self, BufRead};

use super::MAX_ENTRY_BYTES;
use crate::HistoryError;

/// Splits a text into its outermost maps, whatever lines they stand on. A vector or array around all of them is taken
/// off.
///
/// EDN and JSON agree in all that this has to know: brackets, strings and their escapes. What is inside a form, and
/// whether its brackets match, is left to their parsers; so is a form that the end of the text cuts short.
pub(super) struct Forms<R> {
    source: R,
    line: usize,
    place: Place,
    text: Vec<u8>,
}

/// Where in the text the next byte is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but blanks has come yet.
    Start,
    /// The forms stand by themselves.
    Bare,
    /// The forms are the elements of a sequence that began on this line.
    Within { line: usize },
    /// The sequence has ended.
    After,
}

/// A form of a text.
pub(super) struct Form<'a> {
    /// The line on which it begins, from 1.
    pub(super) line: usize,
    pub(super) text: &'a str,
    /// Whether the text ends before the form does.
    pub(super) is_cut: bool,
}

/// Where a form ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Later.
    No,
    /// With this byte.
    Here,
    /// Before this byte, which closes what is around the form.
    Before,
}

/// What has been seen of a form.
#[derive(Default)]
struct Scan {
    depth: usize,
    quoted: bool,
    escaped: bool,
    comment: bool,
}

impl Scan {
    /// Whether the form ends at this byte.
    fn end_at(&mut self, byte: u8) -> End {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\n' if self.comment => self.comment = false,
            _ if self.comment => {}
            b'\\' => self.escaped = true,
            b'"' => self.quoted = !self.quoted,
            _ if self.quoted => {}
            b';' => self.comment = true,
            b'{' | b'[' | b'(' => self.depth += 1,
            b'}' | b']' | b')' => match self.depth {
                0 => return End::Before,
                1 => return End::Here,
                _ => self.depth -= 1,
            },
            _ => {}
        }
        End::No
    }
}

impl<R: BufRead> Forms<R> {
    /// Splits what this source holds.
    pub(super) fn new(source: R) -> Self {
        Self { source, line: 1, place: Place::Start, text: Vec::new() }
    }

    /// The next form.
    ///
    /// # Errors
    /// The source cannot be read, a form is too long or no text, or the sequence around the forms does not end, or is
    /// not the end.
    pub(super) fn next_form(&mut self) -> Result<Option<Form<'_>>, HistoryError> {
        let Some(first) = self.skip_to_form()? else { return Ok(None) };
        let line = self.line;
        let mut scan = Scan::default();
        self.text.clear();
        self.text.push(first);
        let mut is_whole = scan.end_at(first) != End::No;
        while !is_whole {
            let buffer = self.source.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            let mut count = buffer.len();
            for (place, &byte) in buffer.iter().enumerate() {
                match scan.end_at(byte) {
                    End::No => continue,
                    // The bracket is left for the sequence around the form, or for the parser to complain of.
                    End::Before if matches!(self.place, Place::Within { .. }) => count = place,
                    End::Before | End::Here => count = place + 1,
                }
                is_whole = true;
                break;
            }
            let taken = &buffer[..count];
            if self.text.len() + taken.len() > MAX_ENTRY_BYTES {
                return Err(HistoryError::TooLong { line, limit: MAX_ENTRY_BYTES });
            }
            self.line += taken.iter().filter(|byte| **byte == b'\n').count();
            self.text.extend_from_slice(taken);
            self.source.consume(count);
        }
        let is_cut = !is_whole && (scan.depth > 0 || scan.quoted);
        match std::str::from_utf8(&self.text) {
            Ok(text) => Ok(Some(Form { line, text, is_cut })),
            // The text may have been cut within a character.
            Err(error) if is_cut && error.error_len().is_none() => Err(HistoryError::CutShort { line }),
            Err(_) => Err(HistoryError::NotText { line }),
        }
    }

    /// The first byte of the next form, which has been consumed; none at the end of the text.
    fn skip_to_form(&mut self) -> Result<Option<u8>, HistoryError> {
        let mut comment = false;
        while let Some(byte) = self.next_byte()? {
            match (byte, self.place) {
                (b'\n', _) => comment = false,
                _ if comment => {}
                (b';', _) => comment = true,
                (b' ' | b'\t' | b'\r' | b',' | 0x0c, _) => {}
                (b'[' | b'(', Place::Start) => self.place = Place::Within { line: self.line },
                (b']' | b')', Place::Within { .. }) => self.place = Place::After,
                (_, Place::After) => return Err(HistoryError::AfterEnd { line: self.line }),
                (_, Place::Start) => {
                    self.place = Place::Bare;
                    return Ok(Some(byte));
                }
                (_, Place::Bare | Place::Within { .. }) => return Ok(Some(byte)),
            }
        }
        match self.place {
            Place::Within { line } => Err(HistoryError::Unclosed { line }),
            Place::Start | Place::Bare | Place::After => Ok(None),
        }
    }

    fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let Some(&byte) = self.source.fill_buf()?.first() else { return Ok(None) };
        self.source.consume(1);
        self.line += usize::from(byte == b'\n');
        Ok(Some(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<(usize, String)>, String> {
        let mut forms = Forms::new(text.as_bytes());
        let mut found = Vec::new();
        loop {
            match forms.next_form() {
                Ok(Some(form)) => found.push((form.line, form.text.to_owned())),
                Ok(None) => return Ok(found),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn forms(text: &str) -> Vec<(usize, String)> {
        split(text).expect("forms")
    }

    #[test]
    fn a_sequence_and_lines_hold_the_same_forms() {
        let expected = vec![(1, "{:a [1 {2 3}]}".to_owned()), (2, "#t {:b \"}\\\"\"}".to_owned())];
        assert_eq!(forms("{:a [1 {2 3}]}\n#t {:b \"}\\\"\"}\n"), expected);
        assert_eq!(forms("[{:a [1 {2 3}]}\n #t {:b \"}\\\"\"}]"), expected);
        assert_eq!(forms("({:a [1 {2 3}]},\n #t {:b \"}\\\"\"}\n)\n ; the end )"), expected);
    }

    #[test]
    fn a_form_may_stand_on_several_lines_with_comments_and_characters() {
        let form = "{:a \\{ ; it's {\n :b 1}";
        assert_eq!(forms(&format!("; first\n{form} {{}}")), [(2, form.to_owned()), (3, "{}".to_owned())]);
    }

    #[test]
    fn what_is_cut_short_is_given_to_the_parser_or_refused() {
        assert_eq!(forms("{:a 1}\n{:b "), [(1, "{:a 1}".to_owned()), (2, "{:b ".to_owned())]);
        assert!(split("[{:a 1}\n").unwrap_err().contains("begins on line 1 and never ends"));
        assert!(split("[{:a 1}]\n{:b 1}").unwrap_err().contains("line 2"));
        assert_eq!(forms("}"), [(1, "}".to_owned())]);
        assert_eq!(forms("[{} #_ 5]"), [(1, "{}".to_owned()), (1, "#_ 5".to_owned())]);
        assert_eq!(forms(" \n"), []);
    }
}
