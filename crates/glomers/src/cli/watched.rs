//! A check with a progress bar on a terminal; Ctrl-C ends it.

use std::{
    io::IsTerminal,
    path::Path,
    sync::{
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use glomers_check::formats::otlp::Mapping;
use glomers_protocol::text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::exit::CliError;
use crate::{
    check::{self, Answer, Question, Source, Watch},
    signals,
};

/// How often the bar is drawn and signals are checked.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long an interrupted check may take to give its verdict.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stack of the thread that checks, as large as that of a main thread, in bytes.
const STACK: usize = 8 << 20;

/// How much of the file's name is shown beside the bar, in characters.
const NAME_CHARS: usize = 24;

/// The number of steps of the bar.
const BAR_STEPS: u64 = 1_000;

/// How a watched check ended.
pub(crate) struct Ended {
    pub(crate) answer: Answer,
    /// The number of the signal that ended it.
    pub(crate) signal: Option<u8>,
}

/// Checks a history, or the trace that this mapping reads, on a second thread, while this one shows the progress. A signal or the
/// time limit ends it.
pub(crate) fn check(
    path: &Path,
    trace: Option<&Mapping>,
    question: &Question,
    time_limit: Option<Duration>,
) -> Result<Ended, CliError> {
    let signal = signals::watch();
    let watch = Watch::default();
    let (sender, receiver) = mpsc::sync_channel(1);
    let worker = {
        let (path, question, watch) = (path.to_owned(), question.clone(), watch.clone());
        let trace = trace.cloned();
        let work = move || {
            let source = match &trace {
                Some(mapping) => Source::open_trace(&path, mapping, &watch),
                None => Source::open(&path, &watch),
            };
            let answer = source.map(|source| check::check(&path, source, &question, &watch));
            // Sending fails if the caller has stopped waiting; then the answer is of no use.
            let _ = sender.send(answer);
        };
        thread::Builder::new().stack_size(STACK).spawn(work).map_err(CliError::Thread)?
    };
    let bar = Bar::default();
    let (mut elapsed, mut asked) = (Duration::ZERO, None);
    loop {
        let left = time_limit.map(|limit| limit.saturating_sub(elapsed)).filter(|left| !left.is_zero());
        let step = left.unwrap_or(INTERVAL).min(INTERVAL);
        let received = receiver.recv_timeout(step);
        let number = u8::try_from(signal.load(Ordering::Relaxed)).ok().filter(|&number| number > 0);
        match received {
            Ok(answer) => {
                bar.clear();
                return Ok(Ended { answer: answer?, signal: number });
            }
            Err(RecvTimeoutError::Disconnected) => match worker.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("a worker that returns has sent its answer"),
            },
            Err(RecvTimeoutError::Timeout) => {}
        }
        elapsed += step;
        bar.show(path, &watch);
        if number.is_some() || time_limit.is_some_and(|limit| elapsed >= limit) {
            watch.interrupt().raise();
            // The worker may be busy where it does not look for the interrupt. It is abandoned, and ends with the program.
            if elapsed >= *asked.get_or_insert(elapsed) + PATIENCE {
                bar.clear();
                let reason =
                    format!("The check was interrupted after {} entries were read.", watch.operations());
                return Ok(Ended { answer: check::undecided(path, &reason, None), signal: number });
            }
        }
    }
}

/// The bar on a terminal, drawn only if the check takes long enough for it to be seen.
#[derive(Default)]
struct Bar {
    drawn: std::cell::OnceCell<Option<ProgressBar>>,
}

impl Bar {
    fn show(&self, path: &Path, watch: &Watch) {
        let bar = self.drawn.get_or_init(|| {
            std::io::stderr().is_terminal().then(|| {
                let bar = ProgressBar::with_draw_target(Some(BAR_STEPS), ProgressDrawTarget::stderr());
                let style =
                    ProgressStyle::with_template("{prefix} {bar:12} {wide_msg}").expect("a fixed template");
                bar.set_style(style.progress_chars("━╸─"));
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                bar.set_prefix(text::excerpt(name.as_bytes(), NAME_CHARS));
                bar
            })
        });
        if let Some(bar) = bar {
            let share = watch.share_read().unwrap_or(0.0);
            bar.set_position((share * BAR_STEPS as f64) as u64);
            bar.set_message(message(share, watch.operations()));
        }
    }

    fn clear(&self) {
        if let Some(Some(bar)) = self.drawn.get() {
            bar.finish_and_clear();
        }
    }
}

fn message(share: f64, entries: u64) -> String {
    let entries =
        if entries == 1 { "1 entry".to_owned() } else { format!("{} entries", text::grouped(entries)) };
    let deciding = if share >= 1.0 { ", deciding" } else { "" };
    format!("{entries} read{deciding} (Ctrl-C ends it)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_says_whether_it_reads_or_decides() {
        assert_eq!(message(0.1, 1), "1 entry read (Ctrl-C ends it)");
        assert_eq!(message(0.4, 12), "12 entries read (Ctrl-C ends it)");
        assert_eq!(message(1.0, 30), "30 entries read, deciding (Ctrl-C ends it)");
    }
}
