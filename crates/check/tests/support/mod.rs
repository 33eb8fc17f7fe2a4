//! Recorded histories and verdicts, which live outside the repository.

use std::path::{Path, PathBuf};

/// A folder of the recorded verdicts: below `GLOMERS_CONFORMANCE`, or below `../shared/conformance` beside the
/// repository. Without it, it says that the test is skipped.
pub(crate) fn conformance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GLOMERS_CONFORMANCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
        PathBuf::from,
    );
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    {
        println!("SKIPPED: no recorded verdicts at {} (set GLOMERS_CONFORMANCE)", path.display());
    }
    None
}
