//! The linearizable store as a program.

use std::process::ExitCode;

use lin_kv::LinKvServer;

fn main() -> ExitCode {
    glomers_node::run(LinKvServer::router)
}
