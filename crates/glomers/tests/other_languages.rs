//! Nodes that were written for Maelstrom, in other languages and without a change, as real processes.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use requirements::{is_installed, skip};
use support::{Ended, Sandbox};

fn node(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nodes").join(file)
}

/// `glomers test` on that node.
fn test(sandbox: &Sandbox, node: &Path, options: &str) -> Ended {
    let mut arguments = vec!["test", "--bin", node.to_str().expect("a plain path"), "--recovery-time", "1"];
    arguments.extend(options.split_whitespace());
    sandbox.run(sandbox.glomers(&arguments))
}

#[test]
fn a_python_node_echoes() {
    if !is_installed("python3", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let ended = test(&sandbox, &node("echo.py"), "-w echo --node-count 2 --time-limit 2 --rate 50");
    ended.expect_code(0).expect_said(&["all of them ok"]);
    assert_eq!(sandbox.read("node-logs/n1.log"), "node id set to n1\n");
}

#[test]
fn a_python_node_broadcasts_under_partitions() {
    if !is_installed("python3", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let options = "-w broadcast --node-count 5 --topology line --time-limit 3 --rate 50 --nemesis partition --nemesis-interval 1 \
                   --recovery-time 3";
    test(&sandbox, &node("broadcast.py"), options).expect_code(0).expect_said(&["all of them ok"]);
    let results = sandbox.read("results.edn");
    assert!(results.contains(":lost-count 0"), "{results}");
}

#[test]
fn a_node_in_javascript_hands_on_what_the_service_says() {
    if !is_installed("node", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let options = "-w lin-kv --node-count 2 --concurrency 4n --time-limit 2 --rate 100";
    test(&sandbox, &node("lin_kv_proxy.js"), options).expect_code(0);
    let results = sandbox.read("results.edn");
    assert!(results.contains(":failures []"), "{results}");
}

#[test]
fn a_node_in_go_on_the_official_library_counts_over_seq_kv() {
    if !is_installed("go", "version") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.path().join("go-counter");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(node("go-counter"))
        .output()
        .expect("go starts");
    if !built.status.success() {
        skip(&format!("the Go library can't be fetched: {}", String::from_utf8_lossy(&built.stderr).trim()));
        return;
    }
    let options = "-w g-counter --node-count 3 --time-limit 2 --rate 50";
    test(&sandbox, &program, options).expect_code(0).expect_said(&["all of them ok"]);
}
