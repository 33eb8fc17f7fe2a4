//! What a message costs: `cargo run --release --example cost -- MESSAGES CPU PROGRAM ARGUMENT…` sends lines to a program that answers each.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement is printed, and measures real time"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

use glomers_lockstep::{Output, Process, Program, bind_this_thread};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: cost MESSAGES CPU|any PROGRAM ARGUMENT…");
    let (count, cpu, path) = (next()?.parse::<u64>()?, next()?, next()?);
    let mut program = Program::new(path).arguments(arguments);
    if let Ok(cpu) = cpu.parse() {
        bind_this_thread(cpu)?;
        program = program.cpu(cpu);
    }
    let mut process = Process::start(&program)?;
    let mut output = Output::default();
    let mut now_ns = 0;
    // One message is not counted: it ends the program's start.
    process.step(now_ns, b"{\"warm\":\"up\"}\n", &mut output)?;
    while output.stdout.is_empty() {
        now_ns = process.deadline_ns().ok_or("the program does not answer")?;
        process.step(now_ns, b"", &mut output)?;
    }
    let before = *process.counters();
    let start = Instant::now();
    for number in 0..count {
        output.clear();
        now_ns += 1_000_000;
        while let Some(deadline_ns) = process.deadline_ns().filter(|&deadline_ns| deadline_ns < now_ns) {
            process.step(deadline_ns, b"", &mut output)?;
        }
        let line =
            format!("{{\"src\":\"c1\",\"dest\":\"n1\",\"body\":{{\"type\":\"echo\",\"echo\":{number}}}}}\n");
        process.step(now_ns, line.as_bytes(), &mut output)?;
        while output.stdout.is_empty() {
            now_ns = process.deadline_ns().ok_or_else(|| format!("message {number} is not answered"))?;
            process.step(now_ns, b"", &mut output)?;
        }
    }
    let elapsed_us = start.elapsed().as_secs_f64() * 1e6;
    let after = process.counters();
    let per_message = |before: u64, after: u64| (after - before) as f64 / count as f64;
    println!(
        "{:.1} us a message, {:.2} traps, {:.2} turns, {:.2} steps",
        elapsed_us / count as f64,
        per_message(before.traps, after.traps),
        per_message(before.turns, after.turns),
        per_message(before.steps, after.steps),
    );
    Ok(())
}
