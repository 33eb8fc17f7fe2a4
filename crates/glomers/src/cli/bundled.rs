//! The programs of the bundled nodes, which lie beside the workbench.

use std::path::{Path, PathBuf};

use super::exit::CliError;

/// A bundled node's program.
///
/// # Errors
/// If the program does not exist; the error says how to build it.
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
            "Build it with `cargo build --release --package {name}`, name its directory with --nodes, or name your own node with --bin."
        ),
    })
}
