//! A program in lock step: it runs under the world's virtual clock, and only inside the world's steps.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use glomers_lockstep::{Notice, Output, Process, Program, StartError, StepError, bind_this_thread};
use glomers_node::{NodeId, Time};

use crate::network::Arrival;
use crate::options::Limits;
use crate::process::{
    InputBuffer, LogEnd, LogOrders, Overflow, Printed, ProcessSpec, SEED_VARIABLE, SpawnError, explain,
    foreign_format, prepare_log,
};

/// Variables that say where and how this program was started, not what its nodes are to do. Runs from two directories or shells would differ
/// by them.
const LEFT_OUT: [&str; 5] = ["PWD", "OLDPWD", "SHLVL", "_", "GLOMERS_NODE_SEED"];

/// How much a program may print without waiting: the longest line that is read, and so much more.
const OUTPUT_BEYOND_LINE_BYTES: usize = 1 << 20;

/// A program under virtual time, and what is on its way to and from it.
#[derive(Debug)]
pub(crate) struct LockstepHost {
    process: Process,
    pub(crate) printed: Printed,
    pub(crate) input: InputBuffer,
    /// Whether messages are being dropped because the program does not read.
    pub(crate) is_overflowing: bool,
    /// The one wake-up of this host among the timers that counts; others are stale.
    pub(crate) armed: Option<Time>,
    /// Whether the program has closed its standard input, as far as the world has noticed.
    pub(crate) is_input_closed: bool,
    /// Whether it has closed its standard output, as far as the world has noticed.
    pub(crate) is_output_closed: bool,
    /// Whether the host stands in the world's list of those to step.
    pub(crate) is_dirty: bool,
    started_at: Time,
    log: VirtualLog,
    output: Output,
    /// How many of its notices the world has been told of.
    told_notices: usize,
    /// The wake-ups that the last look at them counted, and when that was.
    wakeups: (u64, Time),
}

impl LockstepHost {
    /// Loads the program. It begins to run with its first step.
    pub(crate) fn start(
        node: &NodeId,
        spec: &ProcessSpec,
        seed: u64,
        node_seed: u64,
        now: Time,
        limits: Limits,
    ) -> Result<Self, SpawnError> {
        let system = |source| SpawnError::System { node: node.clone(), source };
        let path = std::path::absolute(&spec.program).map_err(system)?;
        if let Some(what) = foreign_format(&path) {
            return Err(SpawnError::WrongFormat { node: node.clone(), program: path, what });
        }
        let orders = prepare_log(&spec.log_file, limits.log_bytes).map_err(|source| SpawnError::LogFile {
            node: node.clone(),
            log_file: spec.log_file.clone(),
            source,
        })?;
        let defaults = Program::new(&path);
        let clock_start_ns = defaults.unix_start_ns() + now.as_ns();
        let mut program = defaults
            .arguments(&spec.arguments)
            .directory(&spec.directory)
            .clear_environment()
            .seed(seed)
            .unix_time_ns(clock_start_ns)
            .output_limit(limits.line_bytes + OUTPUT_BEYOND_LINE_BYTES)
            .variable("PWD", &spec.directory)
            .variable(SEED_VARIABLE, node_seed.to_string());
        let is_kept = |name: &OsString| !LEFT_OUT.iter().any(|left_out| *name == **left_out);
        for (name, value) in env::vars_os().filter(|(name, _)| is_kept(name)) {
            program = program.variable(name, value);
        }
        if let Some(cpu) = shared_cpu() {
            program = program.cpu(cpu);
        }
        let process = Process::start(&program).map_err(|source| match source {
            StartError::Exec { error, .. } => explain(node, &path, &spec.directory, error),
            source => SpawnError::Lockstep { node: node.clone(), source: Box::new(source) },
        })?;
        Ok(Self {
            process,
            printed: Printed::new(limits.line_bytes),
            input: InputBuffer::without_pipe(limits.input_bytes),
            is_overflowing: false,
            is_input_closed: false,
            is_output_closed: false,
            armed: None,
            is_dirty: false,
            started_at: now,
            log: VirtualLog::new(orders, spec.log_file.clone()),
            output: Output::default(),
            told_notices: 0,
            wakeups: (0, now),
        })
    }

    /// Appends a message to what the program is to read at its next step.
    pub(crate) fn push(
        &mut self,
        arrival: &Arrival,
        src: &str,
        dest: &str,
        body: &str,
    ) -> Result<(), Overflow> {
        self.input.push(arrival, self.process.unread_input_bytes(), src, dest, body)
    }

    /// Lets the program run until it waits, with the input that `delivered` is told of. Returns what it printed on stdout.
    pub(crate) fn step(
        &mut self,
        now: Time,
        delivered: impl FnMut(&Arrival, &str),
    ) -> (Vec<u8>, Result<(), StepError>) {
        let mut bytes = Vec::new();
        let written = self.input.write_to(&mut bytes, delivered);
        debug_assert!(written.is_ok(), "memory takes whatever is written");
        let result =
            self.process.step(now.since(self.started_at).as_nanos() as u64, &bytes, &mut self.output);
        self.input.forget_read(self.process.unread_input_bytes());
        self.log.write(now, &self.output.stderr);
        let stdout = std::mem::take(&mut self.output.stdout);
        self.output.clear();
        (stdout, result)
    }

