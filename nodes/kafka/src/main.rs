//! The kafka node as a program.

use std::process::ExitCode;

use kafka::Broker;

fn main() -> ExitCode {
    glomers_node::run(Broker::router)
}
