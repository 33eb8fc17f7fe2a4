//! What the walk-through confirms with `strace`: one `read` and one `write` for each message that comes alone.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use requirements::skip;

#[test]
fn a_message_that_comes_alone_costs_one_read_and_one_write() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let trace = scratch.path().join("trace");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-e", "trace=read,write,poll,ppoll", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_echo"));
    command
        .env_remove("GLOMERS_LOG")
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(mut node) = command.spawn() else {
        skip("strace is not installed");
        return;
    };
    let mut stdin = node.stdin.take().expect("piped");
    let mut replies = BufReader::new(node.stdout.take().expect("piped")).lines();
    let init =
        r#"{"src":"c0","dest":"n0","body":{"type":"init","msg_id":1,"node_id":"n0","node_ids":["n0"]}}"#;
    let echo = r#"{"src":"c1","dest":"n0","body":{"type":"echo","msg_id":1,"echo":"hello"}}"#;
    let echo_count = 10;
    for (number, line) in std::iter::once(init).chain(std::iter::repeat_n(echo, echo_count)).enumerate() {
        writeln!(stdin, "{line}").expect("the node reads");
        let Some(Ok(reply)) = replies.next() else {
            skip("strace may not trace on this machine");
            return;
        };
        assert!(reply.contains("_ok"), "the answer to message {number} is {reply}");
    }
    drop(stdin);
    assert!(node.wait().expect("it ends with its input").success());
    let trace = fs::read_to_string(&trace).expect("strace wrote its output");
    let count = |call: &str| trace.lines().filter(|line| line.contains(call)).count();
    // The last read finds the end of the input.
    assert_eq!(count("read(0,"), echo_count + 2, "{trace}");
    assert_eq!(count("write(1,"), echo_count + 1, "{trace}");
    assert_eq!(count("events=POLLIN"), 0, "a read waits for input by itself: {trace}");
}
