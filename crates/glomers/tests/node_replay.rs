//! `glomers replay --node`: one node of a recorded run again, whatever it does this time.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
#[path = "../../../tests/requirements.rs"]
mod requirements;
#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use std::fs;

use support::{Ended, Sandbox, program};

/// A run of the echo workload with two nodes.
fn recorded(bin: &str, options: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    let mut arguments = vec!["test", "-w", "echo", "--bin", bin, "--node-count", "2", "--rate", "40"];
    arguments.extend(["--time-limit", "1", "--seed", "5"]);
    arguments.extend(options);
    let ended = sandbox.run(sandbox.glomers(&arguments));
    assert!(ended.code < Some(2), "{}{}", ended.stdout, ended.stderr);
    sandbox
}

fn echo() -> String {
    program("echo").display().to_string()
}

/// Repeats n1 with other options, or with another program.
fn replay(sandbox: &Sandbox, options: &[&str]) -> Ended {
    sandbox.run(sandbox.glomers(&[&["replay", "--node", "n1"], options].concat()))
}

/// Repeats n1 without gaps, with the hostile node in its place.
fn replay_hostile(sandbox: &Sandbox, misdeed: &str) -> Ended {
    let hostile = program("hostile").display().to_string();
    replay(sandbox, &["--fast", "--bin", &hostile, "--", misdeed])
}

#[test]
fn the_same_program_prints_the_same_with_and_without_gaps() {
    let sandbox = recorded(&echo(), &[]);
    for speed in [&["--fast"][..], &[]] {
        replay(&sandbox, speed).expect_code(0).expect_said(&["n1 printed the same: ", "Its own msg_ids"]);
    }
}

#[test]
fn another_program_is_told_where_it_differs() {
    let sandbox = recorded(&echo(), &[]);
    for (misdeed, said) in [
        (
            "wrong-echo",
            &["n1 differs at message 2 of ", ", in body.echo,", "recorded  to c", "now       to c"][..],
        ),
        ("reply-twice", &["differs at message 3 of ", "now       to c"]),
        ("reply-to-another-client", &["differs at message 2 of ", "in dest"]),
        ("in-reply-to-another", &["in body.in_reply_to"]),
        ("no-reply", &["recorded  to c", "now       nothing within 2."]),
        ("ignore-init", &["differs at message 1 of ", "now       nothing within "]),
        ("die-on-request", &["when it had been given 2 lines of ", "now       it exited with status 4"]),
        ("log-to-stdout", &["could not be compared, for want of a message in it. The first: "]),
        ("invalid-utf8", &["could not be compared"]),
    ] {
        let ended = replay_hostile(&sandbox, misdeed);
        ended.expect_said(said);
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{misdeed}");
    }
}

#[test]
fn whatever_a_program_does_the_replay_ends_and_leaves_nothing() {
    let sandbox = recorded(&echo(), &[]);
    for misdeed in [
        "daemon",
        "daemon-holds-streams-and-exit",
        "fork-tree",
        "never-read",
        "close-stdin",
        "close-stdout",
        "flood-garbage",
        "flood-stderr",
        "flood-empty-lines",
        "line-without-end",
        "terminal-escape",
        "stop-itself",
        "kill-guard-and-survive",
        "log-is-pipe",
    ] {
        let ended = replay_hostile(&sandbox, misdeed);
        assert!(
            matches!(ended.code, Some(0 | 1)),
            "{misdeed}: {:?}\n{}{}",
            ended.code,
            ended.stdout,
            ended.stderr
        );
        let output_bytes = ended.stdout.len() + ended.stderr.len();
        assert!(output_bytes < 4 << 20, "{misdeed}: {output_bytes} bytes on the terminal");
        assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "{misdeed}");
    }
}

#[test]
fn a_crash_is_repeated_as_a_crash() {
    let hostile = program("hostile").display().to_string();
    let sandbox = recorded(&hostile, &["--", "die-on-request"]);
    replay(&sandbox, &["--fast"]).expect_code(0).expect_said(&["It exited with status 4, as it did"]);
    let ended = replay_hostile(&sandbox, "none");
    ended.expect_code(1).expect_said(&["differs"]);
}

