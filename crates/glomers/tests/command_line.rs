//! The command line as a script sees it: exit statuses, what stands on stdout, and the end by a signal.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use requirements::skip;
use support::{Sandbox, eventually, program};

fn echo_test(sandbox: &Sandbox, options: &[&str]) -> Command {
    let echo = program("echo");
    let mut arguments =
        vec!["test", "-w", "echo", "--bin", echo.to_str().expect("a plain path"), "--node-count", "1"];
    arguments.extend(options);
    sandbox.glomers(&arguments)
}

#[test]
fn edn_and_json_stand_alone_on_stdout() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(echo_test(&sandbox, &["--time-limit", "1", "--format", "edn"]));
    ended.expect_code(0);
    assert_eq!(ended.stdout, sandbox.read("results.edn"));
    assert!(ended.stdout.trim_end().ends_with(":valid? true}"));
    let ended = sandbox.run(echo_test(&sandbox, &["--time-limit", "1", "--format", "json"]));
    let results: serde_json::Value = serde_json::from_str(&ended.expect_code(0).stdout).expect("JSON");
    assert_eq!(results["valid?"], true);
}

#[test]
fn the_sentence_the_seed_and_the_command_are_printed() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(echo_test(&sandbox, &["--time-limit", "1", "--seed", "42"]));
    ended.expect_code(0).expect_said(&[
        "Everything looks good!",
        "seed",
        "--seed 42",
        "store/echo/",
        "per operation",
    ]);
}

#[test]
fn two_runs_with_one_seed_ask_for_the_same() {
    let sandbox = Sandbox::new();
    let asked = || {
        sandbox
            .run(echo_test(&sandbox, &["--time-limit", "1", "--rate", "50", "--seed", "9"]))
            .expect_code(0);
        let history = sandbox.read("history.edn");
        let invocations = history.lines().filter(|line| line.contains(":invoke"));
        invocations.map(|line| line.split(":value").nth(1).unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (asked(), asked());
    let both = first.len().min(second.len());
    assert!(both > 10);
    assert_eq!(first[..both], second[..both]);
}

#[test]
fn mistakes_in_the_arguments_exit_with_254_and_say_what_was_meant() {
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let echo = echo.to_str().expect("a plain path");
    let wrong: [(&[&str], &str); 6] = [
        (&["test", "-w", "echo", "--bin", "missing"], "does not exist"),
        (&["test", "-w", "ecko", "--bin", echo], "echo"),
        (&["test", "-w", "echo", "--bin", echo, "–-nemesis", "partition"], "--nemesis"),
        (&["test", "-w", "echo", "--bin", echo, "--time-limits", "3"], "--time-limit"),
        (&["test", "-w", "echo"], "--bin"),
        (&["tset"], "test"),
    ];
    for (arguments, hint) in wrong {
        let ended = sandbox.run(sandbox.glomers(arguments));
        ended.expect_code(254);
        assert!(ended.stderr.contains(hint), "{hint:?} is not in\n{}", ended.stderr);
        assert!(!sandbox.store().exists(), "{arguments:?} made a store");
    }
}

#[test]
fn a_store_that_cannot_be_written_is_an_error_with_the_way_out() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.store(), "a file").expect("writable");
    let ended = sandbox.run(echo_test(&sandbox, &["--time-limit", "1"]));
    ended.expect_code(255);
    assert!(ended.stderr.contains("--store DIR"), "{}", ended.stderr);
}

#[test]
fn a_full_disk_ends_the_run_with_its_reason_and_keeps_what_there_is() {
    let sandbox = Sandbox::new();
    let store = sandbox.store();
    let Some(_small) = SmallDisk::mount(&store) else { return };
    let ended =
        sandbox.run(echo_test(&sandbox, &["--time-limit", "30", "--rate", "1e6", "--concurrency", "10"]));
    ended.expect_code(255);
    assert!(
        ended.stderr.contains("run.journal") && ended.stderr.contains("No space left"),
        "{}",
        ended.stderr
    );
    let run: serde_json::Value = serde_json::from_str(&sandbox.read("run.json")).expect("it is whole");
    assert_eq!(run["plan"]["workload"], "echo");
    let summary = glomers::serve::summary::RunSummary::read(&sandbox.run_directory());
    assert_eq!(summary.workload.as_deref(), Some("echo"));
}

