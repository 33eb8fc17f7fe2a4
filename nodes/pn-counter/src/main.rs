//! The counter as a program.

use std::process::ExitCode;

use pn_counter::PnCounterServer;

fn main() -> ExitCode {
    glomers_node::run(PnCounterServer::router)
}
