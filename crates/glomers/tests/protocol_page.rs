//! The conversation on the protocol page is one that a node has.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use glomers::doc::protocol_page;
use glomers_protocol::Envelope;
use serde_json::Value;
use support::program;

#[test]
fn the_messages_on_the_page_are_messages() {
    let page = protocol_page();
    let mut count = 0;
    for line in page.lines().filter_map(|line| line.find("{\"src\"").map(|start| &line[start..])) {
        Envelope::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        count += 1;
    }
    assert!(count >= 8, "the page has {count} messages");
}

#[test]
fn the_echo_node_has_the_conversation_on_the_page() {
    let page = protocol_page();
    let mut node = Command::new(program("echo"))
        .env_remove("GLOMERS_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the node starts");
    let mut stdin = node.stdin.take().expect("piped");
    let mut answers = BufReader::new(node.stdout.take().expect("piped")).lines();
    let mut count = 0;
    for line in page.lines() {
        if let Some(message) = line.strip_prefix("to the node:") {
            writeln!(stdin, "{}", message.trim()).expect("the node reads");
        } else if let Some(expected) = line.strip_prefix("from the node:") {
            let answer = answers.next().expect("the node answers").expect("in text");
            let mut answer: Value = serde_json::from_str(&answer).expect("in JSON");
            let expected: Value = serde_json::from_str(expected).expect("the page has JSON");
            if expected["body"]["text"] == "…" {
                assert!(answer["body"]["text"].is_string(), "{answer}");
                answer["body"]["text"] = "…".into();
            }
            assert_eq!(answer, expected);
            count += 1;
        }
    }
    assert_eq!(count, 3);
    drop(stdin);
    assert!(node.wait().expect("it ends with its input").success());
}
