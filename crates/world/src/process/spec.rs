//! How a node is started, and why it may not be.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use glomers_lockstep::StartError;
use glomers_node::NodeId;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use thiserror::Error;

use glomers_protocol::text::excerpt;

/// How a node's process is started.
///
/// The process gets the whole environment of this program, as it does from Maelstrom, so that an interpreter finds its modules and
/// a node its settings; one variable is added, `GLOMERS_NODE_SEED`, from which the node library draws. It has a session of its
/// own, thus no controlling terminal. All other descriptors than the three standard streams are closed, unless this program
/// inherited them without `FD_CLOEXEC` itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The program. A relative path is taken from the present directory, before the process changes into its own.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The directory in which it runs.
    pub directory: PathBuf,
    /// Where its standard error goes, appended, up to [`Limits::log_bytes`](crate::Limits::log_bytes).
    pub log_file: PathBuf,
}

/// A node's process cannot be started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// There is no such program.
    #[error("node {node} cannot be started: there is no file {}; check the path, or build the node first", program.display())]
    NoProgram {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// The file is not marked as a program.
    #[error("node {node} cannot be started: {} is not executable; try `chmod +x {}`", program.display(), program.display())]
    NotExecutable {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// The script's first line names an interpreter that is not there.
    #[error(
        "node {node} cannot be started: {} exists, but the interpreter that its first line names{} does not; {}",
        program.display(),
        interpreter.as_ref().map(|name| format!(", \"{name}\",")).unwrap_or_default(),
        if interpreter.as_ref().is_some_and(|name| name.ends_with("\\r")) {
            "the line ends in a carriage return, as on Windows: try `sed -i 's/\\r$//'` on the file"
        } else {
            "is it installed, and the path right? Where the program is no script, its dynamic loader is missing: was it built for another system?"
        }
    )]
    NoInterpreter {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
        /// The interpreter, fit for a terminal; `None` where the program is not a script.
        interpreter: Option<String>,
    },
    /// The program is for another kind of machine, or for no machine.
    #[error(
        "node {node} cannot be started: {} is {what}, which this machine ({}) cannot run; build it for this machine, or name a script that runs it",
        program.display(),
        std::env::consts::ARCH
    )]
    WrongFormat {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
        /// What the file is.
        what: String,
    },
    /// The program is being written to.
    #[error("node {node} cannot be started: {} is open for writing (is a build still running?); try again when it is done", program.display())]
    Busy {
        /// The node.
        node: NodeId,
        /// The program's path.
        program: PathBuf,
    },
    /// This program has as many files open as the system lets it.
    #[error(
        "node {node} cannot be started: this program may have only {limit} files open, and each node takes 3 (6 while it starts); allow more with `ulimit -n 4096`, or run fewer nodes"
    )]
    TooManyFiles {
        /// The node.
        node: NodeId,
        /// The limit, as `ulimit -n` says it.
        limit: u64,
    },
    /// The user has as many processes as the system lets them have, or there is no memory for more.
    #[error(
        "node {node} cannot be started: the system gives no more processes ({source}), and each node takes 2; allow more with `ulimit -u`, end others, or run fewer nodes"
    )]
    TooManyProcesses {
        /// The node.
        node: NodeId,
        /// What the system says.
        source: io::Error,
    },
    /// The working directory is not there.
    #[error("node {node} cannot be started: its working directory {} cannot be entered: {source}", directory.display())]
    Directory {
        /// The node.
        node: NodeId,
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The log file cannot be opened.
    #[error("node {node} cannot be started: its log file {} cannot be opened: {source}", log_file.display())]
    LogFile {
        /// The node.
        node: NodeId,
        /// The file.
        log_file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A host of that name lives.
    #[error("node {node} cannot be started: a host of that name is running; kill or remove it first")]
    NameTaken {
        /// The node.
        node: NodeId,
    },
    /// The program can't run in lock step.
    #[error("node {node} cannot be started under virtual time: {source}")]
    Lockstep {
        /// The node.
        node: NodeId,
        /// Why, and what to do about it.
        source: Box<StartError>,
    },
    /// A program in lock step needs a virtual clock.
    #[error(
        "node {node} cannot be started in lock step: the world's clock is real; use one with a virtual clock, or a process"
    )]
    RealTime {
        /// The node.
        node: NodeId,
    },
    /// Processes take real time.
    #[error(
        "node {node} cannot be started: processes cannot run in virtual time; use a world with a real clock, or a node core"
    )]
    VirtualTime {
        /// The node.
        node: NodeId,
    },
    /// The system refuses for another reason.
    #[error("node {node} cannot be started: {source}")]
    System {
        /// The node.
        node: NodeId,
        /// What the system says.
        source: io::Error,
    },
}

