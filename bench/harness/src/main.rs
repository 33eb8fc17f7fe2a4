//! Runs Glomers and its peers side by side and prints what each one costs.
//!
//! - [`pipe`] compares echo nodes, each alone at the end of a pipe, with [`requests`] fed and every reply counted.
//! - [`workbench`] compares workbenches: how many messages they carry, and what a run adds to its nodes' work.
//! - [`checkers`] compares the checker of linearizability with Porcupine; [`growth`] shows what every checker takes as
//!   [`histories`] grow.
//! - [`usage`] is the measuring; [`table`] the printing.

mod checkers;
mod growth;
mod histories;
mod pipe;
mod requests;
mod table;
mod usage;
mod workbench;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Runs Glomers and its peers side by side. Paths are taken from the repository's root.")]
struct CommandLine {
    #[command(subcommand)]
    comparison: Comparison,
}

#[derive(Subcommand)]
enum Comparison {
    /// Echo nodes at the end of a pipe: requests a CPU second, and memory
    Pipe(pipe::Arguments),
    /// Workbenches at full speed: messages a second, CPU a message, and memory
    Throughput(workbench::Arguments),
    /// Linearizability beside Porcupine: the same histories, the same verdicts
    Checkers(checkers::Arguments),
    /// What each checker takes from a thousand operations to a million, as a table and a plot
    Growth(growth::Arguments),
    /// What a short run costs beyond its time limit, and what virtual time saves
    Overhead(workbench::Arguments),
}

fn main() -> Result<()> {
    match CommandLine::parse().comparison {
        Comparison::Pipe(arguments) => pipe::compare(&arguments),
        Comparison::Throughput(arguments) => workbench::compare_throughput(&arguments),
        Comparison::Checkers(arguments) => checkers::compare(&arguments),
        Comparison::Growth(arguments) => growth::measure(&arguments),
        Comparison::Overhead(arguments) => workbench::compare_overhead(&arguments),
    }
}
