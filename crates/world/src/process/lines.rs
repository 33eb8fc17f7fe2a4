//! Cuts what a process prints into lines, in bounded memory.

use memchr::memchr;

/// Holds the beginning of a line until the rest has come.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    limit_bytes: usize,
    partial: Vec<u8>,
    /// The line's beginning was too long and is gone; what comes up to the next newline goes too.
    is_discarding: bool,
    line_count: u64,
}

/// A line without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// The last line, whose newline never came.
    Unfinished(&'a [u8]),
    /// The beginning of a line that is longer than the limit. Said once, when the limit is passed.
    TooLong(&'a [u8]),
}

impl LineSplitter {
    pub(crate) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, partial: Vec::new(), is_discarding: false, line_count: 0 }
    }

    /// Calls `each` with the number, from 1, and the text of every line that ends in this chunk.
    pub(crate) fn split(&mut self, mut chunk: &[u8], mut each: impl FnMut(u64, Line<'_>)) {
        while let Some(end) = memchr(b'\n', chunk) {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            if self.is_discarding {
                self.is_discarding = false;
                continue;
            }
            self.line_count += 1;
            let number = self.line_count;
            if self.partial.len() + line.len() > self.limit_bytes {
                self.partial.extend_from_slice(&line[..line.len().min(self.limit_bytes)]);
                each(number, Line::TooLong(&self.partial));
            } else if self.partial.is_empty() {
                each(number, Line::Whole(line));
            } else {
                self.partial.extend_from_slice(line);
                each(number, Line::Whole(&self.partial));
            }
            self.forget_partial();
        }
        self.keep(chunk, each);
    }

    /// Calls `each` with a last line that lacks its newline, after the output has ended.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(u64, Line<'_>)) {
        if !self.partial.is_empty() {
            self.line_count += 1;
            each(self.line_count, Line::Unfinished(&self.partial));
            self.forget_partial();
        }
    }

    /// The beginning of a line whose end has not come. Empty where it has, and where the line is too long to be kept.
    pub(crate) fn unfinished(&self) -> &[u8] {
        &self.partial
    }

    /// How many lines there were, and how much there is of the next: the same twice means that nothing came in between.
    pub(crate) fn progress(&self) -> (u64, usize) {
        (self.line_count, self.partial.len())
    }

    fn keep(&mut self, beginning: &[u8], mut each: impl FnMut(u64, Line<'_>)) {
        if self.is_discarding || beginning.is_empty() {
            return;
        }
        self.partial.extend_from_slice(beginning);
        if self.partial.len() > self.limit_bytes {
            self.line_count += 1;
            each(self.line_count, Line::TooLong(&self.partial));
            self.is_discarding = true;
            self.forget_partial();
        }
    }

    fn forget_partial(&mut self) {
        const KEPT_BYTES: usize = 64 << 10;
        self.partial.clear();
        if self.partial.capacity() > KEPT_BYTES {
            self.partial = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split_all(limit_bytes: usize, chunks: &[&[u8]]) -> Vec<(u64, bool, String)> {
        let mut splitter = LineSplitter::new(limit_bytes);
        let mut lines = Vec::new();
        let mut collect = |number, line: Line<'_>| {
            let (is_whole, text) = match line {
                Line::Whole(text) | Line::Unfinished(text) => (true, text),
                Line::TooLong(text) => (false, text),
            };
            lines.push((number, is_whole, String::from_utf8_lossy(text).into_owned()));
        };
        for chunk in chunks {
            splitter.split(chunk, &mut collect);
        }
        splitter.finish(&mut collect);
        lines
    }

    #[test]
    fn a_line_that_is_too_long_is_said_once_and_the_next_is_read() {
        let lines = split_all(4, &[b"abc", b"def", b"ghi\nok\n", b"123456\nend"]);
        let expected = [(1, false, "abcdef"), (2, true, "ok"), (3, false, "1234"), (4, true, "end")];
        assert_eq!(lines, expected.map(|(number, is_whole, text)| (number, is_whole, text.to_owned())));
    }

    proptest! {
        #[test]
        fn where_the_chunks_end_does_not_matter(text in "[a-c\n]{0,60}", cuts in prop::collection::vec(0_usize..60, 0..6)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            let expected: Vec<String> = text.lines().map(str::to_owned).collect();
            let found: Vec<String> = split_all(100, &chunks).into_iter().map(|(_, _, line)| line).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
