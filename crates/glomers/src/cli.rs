//! The command line: parses the arguments, runs the command, and sets the exit status.

mod bundled;
mod challenge;
mod check;
mod exit;
mod explain;
mod output;
mod progress;
mod replay;
mod results;
mod serve;
mod settings;
mod shrink;
mod sweep;
mod terminal;
mod test;
mod values;
mod watched;
mod why;

use clap::{Parser, Subcommand};
pub use exit::{CliError, ExitStatus};

/// The workbench's command line.
#[derive(Debug, Parser)]
#[command(
    name = "glomers",
    version,
    about = "Runs the nodes of a distributed system on a simulated network and checks whether they are correct.",
    after_help = "Exit status: 0 all valid, 1 some invalid, 2 some unknown, 130 interrupted, 254 bad arguments, 255 internal error.",
    max_term_width = 100,
    args_override_self = true
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a workload on your nodes, and check the history.
    Test(Box<test::TestArguments>),
    /// Run a test with many seeds under virtual time, and group what fails.
    Sweep(Box<sweep::SweepArguments>),
    /// Make a failed run as small as it can be, under virtual time.
    Shrink(shrink::ShrinkArguments),
    /// Repeat a run operation by operation, under virtual time.
    Replay(replay::ReplayArguments),
    /// Check existing histories (of Glomers, Maelstrom, Jepsen, Knossos, Porcupine, or your own).
    Check(Box<check::CheckArguments>),
    /// Run the official command of a Gossip Glomers challenge, and check its targets.
    Challenge(challenge::ChallengeArguments),
    /// Run every bundled node on its workload.
    Demo(challenge::DemoArguments),
    /// Tell what happened to what a run's findings speak of: which messages carried it, and where it was lost.
    Why(why::WhyArguments),
    /// Show the runs in the store as web pages.
    Serve(serve::ServeArguments),
    /// Explain what a service guarantees, with examples, or what a fault does.
    Explain(explain::ExplainArguments),
    /// Print the protocol: workloads, faults, services, error codes.
    Doc,
}

/// Runs the command line of this process, prints its output, and returns the exit status.
pub fn main() -> ExitStatus {
    let arguments: Vec<String> = match collect_arguments() {
        Ok(arguments) => arguments,
        Err(error) => return error.report(),
    };
    let command_line = match CommandLine::try_parse_from(&arguments) {
        Ok(command_line) => command_line,
        Err(error) => {
            // Help and the version are printed on request; everything else is a mistake in the arguments.
            let status = if error.use_stderr() { ExitStatus::BadArguments } else { ExitStatus::Valid };
            let _ = error.print();
            return status;
        }
    };
    show_warnings(&command_line.command);
    let result = match command_line.command {
        Command::Test(test) => test.run(&arguments),
        Command::Sweep(sweep) => sweep.run(&arguments),
        Command::Shrink(shrink) => shrink.run(&arguments),
        Command::Replay(replay) => replay.run(&arguments),
        Command::Check(check) => check.run(),
        Command::Challenge(challenge) => challenge.run(),
        Command::Demo(demo) => demo.run(),
        Command::Why(why) => why.run(),
        Command::Serve(serve) => serve.run(),
        Command::Explain(explain) => explain.run(),
        Command::Doc => {
            output::print(&crate::doc::protocol_page()).map(|()| ExitStatus::Valid).map_err(CliError::from)
        }
    };
    result.unwrap_or_else(|error| error.report())
}

/// Shows the workbench's own warnings on stderr, such as a guard process that is gone. `GLOMERS_LOG` is for the nodes and has no effect here.
/// Commands with thousands of runs show none: what matters of them is in the verdicts.
fn show_warnings(command: &Command) {
    let has_many_runs = matches!(command, Command::Sweep(_) | Command::Shrink(_));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(if has_many_runs { tracing::Level::ERROR } else { tracing::Level::WARN })
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .without_time()
        .with_target(false)
        .finish();
    // This fails if a test has set another subscriber, which then shows them.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The arguments as text, unless a dash that a web page or a word processor has replaced is among them.
fn collect_arguments() -> Result<Vec<String>, CliError> {
    let mut arguments = Vec::new();
    for argument in std::env::args_os() {
        arguments.push(
            argument.into_string().map_err(|argument| CliError::NotText {
                argument: argument.to_string_lossy().into_owned(),
            })?,
        );
    }
    let options_end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    match arguments[..options_end].iter().find(|argument| argument.starts_with(['–', '—', '−'])) {
        Some(argument) => Err(CliError::WrongDash {
            argument: argument.clone(),
            meant: format!("--{}", argument.trim_start_matches(['–', '—', '−', '-'])),
        }),
        None => Ok(arguments),
    }
}
