//! The store: a directory for every run, and links to the last ones.
//!
//! ```text
//! store/latest                      -> the last run that ended
//! store/current                     -> the last run that began
//! store/<workload>/latest           -> the last run of that workload that ended
//! store/<workload>/<start time>/    a run
//! ```
//!
//! A run is a directory. Every report is read back from it, and the directory of an interrupted run still opens.

pub mod history;
pub(crate) mod log;
pub mod manifest;
pub mod publish;
pub mod reading;

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, fmt::strtime, tz::TimeZone};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// The files of a run directory, by name.
pub mod files {
    /// What was run: the plan, the program, the command line, the version, and how it ended.
    pub const RUN: &str = "run.json";
    /// Every message's fate and every operation, in one order.
    pub const JOURNAL: &str = "run.journal";
    /// The results map, as Maelstrom writes it.
    pub const RESULTS_EDN: &str = "results.edn";
    /// The same map as JSON.
    pub const RESULTS_JSON: &str = "results.json";
    /// The operations, one a line, as EDN.
    pub const HISTORY_EDN: &str = "history.edn";
    /// The operations, one a line, as columns.
    pub const HISTORY_TEXT: &str = "history.txt";
    /// The faults that were injected, as a script that repeats them.
    pub const FAULTS: &str = "faults.txt";
    /// What `glomers replay --node` leaves: the log of the node, or the lines that it is given.
    pub const REPLAY: &str = "replay";
    /// The log of the workbench, as on the terminal.
    pub const LOG: &str = "jepsen.log";
    /// What each node printed to stderr: `<id>.log`.
    pub const NODE_LOGS: &str = "node-logs";
    /// The messages as a diagram.
    pub const MESSAGES: &str = "messages.svg";
    /// The operations as bars.
    pub const TIMELINE: &str = "timeline.html";
}

/// Why the store can't hold a run.
#[derive(Debug, thiserror::Error)]
#[error("can't {action} {}: {source}. Is the disk full, or the directory not writable? --store DIR chooses another directory.", path.display())]
pub struct StoreError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl StoreError {
    /// An error while doing `action` to `path`.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }
}

/// The directory of a run that is under way.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    store: PathBuf,
    workload: String,
    path: PathBuf,
    started: Timestamp,
}