/// A disk of 300 KiB in memory, until it is dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(directory: &'a Path) -> Option<Self> {
        fs::create_dir(directory).expect("the scratch directory is writable");
        let arguments = ["-t", "tmpfs", "-o", "size=300k", "none"];
        let mounted = Command::new("mount").args(arguments).arg(directory).stderr(Stdio::null()).status();
        if !mounted.is_ok_and(|status| status.success()) {
            skip("a small disk can't be mounted here, which takes root on Linux");
            return None;
        }
        Some(Self(directory))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// Starts a long test and waits until its clients are at work.
fn long_test(sandbox: &Sandbox) -> std::process::Child {
    let child =
        echo_test(sandbox, &["--time-limit", "60", "--rate", "50"]).spawn().expect("the workbench starts");
    let is_working = || {
        fs::read_to_string(sandbox.run_directory().join("node-logs/n0.log"))
            .is_ok_and(|log| log.contains("n0"))
    };
    assert!(eventually(is_working), "the node never started");
    child
}

fn send(child: &std::process::Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).expect("the workbench runs");
}

#[test]
fn one_interrupt_ends_the_run_and_analyses_what_there_is() {
    let sandbox = Sandbox::new();
    let child = long_test(&sandbox);
    send(&child, Signal::SIGINT);
    sandbox
        .wait(child)
        .expect_code(130)
        .expect_said(&["No verdict. The run was interrupted.", "(until it was interrupted)"]);
    assert!(sandbox.read("results.edn").contains(":valid?"));
    assert!(sandbox.read("run.json").contains("interrupted"));
    assert!(fs::read_link(sandbox.store().join("latest")).is_ok());
}

#[test]
fn a_second_interrupt_ends_at_once_and_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let node = sandbox.path().join("talkative");
    fs::write(&node, "#!/bin/sh\nyes >&2\n").expect("the scratch directory is writable");
    fs::set_permissions(&node, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut command =
        sandbox.glomers(&["test", "-w", "echo", "--node-count", "1", "--log-stderr", "--bin", "./talkative"]);
    let mut child = command.spawn().expect("the workbench starts");
    // Nobody reads the workbench's stderr, so that it never comes to an orderly end.
    let log = sandbox.run_directory().join("node-logs/n0.log");
    assert!(eventually(|| fs::metadata(&log).is_ok_and(|log| log.len() > 1 << 20)));
    let mut has_ended = || {
        send(&child, Signal::SIGINT);
        child.try_wait().expect("it is a child").is_some()
    };
    assert!(!has_ended());
    assert!(eventually(has_ended));
    sandbox.wait(child).expect_code(130);
    assert!(sandbox.read("run.json").contains("running"));
}

#[test]
fn an_interrupt_that_comes_twice_at_the_same_time_is_one() {
    let sandbox = Sandbox::new();
    let child = long_test(&sandbox);
    for _ in 0..3 {
        send(&child, Signal::SIGINT);
        send(&child, Signal::SIGTERM);
    }
    assert!(sandbox.wait(child).stdout.contains("The run was interrupted."));
    assert!(sandbox.read("run.json").contains("interrupted"));
}

#[test]
fn a_killed_workbench_leaves_no_node_behind_and_a_directory_that_opens() {
    let sandbox = Sandbox::new();
    let child = long_test(&sandbox);
    send(&child, Signal::SIGKILL);
    sandbox.wait(child);
    assert!(sandbox.read("run.json").contains("running"));
    assert!(sandbox.run_directory().join("run.journal").exists());
}

