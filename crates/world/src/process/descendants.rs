//! What a node started, as the workbench sees it: to pause all of it, and to kill it where the node's guard cannot.
//!
//! The workbench is a subreaper as the guards are: when a guard is killed, what it had adopted becomes the workbench's. Such a process
//! is told from a child that this program started for another purpose by its session: every node has a session of its own, and
//! no process can join a session that exists.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use nix::poll::{PollTimeout, poll};
#[cfg(target_os = "linux")]
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpid, getsid};

use super::deadline::Deadline;
use super::sys::{self, Waited};

/// A process may fork while others are stopped or killed: so often the workbench looks again.
const MAX_ROUNDS: usize = 64;
/// How long what a guard left behind may take to die.
const ADOPTED_PATIENCE: Duration = Duration::from_secs(1);

/// Makes this process the parent of every descendant that loses its own.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = prctl::set_child_subreaper(true) {
        tracing::warn!("what a node leaves behind when its guard is killed cannot be adopted: {error}");
    }
}

/// Sends a signal to everything below `root`, until a look at all of it finds nothing new. Where the system does not list
/// children, to the process group of `node`.
pub(super) fn signal_all(root: Pid, node: Option<Pid>, signal: Signal) {
    if !lists_children() {
        if let Some(node) = node {
            let _ = killpg(node, signal);
        }
        return;
    }
    let mut signalled = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let found = below(root);
        let new: Vec<Pid> = found.into_iter().filter(|process| signalled.insert(*process)).collect();
        if new.is_empty() {
            return;
        }
        for process in new {
            let _ = kill(process, signal);
        }
    }
    tracing::warn!("process {root} has children that start others faster than {signal} reaches them");
}

/// Kills and collects what guards have left to this process.
pub(super) fn kill_adopted() {
    let deadline = Deadline::after(ADOPTED_PATIENCE);
    loop {
        let adopted = adopted();
        if adopted.is_empty() {
            return;
        }
        if deadline.left().is_zero() {
            tracing::warn!(
                "{} processes that a node started cannot be killed, such as {}",
                adopted.len(),
                adopted[0]
            );
            return;
        }
        for process in adopted {
            let _ = kill(process, Signal::SIGKILL);
            if let Waited::TraceStopped(process, signal) = sys::collect(Some(process)) {
                sys::detach(process, signal);
            }
        }
        let _ = poll(&mut [], PollTimeout::from(1_u16));
    }
}

/// The letter by which the system tells a process's state: `T` is stopped, `Z` has ended.
pub(super) fn state(process: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name may hold anything, also a parenthesis.
    stat.rsplit_once(") ")?.1.chars().next()
}

fn adopted() -> Vec<Pid> {
    let own_session = getsid(None);
    let is_foreign = |process: &Pid| getsid(Some(*process)) != own_session && own_session.is_ok();
    children(getpid()).into_iter().filter(is_foreign).collect()
}

/// Everything that descends from `root`.
fn below(root: Pid) -> Vec<Pid> {
    let mut found = children(root);
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let new = children(*process);
        next += 1;
        found.extend(new);
    }
    found
}

fn lists_children() -> bool {
    fs::exists("/proc/thread-self/children").unwrap_or(false)
}

/// The children of all threads of a process; none where it is gone.
fn children(process: Pid) -> Vec<Pid> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|number| number.parse().ok()).collect::<Vec<i32>>()
        })
        .map(Pid::from_raw)
        .collect()
}
