//! The checker of linearizability beside Porcupine.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use glomers_check::{
    Checker, History, Mode, Operation, OperationKind, Process, Value,
    formats::Reader,
    linear::{
        Linearizability,
        models::{Keyed, Log, Queue, Register, Set},
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    histories,
    table::{Table, median_by, number, ratio},
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often each history is decided by each; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long Porcupine may take for one history, in seconds
    #[arg(long, default_value_t = 60.0)]
    limit: f64,
}

/// Histories that are measured as one.
struct Subject {
    name: String,
    object: Object,
    histories: Vec<History>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    /// It holds this at first.
    Register {
        initial: Option<i64>,
    },
    /// Texts by key.
    Texts,
    /// One text.
    Text,
    Queue,
    Set,
}

pub(crate) fn compare(arguments: &Arguments) -> Result<()> {
    let mut peer = Peer::start(Path::new("bench/target/porcupine"));
    if let Err(error) = &peer {
        eprintln!("skipped: Porcupine ({error:#})");
    }
    let columns = ["history", "operations", "ours ms", "Porcupine ms", "ours is", "verdict"];
    let mut table = Table::new("Linearizability, one thread, without reading the files", &columns);
    for subject in subjects()? {
        eprintln!("{} …", subject.name);
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        for _ in 0..arguments.rounds {
            ours.push(subject.decide());
            if let Ok(peer) = &mut peer {
                theirs.push(peer.decide(&subject, arguments.limit)?);
            }
        }
        let ours = median_by(&mut ours, |run| run.seconds);
        let theirs = (!theirs.is_empty()).then(|| median_by(&mut theirs, |run| run.seconds));
        let verdict = match theirs {
            Some(theirs) if theirs.count != ours.count && theirs.unknown == 0 => {
                format!("{}, and theirs {}", ours.verdict(), theirs.verdict())
            }
            _ => ours.verdict(),
        };
        let calls: usize = subject.histories.iter().map(|history| calls(history).count()).sum();
        table.row([
            subject.name.clone(),
            number(calls as f64),
            format!("{:.1}", ours.seconds * 1e3),
            theirs.map_or_else(|| "-".to_owned(), |theirs| theirs.milliseconds()),
            theirs.map_or_else(|| "-".to_owned(), |theirs| ratio(theirs.seconds / ours.seconds)),
            verdict,
        ]);
    }
    table.print();
    Ok(())
}

/// What deciding a subject came to.
#[derive(Clone, Copy)]
struct Run {
    seconds: f64,
    /// How many of its histories are valid.
    count: usize,
    unknown: usize,
}

impl Run {
    fn of(answers: &[(String, f64)]) -> Self {
        let count = |wanted: &str| answers.iter().filter(|(verdict, _)| verdict == wanted).count();
        Self {
            seconds: answers.iter().map(|(_, seconds)| seconds).sum(),
            count: count("valid"),
            unknown: count("unknown"),
        }
    }

    fn verdict(&self) -> String {
        match self.unknown {
            0 => format!("{} valid", self.count),
            unknown => format!("{} valid, {unknown} unknown", self.count),
        }
    }

    fn milliseconds(&self) -> String {
        let more = if self.unknown > 0 { "> " } else { "" };
        format!("{more}{:.1}", self.seconds * 1e3)
    }
}

impl Subject {
    fn decide(&self) -> Run {
        let answers: Vec<(String, f64)> = self
            .histories
            .iter()
            .map(|history| match self.object {
                Object::Register { initial } => {
                    let initial = initial.map_or(Value::Nil, Value::from);
                    timed(history, Linearizability::new(Register::new(initial, Mode::Strict)).with_threads(1))
                }
                Object::Texts | Object::Text => {
                    timed(history, Linearizability::new(Keyed::new(Log)).with_threads(1))
                }
                Object::Queue => timed(history, Linearizability::new(Queue).with_threads(1)),
                Object::Set => timed(history, Linearizability::new(Set).with_threads(1)),
            })
            .collect();
        Run::of(&answers)
    }
}

