//! The counter as a program.

use std::process::ExitCode;

use g_counter::GCounterServer;

fn main() -> ExitCode {
    glomers_node::run(GCounterServer::router)
}
