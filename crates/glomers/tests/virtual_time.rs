//! Programs under virtual time, from the command line: equal runs, sweeps, shrinks, and nothing left behind.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
mod support;

use std::{path::Path, process::Command};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use requirements::{is_installed, skip};
use support::{Ended, Sandbox, eventually, program};

/// Whether programs can run under virtual time here. If not, the calling test is skipped.
fn is_supported() -> bool {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(sandbox.glomers(&[
        "test",
        "-w",
        "echo",
        "--virtual",
        "--bin",
        "/bin/true",
        "--node-count",
        "1",
    ]));
    let is_refused =
        ended.stderr.contains("virtual time can") || ended.stderr.contains("under virtual time on x86-64");
    let is_forbidden = ended.stderr.contains("which virtual time needs");
    if is_refused || is_forbidden {
        skip(&format!("no virtual time here: {}", ended.stderr.trim()));
    }
    !is_refused && !is_forbidden
}

fn node(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nodes").join(file).display().to_string()
}

fn run(sandbox: &Sandbox, bin: &str, options: &str) -> Ended {
    let mut arguments = vec!["test", "--virtual", "--bin", bin];
    arguments.extend(options.split_whitespace());
    sandbox.run(sandbox.glomers(&arguments))
}

fn trace_hash(sandbox: &Sandbox) -> String {
    let run = sandbox.read("run.json");
    let (_, rest) = run.split_once("\"trace_hash\": \"").unwrap_or_else(|| panic!("no hash in {run}"));
    rest.chars().take(16).collect()
}

#[test]
fn the_first_challenge_takes_no_time_and_says_which_clock_it_had() {
    if !is_supported() {
        return;
    }
    let (sandbox, echo) = (Sandbox::new(), program("echo").display().to_string());
    let ended = run(&sandbox, &echo, "-w echo --node-count 1 --time-limit 10 --seed 1 --check-determinism");
    ended.expect_code(0).expect_said(&[
        "all of them ok",
        "10.0 s virtual in ",
        "repeats the run; trace hash ",
        "A second run with seed 1 was the same, event by event.",
    ]);
    assert!(sandbox.read("run.json").contains("\"clock\": \"virtual\""));
    // The node's own clock and that of its log are virtual, too.
    let log = sandbox.read("node-logs/n0.log");
    assert!(log.starts_with("[0.000") && log.contains("2026-01-01T00:00:00.000"), "{log}");
    let directory = sandbox.run_directory().display().to_string();
    sandbox.run(sandbox.glomers(&["check", &directory])).expect_code(0);
}

