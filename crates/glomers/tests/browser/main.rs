//! The pages in a browser: what they show of real runs, that nothing on them fails, and that everybody can use them.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../support/server.rs"]
mod server;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::{fs, path::PathBuf, process::Command};

use requirements::{is_installed, skip};
use serde_json::json;
use server::{Server, Visit};
use support::Sandbox;

/// The page of a run is drawn, and its lists are filled.
const DRAWN: &str = "performance.getEntriesByName('drawn').length > 0 && document.querySelector('[data-part=history-count]').textContent";

const VISIT: Visit<'_> = Visit { until: "true", then: "null", width: 1280, is_dark: false, script: None };

fn can_browse() -> bool {
    ["chromium", "node", "python3"].iter().all(|program| is_installed(program, "--version"))
}

/// The script of axe, where npm has installed it: `npm install --global axe-core`, or a directory in `NODE_PATH`.
fn axe() -> Option<PathBuf> {
    let roots = Command::new("npm").args(["root", "--global"]).output().ok()?;
    let root = PathBuf::from(String::from_utf8_lossy(&roots.stdout).trim());
    let others = std::env::var_os("NODE_PATH").unwrap_or_default();
    let found = std::iter::once(root)
        .chain(std::env::split_paths(&others))
        .map(|root| root.join("axe-core/axe.min.js"));
    let axe = found.into_iter().find(|path| path.is_file());
    if axe.is_none() {
        skip("npm has not installed axe-core, so nobody looked for obstacles");
    }
    axe
}

/// Fails where axe finds an obstacle on a page, wide and light or narrow and dark.
fn assert_no_obstacles(server: &Server, sandbox: &Sandbox, path: &str, until: &str) {
    let Some(axe) = axe() else { return };
    let then = "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]))";
    for (width, is_dark) in [(1280, false), (400, true)] {
        let visit = Visit { until, then, width, is_dark, script: axe.to_str() };
        assert_eq!(server.visit(sandbox, path, visit), json!([]), "{path}, {width} pixels wide");
        let visit =
            Visit { until, then: "document.documentElement.scrollWidth - innerWidth", width, ..VISIT };
        let beyond = server.visit(sandbox, path, visit).as_i64().expect("a number");
        assert!(beyond <= 0, "{path} is {beyond} pixels wider than a screen of {width}");
    }
}

/// A run of the node that keeps everything to itself, and its page's path.
fn invalid_run(sandbox: &Sandbox, workload: &str) -> String {
    let node = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/local.py");
    let options =
        ["--node-count", "2", "--time-limit", "1", "--rate", "40", "--recovery-time", "0", "--seed", "5"];
    let mut arguments = vec!["test", "-w", workload, "--bin", node];
    arguments.extend(options);
    arguments.extend(["--", workload]);
    sandbox.run(sandbox.glomers(&arguments)).expect_code(1);
    let directory = fs::canonicalize(sandbox.run_directory()).expect("the run has a directory");
    format!("/runs/{workload}/{}", directory.file_name().expect("it has a name").to_string_lossy())
}

/// Runs a workload that fails, and looks at its page: the heading of the checker's view, and obstacles.
fn check(workload: &str, heading: &str) {
    if !can_browse() {
        return;
    }
    let sandbox = Sandbox::new();
    let run = invalid_run(&sandbox, workload);
    let server = Server::start(&sandbox);
    let until = format!("{DRAWN} && !document.querySelector('[data-part=checker]').hidden");
    let until = if heading.is_empty() { DRAWN } else { &until };
    let then = "[document.querySelector('[data-part=checker] h2')?.textContent ?? '', document.querySelectorAll('.verdict a').length]";
    let shown = server.visit(&sandbox, &run, Visit { until, then, ..VISIT });
    assert!(shown[0].as_str().is_some_and(|text| text.starts_with(heading)), "{shown}");
    assert!(shown[1].as_u64() > Some(0), "the verdict links to nothing: {shown}");
    assert_no_obstacles(&server, &sandbox, &run, until);
}

#[test]
fn lin_kv_has_the_longest_linearizable_prefix() {
    check("lin-kv", "The longest linearizable prefix of key ");
}

#[test]
fn kafka_has_the_log_of_each_key() {
    check("kafka", "The log of a key");
}

#[test]
fn g_set_has_the_life_of_each_element() {
    check("g-set", "The life of each element");
}

#[test]
fn list_append_names_the_operations_of_its_anomaly() {
    check("txn-list-append", "");
}

#[test]
fn the_address_opens_what_it_names_and_says_what_is_not_there() {
    if !can_browse() {
        return;
    }
    let sandbox = Sandbox::new();
    let run = invalid_run(&sandbox, "g-set");
    let server = Server::start(&sandbox);
    let status = "document.querySelector('[data-part=status]').textContent";
    for (place, sentence) in [
        ("#m99999", "There is no message 99999 in this run."),
        ("#op99999", "There is no operation 99999 in this run."),
        ("#host-n9", "There is no node n9 in this run."),
        ("#host-%", "There is no node % in this run."),
        ("#host-n1", "Only messages from and to n1 are shown."),
    ] {
        let visit = Visit { until: DRAWN, then: status, ..VISIT };
        assert_eq!(server.visit(&sandbox, &format!("{run}{place}"), visit), sentence, "{place}");
    }
    let then = "document.querySelector('.moment strong').textContent";
    let visit = Visit { until: DRAWN, then, ..VISIT };
    assert_eq!(server.visit(&sandbox, &format!("{run}#t500000000"), visit), "At 500 ms");
}

#[test]
fn the_history_is_searched_and_opens_its_operations_by_key() {
    if !can_browse() {
        return;
    }
    let sandbox = Sandbox::new();
    let run = invalid_run(&sandbox, "g-set");
    let server = Server::start(&sandbox);
    let then = "(async () => {
        const part = (name) => document.querySelector(`[data-part=${name}]`);
        part('history-text').value = 'INVOKE  READ';
        part('history-text').dispatchEvent(new Event('input'));
        const lines = [...part('history').querySelectorAll('.line')].map((line) => line.textContent);
        part('history').dispatchEvent(new KeyboardEvent('keydown', { key: 'End' }));
        await new Promise((resolve) => setTimeout(resolve, 200));
        const title = part('inspector').querySelector('h3').textContent;
        return [lines.length > 0 && lines.every((line) => line.includes('invoke  read')), title.startsWith('read by process'), location.hash.startsWith('#op')];
    })()";
    let shown = server.visit(&sandbox, &run, Visit { until: DRAWN, then, ..VISIT });
    assert_eq!(shown, json!([true, true, true]));
}
