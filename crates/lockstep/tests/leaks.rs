//! Nothing is left of a program: no process, no zombie, no descriptor. In a file of its own, since it looks at all children of the process.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[cfg(test)]
mod support;

use glomers_lockstep::{Output, Process};
use support::{behaviour, children, descriptor_count, within_limit};

const RUNS: usize = 300;

#[test]
fn hundreds_of_runs_leave_nothing_behind() {
    within_limit(|| {
        let names = [
            "sleeps",
            "children",
            "leaves-children",
            "exit-beside-threads",
            "race",
            "kills",
            "fork-bomb",
            "timers",
        ];
        let mut counts = Vec::new();
        for number in 0..RUNS {
            let mut process =
                Process::start(&behaviour(names[number % names.len()]).seed(number as u64)).unwrap();
            let mut output = Output::default();
            // Some are dropped before they begin, some on their way, some after their end.
            for _ in 0..number % 7 {
                let Some(deadline_ns) = process.deadline_ns() else { break };
                process.step(deadline_ns, b"", &mut output).unwrap();
            }
            drop(process);
            counts.push(descriptor_count());
            assert_eq!(children(), Vec::<String>::new(), "after run {number}");
        }
        assert_eq!(counts.first(), counts.last());
    });
}
