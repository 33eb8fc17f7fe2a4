//! Builds the test programs, and drives them through virtual time.
#![expect(unreachable_pub, reason = "each test file includes this module as its own")]
#![cfg_attr(test, allow(dead_code, clippy::allow_attributes, reason = "no test file uses all of it"))]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{LazyLock, OnceLock};
use std::thread;
use std::time::Duration;

use glomers_lockstep::{Counters, Notice, Output, Process, Program, StepError};
use tempfile::TempDir;

pub const SECOND_NS: u64 = 1_000_000_000;
/// No test takes nearly as long, even on a machine that is busy with other things.
const HANG: Duration = Duration::from_secs(300);

static BUILT: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// Runs a test that would hang if the supervisor did: after five minutes it fails instead. The program dies with this process.
pub fn within_limit(test: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    let thread = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    match is_done.recv_timeout(HANG) {
        Ok(()) => thread.join().unwrap(),
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs: it has taken more than {HANG:?}"),
    }
}

pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name)
}

/// `behaviours.c`, compiled once for each kind of linking. Without a C compiler none of these tests means anything, so that is an error.
pub fn behaviour(name: &str) -> Program {
    static DYNAMIC: OnceLock<PathBuf> = OnceLock::new();
    Program::new(DYNAMIC.get_or_init(|| compile("behaviours", &[]))).argument(name)
}

pub fn static_behaviour(name: &str) -> Program {
    static STATIC: OnceLock<PathBuf> = OnceLock::new();
    Program::new(STATIC.get_or_init(|| compile("behaviours-static", &["-static"]))).argument(name)
}

fn compile(name: &str, options: &[&str]) -> PathBuf {
    let file = BUILT.path().join(name);
    let mut command = Command::new("cc");
    command.args(["-O1", "-w", "-pthread"]).args(options).arg("-o").arg(&file).arg(source("behaviours.c"));
    assert!(command.status().expect("these tests need a C compiler: install `cc`").success());
    file
}

/// The racing program of a language, or `None`, said aloud, where its runtime is not installed.
pub fn race(language: &str) -> Option<Program> {
    let build = |tool: &str, arguments: &[&str]| {
        let is_built = Command::new(tool)
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        is_built.then_some(())
    };
    let path = |name: &str| source(name).into_os_string().into_string().unwrap();
    let built = |name: &str| BUILT.path().join(name).into_os_string().into_string().unwrap();
    let program = match language {
        "c" => Some(behaviour("race")),
        "go" => build("go", &["build", "-o", &built("race-go"), &path("race.go")])
            .map(|()| Program::new(built("race-go"))),
        "java" => build("javac", &["-d", &built("java"), &path("Race.java")])
            .map(|()| Program::new("java").arguments(["-cp", &built("java"), "Race"])),
        "python" => {
            build("python3", &["--version"]).map(|()| Program::new("python3").argument(path("race.py")))
        }
        "node" => build("node", &["--version"]).map(|()| Program::new("node").argument(path("race.js"))),
        "ruby" => build("ruby", &["--version"]).map(|()| Program::new("ruby").argument(path("race.rb"))),
        _ => panic!("no program for {language}"),
    };
    if program.is_none() {
        eprintln!("SKIPPED: {language} is not installed here, so its test proves nothing");
    }
    program
}

/// A whole run of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub stdout: String,
    pub stderr: String,
    pub status: Option<ExitStatus>,
    pub end_ns: u64,
    pub counters: Counters,
    pub notices: Vec<Notice>,
}

/// Gives a program input at certain times, runs it until it ends, or has nothing left to wait for, or 100 virtual seconds have passed.
pub fn run_with(program: &Program, inputs: &[(u64, &str)]) -> Run {
    try_run(program, inputs).unwrap()
}

/// The same with nothing but end-of-file at the start.
pub fn run(program: &Program) -> Run {
    run_with(program, &[])
}

pub fn try_run(program: &Program, inputs: &[(u64, &str)]) -> Result<Run, StepError> {
    let mut process = Process::start(program).unwrap();
    let mut output = Output::default();
    let mut inputs = inputs.iter().copied().peekable();
    if inputs.peek().is_none() {
        process.close_input();
    }
    let mut now_ns = 0;
    process.step(now_ns, b"", &mut output)?;
    while process.exit_status().is_none() {
        let next_input_ns = inputs.peek().map(|&(time_ns, _)| time_ns);
        let Some(next_ns) = process.deadline_ns().into_iter().chain(next_input_ns).min() else { break };
        if next_ns > 100 * SECOND_NS {
            break;
        }
        now_ns = next_ns.max(now_ns);
        let input = inputs.next_if(|&(time_ns, _)| time_ns <= now_ns).map_or("", |(_, input)| input);
        if inputs.peek().is_none() {
            process.close_input();
        }
        process.step(now_ns, input.as_bytes(), &mut output)?;
    }
    Ok(Run {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        status: process.exit_status(),
        end_ns: now_ns,
        counters: *process.counters(),
        notices: process.notices().to_vec(),
    })
}

/// The processes that this one is the parent of, or has inherited, zombies among them.
pub fn children() -> Vec<String> {
    let own = std::process::id().to_string();
    let stats = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
    let is_child =
        |stat: &String| stat.rsplit(')').next().unwrap().split_ascii_whitespace().nth(1) == Some(&*own);
    stats.filter(is_child).collect()
}

/// How many descriptors this process has open.
pub fn descriptor_count() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// The running behaviours that carry a variable in their environment.
pub fn behaviours_with(mark: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let has_mark = |process: &PathBuf| {
        let is_behaviour = fs::read(process.join("comm")).is_ok_and(|name| name.starts_with(b"behaviours"));
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        is_behaviour && environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes())
    };
    processes.filter(has_mark).collect()
}

/// Steps several programs by turns on one thread, each to its next deadline, and returns what each printed.
pub fn interleaved(seeds: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    let start = |seed| (Process::start(&behaviour("race").seed(seed)).unwrap(), Output::default());
    let mut programs = seeds.map(start).collect::<Vec<_>>();
    let mut now_ns = 0;
    while let Some(next_ns) = programs.iter().filter_map(|(process, _)| process.deadline_ns()).min() {
        now_ns = next_ns.max(now_ns);
        for (process, output) in &mut programs {
            if process.deadline_ns().is_some_and(|deadline_ns| deadline_ns <= now_ns) {
                process.step(now_ns, b"", output).unwrap();
            }
        }
    }
    assert!(programs.iter().all(|(process, _)| process.exit_status().is_some_and(|status| status.success())));
    programs.into_iter().map(|(_, output)| output.stdout).collect()
}
