//! The grow-only set as a program.

use std::process::ExitCode;

use g_set::GSetServer;

fn main() -> ExitCode {
    glomers_node::run(GSetServer::router)
}