impl RunDirectory {
    /// Makes a fresh directory below `store` and points `store/current` at it.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn create(store: &Path, workload: &str, started: Timestamp) -> Result<Self, StoreError> {
        let of_workload = store.join(workload);
        fs::create_dir_all(&of_workload).map_err(|error| StoreError::new("create", &of_workload, error))?;
        let store = store.canonicalize().map_err(|error| StoreError::new("open", store, error))?;
        let mut started = started;
        let path = loop {
            let path = store.join(workload).join(directory_name(started));
            match fs::create_dir(&path) {
                Ok(()) => break path,
                // Two runs began in the same millisecond: this one takes the next.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    started += jiff::SignedDuration::from_millis(1);
                }
                Err(error) => return Err(StoreError::new("create", &path, error)),
            }
        };
        let logs = path.join(files::NODE_LOGS);
        fs::create_dir(&logs).map_err(|error| StoreError::new("create", &logs, error))?;
        let directory = Self { store, workload: workload.to_owned(), path, started };
        directory.link("current")?;
        Ok(directory)
    }

    /// Where it is, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// When the run began.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The log of a node's stderr.
    pub fn node_log(&self, node: &str) -> PathBuf {
        self.path.join(files::NODE_LOGS).join(format!("{node}.log"))
    }

    /// Writes one of its files atomically: if the disk is full, the file stays as it was.
    ///
    /// # Errors
    /// When it can't be written, such as on a full disk.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<(), StoreError> {
        let (path, beside) = (self.file(name), self.file(&format!("{name}.new")));
        let written = fs::write(&beside, contents).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|error| {
            let _ = fs::remove_file(&beside);
            StoreError::new("write", path, error)
        })
    }

    /// Lets `write` write a temporary file, and renames it: a reader finds the complete file or none.
    ///
    /// # Errors
    /// What `write` says, and when the file can't be put in its place.
    pub fn replace<E: From<StoreError>>(
        &self,
        name: &str,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<(), E> {
        let (path, beside) = (self.file(name), self.file(&format!("{name}.new")));
        let written = write(&beside).and_then(|()| {
            fs::rename(&beside, &path).map_err(|error| StoreError::new("write", &path, error).into())
        });
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Points `store/latest` and `store/<workload>/latest` at this run, which has ended.
    ///
    /// # Errors
    /// When the links can't be written.
    pub fn mark_latest(&self) -> Result<(), StoreError> {
        self.link("latest")?;
        self.link(&format!("{}/latest", self.workload))
    }

    /// Replaces a link in one step, so that a reader never finds it missing.
    fn link(&self, name: &str) -> Result<(), StoreError> {
        let link = self.store.join(name);
        let beside = self.store.join(format!("{name}.{}", std::process::id()));
        let run = self.path.file_name().expect("a run directory has a name");
        let target =
            if name.contains('/') { PathBuf::from(run) } else { Path::new(&self.workload).join(run) };
        let _ = fs::remove_file(&beside);
        symlink(target, &beside)
            .and_then(|()| fs::rename(&beside, &link))
            .map_err(|error| StoreError::new("link", link, error))
    }
}

/// Whether the run in this directory is still going on: its workbench holds a lock on the log until it ends or is killed.
pub fn is_under_way(directory: &Path) -> bool {
    let Ok(log) = reading::open_regular(&directory.join(files::LOG)) else { return false };
    matches!(Flock::lock(log, FlockArg::LockSharedNonblock), Err((_, Errno::EWOULDBLOCK)))
}

/// The name of the directory of a run that began then: `20261122T082841.127Z`.
fn directory_name(started: Timestamp) -> String {
    strtime::format("%Y%m%dT%H%M%S.%3fZ", &started.to_zoned(TimeZone::UTC))
        .expect("a fixed format of a valid time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timestamp() -> Timestamp {
        "2026-11-22T08:28:41.127Z".parse().expect("a valid time")
    }

    #[test]
    fn a_run_has_its_directory_and_its_links() {
        let store = tempfile::tempdir().expect("a scratch directory");
        let run = RunDirectory::create(store.path(), "echo", timestamp()).expect("writable");
        assert!(run.path().ends_with("echo/20261122T082841.127Z"));
        let link = |name: &str| fs::read_link(store.path().join(name));
        assert_eq!(link("current").expect("linked"), Path::new("echo/20261122T082841.127Z"));
        assert!(link("latest").is_err(), "the run has not ended");
        run.mark_latest().expect("writable");
        run.mark_latest().expect("links are replaced");
        assert_eq!(link("latest").expect("linked"), Path::new("echo/20261122T082841.127Z"));
        assert_eq!(link("echo/latest").expect("linked"), Path::new("20261122T082841.127Z"));
        assert!(store.path().join("echo/latest/node-logs").is_dir());
    }

    #[test]
    fn two_runs_of_one_millisecond_do_not_share_a_directory() {
        let store = tempfile::tempdir().expect("a scratch directory");
        let first = RunDirectory::create(store.path(), "echo", timestamp()).expect("writable");
        let second = RunDirectory::create(store.path(), "echo", timestamp()).expect("writable");
        assert_ne!(first.path(), second.path());
    }

    #[test]
    fn a_store_that_is_a_file_is_refused_by_name() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let file = scratch.path().join("store");
        fs::write(&file, "").expect("writable");
        let error = RunDirectory::create(&file, "echo", timestamp()).expect_err("a file can't hold runs");
        let text = error.to_string();
        assert!(text.contains("store/echo") && text.contains("--store DIR"), "{text}");
    }
}
