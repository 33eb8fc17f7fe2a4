//! The page of a run: its data over HTTP, its scripts in Node.js, and the whole in a browser.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "support/server.rs"]
mod server;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::{fs, path::Path, process::Command};

use requirements::is_installed;
use server::Server;
use support::{Sandbox, program};

/// A run of the echo node, and the path of its page below `/runs/`.
fn echo_run(sandbox: &Sandbox) -> String {
    let echo = program("echo");
    let echo = echo.to_str().expect("a plain path");
    sandbox
        .run(sandbox.glomers(&[
            "test",
            "-w",
            "echo",
            "--bin",
            echo,
            "--node-count",
            "2",
            "--time-limit",
            "1",
            "--rate",
            "40",
        ]))
        .expect_code(0);
    let directory = fs::canonicalize(sandbox.run_directory()).expect("the run has a directory");
    format!("echo/{}", directory.file_name().expect("it has a name").to_string_lossy())
}

/// The JSON before the columns.
fn head_of(data: &[u8]) -> serde_json::Value {
    assert_eq!(&data[..4], b"GLMP");
    let length = u32::from_le_bytes(data[4..8].try_into().expect("four bytes")) as usize;
    serde_json::from_slice(&data[8..8 + length]).expect("the head is JSON")
}

#[test]
fn the_data_has_every_message_and_operation() {
    let sandbox = Sandbox::new();
    let run = echo_run(&sandbox);
    let server = Server::start(&sandbox);
    let (_, data) = server.get(&format!("/data/{run}"));
    let head = head_of(&data);
    let results: serde_json::Value =
        serde_json::from_str(&sandbox.read("results.json")).expect("the results are JSON");
    assert_eq!(head["messages"], results["net"]["all"]["msg-count"]);
    assert_eq!(head["operations"], results["stats"]["count"]);
    assert_eq!(head["trouble"], serde_json::Value::Null);
    let kinds: Vec<&str> =
        head["kinds"].as_array().expect("a list").iter().filter_map(|kind| kind.as_str()).collect();
    assert_eq!(kinds, ["init", "init_ok", "echo", "echo_ok"]);
    let [messages, operations] =
        ["messages", "operations"].map(|name| head[name].as_u64().expect("a number"));
    let head_bytes = u64::from(u32::from_le_bytes(data[4..8].try_into().expect("four bytes")));
    assert_eq!(data.len() as u64, 8 + head_bytes + 39 * messages + 31 * operations);

    let (_, body) = server.get(&format!("/detail/{run}?message=0"));
    assert!(String::from_utf8_lossy(&body).contains("init"));
    let (_, found) = server.get(&format!("/detail/{run}?text=init_ok"));
    let found: serde_json::Value = serde_json::from_slice(&found).expect("it is JSON");
    assert_eq!(found["messages"].as_array().map(Vec::len), Some(2));
    let (_, trail) = server.get(&format!("/detail/{run}?value=n0"));
    let trail: serde_json::Value = serde_json::from_slice(&trail).expect("it is JSON");
    assert_eq!((trail["subject"].as_str(), trail["left-out"].as_u64()), (Some("n0"), Some(0)));
    assert!(
        trail["steps"][0]["text"].as_str().is_some_and(|text| text.contains("gives it (init)")),
        "{trail}"
    );
    assert!(server.get(&format!("/detail/{run}?finding=0")).0.starts_with("HTTP/1.1 404"), "it is valid");
    assert!(server.get(&format!("/detail/{run}?message=99999999")).0.starts_with("HTTP/1.1 404"));
}

#[test]
fn a_journal_that_ends_early_or_is_damaged_is_shown_up_to_there() {
    let sandbox = Sandbox::new();
    let run = echo_run(&sandbox);
    let server = Server::start(&sandbox);
    let journal = sandbox.run_directory().join("run.journal");
    let whole = fs::read(&journal).expect("the run has a journal");
    for (bytes, trouble) in [
        (&whole[..whole.len() - 5], "cut short"),
        (&b"no journal at all, whatever its length may be now"[..], "damaged"),
    ] {
        fs::write(&journal, bytes).expect("writable");
        let head = head_of(&server.get(&format!("/data/{run}")).1);
        assert!(head["trouble"].as_str().is_some_and(|text| text.contains(trouble)), "{head}");
    }
}

