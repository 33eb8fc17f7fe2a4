//! What some tests need beyond Rust, make and a C compiler, and how they say that they were skipped. Each test program that needs it
//! includes this file as a module.

use std::{
    env,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
    thread,
};

/// Says that the calling test is skipped, and why.
///
/// `make test` counts the skipped tests by the file that `GLOMERS_SKIPPED_TESTS` names.
///
/// # Panics
/// With `GLOMERS_NO_SKIPS` set: then no test may be skipped.
pub(crate) fn skip(reason: &str) {
    let thread = thread::current();
    let line = format!("{}: {reason}", thread.name().unwrap_or("a test"));
    assert!(env::var_os("GLOMERS_NO_SKIPS").is_none(), "GLOMERS_NO_SKIPS is set, but {line}");
    let _ = writeln!(io::stderr(), "skipped {line}");
    if let Some(path) = env::var_os("GLOMERS_SKIPPED_TESTS") {
        let file = OpenOptions::new().append(true).create(true).open(path);
        // One write, so that the lines of tests that run at the same time do not mix.
        file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
            .expect("the list of skipped tests can be written");
    }
}

/// A folder of recorded histories and verdicts, which are not part of the repository: below `GLOMERS_CONFORMANCE`, or below
/// `shared/conformance` beside the checkout. Without it the calling test is skipped.
pub(crate) fn recorded_verdicts(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let path = env::var_os("GLOMERS_CONFORMANCE").map_or(beside, PathBuf::from).join(folder);
    if path.is_dir() {
        return Some(path);
    }
    skip(&format!("no recorded verdicts at {} (GLOMERS_CONFORMANCE names another place)", path.display()));
    None
}

/// Whether a program is installed: whether it succeeds with `argument`, such as `--version`. If not, the calling test is skipped.
pub(crate) fn is_installed(program: &str, argument: &str) -> bool {
    let is_there = Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success());
    if !is_there {
        skip(&format!("{program} is not installed"));
    }
    is_there
}
