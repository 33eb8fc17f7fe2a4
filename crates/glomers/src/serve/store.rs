//! The directory that runs are written to: `store/WORKLOAD/TIME/`.

use std::{
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
};

/// A directory of runs. Nothing outside of it is ever read.
#[derive(Clone, Debug)]
pub struct Store {
    /// Absolute and free of symbolic links.
    root: PathBuf,
}

/// Why a path is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It does not exist.
    Missing,
    /// It is outside the store: by `..`, by an absolute path, or through a symbolic link.
    Outside,
}

/// Where a run lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunPath {
    /// `WORKLOAD/TIME`, as pages address it.
    pub relative: String,
    /// The directory itself.
    pub directory: PathBuf,
}

impl Store {
    /// Opens a store.
    ///
    /// # Errors
    ///
    /// When there is no such directory, or it cannot be read.
    pub fn open(root: &Path) -> io::Result<Store> {
        let root = root.canonicalize()?;
        std::fs::read_dir(&root)?;
        Ok(Store { root })
    }

    /// The absolute path of a path in the store, with every symbolic link resolved.
    ///
    /// # Errors
    ///
    /// [`Refusal::Outside`] for a path that is not inside the store, whether it exists or not; links within the store,
    /// such as `latest`, are followed.
    pub fn resolve(&self, relative: &str) -> Result<PathBuf, Refusal> {
        let path = Path::new(relative);
        if path.components().any(|component| !matches!(component, Component::Normal(_) | Component::CurDir)) {
            return Err(Refusal::Outside);
        }
        let resolved = self.root.join(path).canonicalize().map_err(|_| Refusal::Missing)?;
        if resolved.starts_with(&self.root) { Ok(resolved) } else { Err(Refusal::Outside) }
    }

    /// All runs, the newest first, without links: their targets are in the list themselves.
    pub fn runs(&self) -> Vec<RunPath> {
        let mut runs = Vec::new();
        for workload in directories(&self.root) {
            for run in directories(&self.root.join(&workload)) {
                let relative = format!("{workload}/{run}");
                runs.push(RunPath { directory: self.root.join(&relative), relative });
            }
        }
        // A run's directory is named after its start, in a format that sorts by time.
        runs.sort_by(|left, right| name(&right.relative).cmp(name(&left.relative)));
        runs
    }
}

/// The names of the directories in a directory, sorted; hidden ones and links are left out.
fn directories(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names = directories.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

fn name(relative: &str) -> &OsStr {
    Path::new(relative).file_name().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_store() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        let root = outside.path().join("store");
        std::fs::create_dir_all(root.join("echo/1")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), root.join("echo/1/link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("up")).unwrap();
        std::os::unix::fs::symlink("echo/1", root.join("latest")).unwrap();
        let store = Store::open(&root).unwrap();
        for path in ["../secret", "echo/../../secret", "/etc/passwd", "echo/1/link", "up/secret", "up"] {
            assert_eq!(store.resolve(path), Err(Refusal::Outside), "{path}");
        }
        for path in ["echo/2", "echo/1/nul\0", ""] {
            assert_ne!(store.resolve(path), Err(Refusal::Outside), "{path}");
        }
        assert_eq!(store.resolve("latest").unwrap(), root.canonicalize().unwrap().join("echo/1"));
    }

    #[test]
    fn runs_are_listed_newest_first_whatever_their_workload() {
        let root = tempfile::tempdir().unwrap();
        for run in [
            "echo/20261101T000000",
            "lin-kv/20261103T000000",
            "echo/20261102T000000",
            ".trash/20261104T000000",
        ] {
            std::fs::create_dir_all(root.path().join(run)).unwrap();
        }
        std::os::unix::fs::symlink("echo/20261101T000000", root.path().join("latest")).unwrap();
        let runs = Store::open(root.path()).unwrap().runs();
        let names: Vec<&str> = runs.iter().map(|run| run.relative.as_str()).collect();
        assert_eq!(names, ["lin-kv/20261103T000000", "echo/20261102T000000", "echo/20261101T000000"]);
    }
}
