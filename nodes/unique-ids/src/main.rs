//! The generator of ids as a program.

use std::process::ExitCode;

use unique_ids::UniqueIdServer;

fn main() -> ExitCode {
    glomers_node::run(UniqueIdServer::router)
}
