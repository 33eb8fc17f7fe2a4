//! The core on stdin and stdout.
//!
//! There is no runtime and no second thread. While no timer is armed, the driver blocks in `read`; while one
//! is, it polls until it is due. Each burst of input is one `read` and, if it leads to any output, one
//! `write`.

mod lines;

use std::env;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use glomers_protocol::{Envelope, text, write_envelope};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use thiserror::Error;
use tracing::Level;

use crate::{CoreOptions, Input, Node, NodeCore, Outputs, Random, Router, Storage, Time, init_logging};
use lines::LineBuffer;

/// Runs a node on stdin and stdout until stdin ends. `start` makes the server when the init message has come.
///
/// When stdin ends, handlers that still run have five seconds to finish; spawned tasks are dropped. A line that is not a message is
/// logged and skipped. The exit status is 0, or 1 when stdin or stdout failed, for example because stdout was closed.
///
/// The random numbers of the node come from the seed in `GLOMERS_NODE_SEED` and its id; without that variable
/// they differ from run to run. Its [`Storage`] is in the directory that `GLOMERS_DATA_DIR` names, and without it in a fresh one. The log goes to stderr: see [`init_logging`].
pub fn run<S: 'static>(start: impl FnOnce(Node) -> Router<S> + 'static) -> ExitCode {
    init_logging();
    let mut core =
        NodeCore::new(CoreOptions { random: Random::derive(seed(), "node"), storage: storage() }, start);
    // Not from the seed, which is the same when a node is started again. At most 48 bits, which every JSON parser reads exactly.
    core.set_first_msg_id((entropy() >> 16) + 1);
    match Driver::new(core, io::stdin(), io::stdout()).run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The variable that names the node's own directory. The workbench sets it, and gives a node that it starts again the same one.
const DATA_DIRECTORY: &str = "GLOMERS_DATA_DIR";

/// Files in the node's own directory. Without one, in a fresh directory among the temporary ones, so that no run finds another's files.
fn storage() -> Storage {
    match env::var_os(DATA_DIRECTORY).filter(|path| !path.is_empty()) {
        Some(path) => Storage::in_directory(path),
        None => Storage::in_directory(env::temp_dir().join(format!("glomers-node-{:016x}", entropy()))),
    }
}

/// How long handlers may go on after the end of stdin: as long as a client of the workbench waits for a reply.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
enum DriveError {
    #[error("stdin cannot be read: {0}")]
    Input(#[source] io::Error),
    #[error("stdout cannot be written, so this node cannot be heard: {0}")]
    Output(#[source] io::Error),
}

struct Driver<I, O> {
    core: NodeCore,
    outputs: Outputs,
    input: Descriptor<I>,
    output: Descriptor<O>,
    lines: LineBuffer,
    /// The lines of one burst, until they are written.
    text: Vec<u8>,
    clock: Clock,
}

impl<I: AsFd, O: AsFd> Driver<I, O> {
    fn new(core: NodeCore, input: I, output: O) -> Self {
        Self {
            core,
            outputs: Outputs::new(),
            input: Descriptor(input),
            output: Descriptor(output),
            lines: LineBuffer::new(),
            text: Vec::new(),
            clock: Clock::start(),
        }
    }

    fn run(mut self) -> Result<(), DriveError> {
        while self.read_burst()? {
            self.step_lines();
            self.write_burst()?;
        }
        if let Some(line) = self.lines.take_rest() {
            self.step_line(self.clock.now(), &line);
            self.write_burst()?;
        }
        self.finish_handlers()
    }

    /// Waits for input while timers fire; `false` at its end.
    fn read_burst(&mut self) -> Result<bool, DriveError> {
        loop {
            if let Some(deadline) = self.core.deadline()
                && !self.is_readable_before(deadline)?
            {
                self.tick()?;
                continue;
            }
            match self.lines.read_from(&mut self.input) {
                Ok(count) => return Ok(count > 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Somebody else has made the pipe non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_for(&self.input.0, PollFlags::POLLIN).map_err(DriveError::Input)?;
                }
                Err(error) => return Err(DriveError::Input(error)),
            }
        }
    }

    fn is_readable_before(&self, deadline: Time) -> Result<bool, DriveError> {
        let timeout = poll_timeout(deadline.since(self.clock.now()));
        let mut watched = [PollFd::new(self.input.0.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, timeout) {
            Ok(count) => Ok(count > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(DriveError::Input(error.into())),
        }
    }

    fn tick(&mut self) -> Result<(), DriveError> {
        self.core.step(self.clock.now(), Input::Tick, &mut self.outputs);
        self.collect_outputs("");
        self.write_burst()
    }

    fn step_lines(&mut self) {
        // One look at the clock for the whole burst: its lines came together.
        let now = self.clock.now();
        let mut lines = std::mem::take(&mut self.lines);
        while let Some(line) = lines.next_line() {
            self.step_line(now, line);
        }
        self.lines = lines;
    }

    fn step_line(&mut self, now: Time, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            let line = String::from_utf8_lossy(line);
            tracing::error!(
                "skipping a line that is not UTF-8: {}",
                text::excerpt(line.as_bytes(), text::EXCERPT_CHARS)
            );
            return;
        };
        tracing::debug!("Received {line}");
        let envelope = match Envelope::parse(line) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::error!(
                    "skipping a line that is not a message: {error}; the line is {}",
                    text::excerpt(line.as_bytes(), text::EXCERPT_CHARS)
                );
                return;
            }
        };
        let input = Input::Message { src: &envelope.src, dest: &envelope.dest, body: envelope.body };
        self.core.step(now, input, &mut self.outputs);
        self.collect_outputs(&envelope.dest);
    }

    /// Turns what the core sent into lines. Before init the node has no name, and answers under the one it was addressed by.
    fn collect_outputs(&mut self, name_before_init: &str) {
        if self.outputs.is_empty() {
            return;
        }
        let src = self.core.id().map_or(name_before_init, |id| id.as_str());
        let is_logged = tracing::enabled!(Level::DEBUG);
        for output in self.outputs.iter() {
            let start = self.text.len();
            write_envelope(&mut self.text, None, src, output.dest.as_str(), output.body.as_bytes());
            if is_logged {
                tracing::debug!("Sent {}", String::from_utf8_lossy(self.text[start..].trim_ascii_end()));
            }
        }
        self.outputs.clear();
    }

    fn write_burst(&mut self) -> Result<(), DriveError> {
        /// A burst that was larger gives its memory back.
        const KEPT_BYTES: usize = 1 << 20;
        let mut rest = self.text.as_slice();
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait_for(&self.output.0, PollFlags::POLLOUT).map_err(DriveError::Output)?;
                }
                Err(error) => return Err(DriveError::Output(error)),
            }
        }
        self.text.clear();
        self.text.shrink_to(KEPT_BYTES);
        Ok(())
    }

    /// Input has ended: only timers can still wake a handler.
    fn finish_handlers(&mut self) -> Result<(), DriveError> {
        let end = self.clock.now() + SHUTDOWN_GRACE;
        while !self.core.is_answered() {
            let now = self.clock.now();
            let Some(deadline) = self.core.deadline().filter(|_| now < end) else {
                tracing::warn!("stdin has ended; giving up handlers that still wait for messages");
                break;
            };
            // Waits only; an interrupted wait is made up for by the next.
            let _ = poll(&mut [], poll_timeout(deadline.min(end).since(now)));
            self.tick()?;
        }
        Ok(())
    }
}

