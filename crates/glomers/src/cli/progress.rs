//! The display while a test runs: a bar on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use glomers_node::Time;
use glomers_protocol::text::{count, grouped};
use glomers_workbench::plan::Plan;
use glomers_world::ClockKind;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::{
    clock::Stopwatch,
    execution::{Progress, Screen},
};

/// How often a plain line shows how far the test is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// How often the bar is redrawn.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// The terminal, or the file or pipe in its place.
pub(crate) struct Terminal {
    bar: Option<ProgressBar>,
    time_limit: Duration,
    pace: Pace,
    is_quiet: bool,
}

/// When the display is updated, and what it says of time.
enum Pace {
    /// In the time of the run, which is the machine's.
    Real { next_update: Time },
    /// In the machine's time, since the run's own is much faster.
    Virtual { since_start: Stopwatch, next_update: Duration },
}

impl Pace {
    /// Puts the next update off.
    fn wait(&mut self, elapsed: Time, interval: Duration) {
        match self {
            Self::Real { next_update } => *next_update = elapsed + interval,
            Self::Virtual { since_start, next_update } => *next_update = since_start.elapsed() + interval,
        }
    }

    /// How fast virtual time passes; nothing where the run's time is the machine's.
    fn factor(&self, elapsed: Time) -> Option<String> {
        match self {
            Self::Real { .. } => None,
            Self::Virtual { since_start, .. } => {
                let real_s = since_start.elapsed().as_secs_f64().max(1e-3);
                let factor = elapsed.since(Time::ZERO).as_secs_f64() / real_s;
                Some(format!("{factor:.1} times as fast as real time"))
            }
        }
    }
}

impl Terminal {
    pub(crate) fn new(plan: &Plan, clock: ClockKind) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(
                Some(plan.time_limit.as_millis() as u64),
                ProgressDrawTarget::stderr(),
            );
            let style =
                ProgressStyle::with_template("{prefix} {bar:12} {wide_msg}").expect("a fixed template");
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(plan.workload.clone());
            bar
        });
        let pace = match clock {
            ClockKind::Real => Pace::Real { next_update: Time::ZERO },
            ClockKind::Virtual => {
                Pace::Virtual { since_start: Stopwatch::start(), next_update: Duration::ZERO }
            }
        };
        Self { bar, time_limit: plan.time_limit, pace, is_quiet: false }
    }

    /// One that shows nothing while the test runs.
    pub(crate) fn quiet(plan: &Plan) -> Self {
        let pace = Pace::Real { next_update: Time::MAX };
        Self { bar: None, time_limit: plan.time_limit, pace, is_quiet: true }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Screen for Terminal {
    fn line(&mut self, line: &str) {
        match &self.bar {
            _ if self.is_quiet => {}
            Some(bar) => bar.suspend(|| output::note(line)),
            None => output::note(line),
        }
    }

    fn is_due(&self, elapsed: Time) -> bool {
        match &self.pace {
            Pace::Real { next_update } => elapsed >= *next_update,
            Pace::Virtual { since_start, next_update } => since_start.elapsed() >= *next_update,
        }
    }

    fn progress(&mut self, progress: &Progress) {
        match &self.bar {
            Some(bar) => {
                bar.set_position((progress.elapsed.since(Time::ZERO)).as_millis() as u64);
                let factor = self.pace.factor(progress.elapsed);
                let caption = [caption(progress, self.time_limit)].into_iter().chain(factor);
                bar.set_message(caption.collect::<Vec<_>>().join(", "));
                self.pace.wait(progress.elapsed, BAR_INTERVAL);
            }
            None => {
                if progress.elapsed > Time::ZERO {
                    let factor = self.pace.factor(progress.elapsed);
                    let sentence = [sentence(progress, self.time_limit)].into_iter().chain(factor);
                    output::note(&sentence.collect::<Vec<_>>().join(", "));
                }
                self.pace.wait(progress.elapsed, PLAIN_INTERVAL);
            }
        }
    }
}

/// A line for a file or a pipe, in the order of a sentence.
fn sentence(progress: &Progress, time_limit: Duration) -> String {
    let mut parts = operations(progress, time_limit);
    parts.push(count(progress.messages, "message"));
    parts.extend(troubles(progress));
    parts.extend(time_left(progress, time_limit));
    parts.join(", ")
}

/// The text beside the bar: the most important first, since a narrow terminal cuts it off.
fn caption(progress: &Progress, time_limit: Duration) -> String {
    let mut parts: Vec<String> = time_left(progress, time_limit).into_iter().collect();
    parts.extend(operations(progress, time_limit));
    parts.extend(troubles(progress));
    parts.push(count(progress.messages, "message"));
    parts.join(", ")
}

/// How many operations there were, and how many a second, not counting the time after the time limit.
fn operations(progress: &Progress, time_limit: Duration) -> Vec<String> {
    let invoked = progress.operations.invoked;
    let seconds = progress.elapsed.since(Time::ZERO).min(time_limit).as_secs_f64();
    let rate_hz = if seconds > 0.0 { invoked as f64 / seconds } else { 0.0 };
    vec![count(invoked, "operation"), format!("{rate_hz:.1}/s")]
}

fn troubles(progress: &Progress) -> Vec<String> {
    let mut parts = Vec::new();
    if progress.operations.failed > 0 {
        parts.push(format!("{} failed", grouped(progress.operations.failed)));
    }
    if progress.operations.unknown > 0 {
        parts.push(format!("{} unknown", grouped(progress.operations.unknown)));
    }
    if progress.complaints > 0 {
        parts.push(count(progress.complaints, "protocol error"));
    }
    parts
}

fn time_left(progress: &Progress, time_limit: Duration) -> Option<String> {
    let left = time_limit.saturating_sub(progress.elapsed.since(Time::ZERO));
    (!left.is_zero()).then(|| format!("{} s left", left.as_secs_f64().ceil()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_names_only_what_happened() {
        let mut progress =
            Progress { elapsed: Time::ZERO + Duration::from_secs(2), messages: 21, ..Progress::default() };
        progress.operations.invoked = 10;
        assert_eq!(
            sentence(&progress, Duration::from_secs(10)),
            "10 operations, 5.0/s, 21 messages, 8 s left"
        );
        progress.operations.failed = 1;
        progress.operations.unknown = 2;
        progress.complaints = 3;
        assert_eq!(
            sentence(&progress, Duration::from_secs(1)),
            "10 operations, 10.0/s, 21 messages, 1 failed, 2 unknown, 3 protocol errors"
        );
        assert_eq!(
            caption(&progress, Duration::from_secs(4)),
            "2 s left, 10 operations, 5.0/s, 1 failed, 2 unknown, 3 protocol errors, 21 messages"
        );
    }

    #[test]
    fn one_is_singular() {
        let mut progress = Progress { messages: 1, complaints: 1, ..Progress::default() };
        progress.operations.invoked = 1;
        assert_eq!(
            sentence(&progress, Duration::from_secs(1)),
            "1 operation, 0.0/s, 1 message, 1 protocol error, 1 s left"
        );
    }
}
