//! `glomers check --otlp` on a trace of three services that share a store, as OpenTelemetry's collector writes it.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{fs, path::Path, process::Command};

use support::Ended;

const TRACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traces/shop.otlp.jsonl");

/// What the spans of the store's clients look like.
const MAPPING: [&str; 10] = [
    "--operation",
    "db.operation.name",
    "--functions",
    "GET=read,PUT=write,CAS=cas",
    "--key",
    "kv.key",
    "--value",
    "kv.value",
    "--result",
    "kv.result",
];

/// Options that the trace needs besides: what a read of nothing says, and which errors are definite.
const MEANING: [&str; 4] = ["--absent", "nil", "--failures", "error.type=conflict"];

fn check(file: &Path, options: &[&[&str]]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    command.arg("check").arg("--otlp").arg(file).args(options.concat());
    Ended::from(command.output().expect("the workbench starts"))
}

/// The trace with a text in it replaced by another.
fn changed(from: &str, to: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let text = fs::read_to_string(TRACE).expect("the trace");
    assert!(text.contains(from), "{from} is not in the trace");
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("traces.json");
    fs::write(&path, text.replace(from, to)).expect("writable");
    (directory, path)
}

#[test]
fn the_spans_of_several_services_are_one_history() {
    let ended = check(Path::new(TRACE), &[&MAPPING, &MEANING, &["--process", "service.instance.id"]]);
    ended.expect_code(0).expect_said(&[
        "register of each key",
        // A conflict is a definite error; a time-out is not.
        "10 (8 ok, 1 failed, 1 unknown)",
    ]);
}

#[test]
fn a_stale_read_is_found_by_its_span() {
    let stale = r#"{"key":"kv.result","value":{"intValue":"4"}}"#;
    let (_directory, path) = changed(stale, &stale.replace('4', "5"));
    check(&path, &[&MAPPING, &MEANING]).expect_code(1).expect_said(&[
        "cannot `read 5` of key \"stock:17\"",
        // What it should have seen, and what it saw.
        "In the trace: the span \"CAS stock:17\" with the id \"eee19b7ec3c1b106\"; the span \"GET stock:17\" with the id \"eee19b7ec3c1b109\".",
    ]);
    // If clocks may differ by more than the time between the two, the read may have come first.
    check(&path, &[&MAPPING, &MEANING, &["--clock-error", "100"]]).expect_code(0);
}

#[test]
fn a_failure_that_is_not_said_to_be_definite_may_have_happened() {
    // Only the write that timed out can have put 2 there.
    check(Path::new(TRACE), &[&MAPPING, &["--absent", "nil"]])
        .expect_code(0)
        .expect_said(&["10 (8 ok, 0 failed, 2 unknown)"]);
    let wrong = [&MAPPING[..], &["--absent", "nil", "--failures", "error.type=timeout"]];
    check(Path::new(TRACE), &wrong).expect_code(1).expect_said(&["cannot `read 2` of key \"cart:4\""]);
}

#[test]
fn what_a_span_lacks_is_said_with_its_line_and_id() {
    check(Path::new(TRACE), &[&MAPPING]).expect_code(2).expect_said(&[
        "line 3",
        "\"GET cart:9\" with the id \"eee19b7ec3c1b10c\"",
        "neither the attribute \"kv.value\" nor \"kv.result\"",
        "`absent`",
    ]);
    check(Path::new(TRACE), &[&MAPPING, &MEANING, &["--process", "thread.id"]])
        .expect_code(2)
        .expect_said(&["line 1", "\"PUT stock:17\"", "no attribute \"thread.id\""]);
    check(Path::new(TRACE), &[&["--operation", "db.operation"]]).expect_code(2).expect_said(&[
        "None of the 12 spans",
        "\"db.operation\"",
        "their attributes: \"db.operation.name\"",
    ]);
    check(Path::new(TRACE), &[&["--functions", "SELECT=read"]])
        .expect_code(2)
        .expect_said(&["None of the 12 spans", "\"CAS stock:17\""]);
    let key = r#"{"key":"kv.key","value":{"stringValue":"cart:9"}}"#;
    let (_directory, path) = changed(key, &format!("{key},{}", key.replace('9', "8")));
    check(&path, &[&MAPPING, &MEANING])
        .expect_code(2)
        .expect_said(&["\"kv.key\" is ambiguous: it is \"cart:9\" and \"cart:8\""]);
}

#[test]
fn a_trace_that_breaks_off_has_no_verdict() {
    let text = fs::read_to_string(TRACE).expect("the trace");
    let directory = tempfile::tempdir().expect("a scratch directory");
    let path = directory.path().join("traces.json");
    fs::write(&path, &text[..text.len() - 100]).expect("writable");
    check(&path, &[&MAPPING, &MEANING]).expect_code(2).expect_said(&["cut short", "line 3"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let cases: [(&[&str], &str); 4] = [
        (&["--clock-error", "5", "--process", "service.name"], "cannot be used with"),
        (&["--functions", "GET"], "expected a name, = and what it means"),
        (&["--absent", "{"], "expected one EDN value"),
        (&["--clock-error", "soon"], "expected milliseconds"),
    ];
    for (options, hint) in cases {
        let ended = check(Path::new(TRACE), &[options]);
        ended.expect_code(254);
        assert!(ended.stderr.contains(hint), "{hint:?} is not in\n{}", ended.stderr);
    }
    let directory = Path::new(TRACE).parent().expect("a directory");
    let ended = check(directory, &[&MAPPING]);
    ended.expect_code(254);
    assert!(ended.stderr.contains("--otlp reads a file"), "{}", ended.stderr);

    let mut command = Command::new(env!("CARGO_BIN_EXE_glomers"));
    let ended = Ended::from(command.args(["check", TRACE, "--key", "kv.key"]).output().expect("it starts"));
    ended.expect_code(254);
    assert!(ended.stderr.contains("--otlp"), "{}", ended.stderr);
    let ended = Ended::from(
        Command::new(env!("CARGO_BIN_EXE_glomers")).args(["check", TRACE]).output().expect("it starts"),
    );
    ended.expect_code(2).expect_said(&["a trace of OpenTelemetry", "--otlp"]);
}
