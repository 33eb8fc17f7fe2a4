//! Finds and kills what nodes leave behind: children that made themselves a session or a process group of their own.
//!
//! Every node carries the world's mark in its environment, and so does what it starts, unless it clears the environment on purpose.

use std::fs;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// Makes this process the parent of every descendant that loses its own, so that it can collect them.
pub(crate) fn adopt_orphans() {
    if let Err(error) = prctl::set_child_subreaper(true) {
        tracing::warn!("the children of nodes cannot be adopted: {error}");
    }
}

/// Kills every process that carries the mark, and looks again until there is none: a process may fork while others are killed.
pub(crate) fn kill_marked(mark: &str) {
    const MAX_ROUNDS: usize = 100;
    let mut killed = Vec::new();
    for _ in 0..MAX_ROUNDS {
        let found = marked_processes(mark);
        if found.is_empty() {
            break;
        }
        for process in found {
            // Gone since, or not ours to kill: the next round sees.
            let _ = kill(process, Signal::SIGKILL);
            killed.push(process);
        }
        collect(&killed);
    }
    collect(&killed);
}

/// The dead whose parent died before them are our children now: collects their status, so that they vanish from the process table.
fn collect(killed: &[Pid]) {
    for process in killed {
        let _ = waitpid(*process, Some(WaitPidFlag::WNOHANG));
    }
}

fn marked_processes(mark: &str) -> Vec<Pid> {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|process| u32::try_from(*process).is_ok_and(|process| process != own))
        .filter(|process| {
            fs::read(format!("/proc/{process}/environ"))
                .is_ok_and(|environment| memchr::memmem::find(&environment, mark.as_bytes()).is_some())
        })
        .map(Pid::from_raw)
        .collect()
}
