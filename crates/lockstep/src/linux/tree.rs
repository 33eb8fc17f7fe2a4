//! A program with all its threads and child processes: the state, and the loop that gives the threads their turns.
//!
//! At any time every thread is stopped except one, or except those that the kernel itself keeps waiting. The program is quiet when no
//! thread is ready; then, and only then, time may move.

mod timers;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd;

use self::timers::Timers;
use super::chance::{Chance, Stream};
use super::launch::{Launched, forking, launch};
use super::sys::{self, Gone, Tid};
use super::thread::{EndedProcess, Id, Park, Resume, State, Thread, TracedProcess, Wait};
use super::watchdog::{Stopwatch, give_way};
use crate::error::{StartError, StepError};
use crate::outcome::{Counters, Notice, Output};
use crate::program::Program;

/// No kernel gives out ids this high (the limit is 2^22), so an id that the program sees cannot be mistaken for a stranger's.
const FIRST_ID: Id = 5_000_000;
/// What the first process is told is its parent.
pub(crate) const PARENT_ID: Id = FIRST_ID - 1;

#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) program: Program,
    pub(crate) now_ns: u64,
    pub(crate) threads: BTreeMap<Id, Thread>,
    pub(crate) processes: BTreeMap<Id, TracedProcess>,
    pub(crate) ended: Vec<EndedProcess>,
    pub(crate) root: Id,
    /// Threads whose state is `Ready`, in the order in which they became so.
    pub(crate) ready: Vec<Id>,
    pub(crate) next_id: Id,
    pub(crate) next_memory: u32,
    pub(crate) next_park: u64,
    /// Counts turns, and whatever else may change what a file has to offer.
    pub(crate) turn: u64,
    pub(crate) schedule: Chance,
    pub(crate) chance: Chance,
    pub(crate) timers: Timers,
    /// A parked thread may have a signal waiting for it.
    pub(crate) has_new_signals: bool,
    /// `None` when it is closed.
    stdin: Option<OwnedFd>,
    /// What is still to be written to it.
    input: Vec<u8>,
    stdout: OwnedFd,
    is_stdout_closed: bool,
    stderr: OwnedFd,
    buffer: Box<[u8]>,
    output: Output,
    is_closing_input: bool,
    /// What was to be read by a program that has closed its standard input.
    lost_input_bytes: usize,
    pub(crate) is_paused: bool,
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) counters: Counters,
    pub(crate) notices: Vec<Notice>,
    step_time: Stopwatch,
}

