//! Ties every process to the world: none outlives it, whichever way it ends.
//!
//! | the world ends by | its processes are killed by |
//! |---|---|
//! | being finished or dropped, also in a panic | the world: each process group, then whatever carries its mark |
//! | `kill -9` of the workbench | the kernel (each process), and the guardian (each group, and whatever carries the mark) |
//!
//! What only Linux can: the kernel's help, and finding a process by its mark. Elsewhere a descendant that leaves its group survives.

use std::io;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(target_os = "linux")]
use super::descendants;
use super::guardian::Guardian;
#[cfg(target_os = "linux")]
use super::sys;

/// The variable that holds the world's mark.
const MARK_VARIABLE: &str = "GLOMERS_WORLD";

/// What a world needs to take its processes with it. Costs nothing until the first process is started.
#[derive(Debug)]
pub(crate) struct Tether {
    /// Told apart from the mark of every other world on this machine.
    mark: String,
    guardian: Option<Guardian>,
    has_spawned: bool,
}

impl Tether {
    pub(crate) fn new() -> Self {
        static WORLDS: AtomicU64 = AtomicU64::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        Self { mark: format!("{}.{number}.", std::process::id()), guardian: None, has_spawned: false }
    }

    pub(crate) fn spawn(&mut self, command: &mut Command) -> io::Result<Child> {
        if !self.has_spawned {
            self.prepare();
        }
        command.env(MARK_VARIABLE, &self.mark);
        #[cfg(target_os = "linux")]
        sys::die_with_parent(command);
        let child = command.spawn()?;
        if let Some(guardian) = &mut self.guardian {
            guardian.watch(child.id());
        }
        Ok(child)
    }

    /// The process group is no more.
    pub(crate) fn forget(&mut self, group: u32) {
        if let Some(guardian) = &mut self.guardian {
            guardian.forget(group);
        }
    }

    fn prepare(&mut self) {
        self.has_spawned = true;
        #[cfg(target_os = "linux")]
        descendants::adopt_orphans();
        match Guardian::start(&self.assignment()) {
            Ok(guardian) => self.guardian = Some(guardian),
            Err(error) => {
                tracing::warn!(
                    "no guardian could be started ({error}): nodes may outlive a killed workbench"
                );
            }
        }
    }

    /// The mark as it stands in an environment.
    fn assignment(&self) -> String {
        format!("{MARK_VARIABLE}={}", self.mark)
    }
}

impl Drop for Tether {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if self.has_spawned {
            descendants::kill_marked(&self.assignment());
        }
    }
}
