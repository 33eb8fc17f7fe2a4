//! Beside upstream: nodes that were written for it run unchanged, and the results have its keys.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::fs;

use glomers_check::{Value, edn};
use requirements::recorded_verdicts;
use support::{Sandbox, program};

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
    let Some(folder) = recorded_verdicts("maelstrom") else { return };
    let recorded = fs::read_to_string(folder.join("echo-ok/results.edn")).expect("a recorded run");
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let echo = echo.to_str().expect("a plain path");
    let arguments =
        ["test", "-w", "echo", "--bin", echo, "--node-count", "1", "--time-limit", "2", "--compat"];
    sandbox.run(sandbox.glomers(&arguments)).expect_code(0);
    assert_eq!(shape_of(&sandbox.read("results.edn")), shape_of(&recorded));
}
