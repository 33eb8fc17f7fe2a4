//! How threads and processes begin, execute programs and end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::libc;

use super::arch::{self, CloneArguments, Registers};
use super::call::Call;
use super::memory::{read_u64, read_words, write_i32, write_words};
use super::sys::{self, Gone, Status, Tid, Until};
use super::thread::{
    After, CallError, EndedProcess, FutexKey, Id, Resume, State, Thread, TracedProcess, Verdict, Wait,
};
use super::tree::Tree;
use super::turn::Flow;
use super::watchdog;
use crate::error::StepError;
use crate::outcome::Notice;

impl Tree {
    /// Sees to it that the new thread cannot be hidden from the supervisor.
    pub(crate) fn clone3(&mut self, id: Id, registers: &Registers) -> Result<Verdict, CallError> {
        let tid = self.thread(id).tid;
        let flags = read_u64(tid, registers.argument(0))?;
        if flags & libc::CLONE_UNTRACED as u64 != 0 {
            write_words(tid, registers.argument(0), [flags & !(libc::CLONE_UNTRACED as u64)])?;
        }
        Ok(Verdict::Execute)
    }

    /// A thread or process has been created by `id`, which is stopped inside the call. The new one stops before its first instruction.
    pub(crate) fn on_cloned(&mut self, id: Id) -> Result<Flow, Gone> {
        let tid = self.thread(id).tid;
        let new_tid = sys::event_message(tid)?;
        let registers = Registers::of(tid)?;
        let arguments = clone_arguments(tid, &registers);
        let has = |flag: libc::c_int| arguments.flags & flag as u64 != 0;
        let creator = self.thread(id).process;

        let child = self.next_id;
        self.next_id += 1;
        self.counters.threads += 1;
        if let Status::Ended { .. } | Status::Unknown = sys::wait(new_tid) {
            // Killed as it was born, together with its creator.
            return Err(Gone);
        }
        let process = if has(libc::CLONE_THREAD) { creator } else { child };
        if process == child {
            let Ok(pidfd) = sys::open_pidfd(new_tid) else {
                // To its parent it looks like a child that died at once.
                self.notice(Notice::TooManyProcesses);
                sys::kill(new_tid, libc::SIGKILL);
                wait_for_end(new_tid);
                sys::resume(tid, Until::Trap, 0)?;
                return Ok(Flow::Runs(id));
            };
            let memory =
                if has(libc::CLONE_VM) { self.processes[&creator].memory } else { self.new_memory() };
            let parent = if has(libc::CLONE_PARENT) { self.processes[&creator].parent } else { creator };
            self.processes.insert(child, TracedProcess { tid: new_tid, pidfd, parent, memory });
        }
        let clear_tid = if has(libc::CLONE_CHILD_CLEARTID) { arguments.child_tid } else { 0 };
        self.threads.insert(child, Thread::new(new_tid, process, clear_tid));
        self.ready.push(child);
        // The kernel has written its own id to both places; a bad address is as little an error here as there.
        if has(libc::CLONE_PARENT_SETTID) {
            let _fault = write_i32(tid, arguments.parent_tid, child);
        }
        if has(libc::CLONE_CHILD_SETTID) {
            let _fault = write_i32(new_tid, arguments.child_tid, child);
        }

        self.thread_mut(id).after = Some(After::Cloned { child });
        if has(libc::CLONE_VFORK) {
            self.park(id, Wait::Vfork(child), None, None);
            return Ok(Flow::Stands);
        }
        sys::resume(tid, Until::CallBoundary, 0)?;
        Ok(Flow::Runs(id))
    }

    fn new_memory(&mut self) -> u32 {
        self.next_memory += 1;
        self.next_memory
    }

