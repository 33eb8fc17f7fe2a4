//! A command in front of a repeated node, which reads its lines from a file.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use crate::run_directory::manifest::NodeProgram;

/// How a debugger has its program read a file.
enum Redirection {
    /// The user says so at its prompt, with these words and the file.
    AtPrompt(&'static str),
    /// An option of its own; the program's arguments follow `--`.
    Option,
    /// As any command: the file is its standard input, and so the program's.
    StandardInput,
}

impl Redirection {
    fn of(debugger: &str) -> Self {
        match Path::new(debugger).file_name().and_then(|name| name.to_str()).unwrap_or_default() {
            name if name.starts_with("gdb") || name == "rust-gdb" => Self::AtPrompt("run <"),
            name if name.starts_with("lldb") || name == "rust-lldb" => Self::AtPrompt("process launch -i"),
            "dlv" => Self::Option,
            _ => Self::StandardInput,
        }
    }
}

/// Runs the command with the program behind it. `note` tells the user how to start the program, where that is theirs to do.
pub(crate) fn debug(
    command: &str,
    program: &NodeProgram,
    input: &Path,
    note: impl FnOnce(&str),
) -> io::Result<ExitStatus> {
    let mut words = command.split_whitespace();
    let first = words.next().ok_or_else(|| io::Error::other("the command is empty"))?;
    let input = std::path::absolute(input)?;
    let mut debugger = Command::new(first);
    debugger.args(words).arg(&program.program);
    match Redirection::of(first) {
        Redirection::AtPrompt(start) => {
            note(&format!("Start the node with `{start} {}`.", input.display()));
        }
        Redirection::Option => {
            debugger.arg("-r").arg(format!("stdin:{}", input.display())).arg("--");
        }
        Redirection::StandardInput => {
            debugger.stdin(Stdio::from(File::open(&input)?));
        }
    }
    debugger.args(&program.arguments).status()
}
