//! The log of a run: what the workbench did, line by line, with dates; and the nodes' own logs, followed.

use std::{
    fs::File,
    io::{BufWriter, Read, Seek, Write},
    path::PathBuf,
};

use glomers_protocol::text;
use jiff::{fmt::strtime, tz::TimeZone};
use nix::fcntl::{Flock, FlockArg};

use crate::{
    clock,
    run_directory::{RunDirectory, StoreError, files},
};

/// `jepsen.log`: lines with the time of day in UTC.
pub(crate) struct Log {
    file: BufWriter<File>,
    path: PathBuf,
    /// Held until the workbench ends or is killed, so that a reader can tell a running test from one that was killed.
    _lock: Flock<File>,
}

impl Log {
    pub(crate) fn create(directory: &RunDirectory) -> Result<Self, StoreError> {
        let path = directory.file(files::LOG);
        let file = File::create(&path).map_err(|error| StoreError::new("create", &path, error))?;
        let lock = file.try_clone().and_then(|file| {
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
        });
        let lock = lock.map_err(|error| StoreError::new("lock", &path, error))?;
        Ok(Self { file: BufWriter::new(file), path, _lock: lock })
    }

    /// Writes a line with the time of day.
    pub(crate) fn write(&mut self, line: &str) -> Result<(), StoreError> {
        let now = clock::time_of_day().to_zoned(TimeZone::UTC);
        let date = strtime::format("%Y-%m-%d %H:%M:%S,%3f", &now).expect("a fixed format of a valid time");
        writeln!(self.file, "{date}\tINFO\t{line}")
            .map_err(|error| StoreError::new("write", &self.path, error))
    }

    /// Writes everything to the file.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        self.file.flush().map_err(|error| StoreError::new("write", &self.path, error))
    }
}

/// Follows files that others write to.
pub(crate) struct Follower {
    files: Vec<Followed>,
}

struct Followed {
    path: PathBuf,
    name: String,
    offset: u64,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
}

/// A line this long is shown in pieces.
const LINE_LIMIT_BYTES: usize = 16 * 1024;

impl Follower {
    pub(crate) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let followed = |path: PathBuf| {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Followed { path, name, offset: 0, rest: Vec::new() }
        };
        Self { files: paths.into_iter().map(followed).collect() }
    }

    /// Shows every line that has been completed since the last call, with the node's name before it. Whatever could drive a terminal
    /// is escaped.
    pub(crate) fn follow(&mut self, show: &mut dyn FnMut(&str)) {
        for followed in &mut self.files {
            followed.follow(show);
        }
    }
}

impl Followed {
    fn follow(&mut self, show: &mut dyn FnMut(&str)) {
        // A log that can't be read is not worth a run: the file itself is what counts.
        let Ok(mut file) = File::open(&self.path) else { return };
        if file.seek(std::io::SeekFrom::Start(self.offset)).is_err() {
            return;
        }
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = file.read(&mut buffer) {
            self.offset += count as u64;
            for &byte in &buffer[..count] {
                if byte == b'\n' || self.rest.len() == LINE_LIMIT_BYTES {
                    let line = String::from_utf8_lossy(&self.rest);
                    show(&format!("{}: {}", self.name, text::escape(&line)));
                    self.rest.clear();
                }
                if byte != b'\n' {
                    self.rest.push(byte);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_once_and_only_when_complete() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("n3.log");
        let mut follower = Follower::new([path.clone()]);
        let mut shown = Vec::new();
        follower.follow(&mut |line| shown.push(line.to_owned()));
        let mut file = File::create(&path).expect("writable");
        file.write_all(b"one\ntw").expect("writable");
        follower.follow(&mut |line| shown.push(line.to_owned()));
        file.write_all(b"o\n\x1b[2J\n").expect("writable");
        follower.follow(&mut |line| shown.push(line.to_owned()));
        assert_eq!(shown, ["n3: one", "n3: two", "n3: \\u{1b}[2J"]);
    }
}
