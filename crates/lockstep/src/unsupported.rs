//! What stands in for supervision on systems that it has not been written for: nothing can be started, and the error says so.

use std::io;
use std::process::ExitStatus;

use crate::error::{StartError, StepError};
use crate::outcome::{Counters, Notice, Output};
use crate::program::Program;

/// There is none, so its methods are never called.
#[derive(Debug)]
pub(crate) struct Tree {
    never: std::convert::Infallible,
    pub(crate) exit: Option<ExitStatus>,
    pub(crate) is_paused: bool,
    pub(crate) counters: Counters,
    pub(crate) notices: Vec<Notice>,
}

impl Tree {
    pub(crate) fn start(_program: &Program) -> Result<Tree, StartError> {
        Err(StartError::Unsupported { os: std::env::consts::OS, architecture: std::env::consts::ARCH })
    }

    pub(crate) fn step(
        &mut self,
        _now_ns: u64,
        _input: &[u8],
        _output: &mut Output,
    ) -> Result<(), StepError> {
        match self.never {}
    }

    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        match self.never {}
    }

    pub(crate) fn close_input(&mut self) {
        match self.never {}
    }

    pub(crate) fn is_stdout_closed(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn is_stdin_closed(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn unread_input_bytes(&self) -> usize {
        match self.never {}
    }

    pub(crate) fn kill(&mut self) {
        match self.never {}
    }
}

pub(crate) fn bind_this_thread(_cpu: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
