//! The workbench is killed (SIGKILL) at some moment of a run: nothing outlives it, and its run directory opens.
//!
//! `GLOMERS_KILLS=60` kills it so many times.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::support::{Sandbox, eventually_within, program};

/// The kinds of nodes that run, in turn: those whose children are hard to find.
const KINDS: [&str; 6] = [
    "none",
    "daemon-without-environment",
    "fork-chain-in-sessions",
    "daemon-not-dumpable",
    "stop-guard",
    "daemon-holds-streams",
];
/// How long a run takes at most before it is killed: one of 1 s, with its reports.
const LATEST_KILL_MS: u64 = 2500;

#[test]
fn a_workbench_that_is_killed_leaves_no_process_and_a_directory_that_opens() {
    let count =
        std::env::var("GLOMERS_KILLS").map_or(6, |count| count.parse().expect("GLOMERS_KILLS is a number"));
    let sandbox = Sandbox::new();
    for round in 0..count {
        // Spread over the whole run, in an order that looks random: a golden ratio's multiples.
        let moment_ms = (round * 1545) % LATEST_KILL_MS;
        kill_a_run(&sandbox, KINDS[usize::try_from(round).expect("it is small") % KINDS.len()], moment_ms);
    }
    let runs = runs(&sandbox.store());
    assert!(!runs.is_empty(), "no run got as far as its directory");
    let mut statuses = Vec::new();
    for run in &runs {
        let ended = sandbox.run(sandbox.glomers(&["check", run.to_str().expect("a plain path")]));
        let is_explained = !ended.stdout.trim().is_empty() || !ended.stderr.trim().is_empty();
        assert!(is_explained && !ended.stderr.contains("panicked"), "{}: {}", run.display(), ended.stderr);
        statuses.push(ended.code.expect("it was not killed"));
    }
    let pages = serve(&sandbox, &runs);
    println!(
        "{count} kills, {} runs; `glomers check` ended with {statuses:?}; the pages with {pages:?}",
        runs.len()
    );
    assert!(statuses.iter().all(|status| matches!(status, 0..=2 | 254)), "{statuses:?}");
    assert!(pages.iter().all(|status| *status == 200), "{pages:?}");
}

fn kill_a_run(sandbox: &Sandbox, node_kind: &str, moment_ms: u64) {
    let hostile = program("hostile");
    let mut arguments = vec!["test", "-w", "echo", "--bin", hostile.to_str().expect("a plain path")];
    arguments.extend(["--node-count", "3", "--time-limit", "1", "--rate", "100"]);
    arguments.extend(["--nemesis", "kill,pause", "--nemesis-interval", "0.2", "--", node_kind, "echo"]);
    let mut child = sandbox.glomers(&arguments).spawn().expect("the workbench starts");
    eventually_within(Duration::from_millis(moment_ms), || false);
    child.kill().and_then(|()| child.wait()).expect("it is our child");
    if let Some(left) = sandbox.what_is_left() {
        panic!("killed after {moment_ms} ms, with {node_kind} nodes, it left {left}");
    }
}

/// The directories of all runs, in order.
fn runs(store: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(store.join("echo")) else { return Vec::new() };
    let directories =
        entries.flatten().map(|entry| entry.path()).filter(|path| !path.is_symlink() && path.is_dir());
    directories.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Asks for the page of all runs and of each, and returns the statuses.
fn serve(sandbox: &Sandbox, runs: &[PathBuf]) -> Vec<u16> {
    let mut server = sandbox.glomers(&["serve", "--port", "0"]).spawn().expect("the server starts");
    let mut line = String::new();
    let output = server.stderr.take().expect("it is a pipe");
    BufReader::new(output).read_line(&mut line).expect("the server says where it listens");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).map(str::trim);
    let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
    let paths = runs.iter().map(|run| {
        let name = run.file_name().expect("a run has a name").to_string_lossy().into_owned();
        format!("/runs/echo/{name}")
    });
    let statuses = std::iter::once("/".to_owned()).chain(paths).map(|path| get(&address, &path)).collect();
    interrupt(&mut server);
    statuses
}

fn get(address: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a plain option");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers in time");
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

fn interrupt(server: &mut Child) {
    kill(Pid::from_raw(server.id().cast_signed()), Signal::SIGINT).expect("it runs");
    if !eventually_within(Duration::from_secs(10), || matches!(server.try_wait(), Ok(Some(_)))) {
        server.kill().and_then(|()| server.wait()).expect("it is our child");
        panic!("Ctrl-C did not end the server");
    }
}