    /// Lets a thread execute a program. The kernel first ends all other threads of the process, and waits until each has been reaped.
    pub(crate) fn execute(&mut self, id: Id) -> Result<Id, Gone> {
        let (leader_tid, tid) = self.tids(id);
        let process = self.thread(id).process;
        let others = self.threads_of(process).into_iter().filter(|&other| other != id).collect::<Vec<_>>();
        if others.is_empty() {
            sys::resume(tid, Until::Trap, 0)?;
            return Ok(id);
        }
        sys::resume(tid, Until::CallBoundary, 0)?;
        // It is reported under the id of the first thread, which passes to the one that executes.
        'exec: loop {
            for &other in &others {
                let Some(other_tid) = self.threads.get(&other).map(|thread| thread.tid) else { continue };
                match sys::try_wait(other_tid) {
                    Some(Status::Executed) => break 'exec,
                    // The new program could not be loaded, when it was too late to go back to the old one.
                    Some(Status::Ended { raw_status }) if other_tid == leader_tid => {
                        self.forget_process(process, raw_status);
                        return Err(Gone);
                    }
                    Some(Status::Ended { .. } | Status::Unknown) => self.forget_thread(other),
                    Some(_) => {
                        let _gone = sys::resume(other_tid, Until::Trap, 0);
                    }
                    None => {}
                }
            }
            match sys::try_wait(tid) {
                // It failed, and no thread was harmed.
                Some(Status::CallBoundary) => {
                    sys::resume(tid, Until::Trap, 0)?;
                    return Ok(id);
                }
                Some(Status::Executed) => break,
                // Killed on the way.
                Some(Status::Ending) => {
                    sys::resume(tid, Until::Trap, 0)?;
                    return Ok(id);
                }
                Some(Status::Ended { raw_status }) if tid == leader_tid => {
                    self.forget_process(process, raw_status);
                    return Err(Gone);
                }
                _ => {}
            }
            watchdog::give_way();
        }
        for other in others {
            self.forget_thread(other);
        }
        self.forget_thread(id);
        let mut thread = Thread::new(leader_tid, process, 0);
        thread.state = State::Running;
        self.threads.insert(process, thread);
        // A 32-bit program dies at its first call, and is noticed then.
        let _is_native = self.prepare_program(leader_tid);
        self.after_exec(process);
        sys::resume(leader_tid, Until::Trap, 0)?;
        Ok(process)
    }

    /// The only thread of a process has executed a program, and is stopped before the first instruction of it.
    pub(crate) fn on_executed(&mut self, id: Id) -> Result<Id, StepError> {
        let tid = self.thread(id).tid;
        if let Ok(false) = self.prepare_program(tid) {
            self.make_ready(id, Resume::Go);
            return Err(StepError::Not64Bit { process: self.describe(id) });
        }
        self.after_exec(self.thread(id).process);
        // If it was killed meanwhile, waiting for it says so.
        let _gone = sys::resume(tid, Until::Trap, 0);
        Ok(id)
    }

    fn after_exec(&mut self, process: Id) {
        let memory = self.new_memory();
        if let Some(process) = self.processes.get_mut(&process) {
            process.memory = memory;
        }
        if let Some(thread) = self.threads.get_mut(&process) {
            thread.clear_tid = 0;
            thread.after = None;
            thread.kept = None;
        }
        self.timers.forget_posix(process);
        self.release_vfork(process);
    }

    /// Hides the vDSO, so that the program asks for the time by system calls, and replaces the random bytes that the kernel gave it.
    /// False for a program that is not 64-bit.
    pub(crate) fn prepare_program(&mut self, tid: Tid) -> Result<bool, Gone> {
        let registers = Registers::of(tid)?;
        if registers.is_32_bit() {
            return Ok(false);
        }
        let mut random = [0; 16];
        self.chance.fill(&mut random);
        // A stack that cannot be read is that of a process being killed.
        prepare_stack(tid, registers.stack(), random).map_err(|_| Gone)?;
        Ok(true)
    }

    /// A thread ends itself. Returns it if that is still to be waited for.
    pub(crate) fn exit_thread(&mut self, id: Id) -> Result<Option<Id>, Gone> {
        let (leader_tid, tid) = self.tids(id);
        let process = self.thread(id).process;
        self.thread_mut(id).is_exiting = true;
        sys::resume(tid, Until::Trap, 0)?;
        let is_last = !self.threads_of(process).into_iter().any(|other| other != id && self.is_alive(other));
        if tid != leader_tid || is_last {
            return Ok(Some(id));
        }
        while !matches!(sys::wait(tid), Status::Ending | Status::Unknown) {
            sys::resume(tid, Until::Trap, 0)?;
        }
        sys::resume(tid, Until::Trap, 0)?;
        // The kernel reports the end of a first thread only after that of all others.
        while !watchdog::is_zombie(leader_tid, tid) {
            watchdog::give_way();
        }
        self.thread_mut(id).state = State::Ended;
        self.wake_joiner(id);
        Ok(None)
    }

    fn is_alive(&self, id: Id) -> bool {
        !matches!(self.thread(id).state, State::Ended)
    }

    /// A process ends itself, with all its threads.
    pub(crate) fn exit_process(&mut self, id: Id) -> Result<(), Gone> {
        let process = self.thread(id).process;
        sys::resume(self.thread(id).tid, Until::Trap, 0)?;
        self.reap_process(process);
        Ok(())
    }

    /// A thread is about to end. That of a first thread is reported only when all others have been reaped, so if its process ends with it,
    /// the others come first.
    pub(crate) fn on_ending(&mut self, id: Id) -> Result<Flow, Gone> {
        let (leader_tid, tid) = self.tids(id);
        sys::resume(tid, Until::Trap, 0)?;
        if tid == leader_tid && !self.thread(id).is_exiting {
            self.reap_process(self.thread(id).process);
            return Ok(Flow::Stands);
        }
        Ok(Flow::Runs(id))
    }

    /// A thread has ended and been reaped.
    pub(crate) fn on_ended(&mut self, id: Id, raw_status: i32) {
        let (leader_tid, tid) = self.tids(id);
        let process = self.thread(id).process;
        if tid == leader_tid {
            // It is reaped last, so the process is over.
            self.forget_process(process, raw_status);
        } else if libc::WIFSIGNALED(raw_status) {
            self.end_process(process);
        } else {
            self.wake_joiner(id);
            self.forget_thread(id);
            // A first thread that ended before can be reaped after the last of the others.
            let rest = self.threads_of(process);
            if !rest.iter().any(|&other| self.is_alive(other)) {
                self.reap_process(process);
            }
        }
    }

    /// The kernel sets the word that a joiner waits on to 0 when a thread ends, and would wake it.
    fn wake_joiner(&mut self, id: Id) {
        let thread = self.thread(id);
        let address = thread.clear_tid;
        let memory = self.processes[&thread.process].memory;
        if address != 0 {
            self.wake(FutexKey::Private { memory, address }, 1, u32::MAX);
        }
    }

    /// Kills a process, if it is not on its way to its end, and reaps it.
    pub(crate) fn end_process(&mut self, process: Id) {
        self.send_sigkill(process);
        self.reap_process(process);
    }

    fn send_sigkill(&self, process: Id) {
        let Some(traced) = self.processes.get(&process) else { return };
        sys::kill(traced.tid, libc::SIGKILL);
        // A thread that has already reported that it is about to end stays in that stop, signal or not. Any other dies wherever it goes.
        for id in self.threads_of(process) {
            let _gone = sys::resume(self.thread(id).tid, Until::Trap, 0);
        }
    }

    /// Waits for the end of all threads of a process that is ending.
    fn reap_process(&mut self, process: Id) {
        let Some(leader_tid) = self.processes.get(&process).map(|process| process.tid) else { return };
        for id in self.threads_of(process) {
            let tid = self.thread(id).tid;
            if tid != leader_tid {
                wait_for_end(tid);
            }
        }
        let raw_status = wait_for_end(leader_tid);
        self.forget_process(process, raw_status);
    }

    fn forget_process(&mut self, process: Id, raw_status: i32) {
        for id in self.threads_of(process) {
            self.forget_thread(id);
        }
        if let Some(TracedProcess { tid, pidfd, .. }) = self.processes.remove(&process) {
            self.ended.push(EndedProcess { id: process, tid, pidfd });
        }
        self.timers.forget(process);
        self.release_vfork(process);
        for orphan in self.processes.values_mut().filter(|other| other.parent == process) {
            orphan.parent = 1;
        }
        // What it has not collected becomes a child of this process (see `launch`), which collects it here.
        self.forget_collected();
        if libc::WIFSIGNALED(raw_status) && libc::WTERMSIG(raw_status) == libc::SIGSYS {
            self.notice(Notice::ForeignCall);
        }
        if process == self.root {
            self.exit = Some(ExitStatus::from_raw(raw_status));
            // What it printed last must be taken before the pipes are forgotten; an error has no one left to tell.
            let _result = self.drain();
            if !self.processes.is_empty() {
                self.notice(Notice::KilledRemainingProcesses { count: self.processes.len() });
            }
            self.kill_all();
            return;
        }
        if libc::WIFSIGNALED(raw_status) && libc::WTERMSIG(raw_status) == libc::SIGKILL {
            // It may have killed its whole group, and itself with it.
            self.collect_killed(process);
        }
        // A parent may wait for it, and gets SIGCHLD.
        let waiting = self.threads.iter().filter(
            |(_, thread)| matches!(&thread.state, State::Parked(park) if matches!(park.wait, Wait::Child)),
        );
        for id in waiting.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.make_ready(id, Resume::Repeat);
        }
        self.has_new_signals = true;
    }

    /// Lets the parent of a `vfork` go on, whose memory the child no longer uses.
    fn release_vfork(&mut self, child: Id) {
        let waiting = self.threads.iter().filter(|(_, thread)| {
            matches!(&thread.state, State::Parked(park) if matches!(park.wait, Wait::Vfork(process) if process == child))
        });
        for id in waiting.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.make_ready(id, Resume::FinishCall);
        }
    }

    /// The kernel does not know a thread any more that had not been seen to end.
    pub(crate) fn on_vanished(&mut self, id: Id) {
        let (leader_tid, tid) = self.tids(id);
        if tid == leader_tid {
            self.forget_process(self.thread(id).process, libc::SIGKILL);
        } else {
            self.forget_thread(id);
        }
    }

    pub(crate) fn forget_thread(&mut self, id: Id) {
        self.threads.remove(&id);
        self.ready.retain(|&other| other != id);
    }

    fn threads_of(&self, process: Id) -> Vec<Id> {
        self.threads.iter().filter(|(_, thread)| thread.process == process).map(|(&id, _)| id).collect()
    }

    /// Kills and reaps every process of the tree.
    pub(crate) fn kill_all(&mut self) {
        // All are killed before one is waited for, so that none is left to start another.
        for process in self.processes.keys().copied().collect::<Vec<_>>() {
            self.send_sigkill(process);
        }
        // Children before parents: then each is reaped by its parent's end as well.
        while let Some((&process, traced)) = self.processes.last_key_value() {
            let leader_tid = traced.tid;
            for id in self.threads_of(process) {
                let tid = self.thread(id).tid;
                if tid != leader_tid {
                    wait_for_end(tid);
                }
                self.forget_thread(id);
            }
            wait_for_end(leader_tid);
            if let Some(TracedProcess { tid, pidfd, .. }) = self.processes.remove(&process) {
                self.ended.push(EndedProcess { id: process, tid, pidfd });
            }
        }
        self.ready.clear();
        // Those that had a parent are this process's children now that their parents are gone.
        self.forget_collected();
        self.ended.clear();
    }
}

