//! Runs a program under virtual time and shows what it prints: `cargo run --example run -- SECONDS SEED PROGRAM ARGUMENT…`.
//!
//! With `LOCKSTEP_CPU=1` in the environment, supervisor and program are bound to CPU 1.
#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "an example shows on a terminal how long it took"
)]

use std::error::Error;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use glomers_lockstep::{Output, Process, Program};

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
    let mut next = || arguments.next().ok_or("usage: run SECONDS SEED PROGRAM ARGUMENT…");
    let (seconds, seed, path) = (next()?.parse::<f64>()?, next()?.parse::<u64>()?, next()?);
    let limit_ns = (seconds * 1e9) as u64;
    let mut program = Program::new(path).arguments(arguments).seed(seed);
    if let Some(cpu) = std::env::var("LOCKSTEP_CPU").ok().and_then(|cpu| cpu.parse().ok()) {
        glomers_lockstep::bind_this_thread(cpu)?;
        program = program.cpu(cpu);
    }
    let mut process = Process::start(&program)?;
    let mut input = Vec::new();
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        std::io::stdin().read_to_end(&mut input)?;
    }
    process.close_input();

    let start = Instant::now();
    let mut now_ns = 0;
    let mut output = Output::default();
    let result = loop {
        let result = process.step(now_ns, &input, &mut output);
        input.clear();
        std::io::stdout().write_all(&output.stdout)?;
        std::io::stderr().write_all(&output.stderr)?;
        output.clear();
        if result.is_err() {
            break result;
        }
        match process.deadline_ns() {
            Some(deadline_ns) if deadline_ns <= limit_ns => now_ns = deadline_ns.max(now_ns),
            _ => break Ok(()),
        }
    };
    let real_s = start.elapsed().as_secs_f64();
    eprintln!("{:?} after {} ns, {real_s:.3} s of real time", process.exit_status(), now_ns);
    eprintln!("{:?}", process.counters());
    for notice in process.notices() {
        eprintln!("notice: {notice}");
    }
    Ok(result?)
}
