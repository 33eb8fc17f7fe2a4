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
/// So much of one log is read at a time: whoever follows has other things to do.
const STEP_BYTES: u64 = 64 << 10;
/// A follower that is further behind than this skips all but the end: a terminal is no place for a flood.
const LAG_LIMIT_BYTES: u64 = 1 << 20;
/// How much of the end it shows.
const FLOOD_END_BYTES: u64 = 4 << 10;

impl Follower {
    pub(crate) fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let followed = |path: PathBuf| {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            Followed { path, name, offset: 0, rest: Vec::new() }
        };
        Self { files: paths.into_iter().map(followed).collect() }
    }

    /// Shows the lines that have been completed since the last call, each with its node's name, as far as a short step goes.
    /// Whatever could drive a terminal is escaped.
    pub(crate) fn follow(&mut self, show: &mut dyn FnMut(&str)) {
        for followed in &mut self.files {
            followed.follow(show);
        }
    }

    /// Shows what is left when the run has ended, also a last line without a newline.
    pub(crate) fn finish(mut self, show: &mut dyn FnMut(&str)) {
        for followed in &mut self.files {
            for _ in 0..=LAG_LIMIT_BYTES / STEP_BYTES {
                followed.follow(show);
            }
            if !followed.rest.is_empty() {
                followed.show_rest(show);
            }
        }
    }
}

impl Followed {
    fn follow(&mut self, show: &mut dyn FnMut(&str)) {
        // A log that can't be read is not worth a run: the file itself is what counts.
        let Ok(mut file) = glomers_world::open_node_log(&self.path) else { return };
        let Ok(length) = file.metadata().map(|metadata| metadata.len()) else { return };
        if length.saturating_sub(self.offset) > LAG_LIMIT_BYTES {
            let skipped = length - FLOOD_END_BYTES - self.offset;
            self.offset = length - FLOOD_END_BYTES;
            self.rest.clear();
            show(&format!(
                "{}: … {skipped} bytes skipped; all of it is in {}",
                self.name,
                self.path.display()
            ));
        }
        if file.seek(std::io::SeekFrom::Start(self.offset)).is_err() {
            return;
        }
        let mut buffer = [0; 16 * 1024];
        let mut step = file.take(STEP_BYTES);
        while let Ok(count @ 1..) = step.read(&mut buffer) {
            self.offset += count as u64;
            for &byte in &buffer[..count] {
                if byte == b'\n' || self.rest.len() == LINE_LIMIT_BYTES {
                    self.show_rest(show);
                }
                if byte != b'\n' {
                    self.rest.push(byte);
                }
            }
        }
    }
}

impl Followed {
    fn show_rest(&mut self, show: &mut dyn FnMut(&str)) {
        let line = String::from_utf8_lossy(&self.rest);
        show(&format!("{}: {}", self.name, text::escape(&line)));
        self.rest.clear();
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

    #[test]
    fn a_flood_is_skipped_and_a_step_is_short() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("n3.log");
        let file = File::create(&path).expect("writable");
        let mut follower = Follower::new([path]);
        let mut shown = 0;
        for length in [8_u64 << 20, 1 << 30, 1 << 40] {
            file.set_len(length).expect("sparse files are free");
            let mut first = None;
            follower.follow(&mut |line| {
                first.get_or_insert_with(|| line.to_owned());
                shown += line.len();
            });
            assert!(first.expect("there is something to say").contains("bytes skipped"));
        }
        assert!(shown < 256 << 10, "{shown} bytes were shown of a terabyte of zeros");
    }

    #[test]
    fn what_is_no_file_is_not_followed() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("n3.log");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe can be made");
        Follower::new([path]).follow(&mut |line| panic!("{line}"));
    }
}