#[test]
fn a_life_after_a_kill_is_repeated_too() {
    let sandbox = recorded(&echo(), &["--nemesis", "kill", "--nemesis-interval", "0.2", "--time-limit", "3"]);
    replay(&sandbox, &["--fast", "--start", "2"]).expect_code(0).expect_said(&["n1 printed the same: "]);
    let refused = replay(&sandbox, &["--start", "999"]);
    refused.expect_code(254);
    assert!(refused.stderr.contains("so there is no start 999"), "{}", refused.stderr);
}

#[test]
fn a_debugger_gets_the_program_and_its_lines() {
    let sandbox = recorded(&echo(), &[]);
    replay(&sandbox, &["--input-file", "lines.txt"]).expect_code(0);
    let lines = fs::read_to_string(sandbox.path().join("lines.txt")).expect("it was written");
    assert!(lines.starts_with("{\"id\":") && lines.contains("\"type\":\"init\""), "{lines}");
    // Not a debugger, but in its place: the program behind it reads the lines and answers them.
    let ended = replay(&sandbox, &["--exec", "env A=b"]);
    ended.expect_code(0).expect_said(&["init_ok", "echo_ok"]);
    assert_eq!(ended.stdout.lines().count(), lines.lines().count(), "{}", ended.stdout);
    let failed = replay(&sandbox, &["--exec", "false"]);
    failed.expect_code(1);
    assert!(failed.stderr.contains("exit status: 1"), "{}", failed.stderr);
    for (command, words) in [("/no/such/gdb --args", "/no/such/gdb --args"), (" ", "the command is empty")] {
        let refused = replay(&sandbox, &["--exec", command]);
        refused.expect_code(254);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn gdb_reads_the_lines() {
    if !requirements::is_installed("gdb", "--version") {
        return;
    }
    let sandbox = recorded(&echo(), &[]);
    let input = sandbox.run_directory().join("replay/n1-input.txt");
    let commands = sandbox.path().join("commands");
    fs::write(&commands, format!("run < {}\n", input.display())).expect("the file can be written");
    let ended = replay(&sandbox, &["--exec", &format!("gdb -batch -x {} --args", commands.display())]);
    ended.expect_code(0).expect_said(&["echo_ok", "exited normally"]);
}

#[test]
fn what_cannot_be_repeated_is_refused_with_the_reason() {
    let sandbox = recorded(&echo(), &[]);
    let refused = sandbox.run(sandbox.glomers(&["replay", "--node", "n7"]));
    refused.expect_code(254);
    assert!(refused.stderr.contains("there is no node n7 in this run; it has n0, n1"), "{}", refused.stderr);
    for (options, words) in [
        (&["--start", "2"][..], "node n1 was started 1 time, so there is no start 2"),
        (&["--start", "0"], "so there is no start 0"),
        (&["--bin", "/no/such/program"], "there is no file /no/such/program"),
        (&["/tmp"], "--node needs the directory of a run"),
    ] {
        let refused = replay(&sandbox, options);
        refused.expect_code(254);
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
}

#[test]
fn a_damaged_journal_is_repeated_up_to_the_damage_and_it_is_said() {
    // A frame holds a second at most, and only the last one is damaged.
    let sandbox = recorded(&echo(), &["--time-limit", "3"]);
    let journal = sandbox.run_directory().join("run.journal");
    let bytes = fs::read(&journal).expect("it can be read");
    fs::write(&journal, &bytes[..bytes.len() - 10]).expect("it can be written");
    let ended = replay(&sandbox, &["--fast"]);
    ended.expect_code(0).expect_said(&["What came later in the recorded run is not known"]);
    assert!(ended.stderr.contains("the journal can't be read after"), "{}", ended.stderr);
    fs::write(&journal, b"nothing of the kind").expect("it can be written");
    let refused = replay(&sandbox, &["--fast"]);
    refused.expect_code(254);
    assert!(refused.stderr.contains("damaged from the beginning on"), "{}", refused.stderr);
    fs::remove_file(&journal).expect("it can be removed");
    let refused = replay(&sandbox, &["--fast"]);
    refused.expect_code(254);
    assert!(refused.stderr.contains("can't be read"), "{}", refused.stderr);
}
