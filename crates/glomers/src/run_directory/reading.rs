//! Reads the files of a run. Nodes can write into its directory, so the files are not trusted: a link may point anywhere, a pipe in
//! place of a log would block its reader for ever, and a file may be larger than memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;

/// Opens a regular file. Never waits.
///
/// # Errors
/// When it does not exist, or is something else: a link, a directory, a pipe, a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path).map_err(|error| {
        if error.raw_os_error() == Some(nix::errno::Errno::ELOOP as i32) {
            io::Error::new(io::ErrorKind::InvalidInput, "it is a link, which is not followed")
        } else {
            error
        }
    })?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Reads a regular file of at most `limit_bytes` as text. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// As [`open_regular`], and when the file is larger.
pub fn read_text(path: &Path, limit_bytes: u64) -> io::Result<String> {
    let file = open_regular(path)?;
    let length = file.metadata()?.len();
    if length > limit_bytes {
        let reason = format!("it has {length} bytes, and at most {limit_bytes} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
    }
    let mut bytes = Vec::new();
    file.take(limit_bytes).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = |name: &str| scratch.path().join(name);
        fs::write(path("file"), "text").expect("writable");
        symlink(path("file"), path("link")).expect("writable");
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("writable");
        assert_eq!(read_text(&path("file"), 100).expect("a file"), "text");
        for wrong in ["link", "pipe", "missing", "."] {
            assert!(open_regular(&path(wrong)).is_err(), "{wrong} was opened");
        }
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_without_being_read() {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let path = scratch.path().join("sparse");
        File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("writable");
        let error = read_text(&path, 100).expect_err("it is too large");
        assert!(error.to_string().contains("at most 100"), "{error}");
    }
}
