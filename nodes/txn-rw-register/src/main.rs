//! The transactional registers as a program.

use std::process::ExitCode;

use txn_rw_register::TransactionServer;

fn main() -> ExitCode {
    glomers_node::run(TransactionServer::router)
}
