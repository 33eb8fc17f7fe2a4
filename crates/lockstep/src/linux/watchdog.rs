//! The one place that measures real time: it notices a thread that computes for ever, or that waits where the supervisor cannot see it.
//!
//! `waitpid` has no time-out, and only the thread that attached may stop a tracee by `ptrace`. But anybody may send it SIGSTOP, which
//! ends a wait in the kernel and reaches the supervisor as a stop, and which the supervisor then swallows. That is a nudge.
#![expect(
    clippy::disallowed_methods,
    reason = "a budget of real time is measured in real time, and decides nothing but an error"
)]

use std::cell::RefCell;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::libc;

use super::sys::{self, Tid};

/// How often a running thread is looked at. Most turns are over long before.
const TICK: Duration = Duration::from_millis(10);
/// After how many looks without a thread to watch the watchdog sleeps until there is one.
const IDLE_TICKS: u32 = 50;

/// Real time since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Gives the other programs on the machine a moment.
pub(crate) fn give_way() {
    thread::sleep(Duration::from_micros(50));
}

/// Has the watchdog of this thread watch a tracee until the next call.
pub(crate) fn watch(process: Tid, thread: Tid, budget: Duration) {
    WATCHDOG.with_borrow(|watchdog| watchdog.watch(process, thread, budget));
}

/// The tracee has stopped.
pub(crate) fn rest() {
    WATCHDOG.with_borrow(Watchdog::rest);
}

/// Whether a thread sleeps in the kernel where a signal could wake it.
pub(crate) fn is_asleep(process: Tid, thread: Tid) -> bool {
    state(process, thread) == Some(b'S')
}

/// Whether a thread is in a stop, or sleeps in the kernel.
pub(crate) fn is_stopped_or_asleep(process: Tid, thread: Tid) -> bool {
    matches!(state(process, thread), Some(b't' | b'S'))
}

/// Whether a thread has ended and waits to be reaped.
pub(crate) fn is_zombie(process: Tid, thread: Tid) -> bool {
    matches!(state(process, thread), Some(b'Z' | b'X') | None)
}

/// The letter of a thread's state in `/proc`; `None` when it is gone.
fn state(process: Tid, thread: Tid) -> Option<u8> {
    let stat = fs::read(format!("/proc/{process}/task/{thread}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let end_of_name = stat.iter().rposition(|&byte| byte == b')')?;
    stat.get(end_of_name + 2).copied()
}

thread_local! {
    /// One for each thread that supervises, since such a thread runs one tracee at a time.
    static WATCHDOG: RefCell<Watchdog> = RefCell::new(Watchdog::start());
}

struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What is being watched. The turn is written last and read first and last, so that a nudge can be late but not at a thread never watched.
#[derive(Default)]
struct Shared {
    turn: AtomicU64,
    process: AtomicI32,
    /// 0 when nothing is watched.
    tracee: AtomicI32,
    budget_ms: AtomicU64,
    is_sleeping: AtomicBool,
    is_over: AtomicBool,
}

impl Watchdog {
    fn start() -> Watchdog {
        let shared = Arc::new(Shared::default());
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new().name("watchdog".to_owned()).spawn(move || watched.run());
        // Without it a program that spins hangs its supervisor; nothing else changes. Only a machine out of threads comes here.
        Watchdog { shared, thread: thread.ok() }
    }

    fn watch(&self, process: Tid, tracee: Tid, budget: Duration) {
        let shared = &*self.shared;
        shared.process.store(process, Ordering::Relaxed);
        shared.budget_ms.store(budget.as_millis() as u64, Ordering::Relaxed);
        shared.tracee.store(tracee, Ordering::Relaxed);
        shared.turn.fetch_add(1, Ordering::SeqCst);
        if shared.is_sleeping.load(Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }

    fn rest(&self) {
        self.shared.tracee.store(0, Ordering::Relaxed);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It panics nowhere; if it did, there is nothing left to do for it.
            let _result = thread.join();
        }
    }
}

impl Shared {
    fn run(&self) {
        let mut last_turn = 0;
        let mut since = Instant::now();
        let mut looks_asleep = 0;
        let mut idle_ticks = 0;
        while !self.is_over.load(Ordering::SeqCst) {
            let turn = self.turn.load(Ordering::SeqCst);
            let tracee = self.tracee.load(Ordering::Relaxed);
            if tracee == 0 || turn != last_turn {
                idle_ticks = if tracee == 0 { idle_ticks + 1 } else { 0 };
                (last_turn, since, looks_asleep) = (turn, Instant::now(), 0);
                if idle_ticks > IDLE_TICKS {
                    self.sleep(turn);
                    idle_ticks = 0;
                } else {
                    thread::park_timeout(TICK);
                }
                continue;
            }
            let process = self.process.load(Ordering::Relaxed);
            let budget = Duration::from_millis(self.budget_ms.load(Ordering::Relaxed));
            looks_asleep = if is_asleep(process, tracee) { looks_asleep + 1 } else { 0 };
            let is_over_budget = since.elapsed() > budget;
            if (looks_asleep >= 2 || is_over_budget) && self.turn.load(Ordering::SeqCst) == turn {
                sys::kill_thread(process, tracee, libc::SIGSTOP);
            }
            thread::park_timeout(TICK);
        }
    }

    /// Sleeps until `watch` is called, unless it was called since `turn`.
    fn sleep(&self, turn: u64) {
        self.is_sleeping.store(true, Ordering::SeqCst);
        if self.turn.load(Ordering::SeqCst) == turn && !self.is_over.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_sleeping.store(false, Ordering::SeqCst);
    }
}
