//! Programs that fork, exec, die, spin, or do what virtual time does not cover: each works, or gets a sentence.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
mod support;

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use glomers_lockstep::{Notice, Output, Process, Program, StartError, StepError};
use support::{SECOND_NS, behaviour, run, run_with, static_behaviour, try_run, within_limit};

/// Runs a behaviour, and compares what it prints and whether that is all there is to say about it.
fn assert_prints(name: &'static str, expected: &'static str) {
    within_limit(move || {
        for program in [behaviour(name), static_behaviour(name)] {
            let run = run(&program);
            assert_eq!(run.stdout, expected);
            assert!(run.status.is_some_and(|status| status.success()), "{run:?}");
            assert_eq!(run.notices, []);
        }
    });
}

fn status_of(name: &'static str) -> std::process::ExitStatus {
    run(&behaviour(name)).status.expect("the program ends")
}

#[test]
fn children_sleep_side_by_side() {
    assert_prints("children", "2 1.000\n1 2.000\n0 3.000\n");
}

#[test]
fn waitid_waits_for_a_child() {
    assert_prints("waits-by-id", "0 0\n0 1 5 2.000\n");
}

#[test]
fn vfork_exec_and_shells_work() {
    assert_prints("programs", "vfork 0.500\nshell\nsystem 2.500\npopen\n");
}

#[test]
fn exec_ends_the_other_threads() {
    assert_prints("exec-beside-threads", "2 1.001\n1 2.001\n0 3.001\n");
}

#[test]
fn a_first_thread_may_end_first() {
    assert_prints("leader-exits", "thread done 3.000\n");
    assert_prints("joins-leader", "joined 1.000\n");
}

#[test]
fn a_process_ends_with_all_its_threads() {
    within_limit(|| {
        assert_eq!(status_of("exit-beside-threads").code(), Some(7));
        assert_eq!(status_of("abort-beside-threads").signal(), Some(6));
        assert_eq!(status_of("fault").signal(), Some(11));
    });
}

#[test]
fn signals_between_processes_arrive() {
    within_limit(|| {
        let kills = run(&behaviour("kills"));
        assert_eq!(kills.stdout, "1 9 1.000\n1 15 2.000\n");
        assert_eq!(kills.status.unwrap().signal(), Some(15));
    });
    assert_prints("kills-its-group", "9 1.000\n");
    assert_prints("signal-waits", "-1 2.000\n1 3.000\n");
}

#[test]
fn signals_restart_what_they_restart_in_real_time() {
    within_limit(|| {
        let restarts = run_with(&behaviour("signal-restarts"), &[(1_500_000_000, "x"), (50 * SECOND_NS, "")]);
        assert_eq!(restarts.stdout, "read 1 1 1.500\nsleep -1 left 3.500 2 3.000\n");
    });
}

#[test]
fn a_wait_after_an_interrupted_one_has_its_own_deadline() {
    assert_prints("waits-again", "-1 1.000\n0 6.000\n");
}

#[test]
fn pipes_and_semaphores_between_processes_work() {
    assert_prints("pipes", "x 1.000\nx 2.000\nx 3.000\nend of file\n");
    assert_prints("shared-semaphore", "2.000\n");
}

#[test]
fn a_wait_that_is_not_seen_through_works_and_is_noticed() {
    within_limit(|| {
        let lock = run(&behaviour("file-lock"));
        assert_eq!(lock.stdout, "child has it 2.000\nend 2.000\n");
        assert!(matches!(lock.notices[..], [Notice::WaitedInKernel { .. }]), "{:?}", lock.notices);
    });
}

