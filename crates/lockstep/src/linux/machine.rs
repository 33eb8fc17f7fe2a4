//! What a program asks about the machine: how many CPUs there are, and on which one it is.

use std::io;

use nix::libc;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::arch::Registers;
use super::memory::write_i32;
use super::sys;
use super::thread::{CallError, Id, Verdict};
use super::tree::Tree;

/// Binds the calling thread to one CPU.
pub(crate) fn bind_this_thread(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

impl Tree {
    /// The thread is on the first CPU, of the first node of memory.
    pub(crate) fn getcpu(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        for address in [registers.argument(0), registers.argument(1)] {
            if address != 0 {
                write_i32(tid, address, 0)?;
            }
        }
        Ok(Verdict::Return(0))
    }

    /// The thread may run on each of the CPUs that the program was promised.
    pub(crate) fn get_affinity(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let [size, address] = [registers.argument(1), registers.argument(2)];
        let count = self.program.cpu_count;
        let needed = count.div_ceil(64) * 8;
        if (size as usize) < needed || size % 8 != 0 {
            return Err(CallError::Errno(libc::EINVAL));
        }
        let mut mask = vec![0_u8; needed];
        for cpu in 0..count {
            mask[cpu / 8] |= 1 << (cpu % 8);
        }
        sys::write_memory(self.thread(id).tid, address, &mask)?;
        Ok(Verdict::Return(needed as i64))
    }
}