impl SpawnError {
    /// Whether the program itself is at fault, and not this machine: whoever named it named the wrong one.
    pub fn is_about_program(&self) -> bool {
        matches!(
            self,
            Self::NoProgram { .. }
                | Self::NotExecutable { .. }
                | Self::NoInterpreter { .. }
                | Self::WrongFormat { .. }
                | Self::Busy { .. }
        ) || matches!(self, Self::Lockstep { source, .. } if is_about_program(source))
    }
}

fn is_about_program(error: &StartError) -> bool {
    matches!(error, StartError::NotFound { .. } | StartError::Not64Bit { .. })
}

/// The system's few words, put into those of somebody who tried to start a program.
pub(crate) fn explain(node: &NodeId, program: &Path, directory: &Path, error: io::Error) -> SpawnError {
    let (node, program) = (node.clone(), program.to_owned());
    let errno = error.raw_os_error().map(Errno::from_raw);
    if matches!(errno, Some(Errno::EMFILE)) {
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
        return SpawnError::TooManyFiles { node, limit };
    }
    if let Err(source) = directory.read_dir() {
        return SpawnError::Directory { node, directory: directory.to_owned(), source };
    }
    match errno {
        Some(Errno::ENOENT) if program.exists() => {
            let interpreter = interpreter(&program);
            SpawnError::NoInterpreter { node, program, interpreter }
        }
        Some(Errno::ENOENT | Errno::ENOTDIR) => SpawnError::NoProgram { node, program },
        Some(Errno::EACCES) => SpawnError::NotExecutable { node, program },
        Some(Errno::ETXTBSY) => SpawnError::Busy { node, program },
        Some(Errno::ENOEXEC) => SpawnError::WrongFormat { node, program, what: "no program".into() },
        Some(Errno::EAGAIN | Errno::ENOMEM) => SpawnError::TooManyProcesses { node, source: error },
        _ => SpawnError::System { node, source: error },
    }
}

/// What the file is, where this machine cannot run it. The C library hands whatever the kernel refuses to a shell, whose words
/// about a binary file help nobody.
pub(crate) fn foreign_format(program: &Path) -> Option<String> {
    let start = first_bytes(program)?;
    match start.as_slice() {
        [] => Some("an empty file".into()),
        [0x7f, b'E', b'L', b'F', class, order, ..] => {
            let native: u16 = match std::env::consts::ARCH {
                "x86" => 3,
                "arm" => 40,
                "x86_64" => 62,
                "aarch64" => 183,
                "riscv64" => 243,
                _ => return None,
            };
            let machine = [*start.get(18)?, *start.get(19)?];
            let machine = if *order == 2 { u16::from_be_bytes(machine) } else { u16::from_le_bytes(machine) };
            // Machines of 64 bits run programs of 32, most often: whether this one does, the kernel knows.
            let is_small_sibling = *class == 1 && matches!((native, machine), (62, 3) | (183, 40));
            let name = match machine {
                3 => "x86 (32 bits)".to_owned(),
                40 => "ARM (32 bits)".to_owned(),
                62 => "x86_64".to_owned(),
                183 => "aarch64".to_owned(),
                243 => "RISC-V".to_owned(),
                other => format!("machine number {other}"),
            };
            (machine != native && !is_small_sibling).then(|| format!("a Linux program for {name}"))
        }
        [0xcf, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] if cfg!(target_os = "linux") => {
            Some("a program for macOS, or a Java class".into())
        }
        [b'M', b'Z', ..] if cfg!(target_os = "linux") => Some("a program for Windows".into()),
        _ => None,
    }
}

fn interpreter(program: &Path) -> Option<String> {
    let start = first_bytes(program)?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let name = line.trim_ascii_start().split(|byte| *byte == b' ').next()?;
    Some(excerpt(name, 200))
}

fn first_bytes(program: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(program).ok()?.take(512).read_to_end(&mut start).ok()?;
    Some(start)
}
