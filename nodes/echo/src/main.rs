//! Echo as a program.

use std::process::ExitCode;

use echo::EchoServer;

fn main() -> ExitCode {
    glomers_node::run(EchoServer::router)
}
