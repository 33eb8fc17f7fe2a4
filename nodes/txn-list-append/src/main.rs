//! The transactional lists as a program.

use std::process::ExitCode;

use txn_list_append::ListServer;

fn main() -> ExitCode {
    glomers_node::run(ListServer::router)
}
