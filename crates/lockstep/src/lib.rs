//! Runs an unmodified program, in whatever language, under virtual time, with its threads in turn and its chance from a seed.
//!
//! A program that is started here has the interface of a state machine: [`step`](Process::step) takes the time and bytes for standard
//! input, and gives the bytes that the program printed before it fell quiet; [`deadline_ns`](Process::deadline_ns) says when the program
//! wants to go on by itself. Between two steps not one of its instructions runs. So a simulation can own its clock: twenty seconds of sleep
//! take as long as the steps around them, and two runs with equal inputs are equal.
//!
//! ```
//! use glomers_lockstep::{Output, Process, Program, StartError};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let program = Program::new("sh").arguments(["-c", "sleep 3600; echo an hour later; read line; echo got $line"]);
//! let mut process = match Process::start(&program) {
//!     Ok(process) => process,
//!     // Not every system can, and the error says what is missing.
//!     Err(error @ (StartError::Unsupported { .. } | StartError::Forbidden { .. })) => return Ok(eprintln!("{error}")),
//!     Err(error) => return Err(error.into()),
//! };
//! let mut output = Output::default();
//! process.step(0, b"", &mut output)?;
//! assert_eq!(process.deadline_ns(), Some(3600 * 1_000_000_000));
//!
//! process.step(3600 * 1_000_000_000, b"", &mut output)?;
//! assert_eq!(output.stdout, b"an hour later\n");
//! assert_eq!(process.deadline_ns(), None); // It waits for input alone.
//!
//! output.clear();
//! process.step(3601 * 1_000_000_000, b"hello\n", &mut output)?;
//! assert_eq!(output.stdout, b"got hello\n");
//! assert!(process.exit_status().is_some_and(|status| status.success()));
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! The program runs under `ptrace`, with a seccomp filter that stops a thread at the system calls that have to do with time, waiting,
//! chance, threads and ids. All other calls run in the kernel at full speed.
//!
//! - **Time.** A clock is read from the caller's time. The vDSO, which would answer without a system call, is hidden. Sleeps and timers
//!   never reach the kernel: the thread stays in its stop until its deadline.
//! - **Waiting.** A thread that waits for a lock, a file or a child stays in its stop as well. The supervisor keeps the queues of futexes
//!   itself. About files it asks without waiting, when another thread has had a turn or input has come. So the program is quiet when no
//!   thread is ready, which is known without asking the kernel.
//! - **Turns.** One thread of the whole process tree runs at a time, until it waits, yields or ends. Which of those that are ready comes
//!   next is drawn from the seed, so that each seed is one schedule. Time stands still meanwhile, so no time slice ever ends.
//! - **Chance.** `getrandom`, `/dev/random`, `/dev/urandom` and the random bytes that the kernel gives each program (from which Go, Python
//!   and others seed their hashes) come from the seed. Addresses are not randomised. Ids of processes and threads are given out here.
//!   The number of CPUs is the caller's to choose.
//! - **Children.** What the program forks and executes is followed: wrapper scripts, shells, `vfork`, static binaries.
//!   When its first process ends, or the [`Process`] is dropped, or this process dies, all of them are killed.
//!
//! A program that spins until the clock moves is given time, in small steps. One that computes for longer than its
//! [budget](Program::budget) of real time is an error that names the thread. A wait that the supervisor does not see through (a file
//! lock, say) is found after some 30 ms by a thread that watches; the other threads of the program go on, and [`Notice`] says so.
//!
//! # What is promised
//!
//! On x86-64 Linux 5.11 or newer, for a program whose threads meet at system calls and that talks to nobody outside its process tree: equal
//! [`Program`]s, files and steps give equal output, byte for byte. This holds for the runtimes of C, Go, Python, Node.js, Java and Ruby,
//! whose racing threads are in the tests.
//!
//! # What is not
//!
//! - **Other systems.** Elsewhere, and where the system forbids `ptrace`, [`Process::start`] fails with a sentence that says what to do.
//! - **Data races.** Only one thread runs, and it is changed only at system calls, so a race between plain memory accesses is never seen.
//!   A race detector finds those.
//! - **Spinning on memory.** A thread that waits for another one in a loop without system calls waits for ever, until its budget ends it.
//! - **The processor's own chance.** The instructions RDRAND and RDSEED (`std::random_device` of GNU C++ uses them) ask nobody.
//!   The time-stamp counter shows real time unless [`Program::virtual_counter`] is on.
//! - **The network.** What comes through a socket from outside comes in real time, and a program that waits for it looks quiet.
//!   Between processes of one tree sockets work.
//! - **Addresses on the stack** lie below the path of the program, its arguments and its environment, so they move with the lengths of these.
//!   Some runtimes (Ruby's is one) mix such an address into their random seeds: give two runs that are to be equal the same of each, `PWD`
//!   included.
//! - **CPU time.** The clocks of CPU time show virtual time, and timers that measure it never go off.
//! - **What `/proc` and `/sys` say**, the times of files, the sizes of memory, and `/proc` paths made from an id, since ids are not
//!   the kernel's.
//! - **Rare calls.** Waits on System V and POSIX message queues and semaphores take real time. Priority-inheriting mutexes, `futex_waitv` and
//!   `io_uring` are refused as by a kernel that lacks them, robust mutexes do not notice that their owner died, and `signalfd` does not wake
//!   `poll`. Stop signals are ignored. Programs gain no privileges from set-user-id files. 32-bit code is refused.
//!
//! # What it costs
//!
//! Each trapped call costs two switches between program and supervisor, some 5 to 10 µs. A message to a single-threaded program that reads,
//! computes and writes takes one or two of them: 15 to 30 µs in C, Python and Ruby on a quiet virtual machine, 120 µs in Go and 95 µs in Node.js,
//! whose runtimes make about ten such calls. Bind supervisor and program to one CPU for that ([`Program::cpu`],
//! [`bind_this_thread`]): with two, each switch wakes another CPU and costs three times as much. Waiting costs nothing.
//!
//! # Threads
//!
//! The kernel lets only the thread that attached control a tracee, so a [`Process`] stays on the thread that started it. One thread can hold
//! many, and several threads can each hold their own: what they do does not depend on each other.
//!
//! # Modules, in reading order
//!
//! `program` says what to run, `process` is what the caller holds, `outcome` and `error` what comes of it. `linux` is the supervisor:
//! `tree` the state and the loop, `turn` one turn of a thread, `launch` its start, `family` births and deaths; then one file for
//! each kind of call. `sys`, `launch` and the processor's file under `arch` are where the machine is touched; all `unsafe` is in the first two.

mod error;
mod outcome;
mod process;
mod program;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use linux as imp;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod unsupported;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
use unsupported as imp;

pub use error::{StartError, StepError};
pub use outcome::{Counters, Notice, Output};
pub use process::{Process, bind_this_thread};
pub use program::Program;
