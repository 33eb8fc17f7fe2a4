//! The program as a process: what only real pipes can show.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

const INIT: &str =
    r#"{"src":"c0","dest":"n3","body":{"type":"init","msg_id":1,"node_id":"n3","node_ids":["n3"]}}"#;

fn start(log_filter: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("GLOMERS_LOG", log_filter);
    command.spawn().expect("the node starts")
}

fn echo(msg_id: u64) -> String {
    format!(
        r#"{{"src":"c1","dest":"n3","body":{{"type":"echo","msg_id":{msg_id},"echo":"hello {msg_id}"}}}}"#
    )
}

#[test]
fn a_conversation_ends_with_its_input_and_status_zero() {
    let mut node = start("debug");
    write!(node.stdin.take().unwrap(), "{INIT}\nnoise\n{}\n", echo(1)).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let expected = r#"{"src":"n3","dest":"c0","body":{"type":"init_ok","in_reply_to":1}}
{"src":"n3","dest":"c1","body":{"type":"echo_ok","in_reply_to":1,"echo":"hello 1"}}
"#;
    assert_eq!(stdout, expected);
    let stderr = String::from_utf8(output.stderr).unwrap();
    for logged in [
        "node id set to n3",
        &format!("Received {}", echo(1)),
        "Sent {\"src\":\"n3\"",
        "not JSON at column 2",
    ] {
        assert!(stderr.contains(logged), "{logged:?} is not in the log:\n{stderr}");
    }
}

#[test]
fn a_closed_stderr_does_not_stop_the_node() {
    let mut node = start("debug");
    drop(node.stderr.take());
    let mut stdin = node.stdin.take().unwrap();
    writeln!(stdin, "{INIT}\nnoise\n{}", echo(1)).unwrap();
    drop(stdin);
    let mut stdout = String::new();
    node.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    assert_eq!(stdout.lines().count(), 2);
    assert!(node.wait().unwrap().success());
}

#[test]
fn a_closed_stdout_ends_the_node_with_a_failure() {
    let mut node = start("info");
    drop(node.stdout.take());
    let mut stdin = node.stdin.take().unwrap();
    writeln!(stdin, "{INIT}").unwrap();
    assert_eq!(node.wait().unwrap().code(), Some(1));
    drop(stdin);
}