/// The verdict, and the seconds that it took.
fn timed(history: &History, checker: impl Checker + 'static) -> (String, f64) {
    let mut checker: Box<dyn Checker> = Box::new(checker);
    let begin = Instant::now();
    history.operations().iter().for_each(|operation| checker.observe(operation));
    let verdict = checker.finish();
    (verdict.validity.to_string(), begin.elapsed().as_secs_f64())
}

fn subjects() -> Result<Vec<Subject>> {
    let one =
        |name: &str, object, history| Subject { name: name.to_owned(), object, histories: vec![history] };
    let register = Object::Register { initial: Some(0) };
    let mut subjects = vec![
        one("register, 50,000, 10 clients, 5 values", register, histories::register(10, 50_000, 5, 0)),
        one(
            "register, 50,000, 10 clients, all values different",
            register,
            histories::register(10, 50_000, 0, 0),
        ),
        one(
            "register, 1,000, 10 clients, 5 values, 1 % crash",
            register,
            histories::register(10, 1_000, 5, 10),
        ),
    ];
    for (operations, clients, values, crashes) in [
        (5_000, 5, 10, 100),
        (5_000, 10, 10, 100),
        (5_000, 5, 3, 100),
        (5_000, 10, 3, 100),
        (50_000, 5, 5, 10),
        (50_000, 10, 5, 10),
    ] {
        let name =
            format!("register, {operations}, {clients} clients, {values} values, {} % crash", crashes / 10);
        subjects.push(one(
            &name,
            register,
            histories::crashing_register(clients, operations, values, crashes),
        ));
    }
    // Operations, clients, keys, gets, puts, crashes, and the first read that is stale.
    for (name, texts) in [
        ("texts, 1,700, 50 clients, 6 % puts", (1_700, 50, 10, 420, 60, 0, None)),
        ("texts, 1,700, 50 clients, 6 % puts, one stale", (1_700, 50, 10, 420, 60, 0, Some(600))),
        ("texts, 500, 10 clients", (500, 10, 10, 300, 0, 0, None)),
        ("texts, 1,000, 50 clients", (1_000, 50, 10, 300, 0, 0, None)),
        ("texts, 5,000, 20 clients, 20 % puts, 5 % crash", (5_000, 20, 10, 400, 200, 50, None)),
        ("texts, 5,000, 50 clients", (5_000, 50, 10, 400, 0, 0, None)),
        ("texts, 5,000, 50 clients, 20 % puts", (5_000, 50, 10, 400, 200, 0, None)),
    ] {
        subjects.push(one(name, Object::Texts, histories::texts(texts)));
    }
    for operations in [800, 2_000] {
        let name = format!("one text, {operations}, 10 clients");
        subjects.push(one(&name, Object::Text, histories::texts((operations, 10, 1, 500, 0, 0, None))));
    }
    subjects.push(one("queue, 1,000, 5 clients", Object::Queue, histories::queue(5, 1_000)));
    subjects.push(one(
        "set, 1,000, 20 clients, 2 % crash",
        Object::Set,
        histories::adds_and_reads(20, 1_000, 20),
    ));
    let Some(recorded) = std::env::var_os("GLOMERS_CONFORMANCE") else {
        eprintln!("skipped: recorded histories (GLOMERS_CONFORMANCE names no folder)");
        return Ok(subjects);
    };
    let folder = PathBuf::from(recorded).join("porcupine");
    let mut logs = Vec::new();
    let mut paths: Vec<PathBuf> = folder
        .read_dir()
        .with_context(|| format!("reading {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".log") {
            logs.push(read(&path)?);
        } else if name.ends_with(".txt") {
            subjects.push(one(&name, Object::Texts, read(&path)?));
        }
    }
    let name = format!("{} recorded etcd logs", logs.len());
    subjects.push(Subject { name, object: Object::Register { initial: None }, histories: logs });
    Ok(subjects)
}

fn read(path: &Path) -> Result<History> {
    let file = BufReader::new(std::fs::File::open(path)?);
    let history = Reader::new(file)?.collect::<Result<_, _>>();
    history.with_context(|| format!("reading {}", path.display()))
}