#[test]
fn a_python_program_under_all_faults_gives_the_same_run_in_another_directory() {
    if !is_supported() || !is_installed("python3", "--version") {
        return;
    }
    let options = "-w broadcast --node-count 5 --time-limit 10 --rate 20 --latency 10 --latency-dist exponential --nemesis \
                   partition,loss,duplication,pause,kill --nemesis-interval 1 --seed 3";
    let hashes = [Sandbox::new(), Sandbox::new()].map(|sandbox| {
        let ended = run(&sandbox, &node("broadcast.py"), options);
        assert!(matches!(ended.code, Some(0 | 1)), "{}{}", ended.stdout, ended.stderr);
        trace_hash(&sandbox)
    });
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_failure_is_found_by_a_sweep_explained_shrunk_and_repeated() {
    if !is_supported() {
        return;
    }
    let sandbox = Sandbox::new();
    let bin = program("hostile").display().to_string();
    let mut arguments =
        vec!["sweep", "-w", "echo", "--bin", &bin, "--nemesis", "kill,partition", "--nemesis-interval", "1"];
    arguments.extend([
        "--node-count",
        "2",
        "--rate",
        "20",
        "--time-limit",
        "3",
        "--seeds",
        "0..4",
        "--",
        "wrong-echo",
    ]);
    let sweep = sandbox.run(sandbox.glomers(&arguments));
    sweep.expect_code(1).expect_said(&["4 seeds: ", "failed with workload", "it drew ", "glomers shrink "]);
    let command = sweep.stdout.lines().find_map(|line| line.trim().strip_prefix("glomers shrink "));
    let directory = command.expect("a failure is stored").to_owned();
    let why = sandbox.run(sandbox.glomers(&["why", &directory]));
    why.expect_code(0).expect_said(&["What happened to operation ", " asks n", " answers: "]);
    let nothing = sandbox.run(sandbox.glomers(&["why", &directory, "--operation", "999999"]));
    nothing.expect_code(254);
    assert!(nothing.stderr.contains("no operation begins at number 999999"), "{}", nothing.stderr);
    let shrink = sandbox.run(sandbox.glomers(&["shrink", &directory]));
    shrink.expect_code(1).expect_said(&[
        "1 operation, 0 faults, 1 node instead of ",
        "asks n",
        "glomers replay ",
    ]);
    let choices = format!("{directory}/shrunk.txt");
    let replay = sandbox.run(sandbox.glomers(&["replay", &choices]));
    replay.expect_code(1).expect_said(&["trace hash"]);
    let another = sandbox.run(sandbox.glomers(&["replay", &choices, "--bin", "/no/such/program"]));
    another.expect_code(254);
    assert!(another.stderr.contains("/no/such/program"), "{}", another.stderr);
}

/// The programs that `bench/virtual` measures.
fn measured(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/virtual").join(file)
}

/// Runs a broadcast node with faults twice, in two directories: it is valid, and both runs are the same.
#[track_caller]
fn assert_repeats(program: &Path) {
    let options = "-w broadcast --node-count 3 --time-limit 5 --rate 20 --recovery-time 5 --latency 10 --latency-dist \
                   exponential --nemesis partition,pause --nemesis-interval 1 --seed 4";
    let hashes = [(); 2].map(|()| {
        let sandbox = Sandbox::new();
        let ended = run(&sandbox, &program.display().to_string(), options);
        ended.expect_code(0).expect_said(&["Everything looks good!"]);
        trace_hash(&sandbox)
    });
    assert_eq!(hashes[0], hashes[1], "{}", program.display());
}

fn build(compiler: &str, arguments: &[&str], directory: &Path) {
    let built =
        Command::new(compiler).args(arguments).current_dir(directory).status().expect("the compiler starts");
    assert!(built.success(), "{compiler} {arguments:?} failed in {}", directory.display());
}

#[test]
fn programs_in_scripting_languages_repeat_their_runs() {
    let scripts = [
        ("python3", "broadcast_threads.py"),
        ("python3", "broadcast_asyncio.py"),
        ("node", "broadcast.js"),
        ("ruby", "broadcast.rb"),
    ];
    for (language, script) in scripts {
        if is_supported() && is_installed(language, "--version") {
            assert_repeats(&measured(script));
        }
    }
}

#[test]
fn programs_in_compiled_languages_repeat_their_runs() {
    if !is_supported() {
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let output = |name: &str| scratch.path().join(name);
    if is_installed("g++", "--version") {
        let [program, source] =
            [output("cpp"), measured("broadcast.cpp")].map(|path| path.display().to_string());
        build("g++", &["-std=c++17", "-pthread", "-o", &program, &source], scratch.path());
        assert_repeats(&output("cpp"));
    }
    if is_installed("go", "version") {
        let program = output("go").display().to_string();
        build("go", &["build", "-o", &program, "./go-broadcast"], &measured(""));
        assert_repeats(&output("go"));
    }
    if is_installed("javac", "--version") {
        let source = measured("Broadcast.java").display().to_string();
        build("javac", &["-d", ".", &source], scratch.path());
        let script =
            format!("#!/bin/sh\nexec java -XX:+UseSerialGC -cp {} Broadcast\n", scratch.path().display());
        std::fs::write(output("java"), script).expect("writable");
        build("chmod", &["+x", "java"], scratch.path());
        assert_repeats(&output("java"));
    }
}

/// Two messages at the same time, of which a node forgets one.
#[test]
fn a_race_in_a_go_program_is_found_with_a_seed_that_gives_it_again() {
    if !is_supported() || !is_installed("go", "version") {
        return;
    }
    let sandbox = Sandbox::new();
    let program = sandbox.path().join("lost-update").display().to_string();
    build("go", &["build", "-o", &program, "./go-lost-update"], &measured(""));
    let mut arguments = vec!["-w", "broadcast", "--bin", &program, "--node-count", "3", "--latency", "10"];
    arguments.extend(["--rate", "20", "--time-limit", "5", "--recovery-time", "1"]);
    let mut sweep = vec!["sweep", "--fixed", "--seeds", "0..200", "--stop-at-first"];
    sweep.extend(&arguments);
    let swept = sandbox.run(sandbox.glomers(&sweep));
    swept.expect_code(1).expect_said(&["failed with workload: lost"]);
    let line = swept.stdout.lines().find(|line| line.starts_with("  seed ")).expect("a seed is named");
    let seed = line.split([' ', ',']).nth(3).expect("its number follows").to_owned();
    let mut again = vec!["test", "--virtual", "--seed", &seed];
    again.extend(&arguments);
    let repeated = sandbox.run(sandbox.glomers(&again));
    let sentence = line.split_once("operations: ").expect("a sentence follows").1;
    repeated.expect_code(1).expect_said(&[sentence]);
}

#[test]
fn hostile_programs_end_in_a_verdict_and_leave_nothing() {
    if !is_supported() {
        return;
    }
    for (misdeed, code, expected) in [
        ("die-on-request", 1, "exited with status"),
        ("die-by-kill", 1, "was killed by SIGKILL"),
        ("no-reply", 1, "timed out"),
        ("flood-messages", 1, "bytes without waiting for anything"),
        ("fork-tree", 0, "all of them ok"),
        ("daemon-that-ignores-signals", 0, "all of them ok"),
        ("log-is-pipe", 0, "all of them ok"),
    ] {
        let sandbox = Sandbox::new();
        let ended = sandbox.run(sandbox.hostile(misdeed, &["--virtual"]));
        assert_eq!(ended.code, Some(code), "{misdeed}: {}{}", ended.stdout, ended.stderr);
        ended.expect_said(&[expected]);
    }
}

#[test]
fn an_endless_loop_is_named() {
    if !is_supported() {
        return;
    }
    let sandbox = Sandbox::new();
    let spin = "read line; while :; do :; done";
    let ended = sandbox.run(sandbox.glomers(&[
        "test",
        "--virtual",
        "-w",
        "echo",
        "--node-count",
        "1",
        "--bin",
        "/bin/sh",
        "--",
        "-c",
        spin,
    ]));
    ended.expect_code(1).expect_said(&["n0", "computing for 10 s without waiting for anything"]);
    assert!(!ended.stdout.contains("without being told to"), "{}", ended.stdout);
}

#[test]
fn killing_the_workbench_kills_every_program() {
    if !is_supported() {
        return;
    }
    let sandbox = Sandbox::new();
    let echo = program("echo").display().to_string();
    let mut command: Command = sandbox.glomers(&[
        "test",
        "--virtual",
        "-w",
        "echo",
        "--bin",
        &echo,
        "--node-count",
        "3",
        "--time-limit",
        "1000000",
    ]);
    let mut child = command.spawn().expect("the workbench starts");
    assert!(eventually(|| sandbox.marked_processes().len() >= 4), "the workbench and three programs run");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).expect("it runs");
    child.wait().expect("it has ended");
    sandbox.assert_nothing_left();
}

#[test]
fn ctrl_c_ends_a_run_with_what_there_is() {
    if !is_supported() {
        return;
    }
    let sandbox = Sandbox::new();
    let echo = program("echo").display().to_string();
    let child = sandbox
        .glomers(&[
            "test",
            "--virtual",
            "-w",
            "echo",
            "--bin",
            &echo,
            "--node-count",
            "1",
            "--time-limit",
            "1000000",
        ])
        .spawn()
        .expect("the workbench starts");
    assert!(eventually(|| sandbox.marked_processes().len() >= 2), "the workbench and a program run");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    sandbox.wait(child).expect_code(130).expect_said(&["No verdict. The run was interrupted."]);
}
