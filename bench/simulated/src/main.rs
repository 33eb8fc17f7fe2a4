//! The echo test under virtual time, as a program of its own so that its time and memory can be told from the harness's.
//!
//! `simulated-echo SECONDS` runs the test for so many virtual seconds and prints how many operations there were.

use std::{env, process::ExitCode, time::Duration};

use glomers_check::OperationKind;
use glomers_workbench::Simulation;

fn main() -> ExitCode {
    let Some(seconds) = env::args().nth(1).and_then(|argument| argument.parse().ok()) else {
        eprintln!("simulated-echo SECONDS");
        return ExitCode::from(254);
    };
    let outcome = Simulation::new("echo")
        .node_count(1)
        .time_limit(Duration::from_secs(seconds))
        .run(echo::EchoServer::router);
    outcome.assert_valid();
    println!(
        "{}",
        outcome.history.iter().filter(|operation| operation.kind == OperationKind::Invoke).count()
    );
    ExitCode::SUCCESS
}