/// Porcupine, waiting for histories.
struct Peer {
    child: Child,
    histories: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    model: &'static str,
    limit: f64,
    calls: Vec<AskedCall>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AskedCall {
    begin: u64,
    end: Option<u64>,
    f: String,
    key: u64,
    seen: String,
    written: String,
}

#[derive(Deserialize)]
struct Answer {
    verdict: String,
    seconds: f64,
}

impl Peer {
    fn start(program: &Path) -> Result<Self> {
        let command = || program.display().to_string();
        let mut child = Command::new(program.canonicalize().with_context(command)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(command)?;
        let histories = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        Ok(Self { child, histories, answers })
    }

    fn decide(&mut self, subject: &Subject, limit: f64) -> Result<Run> {
        let mut answers = Vec::new();
        for history in &subject.histories {
            let model = match subject.object {
                Object::Register { .. } => "register",
                Object::Texts | Object::Text => "texts",
                Object::Queue => "queue",
                Object::Set => "set",
            };
            // Its register begins empty: the same as if the initial value had been written before all else.
            let initial = match subject.object {
                Object::Register { initial: Some(initial) } => Some(AskedCall {
                    begin: 0,
                    end: Some(0),
                    f: "write".to_owned(),
                    key: 0,
                    seen: String::new(),
                    written: initial.to_string(),
                }),
                _ => None,
            };
            let calls = initial.into_iter().chain(calls(history)).collect();
            let stdin = self.histories.as_mut().context("Porcupine has ended")?;
            serde_json::to_writer(&mut *stdin, &Asked { model, limit, calls })?;
            stdin.write_all(b"\n")?;
            stdin.flush()?;
            let mut line = String::new();
            ensure!(self.answers.read_line(&mut line)? > 0, "Porcupine ended without an answer");
            let Answer { verdict, seconds } = serde_json::from_str(&line)?;
            answers.push((verdict, seconds));
        }
        Ok(Run::of(&answers))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.histories = None;
        let _ = self.child.wait();
    }
}

/// The operations that may have happened, each with its beginning and end on one line of events, from 1.
fn calls(history: &History) -> impl Iterator<Item = AskedCall> {
    let mut open: BTreeMap<Process, (u64, &Operation)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (event, operation) in (1..).zip(history.operations()) {
        if operation.is_invoke() {
            open.insert(operation.process, (event, operation));
        } else if let Some((begin, invoked)) = open.remove(&operation.process) {
            match operation.kind {
                OperationKind::Ok => calls.push(call(invoked, begin, Some((event, operation)))),
                OperationKind::Info if !reads(invoked) => {
                    calls.push(call(invoked, begin, None));
                }
                _ => {}
            }
        }
    }
    let left = open.into_values().filter(|(_, invoked)| !reads(invoked));
    calls.extend(left.map(|(begin, invoked)| call(invoked, begin, None)));
    calls.into_iter()
}

/// Whether the operation may be left out if its outcome is unknown.
fn reads(invoked: &Operation) -> bool {
    matches!(invoked.f.as_str(), "read" | "get")
}

fn call(invoked: &Operation, begin: u64, end: Option<(u64, &Operation)>) -> AskedCall {
    let text = |value: &Value| match value {
        Value::Nil => String::new(),
        Value::String(text) => text.to_string(),
        other => other.to_string(),
    };
    let returned = end.map_or(&invoked.value, |(_, operation)| &operation.value);
    let (seen, written) = match (invoked.f.as_str(), invoked.value.as_sequence()) {
        ("read" | "get" | "dequeue", _) => (text(returned), String::new()),
        ("cas", Some([from, to])) => (text(from), text(to)),
        _ => (String::new(), text(&invoked.value)),
    };
    let key = invoked.get("key").map_or(0, |key| match key {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_int().unwrap_or(0) as u64,
    });
    let end = end.map(|(event, _)| event);
    AskedCall { begin, end, f: invoked.f.to_string(), key, seen, written }
}
