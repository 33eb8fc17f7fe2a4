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
    Checker, History, HistoryError, Mode, Operation, OperationKind, Process, Value,
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
    usage::Usage,
};

#[derive(Args)]
pub(crate) struct Arguments {
    /// How often each history is decided by each; the median counts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long Porcupine may take for one history, in seconds
    #[arg(long, default_value_t = 60.0)]
    limit: f64,
    /// Recorded histories: a folder with `kv/*.txt` and `jepsen/*.log`, as Porcupine's own tests read them
    #[arg(long, env = "PORCUPINE_TEST_DATA")]
    recorded: Option<PathBuf>,
    /// Decide only the histories of this row, and print nothing: for its memory, or under a profiler
    #[arg(long, hide = true)]
    row: Option<usize>,
}

/// Histories that are measured as one.
struct Subject {
    name: String,
    object: Object,
    histories: Vec<History>,
}

/// A row of the table, of which the histories are made when its turn comes.
struct Row {
    name: String,
    object: Object,
    make: Box<dyn Fn() -> Result<Vec<History>>>,
}

impl Row {
    fn new(name: impl Into<String>, object: Object, make: impl Fn() -> History + 'static) -> Self {
        Self { name: name.into(), object, make: Box::new(move || Ok(vec![make()])) }
    }

    /// Histories from these files, those without any operation left out.
    fn recorded(name: impl Into<String>, object: Object, paths: Vec<PathBuf>) -> Self {
        let make = move || paths.iter().filter_map(|path| read(path).transpose()).collect();
        Self { name: name.into(), object, make: Box::new(make) }
    }

    fn subject(&self) -> Result<Subject> {
        Ok(Subject { name: self.name.clone(), object: self.object, histories: (self.make)()? })
    }
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
    let rows = rows(arguments.recorded.as_deref())?;
    if let Some(row) = arguments.row {
        let subject = rows.get(row).context("there is no such row")?.subject()?;
        for _ in 0..arguments.rounds {
            subject.decide();
        }
        return Ok(());
    }
    // First of all, since a new process counts the memory of the one that starts it.
    let peaks = (0..rows.len()).map(|row| peak_mib(row, arguments)).collect::<Result<Vec<f64>>>()?;
    let mut peer = Peer::start(Path::new("bench/target/porcupine"));
    if let Err(error) = &peer {
        eprintln!("skipped: Porcupine ({error:#})");
    }
    let columns = ["history", "operations", "ours ms", "Porcupine ms", "ours is", "peak MiB", "verdict"];
    let mut table = Table::new("Linearizability, one thread, without reading the files", &columns);
    for (row, peak_mib) in rows.iter().zip(peaks) {
        let subject = row.subject()?;
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
            ours.milliseconds(),
            theirs.map_or_else(|| "-".to_owned(), |theirs| theirs.milliseconds()),
            theirs.map_or_else(|| "-".to_owned(), |theirs| ratio(theirs.seconds / ours.seconds)),
            format!("{peak_mib:.0}"),
            verdict,
        ]);
    }
    table.print();
    Ok(())
}

/// The resident set of a process that only makes or reads the histories of this row and decides them once.
fn peak_mib(row: usize, arguments: &Arguments) -> Result<f64> {
    let started = Instant::now();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["checkers", "--rounds", "1", "--row", &row.to_string()]);
    if let Some(recorded) = &arguments.recorded {
        command.arg("--recorded").arg(recorded);
    }
    Ok(Usage::of(command.spawn()?, started)?.peak_rss_mib())
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
        let milliseconds = self.seconds * 1e3;
        if milliseconds < 10.0 {
            format!("{more}{milliseconds:.2}")
        } else {
            format!("{more}{milliseconds:.0}")
        }
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

fn rows(recorded: Option<&Path>) -> Result<Vec<Row>> {
    let register = Object::Register { initial: Some(0) };
    let mut rows = vec![
        Row::new("register, 50,000, 10 clients, 5 values", register, || {
            histories::register(10, 50_000, 5, 0)
        }),
        Row::new("register, 50,000, 10 clients, all values different", register, || {
            histories::register(10, 50_000, 0, 0)
        }),
        Row::new("register, 1,000, 10 clients, 5 values, 1 % crash", register, || {
            histories::register(10, 1_000, 5, 10)
        }),
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
        rows.push(Row::new(name, register, move || {
            histories::crashing_register(clients, operations, values, crashes)
        }));
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
        rows.push(Row::new(name, Object::Texts, move || histories::texts(texts)));
    }
    for operations in [800, 2_000] {
        let name = format!("one text, {operations}, 10 clients");
        let make = move || histories::texts((operations, 10, 1, 500, 0, 0, None));
        rows.push(Row::new(name, Object::Text, make));
    }
    rows.push(Row::new("queue, 1,000, 5 clients", Object::Queue, || histories::queue(5, 1_000)));
    rows.push(Row::new("set, 1,000, 20 clients, 2 % crash", Object::Set, || {
        histories::adds_and_reads(20, 1_000, 20)
    }));
    let Some(recorded) = recorded else {
        eprintln!("skipped: recorded histories (PORCUPINE_TEST_DATA names no folder)");
        return Ok(rows);
    };
    for path in files(&recorded.join("kv"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        rows.push(Row::recorded(name, Object::Texts, vec![path]));
    }
    let logs = files(&recorded.join("jepsen"))?;
    let name = format!("{} etcd logs", logs.len());
    rows.push(Row::recorded(name, Object::Register { initial: None }, logs));
    Ok(rows)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().with_context(|| format!("reading {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// None if the file has no operation.
fn read(path: &Path) -> Result<Option<History>> {
    let file = BufReader::new(std::fs::File::open(path)?);
    match Reader::new(file).and_then(Iterator::collect::<Result<History, _>>) {
        Ok(history) => Ok(Some(history)),
        Err(HistoryError::Empty) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
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
