//! What a program sees of time is what its caller says.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
mod support;

use glomers_lockstep::{Notice, Output, Process};
use support::{SECOND_NS, behaviour, run, run_with, static_behaviour, within_limit};

const SLEEPS: &str = "sleep 5.000000000\nusleep 5.001500000\nabsolute 7.001500000\n";

#[test]
fn sleeps_are_exact() {
    within_limit(|| {
        let sleeps = run(&behaviour("sleeps"));
        assert_eq!(sleeps.stdout, SLEEPS);
        assert_eq!(sleeps.end_ns, 7_001_500_000);
        assert_eq!(sleeps.counters.wakeups, 3);
    });
}

#[test]
fn sleeps_of_a_static_program_are_exact() {
    within_limit(|| assert_eq!(run(&static_behaviour("sleeps")).stdout, SLEEPS));
}

#[test]
fn every_clock_shows_virtual_time() {
    within_limit(|| {
        let clocks = run(&behaviour("clocks").unix_time_ns(1_500_000_000_123_456_789));
        assert_eq!(
            clocks.stdout,
            "1500000000.123456789 1500000000.123456 1500000000\n0.000000 0 0 100000 0\n"
        );
    });
}

#[test]
fn timeouts_are_exact() {
    within_limit(|| {
        let timeouts = run_with(&behaviour("timeouts"), &[(50 * SECOND_NS, "late")]);
        let expected = "poll 0 0 1.500\nselect 0 0 2.000\nppoll 0 3.000\npselect 0 0 4.000\nepoll_wait 0 4.250\ncondition 1 7.250\n";
        assert_eq!(timeouts.stdout, expected);
    });
}

#[test]
fn input_ends_a_wait_before_its_timeout() {
    within_limit(|| {
        let timeouts =
            run_with(&behaviour("timeouts"), &[(SECOND_NS / 2, "early"), (50 * SECOND_NS, "late")]);
        let expected = "poll 1 1 0.500\nselect 1 1 0.500\nppoll 0 1.500\npselect 1 1 1.500\nepoll_wait 1 1.500\ncondition 1 4.500\n";
        assert_eq!(timeouts.stdout, expected);
    });
}

#[test]
fn timers_of_every_kind_are_exact() {
    within_limit(|| {
        let expected = "alarm 8 1 2.000\ninterval 2.050\ninterval 2.150\ninterval 2.250\noff 100000 100000\n\
            posix 3.250 left 9.000000000\nposix 3.550 left 9.700000000\n\
            timerfd 1 1 4.550\ntimerfd 1 1 4.800\ntimerfd 1 1 5.050\nclosed 0 5.550\n";
        assert_eq!(run(&behaviour("timers")).stdout, expected);
    });
}

#[test]
fn the_counter_follows_virtual_time_on_request() {
    within_limit(|| assert_eq!(run(&behaviour("counter").virtual_counter(true)).stdout, "1000000000\n"));
}

#[test]
fn a_program_that_spins_on_the_clock_is_given_time_and_noticed() {
    within_limit(|| {
        let spin = run(&behaviour("spin-on-clock"));
        assert_eq!(spin.stdout, "1.0\n");
        assert_eq!(spin.notices, [Notice::LookedAtClockWithoutWaiting]);
        assert!(spin.counters.pauses > 0);
        assert_eq!(run(&behaviour("spin-on-clock")), spin);
        assert_eq!(run(&behaviour("spin-on-yield")).stdout, "thread done 3.000\n4\n");
    });
}

#[test]
fn a_busy_timer_shows_in_the_counters() {
    within_limit(|| {
        let busy = run(&behaviour("many-wakeups"));
        assert_eq!(busy.end_ns, SECOND_NS / 2);
        assert_eq!(busy.counters.wakeups, 5000);
        assert!(run(&behaviour("sleeps")).notices.is_empty());
    });
}

#[test]
fn a_step_brings_input_and_takes_output_at_its_own_time() {
    within_limit(|| {
        let mut process = Process::start(&behaviour("echo")).unwrap();
        let mut output = Output::default();
        process.step(0, b"", &mut output).unwrap();
        assert_eq!((output.stdout.len(), process.deadline_ns()), (0, None));
        for number in 1..=3 {
            let line = format!("message {number}\n");
            output.clear();
            process.step(number * SECOND_NS, line.as_bytes(), &mut output).unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), line);
        }
        // More than the pipe holds: the rest follows as the program reads.
        let lines = "0123456789abcde\n".repeat(100_000);
        output.clear();
        process.step(4 * SECOND_NS, lines.as_bytes(), &mut output).unwrap();
        assert!(output.stdout == lines.as_bytes(), "1.6 MB come back as they were");
        assert_eq!(process.unread_input_bytes(), 0);
        assert_eq!(process.exit_status(), None);
        process.close_input();
        process.step(4 * SECOND_NS, b"", &mut output).unwrap();
        assert!(process.exit_status().unwrap().success());
        assert_eq!(process.deadline_ns(), None);
    });
}

#[test]
fn a_paused_program_oversleeps() {
    within_limit(|| {
        let mut process = Process::start(&behaviour("sleeps")).unwrap();
        let mut output = Output::default();
        process.step(0, b"", &mut output).unwrap();
        assert_eq!(process.deadline_ns(), Some(5 * SECOND_NS));
        process.pause();
        assert_eq!(process.deadline_ns(), None);
        process.step(60 * SECOND_NS, b"unread", &mut output).unwrap();
        assert_eq!(output, Output::default());
        assert_eq!(process.unread_input_bytes(), 6);
        process.resume();
        assert_eq!(process.deadline_ns(), Some(5 * SECOND_NS));
        process.step(60 * SECOND_NS, b"", &mut output).unwrap();
        assert_eq!(output.stdout, b"sleep 60.000000000\n");
        assert_eq!(process.unread_input_bytes(), 6);
        assert_eq!(process.deadline_ns(), Some(60_001_500_000));
    });
}

#[test]
fn a_program_that_waits_until_the_clock_is_past_its_deadline_does_not_spin() {
    within_limit(|| {
        let polls = run(&behaviour("polls-past-deadline"));
        assert_eq!(polls.stdout, "past 1.000001\n");
        assert_eq!(polls.counters.wakeups, 2);
        // Its start takes some calls, and the two waits take two or three each.
        assert!(polls.counters.traps < 100, "{:?}", polls.counters);
    });
}
