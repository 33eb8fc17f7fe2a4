use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DriveError, Driver};
use crate::{CoreOptions, Node, NodeCore, Random, Router, RpcError, messages};

#[derive(Serialize, Deserialize)]
struct Count {
    pause_ms: u64,
}
#[derive(Serialize, Deserialize)]
struct CountOk {
    count: u64,
}
#[derive(Serialize, Deserialize)]
struct Nobody {}
messages! {
    "count" Count => "count_ok" CountOk;
    "nobody" Nobody => CountOk;
}

/// Counts its requests, and answers each after a pause. Its spawned task never ends.
struct Counter {
    node: Node,
    count: Cell<u64>,
}

impl Counter {
    fn new(node: Node) -> Self {
        let sleeper = node.clone();
        node.spawn(async move {
            loop {
                sleeper.sleep(Duration::from_secs(3600)).await;
            }
        });
        Self { node, count: Cell::new(0) }
    }

    async fn count(&self, request: Count) -> Result<CountOk, RpcError> {
        self.count.set(self.count.get() + 1);
        let count = self.count.get();
        if request.pause_ms > 0 {
            self.node.sleep(Duration::from_millis(request.pause_ms)).await;
        }
        Ok(CountOk { count })
    }

    async fn nobody(&self, _request: Nobody) -> Result<CountOk, RpcError> {
        self.node.rpc("n9", Count { pause_ms: 0 }).timeout(Duration::from_millis(5)).await
    }
}

const INIT: &str =
    r#"{"src":"c0","dest":"n1","body":{"type":"init","msg_id":1,"node_id":"n1","node_ids":["n1","n2"]}}"#;
const INIT_OK: &str = r#"{"src":"n1","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}"#;

fn drive(input: std::io::PipeReader, output: std::io::PipeWriter) -> Result<(), DriveError> {
    let options = CoreOptions::new(Random::derive(0, "test"));
    let core =
        NodeCore::new(options, |node| Router::new(Counter::new(node)).on(Counter::count).on(Counter::nobody));
    Driver::new(core, input, output).run()
}

/// All that the node writes when its whole input is `text`.
fn output_of(text: &str) -> Vec<String> {
    let (input, mut to_node) = pipe().unwrap();
    let (mut from_node, output) = pipe().unwrap();
    let node = thread::spawn(move || drive(input, output).unwrap());
    to_node.write_all(text.as_bytes()).unwrap();
    drop(to_node);
    let mut written = String::new();
    from_node.read_to_string(&mut written).unwrap();
    node.join().unwrap();
    written.lines().map(str::to_owned).collect()
}

fn count(msg_id: u64, pause_ms: u64) -> String {
    format!(r#"{{"src":"c1","dest":"n1","body":{{"type":"count","msg_id":{msg_id},"pause_ms":{pause_ms}}}}}"#)
}

fn count_ok(in_reply_to: u64, count: u64) -> String {
    format!(
        r#"{{"src":"n1","dest":"c1","body":{{"type":"count_ok","in_reply_to":{in_reply_to},"count":{count}}}}}"#
    )
}

#[test]
fn handlers_finish_after_the_end_of_input_and_the_last_line_needs_no_newline() {
    let input = format!("{INIT}\n{}\n{}", count(1, 30), count(2, 0));
    assert_eq!(output_of(&input), [INIT_OK.to_owned(), count_ok(2, 2), count_ok(1, 1)]);
}

#[test]
fn a_timeout_ends_a_handler_whose_answer_cannot_come() {
    let input = format!("{INIT}\n{}\n", r#"{"src":"c1","dest":"n1","body":{"type":"nobody","msg_id":1}}"#);
    let output = output_of(&input);
    assert!(output[1].contains(r#""dest":"n9""#), "{output:?}");
    assert!(output[2].contains(r#""code":0,"text":"n9 did not answer `count` within 5ms""#), "{output:?}");
}

#[test]
fn lines_that_are_no_messages_are_skipped() {
    let input = format!("hello\n\n{INIT}\n[\n{{\"src\":\"c1\"}}\n{}\n", count(1, 0));
    assert_eq!(output_of(&input), [INIT_OK.to_owned(), count_ok(1, 1)]);
}

#[test]
fn before_init_a_node_answers_under_the_name_it_was_addressed_by() {
    let output = output_of("{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{\"msg_id\":3}}\n");
    let expected = r#"{"src":"n1","dest":"c1","body":{"type":"error","in_reply_to":3,"code":12,"#;
    assert!(output[0].starts_with(expected), "{output:?}");
}

#[test]
fn what_comes_before_init_is_answered_after_it() {
    assert_eq!(output_of(&format!("{}\n{INIT}\n", count(3, 0))), [INIT_OK.to_owned(), count_ok(3, 1)]);
}

#[test]
fn timers_fire_while_input_is_open() {
    let (input, mut to_node) = pipe().unwrap();
    let (from_node, output) = pipe().unwrap();
    let node = thread::spawn(move || drive(input, output).unwrap());
    let mut replies = BufReader::new(from_node).lines();
    writeln!(to_node, "{INIT}\n{}", count(1, 5)).unwrap();
    assert_eq!(replies.next().unwrap().unwrap(), INIT_OK);
    assert_eq!(replies.next().unwrap().unwrap(), count_ok(1, 1));
    drop(to_node);
    assert!(replies.next().is_none());
    node.join().unwrap();
}

#[test]
fn a_closed_stdout_ends_the_node_with_an_error() {
    let (input, mut to_node) = pipe().unwrap();
    let (from_node, output) = pipe().unwrap();
    drop(from_node);
    writeln!(to_node, "{INIT}").unwrap();
    assert!(matches!(drive(input, output), Err(DriveError::Output(_))));
}

#[test]
fn a_burst_larger_than_a_pipe_is_written_whole() {
    let requests: String = (1..=5_000).map(|msg_id| count(msg_id, 0) + "\n").collect();
    let (input, mut to_node) = pipe().unwrap();
    let (from_node, output) = pipe().unwrap();
    let node = thread::spawn(move || drive(input, output).unwrap());
    let writer = thread::spawn(move || write!(to_node, "{INIT}\n{requests}").unwrap());
    let replies: Vec<String> = BufReader::new(from_node).lines().map(Result::unwrap).collect();
    assert_eq!(replies.len(), 5_001);
    assert_eq!(replies[5_000], count_ok(5_000, 5_000));
    writer.join().unwrap();
    node.join().unwrap();
}