#[test]
fn two_runs_are_compared_up_to_the_first_entry_that_differs() {
    let sandbox = Sandbox::new();
    let (first, second) = (echo_run(&sandbox), echo_run(&sandbox));
    let server = Server::start(&sandbox);
    let page =
        |b: &str| String::from_utf8_lossy(&server.get(&format!("/compare?a={first}&b={b}")).1).into_owned();
    assert!(page(&first).contains("None: the histories have the same"), "{}", page(&first));
    let other = page(&second);
    assert!(other.contains("Then they differ:") && other.contains(&format!("/runs/{second}#op")), "{other}");
    let run = String::from_utf8_lossy(&server.get(&format!("/runs/{second}")).1).into_owned();
    assert!(run.contains(&format!("/compare?a={first}&amp;b={second}")), "{run}");
    let (head, events) = server.get(&format!("/live/{first}"));
    assert!(head.contains("text/event-stream") && String::from_utf8_lossy(&events).contains("event: ended"));
}

#[test]
fn scripts_run_only_on_the_page_of_a_run_with_a_journal_and_only_ours() {
    let sandbox = Sandbox::new();
    let run = echo_run(&sandbox);
    let server = Server::start(&sandbox);
    let (head, _) = server.get(&format!("/runs/{run}"));
    assert!(head.contains("script-src 'self'; connect-src 'self'") && !head.contains("unsafe"), "{head}");
    for path in ["/", &format!("/files/{run}/timeline.html"), &format!("/data/{run}")] {
        assert!(!server.get(path).0.contains("script-src"), "{path}");
    }
    assert!(server.get("/scripts/page.js").0.contains("text/javascript"));
    assert!(server.get("/scripts/..%2fpage.js").0.starts_with("HTTP/1.1 404"));
}

#[test]
fn the_parts_that_draw_nothing_do_as_they_say() {
    if !is_installed("node", "--version") {
        return;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/page/tests");
    let output = Command::new("node").arg("--test").current_dir(tests).output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("# fail 0") && !said.contains("# pass 0"), "{said}");
}

#[test]
fn a_browser_draws_a_run_and_opens_what_the_address_names() {
    if !is_installed("chromium", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let run = echo_run(&sandbox);
    let server = Server::start(&sandbox);
    let page = server.browse(&sandbox, &format!("/runs/{run}#m0"));
    assert!(page.contains("<div data-part=\"body\">"), "the scripts have not shown the panes: {page}");
    assert!(page.contains("<h3>init from c0 to n0</h3>") || page.contains("<h3>init from "), "{page}");
    assert!(page.contains("<dt>fate</dt><dd>delivered</dd>"), "{page}");
    let journal = sandbox.run_directory().join("run.journal");
    fs::write(journal, "").expect("writable");
    let empty = server.browse(&sandbox, &format!("/runs/{run}"));
    assert!(empty.contains("<div data-part=\"body\">"), "an empty journal is no failure: {empty}");
}

#[test]
fn what_a_node_sends_stays_text_in_the_browser() {
    if !is_installed("chromium", "--version") || !is_installed("python3", "--version") {
        return;
    }
    let sandbox = Sandbox::new();
    let node = sandbox.path().join("hostile.py");
    // It answers as an echo node does, and sends a message whose type, receiver and text are markup.
    let program = r#"#!/usr/bin/env python3
import json, sys
evil = "<img src=x onerror=\"document.title='owned'\">"
for line in sys.stdin:
    message = json.loads(line)
    body = message["body"]
    reply = dict(body, type=body["type"] + "_ok", in_reply_to=body["msg_id"])
    for dest, sent in [(message["src"], reply), (evil, {"type": evil, "text": evil})]:
        print(json.dumps({"src": message["dest"], "dest": dest, "body": sent}), flush=True)
"#;
    fs::write(&node, program).expect("writable");
    fs::set_permissions(&node, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("writable");
    let node = node.to_str().expect("a plain path");
    sandbox.run(sandbox.glomers(&[
        "test",
        "-w",
        "echo",
        "--bin",
        node,
        "--node-count",
        "1",
        "--time-limit",
        "1",
        "--rate",
        "10",
    ]));
    let directory = fs::canonicalize(sandbox.run_directory()).expect("the run has a directory");
    let run = format!("echo/{}", directory.file_name().expect("it has a name").to_string_lossy());
    let server = Server::start(&sandbox);
    let (_, found) = server.get(&format!("/detail/{run}?text=onerror"));
    let found: serde_json::Value = serde_json::from_slice(&found).expect("it is JSON");
    let page = server.browse(&sandbox, &format!("/runs/{run}#m{}", found["messages"][0]));
    assert!(page.contains("&lt;img src=x onerror="), "the message is not shown: {page}");
    assert!(!page.contains("<img src=\"x\"") && !page.contains("<title>owned"), "{page}");
}
