//! One node of a recorded run again: it is given the lines that it got, and what it prints is compared with what it printed.
//!
//! - `recording`: what the node got and printed, from the journal.
//! - `comparison`: what it prints now, beside that.
//! - `debugger`: a command in front of the node, which reads the lines from a file.

mod comparison;
mod debugger;
mod recording;

use std::{path::PathBuf, time::Duration};

use glomers_protocol::{NodeId, text};
use glomers_world::{Limits, LoneEvent, LoneProcess, ProcessSpec, SpawnError};

pub(crate) use comparison::{Comparison, Difference};
pub(crate) use debugger::debug;
pub(crate) use recording::Recording;

use crate::{
    clock::Stopwatch,
    run_directory::{log::Follower, manifest::NodeProgram},
};

/// How much longer than in the recorded run the node may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// A message that a timer brings may come so much sooner than in the recorded run.
const TIMER_SLACK: Duration = Duration::from_millis(100);
/// How often the node's log is looked at.
const STEP: Duration = Duration::from_millis(20);

/// How a node is started again.
pub(crate) struct Repeat<'a> {
    pub(crate) node: &'a str,
    pub(crate) program: &'a NodeProgram,
    /// The value of `GLOMERS_NODE_SEED`.
    pub(crate) seed: u64,
    /// Where its stderr goes.
    pub(crate) log_file: PathBuf,
    /// Whether the recorded gaps are left out.
    pub(crate) is_fast: bool,
}

impl Repeat<'_> {
    /// Starts the program, gives it what the recording says, and compares what it prints. `show` gets the lines of its stderr.
    pub(crate) fn run<'r>(
        self,
        recording: &'r Recording,
        show: &mut dyn FnMut(&str),
    ) -> Result<Comparison<'r>, SpawnError> {
        let spec = ProcessSpec {
            program: self.program.program.clone(),
            arguments: self.program.arguments.clone(),
            directory: std::env::temp_dir(),
            log_file: self.log_file.clone(),
        };
        let process = LoneProcess::start(&NodeId::from(self.node), &spec, self.seed, Limits::default())?;
        let mut feeder = Feeder {
            process,
            comparison: Comparison::new(recording),
            follower: Follower::new([self.log_file]),
            show,
            clock: Stopwatch::start(),
        };
        if self.is_fast {
            feeder.feed_fast(recording);
        } else {
            feeder.feed_in_time(recording);
        }
        let Feeder { process, comparison, follower, show, .. } = feeder;
        drop(process);
        follower.finish(show);
        Ok(comparison)
    }
}

/// Gives a node its lines.
struct Feeder<'r, 's> {
    process: LoneProcess,
    comparison: Comparison<'r>,
    follower: Follower,
    show: &'s mut dyn FnMut(&str),
    clock: Stopwatch,
}

impl Feeder<'_, '_> {
    /// Each line at its recorded time.
    fn feed_in_time(&mut self, recording: &Recording) {
        for input in &recording.inputs {
            self.read_until(input.at, |_| false);
            if !self.give(&input.line) {
                break;
            }
        }
        let end = recording.end.saturating_sub(TIMER_SLACK);
        self.comparison.may_end(recording.end);
        self.read_until(end, |_| false);
        self.await_rest(recording.end + PATIENCE);
    }

    /// Each line when the node has printed what it had printed before, or has had more time for it than it took.
    fn feed_fast(&mut self, recording: &Recording) {
        let mut last = Duration::ZERO;
        for input in &recording.inputs {
            let gap = input.at.saturating_sub(last);
            last = input.at;
            let limit = self.clock.elapsed() + gap + PATIENCE;
            self.read_until(limit, |comparison| comparison.equal() >= input.outputs_before);
            if self.comparison.equal() < input.outputs_before {
                self.comparison.nothing_came(&format!("nothing within {}", seconds(gap + PATIENCE)));
            }
            if !self.give(&input.line) {
                break;
            }
        }
        // Without the gaps timers bring other messages than in the recorded run.
        self.comparison.ignore_surplus_of_timers();
        self.comparison.may_end(Duration::ZERO);
        let rest = recording.end.saturating_sub(last);
        self.await_rest(self.clock.elapsed() + rest + PATIENCE);
        self.read_until(self.clock.elapsed() + TIMER_SLACK, |_| false);
    }

    /// Waits for what is still missing.
    fn await_rest(&mut self, limit: Duration) {
        let is_complete = |comparison: &Comparison<'_>| comparison.is_complete();
        self.read_until(limit, is_complete);
        let limit = seconds(PATIENCE);
        self.comparison.finish(&format!("nothing within {limit} after the recorded time"));
    }

    /// Returns whether there is a point in going on.
    fn give(&mut self, line: &str) -> bool {
        if self.comparison.is_over() {
            return false;
        }
        self.process.push(&self.comparison.with_ids(line));
        self.comparison.given += 1;
        true
    }

    /// Reads until a time of the clock, until something holds, or until there is a difference.
    fn read_until(&mut self, limit: Duration, is_done: impl Fn(&Comparison<'_>) -> bool) {
        while !self.comparison.is_over() && !is_done(&self.comparison) {
            let left = limit.saturating_sub(self.clock.elapsed());
            let event = self.process.next(left.min(STEP));
            self.follower.follow(self.show);
            // A node that prints without end has no more time than another.
            let is_late = left.is_zero();
            match event {
                Some(LoneEvent::Line(line)) => self.comparison.compare(&line),
                Some(LoneEvent::Ended(words)) => self.comparison.end(words, self.clock.elapsed()),
                None => {}
            }
            if is_late {
                break;
            }
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A message, or a line, short enough for a terminal.
fn shorten(line: &str) -> String {
    text::shorten(line, 1000).into_owned()
}
