//! A program in lock step, as its caller holds it.

use std::io;
use std::marker::PhantomData;
use std::process::ExitStatus;

use crate::error::{StartError, StepError};
use crate::imp::{self, Tree};
use crate::outcome::{Counters, Notice, Output};
use crate::program::Program;

/// A running program with all its threads and child processes, which moves only inside [`step`](Process::step).
///
/// It belongs to the thread that started it (the kernel lets no other one control it), and one thread can hold many. Dropping it, or the
/// end of the thread or of this process, however it comes, kills the whole tree.
#[derive(Debug)]
pub struct Process {
    tree: Tree,
    /// Neither `Send` nor `Sync`.
    belongs_to_thread: PhantomData<*const ()>,
}

impl Process {
    /// Loads a program. It has not run a single instruction yet: it begins with the first step.
    ///
    /// Takes about as long as `fork` and `exec`.
    ///
    /// # Errors
    ///
    /// If there is no such program, if it cannot be executed, or if this system has no supervision or forbids it: each error says what to do.
    pub fn start(program: &Program) -> Result<Process, StartError> {
        Ok(Process { tree: Tree::start(program)?, belongs_to_thread: PhantomData })
    }

    /// Gives the program input at a point in virtual time, lets it run until all its threads wait, and appends what it printed.
    ///
    /// `now_ns` is the time since the start, in nanoseconds, and is all the time that the program sees. It stands still during the step. Sleeps
    /// and time-outs that end at or before it are over. Call it no later than at the [deadline](Process::deadline_ns); called later, the
    /// program finds that it overslept. The cost is what the program computes, and a few microseconds for each of its system calls that
    /// has to do with time, waiting or chance.
    ///
    /// A step of a program that has ended or is paused takes the input and does nothing.
    ///
    /// # Errors
    ///
    /// If the program does not come to rest within its [budget](Program::budget), or prints without end. What it printed so far is kept in
    /// `output`, and the program is left stopped: it can be stepped further, or killed.
    ///
    /// # Panics
    ///
    /// If `now_ns` is less than in an earlier step.
    pub fn step(&mut self, now_ns: u64, input: &[u8], output: &mut Output) -> Result<(), StepError> {
        self.tree.step(now_ns, input, output)
    }

    /// The time at which the program wants to go on by itself: the earliest end of a sleep, time-out or timer. `None` if it waits for input
    /// alone, is paused, or has ended.
    pub fn deadline_ns(&self) -> Option<u64> {
        self.tree.deadline_ns()
    }

    /// How the first process of the program ended, once it has. All others ended with it.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.tree.exit
    }

    /// Lets the program read end-of-file after the input that it has been given. Takes effect with the next step.
    pub fn close_input(&mut self) {
        self.tree.close_input();
    }

    /// How many bytes of its input the program has not read. After [`close_input`](Process::close_input) has taken
    /// effect, what was in the pipe no longer counts.
    ///
    /// Once it has ended, or closed its standard input, it never will read them.
    pub fn unread_input_bytes(&self) -> usize {
        self.tree.unread_input_bytes()
    }

    /// Whether the program can print no more: all its processes have closed their standard output. As of the last step.
    pub fn is_stdout_closed(&self) -> bool {
        self.tree.is_stdout_closed()
    }

    /// Whether the program can read no more, because all its processes have closed their standard input. Costs a system call.
    pub fn is_stdin_closed(&self) -> bool {
        self.tree.is_stdin_closed()
    }

    /// Kills every process of the program, as SIGKILL does, and waits until they are gone. Does nothing if it has ended.
    pub fn kill(&mut self) {
        self.tree.kill();
    }

    /// Stops the program as SIGSTOP does: time goes on, and it does not notice. Input is kept for it.
    pub fn pause(&mut self) {
        self.tree.is_paused = true;
    }

    /// Ends a pause. The next step, in which the program sees how late it is, may be due at once.
    pub fn resume(&mut self) {
        self.tree.is_paused = false;
    }

    /// Whether the program is paused.
    pub fn is_paused(&self) -> bool {
        self.tree.is_paused
    }

    /// What the program has done since it was started.
    pub fn counters(&self) -> &Counters {
        &self.tree.counters
    }

    /// What the program did that virtual time cannot fully answer for, in the order in which it was noticed.
    pub fn notices(&self) -> &[Notice] {
        &self.tree.notices
    }
}

/// Binds the calling thread to one CPU, for programs that are bound to the same one by [`Program::cpu`].
///
/// Supervisor and program take turns and never run at once, so on one CPU they hand over without waking another. How much that saves is for
/// the machine to say: on a virtual machine it may halve the cost of a trap.
///
/// # Errors
///
/// If there is no such CPU, or this process may not use it.
pub fn bind_this_thread(cpu: usize) -> io::Result<()> {
    imp::bind_this_thread(cpu)
}
