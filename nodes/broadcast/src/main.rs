//! Broadcast as a program: `broadcast [--profile low-latency|low-traffic] [--interval-ms N]
//! [--acknowledge at-once|copied|stored] [--round-trip-ms N]`.

use std::process::ExitCode;

use broadcast::{BroadcastServer, Settings};

fn main() -> ExitCode {
    match Settings::from_arguments(std::env::args_os().skip(1)) {
        Ok(settings) => glomers_node::run(move |node| BroadcastServer::router(node, settings)),
        Err(error) => refuse(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the log has not begun, and stderr is where a node speaks to people")]
fn refuse(error: &lexopt::Error) -> ExitCode {
    eprintln!("broadcast: {error}");
    ExitCode::from(254)
}
