//! A node that breaks the rules on purpose: what the workbench must catch, survive and explain.
//!
//! `hostile MISDEED` answers init and echo as it should, except for its one misdeed. It is written without the node library, which would
//! not let it misbehave.

use std::{
    io::{self, BufRead, Write},
    process::{Command, ExitCode, Stdio},
};

use serde_json::{Value, json};

/// Every misdeed, by the name that the command line takes.
const MISDEEDS: &[(&str, Misdeed)] = &[
    ("none", Misdeed::None),
    ("die-at-once", Misdeed::DieAtOnce),
    ("die-on-echo", Misdeed::DieOnEcho),
    ("ignore-init", Misdeed::IgnoreInit),
    ("answer-init-twice", Misdeed::AnswerInitTwice),
    ("refuse-init", Misdeed::RefuseInit),
    ("log-to-stdout", Misdeed::LogToStdout),
    ("invalid-utf8", Misdeed::InvalidUtf8),
    ("long-line", Misdeed::LongLine),
    ("deep-json", Misdeed::DeepJson),
    ("foreign-source", Misdeed::ForeignSource),
    ("unknown-destination", Misdeed::UnknownDestination),
    ("no-body", Misdeed::NoBody),
    ("flood-garbage", Misdeed::FloodGarbage),
    ("flood-messages", Misdeed::FloodMessages),
    ("close-stdout", Misdeed::CloseStdout),
    ("close-stdin", Misdeed::CloseStdin),
    ("never-read", Misdeed::NeverRead),
    ("fork", Misdeed::Fork),
    ("daemon", Misdeed::Daemon),
    ("wrong-echo", Misdeed::WrongEcho),
    ("no-reply", Misdeed::NoReply),
    ("wrong-shape", Misdeed::WrongShape),
    ("definite-error", Misdeed::DefiniteError),
    ("terminal-escape", Misdeed::TerminalEscape),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misdeed {
    /// A correct node.
    None,
    /// Exits with 3 before it reads anything.
    DieAtOnce,
    /// Exits with 4 at the first echo, after a word on stderr.
    DieOnEcho,
    /// Never answers init.
    IgnoreInit,
    /// Answers init twice.
    AnswerInitTwice,
    /// Answers init with an error.
    RefuseInit,
    /// Prints a log line on stdout before each reply.
    LogToStdout,
    /// Prints bytes that are no UTF-8 before each reply.
    InvalidUtf8,
    /// Prints a line of 64 MiB before the first echo's reply.
    LongLine,
    /// Sends a body nested 100,000 deep before each reply.
    DeepJson,
    /// Sends a message in another node's name before each reply.
    ForeignSource,
    /// Sends a message to nobody before each reply.
    UnknownDestination,
    /// Sends a message without a body before each reply.
    NoBody,
    /// From the first echo on prints garbage as fast as it can.
    FloodGarbage,
    /// From the first echo on sends messages to itself as fast as it can and reads none.
    FloodMessages,
    /// Closes stdout at the first echo, and lives on.
    CloseStdout,
    /// Closes stdin at the first echo, and lives on.
    CloseStdin,
    /// Answers init, then reads nothing any more.
    NeverRead,
    /// Leaves a child behind in its process group.
    Fork,
    /// Leaves a child behind in a session of its own.
    Daemon,
    /// Answers an echo with something else.
    WrongEcho,
    /// Never answers an echo.
    NoReply,
    /// Answers an echo without the field `echo`.
    WrongShape,
    /// Answers an echo with error 14.
    DefiniteError,
    /// Prints an escape sequence for the terminal before each reply, on stdout and on stderr.
    TerminalEscape,
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let Some(&(_, misdeed)) = MISDEEDS.iter().find(|(known, _)| *known == name) else {
        report(&format!(
            "unknown misdeed {name:?}; there are {}",
            MISDEEDS.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(", ")
        ));
        return ExitCode::from(2);
    };
    match misbehave(misdeed) {
        Ok(status) => status,
        Err(error) => {
            report(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn misbehave(misdeed: Misdeed) -> io::Result<ExitCode> {
    if misdeed == Misdeed::DieAtOnce {
        report("I can't go on.");
        return Ok(ExitCode::from(3));
    }
    let mut node = HostileNode { misdeed, id: String::new(), echoes: 0 };
    for line in io::stdin().lock().lines() {
        let message: Value = serde_json::from_str(&line?)?;
        let status = match message["body"]["type"].as_str() {
            Some("init") => node.init(&message)?,
            Some("echo") => node.echo(&message)?,
            _ => None,
        };
        if let Some(status) = status {
            return Ok(status);
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct HostileNode {
    misdeed: Misdeed,
    id: String,
    echoes: u64,
}

impl HostileNode {
    fn init(&mut self, message: &Value) -> io::Result<Option<ExitCode>> {
        self.id = message["body"]["node_id"].as_str().unwrap_or_default().to_owned();
        match self.misdeed {
            Misdeed::IgnoreInit => return Ok(None),
            Misdeed::RefuseInit => {
                self.reply(message, json!({"type": "error", "code": 13, "text": "no disk"}))?;
            }
            Misdeed::AnswerInitTwice => {
                self.reply(message, json!({"type": "init_ok"}))?;
                self.reply(message, json!({"type": "init_ok"}))?;
            }
            _ => self.reply(message, json!({"type": "init_ok"}))?,
        }
        match self.misdeed {
            Misdeed::NeverRead => wait_for_ever(),
            Misdeed::Fork => leave_behind(&mut Command::new("sleep"))?,
            Misdeed::Daemon => leave_behind(Command::new("setsid").arg("sleep"))?,
            _ => {}
        }
        Ok(None)
    }

    fn echo(&mut self, message: &Value) -> io::Result<Option<ExitCode>> {
        self.echoes += 1;
        let is_first = self.echoes == 1;
        match self.misdeed {
            Misdeed::DieOnEcho => {
                report("about to fall over");
                return Ok(Some(ExitCode::from(4)));
            }
            Misdeed::LogToStdout => print(b"2026/11/22 got an echo request\n")?,
            Misdeed::InvalidUtf8 => print(b"\"\xff\xfe\"\n")?,
            Misdeed::LongLine if is_first => print(&[vec![b'x'; 64 << 20], vec![b'\n']].concat())?,
            Misdeed::DeepJson => {
                let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
                print(
                    format!(
                        "{{\"src\":\"{}\",\"dest\":\"c0\",\"body\":{{\"type\":\"deep\",\"deep\":{body}}}}}\n",
                        self.id
                    )
                    .as_bytes(),
                )?;
            }
            Misdeed::ForeignSource => self.send("n77", "c0", &json!({"type": "hello"}))?,
            Misdeed::UnknownDestination => self.send(&self.id, "n77", &json!({"type": "hello"}))?,
            Misdeed::NoBody => print(format!("{{\"src\":\"{0}\",\"dest\":\"{0}\"}}\n", self.id).as_bytes())?,
            Misdeed::FloodGarbage => loop {
                print(&b"all work and no play makes a dull node\n".repeat(1000))?;
            },
            Misdeed::FloodMessages => {
                let message = json!({"src": self.id, "dest": self.id, "body": {"type": "hello", "padding": "x".repeat(8000)}});
                let burst = format!("{message}\n").repeat(100);
                loop {
                    print(burst.as_bytes())?;
                }
            }
            Misdeed::CloseStdout => {
                close(1)?;
                wait_for_ever();
            }
            Misdeed::CloseStdin => {
                close(0)?;
                wait_for_ever();
            }
            Misdeed::TerminalEscape => {
                print(b"\x1b[2J\x1b]0;owned\x07\n")?;
                report("\x1b[2J\x1b]0;owned\x07");
            }
            _ => {}
        }
        let body = match self.misdeed {
            Misdeed::NoReply => return Ok(None),
            Misdeed::WrongEcho => json!({"type": "echo_ok", "echo": "something else"}),
            Misdeed::WrongShape => json!({"type": "echo_ok"}),
            Misdeed::DefiniteError => json!({"type": "error", "code": 14, "text": "abort for fun"}),
            _ => json!({"type": "echo_ok", "echo": message["body"]["echo"]}),
        };
        self.reply(message, body)?;
        Ok(None)
    }

    fn reply(&self, request: &Value, mut body: Value) -> io::Result<()> {
        body["in_reply_to"] = request["body"]["msg_id"].clone();
        self.send(&self.id, request["src"].as_str().unwrap_or_default(), &body)
    }

    fn send(&self, src: &str, dest: &str, body: &Value) -> io::Result<()> {
        print(format!("{}\n", json!({"src": src, "dest": dest, "body": body})).as_bytes())
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// A line on stderr, for a person.
#[expect(clippy::print_stderr, reason = "a node's stderr is its log")]
fn report(line: &str) {
    eprintln!("{line}");
}

/// Closes one of the standard streams for good.
fn close(descriptor: i32) -> io::Result<()> {
    nix::unistd::close(descriptor).map_err(io::Error::from)
}

/// Starts a child that sleeps for ten minutes and holds none of our streams.
fn leave_behind(command: &mut Command) -> io::Result<()> {
    command.arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(|_| ())
}

fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}
