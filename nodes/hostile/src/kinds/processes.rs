//! Ends, signals, children, and attacks on the guard.

use std::{io, os::unix::process::CommandExt, process::Command};

use nix::{
    sys::{
        prctl, ptrace,
        signal::{SigSet, Signal, kill, raise},
    },
    unistd::{Pid, getpid, getppid, setpgid, setsid},
};

use super::{then_reply, wait_for_ever};
use crate::{
    kind::{
        Kind, Next,
        When::{AfterInit, EachRequest, FirstRequest, Init, Start},
        kind,
    },
    roles::{child, start},
    server::{print, report},
};

pub(super) const KINDS: &[Kind] = &[
    // Ends.
    kind("die-at-once", Start, |_, _| {
        report("I can't go on.");
        Ok(Next::Exit(3))
    }),
    kind("die-on-init", Init, |_, _| Ok(Next::Exit(5))),
    kind("die-on-request", FirstRequest, |_, _| {
        report("about to fall over");
        Ok(Next::Exit(4))
    }),
    kind("exit-with-success", FirstRequest, |_, _| Ok(Next::Exit(0))),
    kind("die-by-segfault", FirstRequest, |_, _| die_by(Signal::SIGSEGV)),
    kind("die-by-kill", FirstRequest, |_, _| die_by(Signal::SIGKILL)),
    kind("die-by-hangup", FirstRequest, |_, _| die_by(Signal::SIGHUP)),
    kind("die-by-real-time-signal", FirstRequest, |_, _| {
        Command::new("sh").args(["-c", &format!("kill -s 40 {}", getpid())]).status()?;
        Ok(Next::Reply)
    }),
    kind("become-another-program", FirstRequest, |_, _| Err(Command::new("sleep").arg("600").exec())),
    kind("abort-in-thread", FirstRequest, |_, _| {
        std::thread::spawn(|| std::process::abort());
        wait_for_ever();
    }),
    // Signals.
    kind("stop-itself", FirstRequest, |_, _| then_reply(raise(Signal::SIGSTOP).map_err(io::Error::from))),
    kind("stop-itself-on-init", Init, |_, _| then_reply(raise(Signal::SIGSTOP).map_err(io::Error::from))),
    kind("stop-its-group", FirstRequest, |_, _| {
        then_reply(kill(Pid::from_raw(0), Signal::SIGSTOP).map_err(io::Error::from))
    }),
    kind("kill-its-group", FirstRequest, |_, _| {
        then_reply(kill(Pid::from_raw(0), Signal::SIGKILL).map_err(io::Error::from))
    }),
    kind("block-signals", AfterInit, |_, _| {
        then_reply(SigSet::all().thread_block().map_err(io::Error::from))
    }),
    kind("trace-itself", AfterInit, |_, _| {
        ptrace::traceme()?;
        // Stops, and asks the tracer what to do.
        then_reply(raise(Signal::SIGURG).map_err(io::Error::from))
    }),
    kind("trace-itself-each-time", EachRequest, |_, _| {
        let _ = ptrace::traceme();
        then_reply(raise(Signal::SIGCHLD).map_err(io::Error::from))
    }),
    kind("trace-itself-and-exec", FirstRequest, |_, _| {
        ptrace::traceme()?;
        Err(Command::new("sleep").arg("600").exec())
    }),
    kind("trace-itself-and-stop", FirstRequest, |_, _| {
        ptrace::traceme()?;
        then_reply(raise(Signal::SIGSTOP).map_err(io::Error::from))
    }),
    kind("not-dumpable", AfterInit, |_, _| then_reply(prctl::set_dumpable(false).map_err(io::Error::from))),
    kind("new-session", AfterInit, |_, _| {
        // A node leads a session already, so that this fails.
        let _ = setsid();
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
        Ok(Next::Reply)
    }),
    kind("another-group", AfterInit, |_, _| {
        let other = child("sleep", "").process_group(0).spawn()?;
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(other.id().cast_signed()));
        Ok(Next::Reply)
    }),
    // Children.
    kind("fork", AfterInit, |_, _| then_reply(start(&mut child("sleep", "")))),
    kind("fork-in-thread", AfterInit, |_, _| {
        std::thread::spawn(|| start(&mut child("sleep", "")).map(|()| wait_for_ever()));
        Ok(Next::Reply)
    }),
    kind("fork-into-session", AfterInit, |_, _| then_reply(start(&mut child("session", "")))),
    kind("fork-into-group", AfterInit, |_, _| then_reply(start(child("sleep", "").process_group(0)))),
    kind("daemon", AfterInit, |_, _| then_reply(start(&mut child("daemon", "")))),
    kind("daemon-without-environment", AfterInit, |_, _| then_reply(start(child("daemon", "").env_clear()))),
    kind("daemon-not-dumpable", AfterInit, |_, _| then_reply(start(&mut child("hidden-daemon", "")))),
    kind("daemon-that-ignores-signals", AfterInit, |_, _| then_reply(start(&mut child("deaf-daemon", "")))),
    kind("daemon-that-stops", AfterInit, |_, _| then_reply(start(&mut child("stopped-daemon", "")))),
    kind("daemon-holds-streams", AfterInit, |_, _| then_reply(child("daemon", "").spawn().map(drop))),
    kind("daemon-holds-streams-and-exit", FirstRequest, |_, _| {
        child("daemon", "").spawn()?;
        Ok(Next::Exit(0))
    }),
    kind("daemon-floods-stdout-and-exit", FirstRequest, |_, _| {
        child("flood-daemon", "").spawn()?;
        Ok(Next::Exit(0))
    }),
    kind("daemon-reads-stdin", AfterInit, |_, _| {
        child("reading-daemon", "").stdin(std::process::Stdio::inherit()).spawn()?;
        Ok(Next::Reply)
    }),
    kind("daemonize-itself", FirstRequest, |_, _| {
        // The usual way: the original ends, and its child goes on with the streams.
        child("session", "").stdin(std::process::Stdio::inherit()).spawn()?;
        Ok(Next::Exit(0))
    }),
    kind("zombies", EachRequest, |_, _| {
        for _ in 0..20 {
            std::mem::forget(child("exit", "").spawn()?);
        }
        Ok(Next::Reply)
    }),
    kind("orphans-that-end", EachRequest, |_, _| {
        for _ in 0..10 {
            start(&mut child("brief-daemon", ""))?;
        }
        Ok(Next::Reply)
    }),
    kind("fork-chain", FirstRequest, |_, _| then_reply(start(&mut child("chain", "")))),
    kind("fork-chain-in-sessions", FirstRequest, |_, _| then_reply(start(&mut child("session-chain", "")))),
    kind("fork-tree", FirstRequest, |_, _| then_reply(start(&mut child("tree", "4")))),
    kind("subreaper", AfterInit, |_, _| {
        prctl::set_child_subreaper(true)?;
        then_reply(start(&mut child("daemon", "")))
    }),
    kind("many-threads", FirstRequest, |_, _| {
        for _ in 0..200 {
            std::thread::spawn(|| wait_for_ever());
        }
        Ok(Next::Reply)
    }),
    kind("busy-loop", FirstRequest, |_, _| {
        loop {
            std::hint::spin_loop();
        }
    }),
    kind("signal-its-children", AfterInit, |_, _| {
        let other = child("session", "").spawn()?;
        then_reply(kill(Pid::from_raw(other.id().cast_signed()), Signal::SIGSTOP).map_err(io::Error::from))
    }),
    // Attacks on the guard, which is the node's parent.
    kind("stop-guard", FirstRequest, |_, _| then_reply(to_guard(Signal::SIGSTOP))),
    kind("stop-guard-and-exit", FirstRequest, |_, _| {
        to_guard(Signal::SIGSTOP)?;
        Ok(Next::Exit(0))
    }),
    kind("stop-guard-for-ever", FirstRequest, |_, _| {
        then_reply(start(&mut child("stopper", &getppid().to_string())))
    }),
    kind("terminate-guard", EachRequest, |_, _| {
        for signal in [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGCHLD,
            Signal::SIGUSR1,
            Signal::SIGPIPE,
        ] {
            to_guard(signal)?;
        }
        Ok(Next::Reply)
    }),
    kind("kill-guard", FirstRequest, |_, _| then_reply(to_guard(Signal::SIGKILL))),
    kind("kill-guard-and-survive", FirstRequest, |_, _| {
        prctl::set_pdeathsig(None)?;
        then_reply(to_guard(Signal::SIGKILL))
    }),
    kind("kill-guard-of-daemons", FirstRequest, |_, _| {
        prctl::set_pdeathsig(None)?;
        start(child("daemon", "").env_clear())?;
        start(child("hidden-daemon", "").env_clear())?;
        start(&mut child("session-chain", ""))?;
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        then_reply(to_guard(Signal::SIGKILL))
    }),
    kind("crash-guard", FirstRequest, |_, _| then_reply(to_guard(Signal::SIGSEGV))),
    kind("trace-guard", FirstRequest, |_, _| {
        // Refused, except to root.
        let _ = ptrace::attach(getppid());
        print(b"")?;
        Ok(Next::Reply)
    }),
];

fn die_by(signal: Signal) -> io::Result<Next> {
    then_reply(raise(signal).map_err(io::Error::from))
}

fn to_guard(signal: Signal) -> io::Result<()> {
    kill(getppid(), signal).map_err(io::Error::from)
}
