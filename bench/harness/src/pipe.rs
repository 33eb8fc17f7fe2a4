//! Echo nodes, each alone at the end of a pipe.

use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    process::{ChildStdout, Command, Stdio},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{
    requests::{Answers, check_init_ok, write_echoes, write_init},
    table::{Table, median_by, number, ratio},
    usage::Usage,
};

/// As much as a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many requests each node is sent; a node with a share of them says so in its row
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// How often each node runs; the nodes take turns, and the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

struct Peer {
    name: &'static str,
    program: &'static str,
    /// It is sent one request in so many, so that a slow one does not take all day.
    share: u64,
}

/// To which the others are compared.
const OURS: &str = "glomers-node";

const PEERS: [Peer; 4] = [
    Peer { name: OURS, program: "target/release/echo", share: 1 },
    Peer { name: "Maelstrom's Go library", program: "bench/target/go-echo", share: 10 },
    // It reads faster than it answers and holds what waits: all the requests would take gigabytes.
    Peer { name: "maelstrom-node crate", program: "bench/target/release/maelstrom-node-echo", share: 10 },
    Peer { name: "bare loop", program: "bench/target/release/bare-echo", share: 1 },
];

pub(crate) fn compare(arguments: &Arguments) -> Result<()> {
    let mut runs: Vec<(&Peer, PathBuf, Vec<Run>)> = Vec::new();
    for peer in &PEERS {
        match Path::new(peer.program).canonicalize() {
            Ok(program) => runs.push((peer, program, Vec::new())),
            Err(error) => eprintln!("skipped: {} ({}: {error})", peer.name, peer.program),
        }
    }
    for _ in 0..arguments.rounds {
        for (peer, program, runs) in &mut runs {
            let requests = (arguments.requests / peer.share).max(1);
            runs.push(run(program, requests).with_context(|| format!("measuring {}", peer.name))?);
        }
    }

    let mut table = Table::new(
        "Echo nodes at the end of a pipe",
        &[
            "node",
            "requests",
            "per CPU second",
            "lowest to highest",
            "of that system",
            "peak MiB",
            "wall s",
            "ours is",
        ],
    );
    let mut ours = None;
    for (peer, _, runs) in &mut runs {
        let run = median_by(runs, Run::per_cpu_second);
        let (lowest, highest) = (runs[0], runs[runs.len() - 1]);
        if peer.name == OURS {
            ours = Some(run.per_cpu_second());
        }
        table.row([
            peer.name.to_owned(),
            number(run.requests as f64),
            number(run.per_cpu_second()),
            format!("{} to {}", number(lowest.per_cpu_second()), number(highest.per_cpu_second())),
            format!("{:.0} %", 100.0 * run.usage.system_cpu.as_secs_f64() / run.usage.cpu.as_secs_f64()),
            format!("{:.1}", run.usage.peak_rss_mib()),
            format!("{:.2}", run.usage.wall.as_secs_f64()),
            ours.map_or_else(String::new, |ours| ratio(ours / run.per_cpu_second())),
        ]);
    }
    table.print();
    Ok(())
}

#[derive(Clone, Copy)]
struct Run {
    requests: u64,
    usage: Usage,
}

impl Run {
    fn per_cpu_second(&self) -> f64 {
        self.requests as f64 / self.usage.cpu.as_secs_f64()
    }
}

/// Feeds a node and checks what it answers, each on a thread of its own so that neither pipe ever waits for the other.
fn run(program: &Path, requests: u64) -> Result<Run> {
    let started = Instant::now();
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    let mut input = BufWriter::with_capacity(PIPE_BYTES, child.stdin.take().context("stdin was asked for")?);
    let mut output =
        BufReader::with_capacity(PIPE_BYTES, child.stdout.take().context("stdout was asked for")?);

    let answered = (|| -> Result<()> {
        write_init(&mut input)?;
        input.flush()?;
        let mut init_ok = Vec::new();
        output.read_until(b'\n', &mut init_ok)?;
        check_init_ok(&init_ok)?;
        thread::scope(|scope| -> Result<()> {
            let writer = scope.spawn(|| write_echoes(&mut input, requests).and_then(|()| input.flush()));
            let read = read_answers(&mut output, requests);
            if read.is_err() {
                // Or the writer would wait for a reader that has given up.
                child.kill()?;
            }
            let written = writer.join().expect("writing does not panic");
            read?;
            Ok(written?)
        })
    })();
    // Its end of input, at which a node ends.
    drop(input);
    drop(output);
    let usage = Usage::of(child, started)?;
    answered?;
    Ok(Run { requests, usage })
}

fn read_answers(output: &mut BufReader<ChildStdout>, requests: u64) -> Result<()> {
    let mut answers = Answers::awaited(requests);
    let mut line = Vec::new();
    while answers.left() > 0 {
        line.clear();
        output.read_until(b'\n', &mut line)?;
        ensure!(
            !line.is_empty(),
            "it closed its stdout with {} of {requests} requests unanswered",
            answers.left()
        );
        answers.take(&line)?;
    }
    Ok(())
}
