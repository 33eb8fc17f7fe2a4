//! What goes wrong with stdin, stdout, stderr, and the file that stderr goes to.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::{fs::symlink, net::UnixListener},
    path::PathBuf,
    time::Duration,
};

use nix::unistd::getppid;
use serde_json::Value;

use super::{reply_changed, then_reply, wait_for_ever};
use crate::{
    kind::{
        Kind, Next,
        When::{AfterInit, EachRequest, FirstRequest, Init},
        kind,
    },
    server::{Server, print, report},
};

pub(super) const KINDS: &[Kind] = &[
    kind("close-stdout", FirstRequest, |_, _| {
        nix::unistd::close(1)?;
        wait_for_ever();
    }),
    kind("close-stdin", FirstRequest, |_, _| {
        nix::unistd::close(0)?;
        wait_for_ever();
    }),
    kind("close-stderr", FirstRequest, |_, _| then_reply(nix::unistd::close(2).map_err(io::Error::from))),
    kind("close-everything", FirstRequest, |_, _| {
        for descriptor in 0..3 {
            nix::unistd::close(descriptor)?;
        }
        wait_for_ever();
    }),
    kind("never-read", AfterInit, |_, _| wait_for_ever()),
    kind("init-without-newline", Init, reply_without_newline),
    kind("reply-without-newline", FirstRequest, |server, request| {
        reply_without_newline(server, request)?;
        wait_for_ever();
    }),
    kind("replies-without-newline", EachRequest, reply_without_newline),
    kind("half-a-line", FirstRequest, |server, request| {
        reply_changed(server, request, |line| line[..line.len() / 2].to_owned())?;
        wait_for_ever();
    }),
    kind("half-a-line-and-exit", FirstRequest, |server, request| {
        reply_changed(server, request, |line| line[..line.len() / 2].to_owned())?;
        Ok(Next::Exit(0))
    }),
    kind("last-line-without-newline", FirstRequest, |server, request| {
        reply_without_newline(server, request)?;
        Ok(Next::Exit(0))
    }),
    kind("line-without-end", FirstRequest, |_, _| {
        loop {
            print(&[b'y'; 64 << 10])?;
        }
    }),
    kind("byte-by-byte", EachRequest, |server, request| {
        let line = server.reply_line(request);
        for byte in format!("{line}\n").bytes() {
            print(&[byte])?;
            std::thread::park_timeout(Duration::from_micros(500));
        }
        Ok(Next::Silence)
    }),
    kind("terminal-escape", EachRequest, |_, _| {
        report("\x1b[2J\x1b]0;owned\x07\u{202e}\u{9b}");
        then_reply(print(b"\x1b[2J\x1b]0;owned\x07\n"))
    }),
    kind("write-to-terminal", EachRequest, |_, _| {
        // A node has no terminal, so that this fails.
        if let Ok(mut terminal) = File::options().write(true).open("/dev/tty") {
            terminal.write_all(b"\x1b[2Jowned\n")?;
        }
        Ok(Next::Reply)
    }),
    kind("flood-stderr", FirstRequest, |_, _| {
        flood_stderr(b"a log line that says nothing, again and again\n")
    }),
    kind("log-70-mebibytes", FirstRequest, |_, _| {
        let mut stderr = io::stderr();
        for _ in 0..70 {
            stderr.write_all(&b"a log line of thirty-two letters\n".repeat((1 << 20) / 32))?;
        }
        Ok(Next::Reply)
    }),
    kind("flood-stderr-without-newline", FirstRequest, |_, _| flood_stderr(b"z")),
    kind("flood-stderr-with-zeros", FirstRequest, |_, _| flood_stderr(b"\0")),
    kind("flood-stderr-and-exit", FirstRequest, |_, _| {
        io::stderr().write_all(&b"a last line of many\n".repeat(10_000))?;
        Ok(Next::Exit(9))
    }),
    kind("log-is-pipe", FirstRequest, |server, _| {
        replace_log(server, |path| Ok(nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU)?))
    }),
    kind("log-is-link", FirstRequest, |server, _| replace_log(server, |path| symlink("/dev/zero", path))),
    kind("log-is-link-to-itself", FirstRequest, |server, _| replace_log(server, |path| symlink(path, path))),
    kind("log-is-socket", FirstRequest, |server, _| {
        replace_log(server, |path| {
            std::mem::forget(UnixListener::bind(path)?);
            Ok(())
        })
    }),
    kind("log-is-directory", FirstRequest, |server, _| replace_log(server, |path| fs::create_dir(path))),
    kind("log-is-sparse", FirstRequest, |server, _| {
        replace_log(server, |path| File::create(path)?.set_len(1 << 40))
    }),
    kind("log-is-removed", FirstRequest, |server, _| replace_log(server, |_| Ok(()))),
    kind("log-is-cut", EachRequest, |server, _| {
        report("something to cut off");
        then_reply(log(server).map_or(Ok(()), |path| File::options().write(true).open(path)?.set_len(0)))
    }),
];

fn reply_without_newline(server: &mut Server, request: &Value) -> io::Result<Next> {
    reply_changed(server, request, |line| line)
}

fn flood_stderr(text: &'static [u8]) -> io::Result<Next> {
    std::thread::spawn(|| {
        let burst = text.repeat((64 << 10) / text.len());
        while io::stderr().write_all(&burst).is_ok() {}
    });
    Ok(Next::Reply)
}

/// Where the log is: the guard, which is the parent, has it open. `None` where a system does not say.
fn log(_server: &Server) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/{}/fd/1", getppid())).ok()?;
    path.is_absolute().then_some(path)
}

/// Puts something else in the log's place.
fn replace_log(server: &Server, put: impl FnOnce(&PathBuf) -> io::Result<()>) -> io::Result<Next> {
    report("a line before the log is replaced");
    if let Some(path) = log(server) {
        fs::remove_file(&path)?;
        put(&path)?;
    }
    report("a line after the log was replaced");
    Ok(Next::Reply)
}
