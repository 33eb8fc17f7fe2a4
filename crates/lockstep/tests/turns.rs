//! The same seed gives the same run, whatever threads race for; another seed gives another.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
mod support;

use std::collections::BTreeSet;

use support::{Run, SECOND_NS, behaviour, interleaved, race, run, run_with, within_limit};

const RUNS: usize = 10;
const INPUTS: [(u64, &str); 2] = [(6 * SECOND_NS, "early\n"), (60 * SECOND_NS, "late\n")];

/// Ten runs with one seed are one run; five seeds are several.
fn assert_seed_decides(language: &'static str, expected_lines: &'static [&'static str]) {
    within_limit(move || {
        let Some(program) = race(language) else { return };
        let run = |seed| run_with(&program.clone().seed(seed), &INPUTS);
        let first = run(1);
        assert!(first.status.is_some_and(|status| status.success()), "{first:?}");
        for line in expected_lines {
            assert!(first.stdout.contains(line), "{line:?} is missing in {:?}", first.stdout);
        }
        for number in 2..=RUNS {
            assert_same(language, number, &first, &run(1));
        }
        let seeds = (1..=5).map(|seed| run(seed).stdout).collect::<BTreeSet<_>>();
        assert!(seeds.len() > 1, "five seeds of {language} gave one schedule");
    });
}

fn assert_same(language: &str, number: usize, first: &Run, other: &Run) {
    let lines = first.stdout.lines().zip(other.stdout.lines());
    for (line, (expected, found)) in lines.enumerate() {
        assert_eq!(expected, found, "run {number} of {language} differs from the first in line {line}");
    }
    assert_eq!(first, other, "run {number} of {language} differs from the first");
}

#[test]
fn racing_c_threads_repeat() {
    assert_seed_decides("c", &[]);
}

#[test]
fn racing_goroutines_repeat() {
    assert_seed_decides("go", &["slept 5s\n", "got early\n", "got late\n"]);
}

#[test]
fn racing_python_threads_repeat() {
    assert_seed_decides("python", &["slept 5.0\nwaited 8.75\n", "got early\ngot late\n"]);
}

#[test]
fn chains_of_timers_in_node_repeat() {
    assert_seed_decides("node", &["waited 5000\ngot early\ngot late\n"]);
}

#[test]
fn racing_java_threads_repeat() {
    assert_seed_decides("java", &["slept 5000\n", "got early\ngot late\n"]);
}

#[test]
fn racing_ruby_threads_repeat() {
    assert_seed_decides("ruby", &["slept 5.0\n", "got early\ngot late\n"]);
}

#[test]
fn two_threads_that_print_take_turns() {
    within_limit(|| {
        let first = run(&behaviour("two-writers").seed(3));
        assert_eq!(first.stdout.lines().count(), 2000);
        assert_eq!(run(&behaviour("two-writers").seed(3)), first);
    });
}

#[test]
fn chance_addresses_and_ids_come_from_the_seed() {
    within_limit(|| {
        let first = run(&behaviour("chance").seed(1));
        assert_eq!(run(&behaviour("chance").seed(1)), first);
        let other = run(&behaviour("chance").seed(2));
        let differing =
            first.stdout.split(' ').zip(other.stdout.split(' ')).filter(|(one, other)| one != other).count();
        assert_eq!(
            differing, 7,
            "five numbers and two ids differ, addresses do not: {} {}",
            first.stdout, other.stdout
        );
    });
}

#[test]
fn ids_are_those_that_the_program_knows() {
    within_limit(|| {
        let ids = run(&behaviour("ids"));
        assert_eq!(ids.stdout, "1\nchild 2, parent is 1\nwaited 1 4 -1\nkill 0 -1\n");
    });
}

#[test]
fn programs_on_one_thread_and_on_several_do_not_disturb_each_other() {
    within_limit(|| {
        let alone =
            (0..6).map(|seed| run(&behaviour("race").seed(seed)).stdout.into_bytes()).collect::<Vec<_>>();
        assert_eq!(interleaved(0..6), alone);
        let threads = [0..2, 2..4, 4..6].map(|seeds| std::thread::spawn(move || interleaved(seeds)));
        let side_by_side = threads.map(|thread| thread.join().unwrap()).concat();
        assert_eq!(side_by_side, alone);
    });
}
