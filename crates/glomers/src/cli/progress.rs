//! What a person sees while a test runs: a bar on a terminal, plain lines elsewhere.

use std::{io::IsTerminal, time::Duration};

use glomers_node::Time;
use glomers_workbench::plan::Plan;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::execution::{Progress, Screen};

/// How often plain lines tell how far the test is.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// How often the bar is drawn anew.
const BAR_INTERVAL: Duration = Duration::from_millis(100);

/// The terminal, or the file or pipe in its place.
pub(crate) struct Terminal {
    bar: Option<ProgressBar>,
    time_limit: Duration,
    next_update: Time,
}

impl Terminal {
    pub(crate) fn new(plan: &Plan) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(
                Some(plan.time_limit.as_millis() as u64),
                ProgressDrawTarget::stderr(),
            );
            let style =
                ProgressStyle::with_template("{prefix:>10} {bar:30} {msg}").expect("a fixed template");
            bar.set_style(style.progress_chars("━╸─"));
            bar.set_prefix(plan.workload.clone());
            bar
        });
        Self { bar, time_limit: plan.time_limit, next_update: Time::ZERO }
    }

    /// Clears the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Screen for Terminal {
    fn line(&mut self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::note(line)),
            None => output::note(line),
        }
    }

    fn is_due(&self, elapsed: Time) -> bool {
        elapsed >= self.next_update
    }

    fn progress(&mut self, progress: &Progress) {
        let text = sentence(progress, self.time_limit);
        match &self.bar {
            Some(bar) => {
                bar.set_position((progress.elapsed.since(Time::ZERO)).as_millis() as u64);
                bar.set_message(text);
                self.next_update = progress.elapsed + BAR_INTERVAL;
            }
            None => {
                if progress.elapsed > Time::ZERO {
                    output::note(&text);
                }
                self.next_update = progress.elapsed + PLAIN_INTERVAL;
            }
        }
    }
}

fn sentence(progress: &Progress, time_limit: Duration) -> String {
    let elapsed = progress.elapsed.since(Time::ZERO);
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { progress.operations.invoked as f64 / seconds } else { 0.0 };
    let left = time_limit.saturating_sub(elapsed).as_secs_f64().ceil();
    let mut text =
        format!("{} operations, {rate:.1}/s, {} messages", progress.operations.invoked, progress.messages);
    if progress.operations.failed > 0 {
        text.push_str(&format!(", {} failed", progress.operations.failed));
    }
    if progress.operations.unknown > 0 {
        text.push_str(&format!(", {} unknown", progress.operations.unknown));
    }
    if progress.complaints > 0 {
        text.push_str(&format!(", {} protocol errors", progress.complaints));
    }
    text.push_str(&format!(", {left} s left"));
    text
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
            "10 operations, 5.0/s, 21 messages, 1 failed, 2 unknown, 3 protocol errors, 0 s left"
        );
    }
}
