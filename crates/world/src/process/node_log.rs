//! The files that hold what nodes wrote to stderr.
//!
//! A node knows where its log lies, if it looks, and may put something else in its place: a pipe that blocks whoever opens it, a
//! link to elsewhere, a device, a sparse file of a terabyte. So logs are opened here alone, and only what is a regular file is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use super::exit::{TAIL_BYTES, last_lines};
use super::process_guard::LogOrders;

/// Opens a node's log for reading. It never blocks and follows no link.
///
/// # Errors
/// Where the file cannot be opened, and where it is not a regular file: [`io::ErrorKind::InvalidInput`], which says what to do.
pub fn open_node_log(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

/// Opens the log of a node that is to be started, and says how much may be written to it. A log that is there is continued, since
/// a node that is started again writes to the same.
pub(crate) fn prepare_log(path: &Path, limit_bytes: u64) -> io::Result<LogOrders> {
    let file = open_regular(path, OpenOptions::new().create(true).append(true))?;
    let length = file.metadata()?.len();
    let notice = format!(
        "\n[glomers: this log has reached its limit of {} MiB; what the node writes from here on is discarded]\n",
        limit_bytes >> 20
    );
    Ok(LogOrders { file, budget_bytes: limit_bytes.saturating_sub(length), notice })
}

/// The last lines of a log; none where it cannot be read.
pub(crate) fn last_lines_of_log(path: &Path) -> Vec<String> {
    let read_end = || {
        let mut file = open_node_log(path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES as u64)))?;
        let mut end = Vec::new();
        file.take(TAIL_BYTES as u64).read_to_end(&mut end)?;
        Ok::<_, io::Error>(end)
    };
    read_end().map(|end| last_lines(&end)).unwrap_or_default()
}

fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let opened =
        options.mode(0o644).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        // What open(2) says of a link that it does not follow, and of a pipe that nobody reads, or of a socket.
        Some(libc::ELOOP | libc::ENXIO) => not_regular(path),
        _ => error,
    })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular(path)) }
}

fn not_regular(path: &Path) -> io::Error {
    let what = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => "a symbolic link",
        Ok(metadata) if metadata.is_dir() => "a directory",
        _ => "a pipe, a socket or a device",
    };
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("expected a regular file, but it is {what} (did a node put it there?); remove it"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_a_regular_file_is_a_log() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("true"), "words\n").expect("the file can be written");
        symlink(path("true"), path("link")).expect("a link can be made");
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe can be made");
        let _socket = UnixListener::bind(path("socket")).expect("a socket can be made");
        std::fs::create_dir(path("directory")).expect("a directory can be made");
        symlink("/dev/zero", path("zeros")).expect("a link can be made");
        for name in ["link", "pipe", "socket", "directory", "zeros"] {
            assert!(open_node_log(&path(name)).is_err(), "{name}");
            assert!(prepare_log(&path(name), 1).is_err(), "{name}");
            assert!(last_lines_of_log(&path(name)).is_empty(), "{name}");
        }
        let message = open_node_log(&path("link")).expect_err("it is a link").to_string();
        assert!(message.contains("a symbolic link"), "{message}");
        assert_eq!(last_lines_of_log(&path("true")), ["words"]);
    }

    #[test]
    fn what_a_log_holds_counts_against_its_limit() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("n0.log");
        std::fs::write(&path, vec![b'x'; 100]).expect("the file can be written");
        assert_eq!(prepare_log(&path, 300).expect("it is a file").budget_bytes, 200);
        let sparse = File::create(&path).expect("the file can be written");
        sparse.set_len(1 << 40).expect("sparse files are free");
        assert_eq!(prepare_log(&path, 300).expect("it is a file").budget_bytes, 0);
        assert!(last_lines_of_log(&path)[0].chars().count() < 32 << 10);
    }
}
