//! Beside upstream: nodes that were written for it run unchanged, and the results have its keys.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};

use glomers_check::{Value, edn};
use support::{Sandbox, program};

/// Recorded runs of real Maelstrom, where they are at hand.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn conformance() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let folder = std::env::var_os("GLOMERS_CONFORMANCE").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!(
            "skipped: no recorded runs at {} (GLOMERS_CONFORMANCE names another place)",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

/// Every path of keys in a results map, in order, with the kind of what it leads to.
fn shape(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                shape(value, &format!("{path}{key} "), out);
            }
        }
        Value::Bool(_) => out.push(format!("{path}true or false")),
        Value::Int(_) => out.push(format!("{path}an integer")),
        Value::Float(_) => out.push(format!("{path}a float")),
        Value::List(items) => out.push(format!("{path}a list of {}", items.len())),
        other => out.push(format!("{path}{other}")),
    }
}

fn shape_of(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    shape(&edn::read(text).expect("results are EDN"), "", &mut out);
    out
}

#[test]
fn an_echo_run_has_the_recorded_keys_in_the_recorded_order() {
    let Some(folder) = conformance() else { return };
    let recorded = fs::read_to_string(folder.join("maelstrom/echo-ok/results.edn")).expect("a recorded run");
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let echo = echo.to_str().expect("a plain path");
    let arguments =
        ["test", "-w", "echo", "--bin", echo, "--node-count", "1", "--time-limit", "2", "--compat"];
    sandbox.run(sandbox.glomers(&arguments)).expect_code(0);
    assert_eq!(shape_of(&sandbox.read("results.edn")), shape_of(&recorded));
}
