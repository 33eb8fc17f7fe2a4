//! Beside upstream: nodes that were written for it run unchanged, and the results have its keys.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{collections::BTreeSet, fs};

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

/// Every path of keys below a value, whatever its lists hold: `:anomalies :G1a :writer :error`. Keys that are no keywords, such as those of a
/// register, are all alike.
fn key_paths(value: &Value, path: &str, out: &mut BTreeSet<String>) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let key = key.as_keyword().map_or_else(|| "KEY".to_owned(), |name| format!(":{name}"));
                let path = if path.is_empty() { key } else { format!("{path} {key}") };
                key_paths(value, &path, out);
                out.insert(path);
            }
        }
        Value::List(items) | Value::Vector(items) | Value::Set(items) => {
            items.iter().for_each(|item| key_paths(item, path, out));
        }
        Value::Tagged(tagged) => key_paths(&tagged.1, path, out),
        _ => {}
    }
}

/// Where the keys differ from upstream's, in which recorded run, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    // A monitor decides a key whose operations fit, and follows no configurations that could be listed.
    ("lin-kv-ok-raft", ":workload :results KEY :linearizable :"),
    ("odd-availability", ":workload :results KEY :linearizable :"),
    // Elle lists a cycle of this kind too; ours are of kinds that rule out as much.
    ("rw-hat-as-serializable", ":workload :anomalies :G-nonadjacent-item-realtime"),
];

#[test]
fn the_checkers_results_have_the_recorded_keys() {
    let Some(folder) = recorded_verdicts("maelstrom") else { return };
    let sandbox = Sandbox::new();
    let mut differences = Vec::new();
    let mut count = 0;
    for run in fs::read_dir(folder).expect("a folder").flatten() {
        let name = run.file_name().to_string_lossy().into_owned();
        let command = fs::read_to_string(run.path().join("command.txt")).expect("a recorded command");
        let words: Vec<&str> = command.split_whitespace().collect();
        let option = |name: &str| words.windows(2).find(|pair| pair[0] == name).map(|pair| pair[1]);
        let history = run.path().join("history.edn").display().to_string();
        let mut arguments = vec!["check", "--compat", "--format", "edn", &history];
        arguments.extend(["-w", option("-w").expect("a workload")]);
        let models = "--consistency-models";
        arguments.extend(option(models).into_iter().flat_map(|value| [models, value]));
        let ours = sandbox.run(sandbox.glomers(&arguments)).stdout;
        let recorded = fs::read_to_string(run.path().join("results.edn")).expect("recorded results");
        let paths = |text: &str| {
            let mut paths = BTreeSet::new();
            key_paths(&edn::read(text).expect("results are EDN"), "", &mut paths);
            paths.retain(|path| path.starts_with(":workload"));
            paths
        };
        let (ours, recorded) = (paths(&ours), paths(&recorded));
        let is_expected = |path: &str| {
            EXCEPTIONS.iter().any(|(run, prefix)| *run == name && path.starts_with(prefix.trim_end()))
        };
        let odd = ours.symmetric_difference(&recorded).filter(|path| !is_expected(path));
        differences.extend(odd.map(|path| {
            format!("{name}: {} {path}", if ours.contains(path) { "only ours has" } else { "ours lacks" })
        }));
        count += 1;
    }
    assert!(count > 20, "only {count} recorded runs");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
