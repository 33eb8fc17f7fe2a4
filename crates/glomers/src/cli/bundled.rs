//! The nodes that come with the workbench, as programs beside it.

use std::path::{Path, PathBuf};

use super::exit::CliError;

/// A bundled node's program.
///
/// # Errors
/// How to build it, where it is not there.
pub(crate) fn program(name: &str, directory: Option<&Path>) -> Result<PathBuf, CliError> {
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let directory = directory.map(Path::to_owned).or(beside).unwrap_or_default();
    let path = directory.join(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(CliError::Program {
        problem: "a bundled node has not been built",
        path,
        advice: format!(
            "`cargo build --release --package {name}` builds it beside the workbench; --bin names a node of your own, --nodes another \
             directory."
        ),
    })
}
