//! Ids of threads and processes. The kernel gives them out as it likes; the program sees ids that are the same in every run.

use std::os::fd::AsFd;

use nix::libc;

use super::arch::Registers;
use super::memory::{read_u32, write_i32};
use super::sys::{self, Tid};
use super::thread::{After, CallError, Id, Saved, Verdict};
use super::tree::{PARENT_ID, Tree};

impl Tree {
    /// The id that the program knows a thread or process of its own by. Errors, groups and strangers stay as they are.
    pub(crate) fn id_of(&self, tid: i64) -> i64 {
        if tid <= 0 {
            return tid;
        }
        if tid == i64::from(std::process::id()) {
            return i64::from(PARENT_ID);
        }
        let running = self.threads.iter().find(|(_, thread)| i64::from(thread.tid) == tid).map(|(&id, _)| id);
        let ended = || self.ended.iter().find(|ended| i64::from(ended.tid) == tid).map(|ended| ended.id);
        running.or_else(ended).map_or(tid, i64::from)
    }

    /// The kernel's id for one that the program knows; a negative one is that of a process group.
    fn tid_of(&self, id: u64) -> u64 {
        let id = id as Tid;
        let wanted = id.saturating_abs();
        let ended = || self.ended.iter().find(|ended| ended.id == wanted).map(|ended| ended.tid);
        let found = self.threads.get(&wanted).map(|thread| thread.tid).or_else(ended);
        // To the kernel this is an `int`, so the upper half does not matter.
        found.map_or(id, |tid| if id < 0 { -tid } else { tid }) as u32 as u64
    }

    /// Puts the kernel's ids into these arguments.
    pub(crate) fn translate(&self, registers: &mut Registers, arguments: &[usize]) {
        for &argument in arguments {
            let id = registers.argument(argument);
            registers.set_argument(argument, self.tid_of(id));
        }
    }

    pub(crate) fn takes_ids(
        &mut self,
        id: Id,
        registers: &mut Registers,
        arguments: &[usize],
    ) -> Result<Verdict, CallError> {
        let original = Saved::of(registers);
        self.translate(registers, arguments);
        if arguments
            .iter()
            .all(|&argument| registers.argument(argument) as u32 == original.argument(argument) as u32)
        {
            return Ok(Verdict::Execute);
        }
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(After::Restore { original }))
    }

    pub(crate) fn returns_id(
        &mut self,
        id: Id,
        registers: &mut Registers,
        argument: Option<usize>,
    ) -> Result<Verdict, CallError> {
        let original = Saved::of(registers);
        self.translate(registers, argument.as_slice());
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(After::RestoreAndTranslate { original }))
    }

    /// Makes the call without waiting; what it returns says whether it must wait.
    pub(crate) fn wait4(&mut self, id: Id, registers: &mut Registers) -> Result<Verdict, CallError> {
        let original = Saved::of(registers);
        self.translate(registers, &[0]);
        registers.set_argument(2, registers.argument(2) | libc::WNOHANG as u64);
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(After::Wait4 { original }))
    }

    pub(crate) fn waitid(&mut self, id: Id, registers: &mut Registers) -> Result<Verdict, CallError> {
        let original = Saved::of(registers);
        let by_descriptor = libc::P_PIDFD as u64;
        if registers.argument(0) != by_descriptor {
            self.translate(registers, &[1]);
        }
        if registers.argument(2) == 0 {
            // Without a place for the answer there is no telling whether a child was found: the kernel waits.
            registers.store(self.thread(id).tid)?;
            return Ok(Verdict::ExecuteThen(After::Restore { original }));
        }
        registers.set_argument(3, registers.argument(3) | libc::WNOHANG as u64);
        registers.store(self.thread(id).tid)?;
        Ok(Verdict::ExecuteThen(After::Waitid { original }))
    }

    /// A wait has reported this process: the program may have collected it.
    pub(crate) fn forget_collected(&mut self) {
        self.ended.retain(|ended| !sys::reap(ended.pidfd.as_fd()));
    }

    /// `waitid` without waiting says "no child" by leaving the id in its answer 0. True if it must wait.
    pub(crate) fn finish_waitid(&mut self, id: Id, original: &Saved, result: i64) -> bool {
        const OFFSET_OF_PID: u64 = 16;
        let info = original.argument(2);
        if result != 0 || info == 0 {
            return false;
        }
        let tid = self.thread(id).tid;
        let Ok(child) = read_u32(tid, info + OFFSET_OF_PID) else { return false };
        if child == 0 {
            return original.argument(3) as i32 & libc::WNOHANG == 0;
        }
        // The address was good a moment ago, and nothing of the program has run since.
        let _fault = write_i32(tid, info + OFFSET_OF_PID, self.id_of(i64::from(child)) as Id);
        self.forget_collected();
        false
    }
}
