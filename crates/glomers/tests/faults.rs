//! Faults on real processes: nodes that are killed and paused, and options of faults that are not asked for.

#[expect(dead_code, reason = "each of the test programs uses a part of it")]
mod support;

use support::{Sandbox, program};

#[test]
fn processes_are_killed_and_paused_and_none_is_left() {
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let arguments = [
        "test",
        "-w",
        "echo",
        "--bin",
        echo.to_str().expect("a plain path"),
        "--node-count",
        "3",
        "--rate",
        "100",
        "--time-limit",
        "4",
        "--nemesis",
        "kill,pause,partition",
        "--nemesis-interval",
        "0.2",
        "--seed",
        "11",
    ];
    sandbox.run(sandbox.glomers(&arguments)).expect_code(0).expect_said(&["Everything looks good!"]);
    let history = sandbox.read("history.edn");
    for f in ["kill", "start", "pause", "resume", "start-partition", "stop-partition"] {
        let count = history.lines().filter(|line| line.contains(&format!(":f :{f},"))).count();
        assert!(count >= 4, ":{f} stands {count} times in\n{history}");
    }
    for result in [":killed", ":started", ":paused", ":resumed"] {
        assert!(history.contains(result), "{result} is not in the history");
    }
    assert!(history.lines().any(|line| line.contains(":ok")), "no operation came through");
}

#[test]
fn an_option_of_a_fault_that_is_off_is_refused() {
    let sandbox = Sandbox::new();
    let echo = program("echo");
    let mut arguments = vec!["test", "-w", "echo", "--bin", echo.to_str().expect("a plain path")];
    arguments.extend(["--nemesis", "partition", "--nemesis-kill-nodes", "one"]);
    let ended = sandbox.run(sandbox.glomers(&arguments));
    ended.expect_code(254);
    assert!(ended.stderr.contains("--nemesis kill"), "{}", ended.stderr);
}