    /// Gives back the memory of what it printed.
    pub(crate) fn recycle(&mut self, mut stdout: Vec<u8>) {
        const KEPT_BYTES: usize = 1 << 20;
        stdout.clear();
        stdout.shrink_to(KEPT_BYTES);
        self.output.stdout = stdout;
    }

    /// When the program wants to go on by itself.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.process.deadline_ns().map(|ns| self.started_at + std::time::Duration::from_nanos(ns))
    }

    /// How it ended, if it has.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    pub(crate) fn pause(&mut self) {
        self.process.pause();
    }

    pub(crate) fn resume(&mut self) {
        self.process.resume();
    }

    /// Whether it has closed its standard input, and its standard output, since the last look.
    pub(crate) fn take_closed_streams(&mut self) -> [bool; 2] {
        let is_input_closed = self.is_input_closed || self.process.is_stdin_closed();
        let is_output_closed = self.is_output_closed || self.process.is_stdout_closed();
        let had_input = !std::mem::replace(&mut self.is_input_closed, is_input_closed);
        let had_output = !std::mem::replace(&mut self.is_output_closed, is_output_closed);
        [is_input_closed && had_input, is_output_closed && had_output]
    }

    /// What the program has not read and never will: of what was written to it, and of what still waits.
    pub(crate) fn abandon_input(&mut self) -> (Vec<Arrival>, Vec<Arrival>) {
        let unread_bytes = self.process.unread_input_bytes();
        self.input.abandon(unread_bytes)
    }

    pub(crate) fn log_file(&self) -> &Path {
        &self.log.path
    }

    /// Why nothing more is written to its log, said once.
    pub(crate) fn take_log_end(&mut self) -> Option<LogEnd> {
        self.log.end.take()
    }

    /// What virtual time cannot answer for, and the world has not been told of.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        let notices = self.process.notices();
        let new = notices[self.told_notices.min(notices.len())..].to_vec();
        self.told_notices = notices.len();
        new
    }

    /// How often the program woke up in the last whole second of virtual time; none before that is over.
    pub(crate) fn wakeups_per_s(&mut self, now: Time) -> Option<u64> {
        let (count, since) = self.wakeups;
        let elapsed = now.since(since);
        if elapsed.as_secs() == 0 {
            return None;
        }
        let total = self.process.counters().wakeups;
        self.wakeups = (total, now);
        Some(((total - count) as f64 / elapsed.as_secs_f64()) as u64)
    }
}

/// The CPU on which this thread and all programs in lock step run. They take turns, so a second CPU would only have to be woken each time.
/// None where the system does not say.
fn shared_cpu() -> Option<usize> {
    thread_local! {
        static CPU: Option<usize> = {
            let cpu = nix::sched::sched_getcpu().ok();
            cpu.filter(|cpu| bind_this_thread(*cpu).is_ok())
        };
    }
    CPU.with(|cpu| *cpu)
}

/// Binds the calling thread to the CPU of that number among those that it may use, counted around. Worlds with programs in lock step are fastest
/// on one CPU each, so several threads with such worlds should be bound to different ones before they start their first program.
pub fn bind_worker_thread(number: usize) {
    let Ok(allowed) = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)) else { return };
    let cpus: Vec<usize> =
        (0..nix::sched::CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect();
    if let Some(cpu) = cpus.get(number % cpus.len().max(1)) {
        // Unbound it works as well, only slower.
        let _ = bind_this_thread(*cpu);
    }
}

/// A node's log under virtual time: each line begins with the time of the run.
#[derive(Debug)]
struct VirtualLog {
    orders: Option<LogOrders>,
    path: PathBuf,
    is_line_begun: bool,
    end: Option<LogEnd>,
}

impl VirtualLog {
    fn new(orders: LogOrders, path: PathBuf) -> Self {
        Self { orders: Some(orders), path, is_line_begun: false, end: None }
    }

    fn write(&mut self, now: Time, bytes: &[u8]) {
        let Some(orders) = self.orders.as_mut().filter(|_| !bytes.is_empty()) else { return };
        let mut text = Vec::with_capacity(bytes.len() + 16);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.is_line_begun {
                let seconds = now.as_ns() as f64 / 1e9;
                // Writing to memory can't fail.
                let _ = write!(text, "[{seconds:.6}] ");
            }
            text.extend_from_slice(line);
            self.is_line_begun = !line.ends_with(b"\n");
        }
        let room = usize::try_from(orders.budget_bytes).unwrap_or(usize::MAX);
        let is_full = text.len() > room;
        text.truncate(room);
        orders.budget_bytes -= text.len() as u64;
        if is_full {
            text.extend_from_slice(orders.notice.as_bytes());
        }
        let written: io::Result<()> = orders.file.write_all(&text);
        self.end = match written {
            Err(error) => Some(LogEnd::Unwritable(error.to_string())),
            Ok(()) if is_full => Some(LogEnd::Full),
            Ok(()) => return,
        };
        self.orders = None;
    }
}