impl Tree {
    pub(crate) fn start(program: &Program) -> Result<Tree, StartError> {
        let Launched { tid, pidfd, stdin, stdout, stderr } = launch(program)?;
        let root = FIRST_ID + Chance::new(program.seed, Stream::Ids).below(1_000_000) as Id;
        let mut tree = Tree {
            program: program.clone(),
            now_ns: 0,
            threads: BTreeMap::from([(root, Thread::new(tid, root, 0))]),
            processes: BTreeMap::from([(root, TracedProcess { tid, pidfd, parent: PARENT_ID, memory: 0 })]),
            ended: Vec::new(),
            root,
            ready: vec![root],
            next_id: root + 1,
            next_memory: 1,
            next_park: 0,
            turn: 0,
            schedule: Chance::new(program.seed, Stream::Schedule),
            chance: Chance::new(program.seed, Stream::Program),
            timers: Timers::default(),
            has_new_signals: false,
            stdin: Some(stdin),
            input: Vec::new(),
            stdout,
            is_stdout_closed: false,
            stderr,
            buffer: vec![0; 64 << 10].into(),
            output: Output::default(),
            is_closing_input: false,
            lost_input_bytes: 0,
            is_paused: false,
            exit: None,
            counters: Counters::default(),
            notices: Vec::new(),
            step_time: Stopwatch::start(),
        };
        match tree.prepare_program(tid) {
            Ok(true) => Ok(tree),
            // Dropping the tree kills the program.
            Ok(false) => Err(StartError::Not64Bit { path: program.path.clone() }),
            Err(Gone) => Err(StartError::Io(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Gives the program its input and the time, and runs it until it is quiet.
    pub(crate) fn step(&mut self, now_ns: u64, input: &[u8], output: &mut Output) -> Result<(), StepError> {
        assert!(now_ns >= self.now_ns, "time went back from {} to {now_ns} ns", self.now_ns);
        self.counters.steps += 1;
        self.now_ns = now_ns;
        self.input.extend_from_slice(input);
        if self.exit.is_some() || self.is_paused {
            return Ok(());
        }
        self.step_time = Stopwatch::start();
        let result = self.run_until_quiet().and_then(|()| self.drain());
        self.counters.stdout_bytes += self.output.stdout.len() as u64;
        self.counters.stderr_bytes += self.output.stderr.len() as u64;
        output.append(&mut self.output);
        result
    }

    /// No more input will come: the program reads end-of-file after what it has been given.
    pub(crate) fn close_input(&mut self) {
        self.is_closing_input = true;
    }

    /// When the program has something to do even if it gets no input.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        if self.exit.is_some() || self.is_paused {
            return None;
        }
        if !self.ready.is_empty() {
            // It was started, or resumed, or a step was not brought to its end.
            return Some(self.now_ns);
        }
        let parked = self.threads.values().filter_map(|thread| match &thread.state {
            State::Parked(park) => park.deadline_ns,
            _ => None,
        });
        parked.chain(self.timers.deadline_ns()).min()
    }

    fn run_until_quiet(&mut self) -> Result<(), StepError> {
        self.turn += 1;
        while self.exit.is_none() {
            if self.has_new_signals {
                self.has_new_signals = false;
                self.look_at_signals();
            }
            if let Some(thread) = self.draw() {
                self.turn(thread)?;
                continue;
            }
            self.check_budget(None)?;
            self.feed()?;
            // The kernel first: a thread that it lets go on may give to a file what another waits for.
            if self.look_in_kernel()? || self.look_at_files() || self.fire_due() {
                continue;
            }
            return Ok(());
        }
        Ok(())
    }

    /// The next thread to run, drawn from the seed.
    fn draw(&mut self) -> Option<Id> {
        match self.ready.len() {
            0 => None,
            1 => self.ready.pop(),
            count => Some(self.ready.remove(self.schedule.below(count))),
        }
    }

    pub(crate) fn make_ready(&mut self, id: Id, resume: Resume) {
        if let Some(thread) = self.threads.get_mut(&id) {
            thread.state = State::Ready(resume);
            self.ready.push(id);
        }
    }

    pub(crate) fn thread(&self, id: Id) -> &Thread {
        &self.threads[&id]
    }

    pub(crate) fn thread_mut(&mut self, id: Id) -> &mut Thread {
        self.threads.get_mut(&id).expect("a thread that has the turn is known")
    }

    /// The kernel's ids of a thread's process and of the thread.
    pub(crate) fn tids(&self, id: Id) -> (Tid, Tid) {
        let thread = self.thread(id);
        (self.processes[&thread.process].tid, thread.tid)
    }

    pub(crate) fn park(&mut self, id: Id, wait: Wait, deadline_ns: Option<u64>, mask: Option<u64>) {
        self.next_park += 1;
        let park = Park { wait, deadline_ns, mask, sequence: self.next_park, checked_at_turn: self.turn };
        let is_pause = matches!(park.wait, Wait::Pause);
        let now_ns = self.now_ns;
        let thread = self.thread_mut(id);
        if !is_pause && park.deadline_ns.is_none_or(|deadline_ns| deadline_ns > now_ns) {
            thread.looks.forget();
        }
        thread.state = State::Parked(park);
        if self.has_new_signals {
            return;
        }
        // A signal that came while the thread ran and was blocked by it until this call.
        if mask.is_some() {
            self.has_new_signals = true;
        }
    }

    /// Wakes whoever's time is up; false if nobody's is.
    fn fire_due(&mut self) -> bool {
        let now_ns = self.now_ns;
        let mut due = self
            .threads
            .iter()
            .filter_map(|(&id, thread)| match &thread.state {
                State::Parked(Park { deadline_ns: Some(deadline_ns), sequence, .. })
                    if *deadline_ns <= now_ns =>
                {
                    Some((*deadline_ns, *sequence, id))
                }
                _ => None,
            })
            .collect::<Vec<_>>();
        due.sort_unstable();
        for &(_, _, id) in &due {
            let State::Parked(park) = &self.thread(id).state else { continue };
            let resume = match park.wait {
                Wait::Sleep => Resume::Return(0),
                Wait::Pause => Resume::Again,
                Wait::Futex { .. } => Resume::Return(-i64::from(libc::ETIMEDOUT)),
                Wait::Signal { .. } => Resume::Return(-i64::from(libc::EAGAIN)),
                Wait::Files(_) => {
                    self.thread_mut(id).expired_at_ns = Some(now_ns);
                    Resume::TimedOut
                }
                Wait::Child | Wait::Vfork(_) => unreachable!("these waits have no deadline"),
            };
            self.make_ready(id, resume);
        }
        self.counters.wakeups += due.len() as u64;
        let has_fired = self.fire_timers();
        !due.is_empty() || has_fired
    }

    /// Whether the program prints more, or takes longer, than it may in one step.
    pub(crate) fn check_budget(&mut self, running: Option<(Id, &str)>) -> Result<(), StepError> {
        let elapsed = self.step_time.elapsed();
        if elapsed <= self.program.budget {
            return Ok(());
        }
        let (thread, activity) = match running {
            Some((id, activity)) => (self.describe(id), activity.to_owned()),
            None => (self.describe(self.root), "passing the turn among its threads".to_owned()),
        };
        Err(StepError::OverBudget { thread, activity, elapsed })
    }

    /// What is left of the step's budget.
    pub(crate) fn remaining_budget(&self) -> Duration {
        self.program.budget.saturating_sub(self.step_time.elapsed())
    }

    /// A thread in words: its name, which programs set or inherit, and its id.
    pub(crate) fn describe(&self, id: Id) -> String {
        let (process, tid) = self.tids(id);
        let name = std::fs::read(format!("/proc/{process}/task/{tid}/comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name);
        format!("thread {id} ({})", name.trim_end().escape_debug())
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// Whether a thread that the kernel kept waiting has come back. Waits while one may be about to.
    fn look_in_kernel(&mut self) -> Result<bool, StepError> {
        let in_kernel = self.threads.iter().filter(|(_, thread)| matches!(thread.state, State::InKernel));
        let in_kernel = in_kernel.map(|(&id, _)| id).collect::<Vec<_>>();
        if in_kernel.is_empty() {
            return Ok(false);
        }
        self.turn += 1;
        loop {
            let mut has_news = false;
            let mut is_busy = false;
            for &id in &in_kernel {
                if !self.threads.contains_key(&id) {
                    continue;
                }
                let (process, tid) = self.tids(id);
                match sys::try_wait(tid) {
                    Some(status) => {
                        has_news = true;
                        self.came_back(id, status);
                    }
                    // Asleep now, and no report since: it sleeps still.
                    None => is_busy |= !super::watchdog::is_asleep(process, tid),
                }
            }
            if has_news || !is_busy {
                return Ok(has_news);
            }
            self.check_budget(None)?;
            give_way();
        }
    }

    /// Writes input for as long as the program's pipe takes it.
    fn feed(&mut self) -> Result<(), StepError> {
        let Some(stdin) = &self.stdin else {
            self.lose_input();
            return Ok(());
        };
        if !self.input.is_empty() {
            match unistd::write(stdin, &self.input) {
                Ok(count) => {
                    self.input.drain(..count);
                    self.turn += 1;
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                // Nobody will ever read it.
                Err(Errno::EPIPE) => {
                    self.lost_input_bytes += sys::unread_bytes(stdin);
                    self.stdin = None;
                    self.lose_input();
                }
                Err(error) => return Err(StepError::Io(error.into())),
            }
        }
        if self.is_closing_input && self.input.is_empty() && self.stdin.is_some() {
            let _guard = forking();
            self.stdin = None;
            self.turn += 1;
        }
        Ok(())
    }

    fn lose_input(&mut self) {
        self.lost_input_bytes += self.input.len();
        self.input.clear();
    }

    /// Whether no process of the program can print any more.
    pub(crate) fn is_stdout_closed(&self) -> bool {
        self.is_stdout_closed
    }

    /// Whether no process of the program can read any more.
    pub(crate) fn is_stdin_closed(&self) -> bool {
        let Some(stdin) = &self.stdin else { return !self.is_closing_input };
        let mut streams = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        poll(&mut streams, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// How much of its input the program has not read.
    pub(crate) fn unread_input_bytes(&self) -> usize {
        self.lost_input_bytes + self.input.len() + self.stdin.as_ref().map_or(0, sys::unread_bytes)
    }

    /// Takes what the program has printed.
    pub(crate) fn drain(&mut self) -> Result<(), StepError> {
        let mut streams = [
            PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.stderr.as_fd(), PollFlags::POLLIN),
        ];
        if poll(&mut streams, PollTimeout::ZERO).map_err(io::Error::from)? == 0 {
            return Ok(());
        }
        // Hung up, with nothing left to read.
        self.is_stdout_closed = streams[0].revents() == Some(PollFlags::POLLHUP);
        let has_data =
            |stream: &PollFd<'_>| stream.revents().is_some_and(|events| events.contains(PollFlags::POLLIN));
        let [from_stdout, from_stderr] = [has_data(&streams[0]), has_data(&streams[1])];
        if from_stdout {
            read_available(&self.stdout, &mut self.buffer, &mut self.output.stdout)?;
        }
        if from_stderr {
            read_available(&self.stderr, &mut self.buffer, &mut self.output.stderr)?;
        }
        let limit = self.program.output_limit;
        if self.output.stdout.len().max(self.output.stderr.len()) > limit {
            return Err(StepError::OutputLimit { limit });
        }
        Ok(())
    }

    /// How much the program has printed in this step, as far as it has been taken.
    pub(crate) fn output_length(&self) -> usize {
        self.output.stdout.len() + self.output.stderr.len()
    }

    /// Kills all processes of the program, and waits for their end.
    pub(crate) fn kill(&mut self) {
        self.kill_all();
        if self.exit.is_none() {
            self.exit = Some(ExitStatus::from_raw(libc::SIGKILL));
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads what is there. A short read says that a pipe is empty, so there is no need to ask once more.
fn read_available(stream: &OwnedFd, buffer: &mut [u8], into: &mut Vec<u8>) -> Result<(), StepError> {
    loop {
        match unistd::read(stream, buffer) {
            Ok(count) => {
                into.write_all(&buffer[..count])?;
                if count < buffer.len() {
                    return Ok(());
                }
            }
            Err(Errno::EAGAIN) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(StepError::Io(error.into())),
        }
    }
}
