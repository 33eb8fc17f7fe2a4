//! The `glomers` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    glomers::cli::main().into()
}
