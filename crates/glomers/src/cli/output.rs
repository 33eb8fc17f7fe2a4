//! The one place that writes to stdout and stderr.
//!
//! Results go to stdout: where they can't be written, the command fails. Everything else goes to stderr, where a full disk or a closed
//! terminal must not end a run. Macros that panic in both cases are forbidden by `clippy.toml`.

use std::io::{self, Write};

/// Stdout can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write to stdout: {0}. The results are in the store.")]
pub struct OutputError(#[source] io::Error);

/// Prints results on stdout, in colour where that is a terminal. A closed pipe, as in `glomers doc | head`, is not an error.
///
/// # Errors
/// When stdout can't be written, such as on a full disk.
pub(crate) fn print(text: &str) -> Result<(), OutputError> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError(error)),
        _ => Ok(()),
    }
}

/// Prints a line on stderr, if it can be written.
pub(crate) fn note(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
