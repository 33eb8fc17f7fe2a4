//! What a program took, from the kernel's own books.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    sys::wait::{Id, WaitPidFlag, waitid},
    unistd::{Pid, SysconfVar, sysconf},
};
use wait4::Wait4;

/// What a program took from its start to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time of the program and of all children that it waited for.
    pub(crate) cpu: Duration,
    /// The part of it that was spent in the kernel.
    pub(crate) system_cpu: Duration,
    /// The part of `cpu` that the program took itself, exact to the kernel's tick (10 ms).
    pub(crate) own_cpu: Duration,
    /// The resident set of the largest process among them, at its largest.
    ///
    /// A child begins with its parent's mark until it replaces the parent's program by its own, so the harness keeps itself small.
    pub(crate) peak_rss_bytes: u64,
    pub(crate) wall: Duration,
    pub(crate) status: ExitStatus,
}

impl Usage {
    /// Waits for the program's end.
    pub(crate) fn of(child: Child, started: Instant) -> Result<Self> {
        let pid = child.id();
        // Left as a zombie for a moment, since only `/proc` tells a program's own time from its children's.
        waitid(Id::Pid(Pid::from_raw(pid.cast_signed())), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
            .context("waiting for a measured program")?;
        let wall = started.elapsed();
        let own_cpu = own_cpu(pid)?;
        let used = child.wait4().context("reaping a measured program")?;
        Ok(Self {
            cpu: used.rusage.utime + used.rusage.stime,
            system_cpu: used.rusage.stime,
            own_cpu,
            peak_rss_bytes: used.rusage.maxrss,
            wall,
            status: used.status,
        })
    }

    pub(crate) fn peak_rss_mib(&self) -> f64 {
        self.peak_rss_bytes as f64 / f64::from(1 << 20)
    }

    /// How the program ended, where that is worth a word.
    pub(crate) fn ending(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(0), _) => "valid".to_owned(),
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown end".to_owned(),
        }
    }
}

/// User and system time of one process, without its children's: proc_pid_stat(5), fields 14 and 15.
fn own_cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("reading {path}, which only Linux has"))?;
    // The second field is the program's name, which may hold blanks and parentheses of its own.
    let after_name = stat.rsplit_once(')').context("a process without a name")?.1;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let mut ticks =
        || -> Result<u64> { Ok(fields.next().context("too few fields in /proc/PID/stat")?.parse()?) };
    let total = ticks()? + ticks()?;
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.context("a kernel without a tick")?;
    Ok(Duration::from_secs_f64(total as f64 / ticks_per_second as f64))
}
