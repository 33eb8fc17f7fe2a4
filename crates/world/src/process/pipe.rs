//! How much of a pipe is still unread.
#![expect(unsafe_code, reason = "nix has no safe FIONREAD, and ioctl is unsafe by signature")]

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

/// The pipes are made this large where the system permits, so that a burst costs few switches between processes.
pub(super) const PIPE_BYTES: i32 = 256 << 10;

/// How many bytes were written into the pipe and not read from it. Linux answers at both ends, and after the last reader is gone.
pub(crate) fn unread_bytes(pipe: BorrowedFd<'_>) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: the descriptor is open for as long as it is borrowed, and FIONREAD writes one int, which `count` is.
    let result = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut count) };
    if result == 0 { usize::try_from(count).unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Read, Write};
    use std::os::fd::AsFd;

    use super::unread_bytes;

    #[test]
    fn what_was_not_read_is_counted_also_when_nobody_reads_any_more() {
        let (mut reader, mut writer) = io::pipe().expect("the system has a pipe");
        writer.write_all(b"0123456789").expect("the pipe takes ten bytes");
        reader.read_exact(&mut [0; 4]).expect("four bytes are there");
        assert_eq!(unread_bytes(writer.as_fd()), 6);
        drop(reader);
        assert_eq!(unread_bytes(writer.as_fd()), 6);
    }
}
