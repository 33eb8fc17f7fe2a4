//! Broadcast as a program: `broadcast [--profile low-latency|low-traffic] [--interval-ms N]
//! [--acknowledge at-once|copied|stored] [--round-trip-ms N]`.

use std::process::ExitCode;

use broadcast::{BroadcastServer, Settings};

fn main() -> ExitCode {
    match Settings::from_arguments(std::env::args().skip(1)) {
        Ok(settings) => glomers_node::run(move |node| BroadcastServer::router(node, settings)),
        Err(error) => refuse(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "the log has not begun, and stderr is where a node speaks to people")]
fn refuse(sentence: &str) -> ExitCode {
    eprintln!("broadcast: {sentence}");
    ExitCode::from(254)
}
