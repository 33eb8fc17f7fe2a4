//! Each kind gets a sentence that names the node, the line and the cause, and the run directory still opens.

use std::fs;

use crate::support::{Ended, Sandbox, program};

/// Runs the hostile node and checks what holds for every misdeed: the directory opens, and the sentence is in it.
#[track_caller]
fn run(misdeed: &str, options: &[&str]) -> (Sandbox, Ended) {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(sandbox.hostile(misdeed, options));
    assert!(!ended.stdout.contains('\u{1b}'), "an escape sequence reached the terminal:\n{}", ended.stdout);
    let results = sandbox.read("results.edn");
    assert!(
        results.trim_end().ends_with('}') && results.contains(":valid?"),
        "results.edn is not whole:\n{results}"
    );
    for file in
        ["run.json", "history.edn", "history.txt", "timeline.html", "messages.svg", "node-logs/n0.log"]
    {
        sandbox.read(file);
    }
    (sandbox, ended)
}

#[test]
fn a_correct_node_passes() {
    let (sandbox, ended) = run("none", &[]);
    ended.expect_code(0).expect_said(&["Everything looks good!", "all of them ok"]);
    assert!(sandbox.read("results.edn").trim_end().ends_with(":valid? true}"));
}

#[test]
fn a_node_that_dies_at_once_is_named_with_its_status_and_last_words() {
    let (_, ended) = run("die-at-once", &[]);
    ended.expect_code(1).expect_said(&["n0", "status 3", "I can't go on."]);
    // There was no operation, so that nothing is to be said of operations.
    assert!(
        !ended.stdout.contains("Maelstrom") && !ended.stdout.contains("No echo succeeded"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_node_that_dies_in_the_middle_is_named_with_its_status_and_last_words() {
    run("die-on-request", &[]).1.expect_code(1).expect_said(&["n0", "status 4", "about to fall over"]);
}

#[test]
fn a_node_that_never_answers_init_ends_the_run() {
    run("ignore-init", &[]).1.expect_code(1).expect_said(&["n0", "init", "10 s"]);
}

#[test]
fn a_node_that_refuses_init_is_quoted() {
    run("refuse-init", &[]).1.expect_code(1).expect_said(&["n0", "init", "no disk"]);
}

#[test]
fn an_init_that_is_answered_twice_is_noticed() {
    run("answer-init-twice", &[]).1.expect_code(1).expect_said(&["n0", "init", "twice"]);
}

#[test]
fn a_log_line_on_stdout_is_quoted_with_the_usual_cause() {
    run("log-to-stdout", &[]).1.expect_code(1).expect_said(&[
        "n0",
        "2026/11/22 got an echo request",
        "stderr",
    ]);
}

#[test]
fn bytes_that_are_no_text_are_survived() {
    run("invalid-utf8", &[]).1.expect_code(1).expect_said(&["n0", "UTF-8"]);
}

#[test]
fn a_line_of_64_mebibytes_is_discarded_and_the_node_goes_on() {
    let (sandbox, ended) = run("long-line", &["--time-limit", "3"]);
    ended.expect_code(1).expect_said(&["n0", "MiB"]);
    assert!(!sandbox.read("results.edn").contains(":ok-count 0"), "no echo succeeded after the long line");
}

#[test]
fn json_nested_100_000_deep_is_survived() {
    run("deep-json", &[]).1.expect_said(&["echo operations"]);
}

#[test]
fn a_message_under_another_name_is_allowed_as_in_maelstrom() {
    run("foreign-source", &[]).1.expect_code(0);
}

#[test]
fn a_message_to_nobody_is_explained() {
    run("unknown-destination", &[]).1.expect_code(1).expect_said(&["n0", "n77"]);
}

#[test]
fn a_message_without_a_body_is_explained() {
    run("no-body", &[]).1.expect_code(1).expect_said(&["n0", "body"]);
}

#[test]
fn a_flood_of_garbage_is_bounded() {
    run("flood-garbage", &[]).1.expect_code(1).expect_said(&["n0", "all work and no play", "times in all"]);
}

#[test]
fn a_flood_of_messages_is_bounded() {
    run("flood-messages", &[]).1.expect_code(1).expect_said(&["n0"]);
    let usage =
        nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN).expect("always there");
    assert!(usage.max_rss() < 600 * 1024, "the workbench grew to {} KiB", usage.max_rss());
}

#[test]
fn a_closed_stdout_is_noticed() {
    run("close-stdout", &[]).1.expect_code(1).expect_said(&["n0", "stdout"]);
}

#[test]
fn a_closed_stdin_is_noticed() {
    run("close-stdin", &[]).1.expect_code(1).expect_said(&["n0", "stdin"]);
}

#[test]
fn a_node_that_never_reads_does_not_hang_the_run() {
    run("never-read", &[]).1.expect_code(1);
}

#[test]
fn children_of_a_node_die_with_it() {
    run("fork", &[]).1.expect_code(0);
    run("daemon", &[]).1.expect_code(0);
}

#[test]
fn a_wrong_echo_is_invalid_and_names_the_operation() {
    run("wrong-echo", &[]).1.expect_code(1).expect_said(&["something else", "Please echo"]);
}

#[test]
fn a_reply_of_the_wrong_shape_is_explained() {
    run("wrong-shape", &[]).1.expect_code(1).expect_said(&[
        "n0",
        "`echo` is missing",
        "its answer was not accepted: `echo` is missing",
    ]);
}

#[test]
fn definite_errors_are_failed_operations() {
    let (sandbox, ended) = run("definite-error", &[]);
    ended.expect_code(1);
    assert!(sandbox.read("history.edn").contains(":error [:abort \"abort for fun\"]"));
}

#[test]
fn silence_is_a_timeout_of_unknown_outcome() {
    let (sandbox, ended) = run("no-reply", &[]);
    ended.expect_code(1);
    assert!(sandbox.read("history.edn").contains(":error :net-timeout"));
}

#[test]
fn the_trail_tells_where_an_answer_went_and_why_it_was_not_accepted() {
    let (sandbox, ended) = run("reply-to-another-client", &["--node-count", "1", "--concurrency", "1"]);
    ended.expect_code(1).expect_said(&[
        "What happened to operation 1 (echo ",
        " asks n0: {",
        "n0 never answered the client that asked",
        "it sent the answer to c0 instead.",
    ]);
    assert!(
        sandbox.read("results.edn").contains("which has no open request 1"),
        "the results have the trail"
    );
    run("in-reply-to-another", &[]).1.expect_code(1).expect_said(&[
        "what is no answer to its request 1: it has `in_reply_to` 999999",
        "n0 never answered it.",
    ]);
    run("log-to-stdout", &[]).1.expect_code(1).expect_said(&["What happened to n0:", "n0 gets from c"]);
}

#[test]
fn escape_sequences_stay_in_the_log() {
    let (_, ended) = run("terminal-escape", &["--log-stderr"]);
    ended.expect_code(1).expect_said(&["n0", "u{1b}"]);
    assert!(!ended.stderr.contains('\u{1b}'));
}

#[test]
fn a_run_that_may_fail_fast_ends_at_the_first_violation_and_says_so() {
    let sandbox = Sandbox::new();
    let ended = sandbox.run(sandbox.hostile("wrong-echo", &["--time-limit", "60", "--fail-fast"]));
    ended.expect_code(1).expect_said(&["Analysis invalid!", "something else"]);
    assert!(ended.stderr.contains("A violation was seen; the run ends here"), "{}", ended.stderr);
    assert!(sandbox.read("history.edn").lines().count() < 20);
}

#[test]
fn a_message_without_a_newline_is_named_as_such() {
    run("init-without-newline", &[]).1.expect_code(1).expect_said(&[
        "n0",
        "did not answer its init message within 10 s",
        "a whole message without a newline",
        "init_ok",
    ]);
}

#[test]
fn half_a_last_line_is_reported() {
    run("half-a-line-and-exit", &[]).1.expect_code(1).expect_said(&["n0", "ended in the middle of a line"]);
}

#[test]
fn a_node_that_stopped_itself_is_said_to_be_stopped() {
    run("stop-itself-on-init", &[]).1.expect_code(1).expect_said(&["n0", "init", "stopped by a signal"]);
}

#[test]
fn a_killed_guard_is_named() {
    run("kill-guard-of-daemons", &[])
        .1
        .expect_code(1)
        .expect_said(&["The process that supervises node n0 was killed"]);
}

#[test]
fn a_flood_of_log_lines_is_bounded_and_named() {
    let (sandbox, ended) = run("log-70-mebibytes", &["--log-stderr"]);
    ended.expect_code(1).expect_said(&["n0", "more than 64 MiB to stderr"]);
    assert!(ended.stderr.len() < 1 << 20, "{} bytes reached the terminal", ended.stderr.len());
    let log = fs::metadata(sandbox.run_directory().join("node-logs/n0.log")).expect("the log is there");
    assert!(log.len() < 65 << 20, "the log has {} bytes", log.len());
}

#[test]
fn a_program_that_cannot_start_is_the_callers_mistake() {
    let sandbox = Sandbox::new();
    let script = sandbox.path().join("node");
    fs::write(&script, "#!/no/such/python3\n").expect("writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&script, mode).expect("the mode can be set");
    let ended = sandbox.run(sandbox.glomers(&["test", "-w", "echo", "--bin", "node"]));
    ended.expect_code(254);
    assert!(ended.stderr.contains("\"/no/such/python3\", does not; is it installed"), "{}", ended.stderr);
}

#[test]
fn a_node_is_not_named_like_a_service() {
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let echo = echo.to_str().expect("a plain path");
    let ended = sandbox.run(sandbox.glomers(&["test", "-w", "echo", "--bin", echo, "--nodes", "n1,lin-kv"]));
    ended.expect_code(254);
    assert!(ended.stderr.contains("\"lin-kv\" is the name of a service"), "{}", ended.stderr);
}

#[test]
fn too_few_open_files_are_named_with_the_way_out() {
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let mut glomers = sandbox.glomers(&[]);
    glomers = {
        let mut shell = std::process::Command::new("/bin/sh");
        let line = "ulimit -n 40 && exec \"$0\" test -w echo --node-count 25 --time-limit 1 --bin \"$1\"";
        shell.args(["-c", line]).arg(glomers.get_program()).arg(&echo).current_dir(sandbox.path());
        shell.stdin(std::process::Stdio::null());
        shell.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        shell
    };
    let ended = sandbox.run(glomers);
    ended.expect_code(255);
    assert!(
        ended.stderr.contains("only 40 files open") && ended.stderr.contains("ulimit -n 4096"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_signal_ends_a_run_whose_log_is_flooded() {
    use crate::support::eventually;
    let sandbox = Sandbox::new();
    let child = sandbox.hostile("flood-stderr", &["--log-stderr", "--time-limit", "600"]);
    let mut command = child;
    command.stderr(std::process::Stdio::null());
    let child = command.spawn().expect("the workbench starts");
    let log = sandbox.run_directory().join("node-logs/n0.log");
    assert!(eventually(|| fs::metadata(&log).is_ok_and(|log| log.len() > 1 << 20)), "nothing floods the log");
    let workbench = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(workbench, nix::sys::signal::Signal::SIGINT).expect("it runs");
    sandbox.wait(child).expect_code(130);
    let history = sandbox.read("history.edn");
    assert!(history.contains(":type :ok"), "no client was served:\n{history}");
}