#[test]
fn a_writer_that_the_kernel_keeps_waiting_is_seen_to_go_on() {
    // On a busy machine, where what is asleep at one look and at the next may have run in between.
    let is_done = Arc::new(AtomicBool::new(false));
    for _ in 0..4 {
        let is_done = Arc::clone(&is_done);
        thread::spawn(move || while !is_done.load(Ordering::Relaxed) {});
    }
    within_limit(move || {
        for _ in 0..40 {
            let pipe = run(&behaviour("full-pipe"));
            let is_whole = pipe.stdout.contains("wrote 300000\n") && pipe.stdout.contains("300000 1.000\n");
            assert!(is_whole, "{pipe:?}");
        }
        is_done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_write_larger_than_its_pipe_is_not_cut_short() {
    within_limit(|| {
        let write = run(&behaviour("big-write"));
        assert_eq!((write.stdout.len(), &*write.stderr), (1 << 20, "1048576"));
        assert_eq!(write.notices, []);
    });
}

#[test]
fn network_connections_work_and_are_noticed() {
    within_limit(|| {
        let network = run(&behaviour("network"));
        assert_eq!(network.stdout, "accepted 1.000\nhello 2.000\n");
        assert!(network.notices.contains(&Notice::OpenedNetworkSocket));
    });
}

#[test]
fn io_uring_is_refused() {
    assert_prints("rings", "-1 1\n");
}

#[test]
fn a_program_may_not_trace() {
    within_limit(|| assert!(run(&behaviour("traces")).stdout.starts_with("-1 ")));
}

#[test]
fn a_stop_signal_is_ignored_and_noticed() {
    within_limit(|| {
        let stop = run(&behaviour("stops-itself"));
        assert_eq!(stop.stdout, "went on\n");
        assert_eq!(stop.notices, [Notice::IgnoredStopSignal]);
    });
}

#[test]
fn a_32_bit_call_kills_and_is_noticed() {
    within_limit(|| {
        let call = run(&behaviour("old-call"));
        assert_eq!(call.status.unwrap().signal(), Some(31));
        assert_eq!(call.notices, [Notice::ForeignCall]);
    });
}

#[test]
fn a_32_bit_program_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (source, file) = (directory.path().join("exit.s"), directory.path().join("exit"));
    std::fs::write(&source, ".globl _start\n_start: mov $1, %eax\nxor %ebx, %ebx\nint $0x80\n").unwrap();
    let mut compiler = std::process::Command::new("cc");
    if !compiler
        .args(["-m32", "-nostdlib", "-static", "-o"])
        .args([&file, &source])
        .status()
        .unwrap()
        .success()
    {
        eprintln!("SKIPPED: this compiler builds no 32-bit programs, so the test proves nothing");
        return;
    }
    within_limit(move || {
        let error = Process::start(&Program::new(&file)).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is a 32-bit program; build it for 64 bits to run it under virtual time")
        );
        let error = try_run(&Program::new("sh").argument("-c").argument(&file), &[]).unwrap_err();
        assert!(matches!(error, StepError::Not64Bit { .. }), "{error}");
    });
}

#[test]
fn what_a_program_leaves_behind_is_killed() {
    within_limit(|| {
        let leaves = run(&behaviour("leaves-children"));
        assert_eq!(leaves.stdout, "gone\n");
        assert!(
            matches!(leaves.notices[..], [Notice::KilledRemainingProcesses { .. }]),
            "{:?}",
            leaves.notices
        );
    });
}

#[test]
fn a_program_that_computes_for_ever_is_named() {
    within_limit(|| {
        let budget = Duration::from_millis(300);
        for (name, activity) in [("spin", "computing"), ("spin-in-calls", "making system calls")] {
            let error = try_run(&behaviour(name).budget(budget), &[]).unwrap_err();
            let sentence = error.to_string();
            assert!(matches!(error, StepError::OverBudget { .. }), "{sentence}");
            assert!(sentence.contains("(behaviours)") && sentence.contains(activity), "{sentence}");
        }
    });
}

#[test]
fn a_program_over_its_budget_can_go_on() {
    within_limit(|| {
        let mut process = Process::start(&behaviour("spin").budget(Duration::from_millis(100))).unwrap();
        let mut output = Output::default();
        for _ in 0..3 {
            process.step(0, b"", &mut output).unwrap_err();
            assert_eq!(process.deadline_ns(), Some(0));
        }
        process.kill();
        assert_eq!(process.exit_status().unwrap().signal(), Some(9));
        process.step(1, b"", &mut output).unwrap();
    });
}

#[test]
fn a_program_that_prints_for_ever_is_stopped() {
    within_limit(|| {
        let error = try_run(&behaviour("prints-for-ever").output_limit(1 << 20), &[]).unwrap_err();
        assert!(matches!(error, StepError::OutputLimit { .. }), "{error}");
    });
}

#[test]
fn a_script_with_an_interpreter_works() {
    within_limit(|| {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("node");
        std::fs::write(
            &script,
            "#!/bin/sh\nsleep 3\necho \"$GREETING from $(basename \"$PWD\")\"\nexec cat\n",
        )
        .unwrap();
        let error = Process::start(&Program::new(&script)).unwrap_err();
        assert!(error.to_string().ends_with("is it marked as executable?"), "{error}");

        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let program = Program::new(&script).directory(directory.path()).variable("GREETING", "hello");
        let run = run_with(&program, &[(5 * SECOND_NS, "line\n"), (6 * SECOND_NS, "")]);
        let name = directory.path().file_name().unwrap().to_string_lossy();
        assert_eq!(run.stdout, format!("hello from {name}\nline\n"));
    });
}

#[test]
fn what_cannot_be_started_gets_a_sentence() {
    let start = |program: &Program| Process::start(program).unwrap_err();
    let absent = start(&Program::new("no-such-program-anywhere"));
    assert_eq!(
        absent.to_string(),
        "there is no program `no-such-program-anywhere` in PATH; give its path, as in `./no-such-program-anywhere`"
    );
    assert!(matches!(start(&Program::new("/nowhere/node")), StartError::Exec { .. }));
    assert!(matches!(start(&Program::new("true").directory("/nowhere")), StartError::Directory { .. }));
    assert!(matches!(start(&Program::new("true").argument("a\0b")), StartError::NulByte { .. }));
    let text = start(&Program::new(support::source("race.py")));
    assert!(text.to_string().contains("cannot be run"), "{text}");
}

/// Set for the copy of this test that runs in lock step itself, where its own child cannot be attached to.
const NESTED: &str = "LOCKSTEP_TEST_NESTED";

#[test]
fn where_ptrace_is_not_permitted_the_error_says_what_to_do() {
    if std::env::var_os(NESTED).is_some() {
        let error = Process::start(&Program::new("true")).unwrap_err();
        assert!(matches!(error, StartError::Forbidden { request: "ptrace", .. }), "{error}");
        println!("{error}");
        return;
    }
    within_limit(|| {
        let name = "where_ptrace_is_not_permitted_the_error_says_what_to_do";
        let program = Program::new(std::env::current_exe().unwrap())
            .arguments(["--exact", name, "--nocapture", "--test-threads=1"])
            .variable(NESTED, "yes");
        let nested = run(&program);
        assert!(nested.status.is_some_and(|status| status.success()), "{nested:?}");
        assert!(nested.stdout.contains("this system does not permit ptrace"), "{}", nested.stdout);
        assert!(nested.stdout.contains("--cap-add=SYS_PTRACE"), "{}", nested.stdout);
    });
}