/// Waits until a thread that is about to end has, letting it go on wherever it stops, and returns its status.
fn wait_for_end(tid: Tid) -> i32 {
    loop {
        match sys::wait(tid) {
            Status::Ended { raw_status } => return raw_status,
            Status::Unknown => return libc::SIGKILL,
            _ => {
                // If it was killed between, the next wait says so.
                let _gone = sys::resume(tid, Until::Trap, 0);
            }
        }
    }
}

fn clone_arguments(tid: Tid, registers: &Registers) -> CloneArguments {
    match arch::call(registers.call_number()) {
        Some(Call::Clone) => registers.clone_arguments(),
        Some(Call::Clone3) => {
            // struct clone_args: flags, pidfd, child_tid, parent_tid.
            let [flags, _, child_tid, parent_tid] =
                read_words(tid, registers.argument(0)).unwrap_or_default();
            CloneArguments { flags, parent_tid, child_tid }
        }
        // The old calls, which take no arguments.
        _ => arch::clone_arguments_of_old_call(registers.call_number()),
    }
}

/// Changes the auxiliary vector on the stack of a program that has just been loaded.
fn prepare_stack(tid: Tid, stack: u64, random: [u8; 16]) -> Result<(), sys::Fault> {
    let argument_count = read_u64(tid, stack)?;
    let mut address = stack + 8 * (argument_count + 2);
    // The environment ends with a null pointer.
    while read_u64(tid, address)? != 0 {
        address += 8;
    }
    address += 8;
    loop {
        let [kind, value] = read_words(tid, address)?;
        match kind {
            libc::AT_NULL => return Ok(()),
            libc::AT_SYSINFO_EHDR => write_words(tid, address, [libc::AT_IGNORE])?,
            libc::AT_RANDOM => sys::write_memory(tid, value, &random)?,
            _ => {}
        }
        address += 16;
    }
}
