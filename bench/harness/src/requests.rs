//! Echo requests as Maelstrom lays them out, and the proof that each one was answered.

use std::io::{self, Write};

use anyhow::{Context, Result, ensure};
use memchr::memmem;
use serde::Deserialize;

/// The first request's number: init has the one before it.
const FIRST: u64 = 2;

/// One reply in so many is parsed whole. A prime, so that it falls in with no rhythm of the peer's.
const SAMPLE: u64 = 997;

pub(crate) fn write_init(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        r#"{{"id":0,"src":"c0","dest":"n0","body":{{"type":"init","node_id":"n0","node_ids":["n0"],"msg_id":1}}}}"#
    )
}

/// Writes `count` requests, made as they go so that the harness holds no more than a pipe's worth of them.
pub(crate) fn write_echoes(out: &mut impl Write, count: u64) -> io::Result<()> {
    for msg_id in FIRST..FIRST + count {
        writeln!(
            out,
            r#"{{"id":{msg_id},"src":"c1","dest":"n0","body":{{"echo":"Please echo {msg_id}","type":"echo","msg_id":{msg_id}}}}}"#
        )?;
    }
    Ok(())
}

pub(crate) fn check_init_ok(line: &[u8]) -> Result<()> {
    let reply: Reply = parse(line)?;
    ensure!(reply.body.kind == "init_ok", "expected init_ok first, got {}", shown(line));
    Ok(())
}

/// Which requests have been answered. Replies may come in any order, as those of nodes with threads do.
pub(crate) struct Answers {
    answered: Vec<bool>,
    left: u64,
}

impl Answers {
    pub(crate) fn awaited(count: u64) -> Self {
        Self {
            answered: vec![false; usize::try_from(count).expect("as many requests as memory has addresses")],
            left: count,
        }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Takes a reply; an error where it answers nothing that is open, or where a sampled one is no echo of its request.
    pub(crate) fn take(&mut self, line: &[u8]) -> Result<()> {
        let msg_id =
            in_reply_to(line).with_context(|| format!("a line that answers nothing: {}", shown(line)))?;
        let open = msg_id
            .checked_sub(FIRST)
            .and_then(|index| self.answered.get_mut(usize::try_from(index).ok()?))
            .filter(|answered| !**answered);
        let open = open.with_context(|| format!("no request waits for this reply: {}", shown(line)))?;
        *open = true;
        self.left -= 1;
        if msg_id % SAMPLE == 0 {
            let reply: Reply = parse(line)?;
            let echo = format!("Please echo {msg_id}");
            let right = reply.src == "n0"
                && reply.dest == "c1"
                && reply.body.kind == "echo_ok"
                && reply.body.in_reply_to == msg_id
                && reply.body.echo.as_deref() == Some(&echo);
            ensure!(right, "expected an echo_ok from n0 to c1 with {echo:?}, got {}", shown(line));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Reply {
    src: String,
    dest: String,
    body: ReplyBody,
}

#[derive(Deserialize)]
struct ReplyBody {
    #[serde(rename = "type")]
    kind: String,
    in_reply_to: u64,
    echo: Option<String>,
}

fn parse(line: &[u8]) -> Result<Reply> {
    serde_json::from_slice(line).with_context(|| format!("no reply in Maelstrom's form: {}", shown(line)))
}

/// The request's number, found without parsing: the harness must be faster than whom it measures.
fn in_reply_to(line: &[u8]) -> Option<u64> {
    const KEY: &[u8] = b"\"in_reply_to\":";
    let start = memmem::find(line, KEY)? + KEY.len();
    let digits = line[start..].trim_ascii_start();
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&digits[..length]).ok()?.parse().ok()
}

fn shown(line: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(&line[..line.len().min(200)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(msg_id: u64, echo: &str) -> Vec<u8> {
        format!(
            r#"{{"src":"n0","dest":"c1","body":{{"type":"echo_ok","in_reply_to":{msg_id},"echo":"{echo}"}}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn each_request_is_answered_once_in_any_order() {
        let mut answers = Answers::awaited(2);
        answers.take(&reply(3, "")).unwrap();
        answers.take(&reply(2, "")).unwrap();
        assert_eq!(answers.left(), 0);
    }

    #[test]
    fn a_second_answer_and_a_stray_one_are_refused() {
        let mut answers = Answers::awaited(2);
        answers.take(&reply(2, "")).unwrap();
        for wrong in [reply(2, ""), reply(4, ""), reply(1, ""), b"panic!".to_vec()] {
            answers.take(&wrong).unwrap_err();
        }
        assert_eq!(answers.left(), 1);
    }

    #[test]
    fn a_sampled_reply_must_echo_its_request() {
        let mut answers = Answers::awaited(2 * SAMPLE);
        answers.take(&reply(SAMPLE, &format!("Please echo {SAMPLE}"))).unwrap();
        answers.take(&reply(2 * SAMPLE, "Please echo something else")).unwrap_err();
    }
}
