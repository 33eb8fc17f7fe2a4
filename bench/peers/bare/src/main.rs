//! The least that an echo node can do: the floor under every library's figure.
//!
//! It finds the few spans of a line that a reply repeats and copies them. It parses no JSON, so it is right only for lines laid out as the
//! harness and Maelstrom lay them out: `src`, `dest`, then a body whose `echo` is a string without escaped quotes.

use std::io::{self, Read, Write, stdin, stdout};

use memchr::{memchr, memmem, memrchr};

/// As much as a pipe holds: one read drains it.
const CHUNK_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let (mut input, mut output) = (stdin().lock(), stdout().lock());
    let mut pending = Vec::with_capacity(2 * CHUNK_BYTES);
    let mut replies = Vec::with_capacity(2 * CHUNK_BYTES);
    loop {
        let kept = pending.len();
        pending.resize(kept + CHUNK_BYTES, 0);
        let read = input.read(&mut pending[kept..])?;
        if read == 0 {
            return Ok(());
        }
        pending.truncate(kept + read);
        let Some(end) = memrchr(b'\n', &pending) else { continue };
        for line in pending[..end].split(|&byte| byte == b'\n') {
            answer(line, &mut replies);
        }
        output.write_all(&replies)?;
        output.flush()?;
        replies.clear();
        pending.drain(..=end);
    }
}

fn answer(line: &[u8], replies: &mut Vec<u8>) {
    let Some(src) = span(line, b"\"src\":\"", b'"') else { return };
    let Some(dest) = span(line, b"\"dest\":\"", b'"') else { return };
    let Some(msg_id) = number(line, b"\"msg_id\":") else { return };
    let echo = span(line, b"\"echo\":\"", b'"');
    replies.extend_from_slice(b"{\"src\":\"");
    replies.extend_from_slice(dest);
    replies.extend_from_slice(b"\",\"dest\":\"");
    replies.extend_from_slice(src);
    replies.extend_from_slice(b"\",\"body\":{\"type\":\"");
    match echo {
        Some(echo) => {
            replies.extend_from_slice(b"echo_ok\",\"echo\":\"");
            replies.extend_from_slice(echo);
        }
        None => replies.extend_from_slice(b"init_ok"),
    }
    replies.extend_from_slice(b"\",\"in_reply_to\":");
    replies.extend_from_slice(msg_id);
    replies.extend_from_slice(b"}}\n");
}

/// What stands between `key` and the next `end`.
fn span<'line>(line: &'line [u8], key: &[u8], end: u8) -> Option<&'line [u8]> {
    let start = memmem::find(line, key)? + key.len();
    let length = memchr(end, &line[start..])?;
    Some(&line[start..start + length])
}

/// The digits after `key`.
fn number<'line>(line: &'line [u8], key: &[u8]) -> Option<&'line [u8]> {
    let start = memmem::find(line, key)? + key.len();
    let length = line[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(&line[start..start + length])
}