/// A file descriptor as it is: what the standard library puts around stdin and stdout reads ahead and writes line by line.
struct Descriptor<F>(F);

impl<F: AsFd> Read for Descriptor<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(nix::unistd::read(&self.0, buffer)?)
    }
}

impl<F: AsFd> Write for Descriptor<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(nix::unistd::write(&self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The time since the node began.
struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the driver is where real time enters the core")]
    fn start() -> Self {
        Self { start: Instant::now() }
    }

    fn now(&self) -> Time {
        Time::ZERO + self.start.elapsed()
    }
}

/// Rounds up, so that a timer is due when the wait ends.
fn poll_timeout(duration: Duration) -> PollTimeout {
    let ms = duration.as_nanos().div_ceil(1_000_000);
    PollTimeout::from(u16::try_from(ms).unwrap_or(u16::MAX))
}

fn wait_for(descriptor: &impl AsFd, event: PollFlags) -> io::Result<()> {
    match poll(&mut [PollFd::new(descriptor.as_fd(), event)], PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn seed() -> u64 {
    let Ok(text) = env::var("GLOMERS_NODE_SEED") else { return entropy() };
    text.parse().unwrap_or_else(|error| {
        let expected = "an integer from 0 to 2^64 - 1";
        tracing::error!(
            "GLOMERS_NODE_SEED is {text:?}, expected {expected} ({error}); drawing a seed instead"
        );
        entropy()
    })
}

/// The keys that std draws for its hash maps are the entropy that needs no other crate.
fn entropy() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests;
