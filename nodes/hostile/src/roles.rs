//! What the children of a hostile node do. Each ends by itself some day, whatever happens to the workbench.

use std::{
    io,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal, kill, raise},
    },
    unistd::{Pid, getsid, setsid},
};

use crate::server::print;

/// This program in a role. Its stdout and stderr are the node's.
pub(crate) fn child(role: &str, argument: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args([&format!("role:{role}"), argument]).stdin(Stdio::null());
    command
}

/// Starts a child that holds none of the node's streams.
pub(crate) fn start(command: &mut Command) -> io::Result<()> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}

pub(crate) fn play(role: &str, argument: &str) -> io::Result<ExitCode> {
    match role {
        "exit" => {}
        "sleep" => sleep(),
        "session" => {
            setsid()?;
            sleep();
        }
        // Its parent ends, so that it is nobody's child.
        "daemon" => child("session", "").stdin(Stdio::inherit()).spawn().map(drop)?,
        "brief-daemon" => child("exit", "").spawn().map(drop)?,
        "flood-daemon" => child("flood", "").spawn().map(drop)?,
        "reading-daemon" => child("read", "").stdin(Stdio::inherit()).spawn().map(drop)?,
        "hidden-daemon" => child("hidden", "").spawn().map(drop)?,
        "deaf-daemon" => child("deaf", "").spawn().map(drop)?,
        "stopped-daemon" => child("stopped", "").spawn().map(drop)?,
        "hidden" => {
            setsid()?;
            prctl::set_dumpable(false)?;
            sleep();
        }
        "deaf" => {
            setsid()?;
            SigSet::all().thread_block()?;
            sleep();
        }
        "stopped" => {
            setsid()?;
            raise(Signal::SIGSTOP)?;
            sleep();
        }
        "flood" => {
            setsid()?;
            let burst = b"a daemon's idle talk\n".repeat(1000);
            while print(&burst).is_ok() {}
        }
        "read" => {
            setsid()?;
            io::copy(&mut io::stdin().lock(), &mut io::sink())?;
        }
        // Each starts the next and ends.
        "chain" | "session-chain" => {
            if role == "session-chain" && getsid(None)? != Pid::this() {
                setsid()?;
            }
            // Ends some day, should nobody end it.
            let generation: u32 = argument.parse().unwrap_or(0);
            if generation < 300_000 {
                child(role, &(generation + 1).to_string()).spawn()?;
            }
        }
        "tree" => {
            let _ = setsid();
            let depth: u32 = argument.parse().unwrap_or(0);
            if depth > 0 {
                for _ in 0..3 {
                    child("tree", &(depth - 1).to_string()).spawn()?;
                }
            }
            sleep();
        }
        "stopper" => {
            let Ok(number @ 2..) = argument.parse() else { return Ok(ExitCode::FAILURE) };
            let guard = Pid::from_raw(number);
            setsid()?;
            for _ in 0..6_000_000 {
                if kill(guard, Signal::SIGSTOP).is_err() {
                    break;
                }
                std::thread::park_timeout(Duration::from_micros(100));
            }
        }
        other => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("unknown role {other:?}; see roles.rs"),
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn sleep() {
    std::thread::park_timeout(Duration::from_secs(600));
}
