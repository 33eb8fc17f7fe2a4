//! Bytes in, lines out.

use std::io::{self, Read};

/// How much is read at once. A longer line makes the buffer grow until it has passed.
const READ_BYTES: usize = 64 * 1024;

/// The bytes that were read and not yet handed out as lines.
#[derive(Default)]
pub(super) struct LineBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// There is no newline before this, so a long line is not searched again with every read.
    searched: usize,
}

impl LineBuffer {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Reads once, as much as there is room for. Returns how many bytes came: 0 at the end of the input.
    pub(super) fn read_from(&mut self, input: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        let count = input.read(&mut self.bytes[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// The next whole line, without its newline.
    pub(super) fn next_line(&mut self) -> Option<&[u8]> {
        let Some(length) = memchr::memchr(b'\n', &self.bytes[self.searched..self.end]) else {
            self.searched = self.end;
            return None;
        };
        let line = self.start..self.searched + length;
        self.start = line.end + 1;
        self.searched = self.start;
        Some(&self.bytes[line])
    }

    /// What stands behind the last newline, when the input has ended there.
    pub(super) fn take_rest(&mut self) -> Option<Vec<u8>> {
        let rest = self.bytes[self.start..self.end].to_vec();
        self.start = self.end;
        if rest.is_empty() { None } else { Some(rest) }
    }

    /// Moves what is left to the front, and has room for a read behind it.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.searched -= self.start;
        self.start = 0;
        let wanted =
            if self.end < READ_BYTES / 2 { READ_BYTES } else { (2 * self.end).max(self.bytes.len()) };
        if self.end == self.bytes.len() || wanted < self.bytes.len() || self.bytes.is_empty() {
            self.bytes.resize(wanted, 0);
            self.bytes.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LineBuffer, READ_BYTES};

    /// Splits `input` while it arrives in pieces of the given sizes, over and over.
    fn split(input: &[u8], piece_bytes: &[usize]) -> (Vec<Vec<u8>>, LineBuffer) {
        let mut buffer = LineBuffer::new();
        let mut lines = Vec::new();
        let mut rest = input;
        let mut sizes = piece_bytes.iter().cycle();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            let mut piece = piece;
            while !piece.is_empty() {
                buffer.read_from(&mut piece).unwrap();
                while let Some(line) = buffer.next_line() {
                    lines.push(line.to_vec());
                }
            }
            rest = later;
        }
        lines.extend(buffer.take_rest());
        (lines, buffer)
    }

    #[test]
    fn a_line_of_any_length_passes_and_its_memory_is_given_back() {
        let long = vec![b'x'; 5_000_000];
        let input = [&long[..], b"\nshort\nlast"].concat();
        let (lines, mut buffer) = split(&input, &[10_000_000]);
        assert_eq!(lines, [&long[..], b"short", b"last"]);
        buffer.read_from(&mut &b"x"[..]).unwrap();
        assert_eq!(buffer.bytes.capacity(), READ_BYTES);
    }

    proptest! {
        #[test]
        fn the_pieces_in_which_lines_arrive_do_not_matter(
            lines in prop::collection::vec("[a-z]{0,40}", 0..30),
            pieces in prop::collection::vec(1_usize..60, 1..5),
        ) {
            let mut input = lines.join("\n").into_bytes();
            input.push(b'\n');
            let expected: Vec<Vec<u8>> = if lines.is_empty() {
                vec![Vec::new()]
            } else {
                lines.into_iter().map(String::into_bytes).collect()
            };
            prop_assert_eq!(split(&input, &pieces).0, expected);
        }
    }
}