#[test]
fn output_that_cannot_be_written_is_an_error_and_not_a_panic() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let sandbox = Sandbox::new();
    for arguments in [&["doc"] as &[&str], &["explain", "kill"], &["challenge"]] {
        let mut command = sandbox.glomers(arguments);
        command.stdout(full());
        let ended = sandbox.run(command);
        ended.expect_code(255);
        assert!(ended.stderr.contains("can't write to stdout"), "{}", ended.stderr);
    }
    // Nobody can be told, but the run goes on to its verdict.
    let mut command = echo_test(&sandbox, &["--time-limit", "1"]);
    command.stderr(full());
    sandbox.run(command).expect_code(0).expect_said(&["Everything looks good!"]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.glomers(&["doc"]).spawn().expect("the workbench starts");
    drop(child.stdout.take());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn several_runs_end_in_a_summary_and_a_junit_report() {
    let sandbox = Sandbox::new();
    let report = sandbox.path().join("report.xml");
    let options = ["--time-limit", "0.5", "--rate", "20", "--test-count", "2", "--seed", "5"];
    let junit = ["--junit", report.to_str().expect("a plain path")];
    let ended = sandbox.run(echo_test(&sandbox, &[&options[..], &junit[..]].concat()));
    ended.expect_code(0).expect_said(&["2 runs: 2 valid, 0 invalid, 0 unknown"]);
    let xml = fs::read_to_string(&report).expect("the report is there");
    assert!(
        xml.contains("tests=\"2\"") && xml.contains("failures=\"0\"") && xml.contains("echo, seed 6"),
        "{xml}"
    );

    let ended = sandbox.run(sandbox.hostile("wrong-echo", &[&["--test-count", "2"], &junit[..]].concat()));
    ended.expect_code(1).expect_said(&["2 runs: 0 valid, 2 invalid", "seed 8: invalid"]);
    let xml = fs::read_to_string(&report).expect("the report is there");
    assert!(xml.contains("failures=\"2\""), "{xml}");
}

#[test]
fn a_picture_that_cannot_be_drawn_does_not_take_the_verdict_away() {
    let sandbox = Sandbox::new();
    let mut child = echo_test(&sandbox, &["--time-limit", "2"]).spawn().expect("the workbench starts");
    assert!(eventually(|| sandbox.run_directory().join("node-logs").exists()));
    fs::create_dir_all(sandbox.run_directory().join("timeline.html").join("in-the-way")).expect("writable");
    drop(child.stdin.take());
    let ended = sandbox.wait(child);
    ended.expect_code(0).expect_said(&["Everything looks good!"]);
    assert!(ended.stderr.contains("the reports are not complete"), "{}", ended.stderr);
    assert!(sandbox.read("run.json").contains("\"status\": \"finished\""));
}

#[test]
fn a_history_beyond_its_limit_is_cut_with_a_note_and_judged_whole() {
    let sandbox = Sandbox::new();
    let options = ["--time-limit", "1", "--rate", "100", "--history-limit", "20"];
    sandbox.run(echo_test(&sandbox, &options)).expect_code(0);
    for file in ["history.edn", "history.txt"] {
        let history = sandbox.read(file);
        assert_eq!(history.lines().count(), 21, "{file}");
        assert!(history.lines().last().expect("lines").contains("--history-limit"), "{file}");
    }
    let directory = sandbox.run_directory();
    let checked = sandbox.run(sandbox.glomers(&[
        "check",
        directory.to_str().expect("a plain path"),
        "--format",
        "json",
    ]));
    let results: serde_json::Value = serde_json::from_str(&checked.expect_code(0).stdout).expect("JSON");
    let count = |results: &serde_json::Value| results["stats"]["count"].as_u64();
    let in_run: serde_json::Value = serde_json::from_str(&sandbox.read("results.json")).expect("JSON");
    assert!(count(&in_run) > Some(20), "{in_run}");
    assert_eq!(count(&results), count(&in_run), "{results}");
}
