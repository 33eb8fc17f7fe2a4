//! One node of a recorded run again: it is given the lines that it got, and what it prints is compared with what it printed.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use glomers_protocol::{NodeId, write_envelope};
use glomers_world::{
    HostRole,
    journal::{Entry, Record},
};
use serde_json::Value;

use crate::{clock::Stopwatch, run_directory::manifest::NodeProgram};

/// How long the node may take to print what it printed before the next line came, when the recorded gaps are left out.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a node got and printed during one of its lives.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// What it got, each with the time since its start and the number of lines that it had printed before.
    pub(crate) inputs: Vec<Input>,
    /// What it printed.
    outputs: Vec<Output>,
}

/// A line for the node.
#[derive(Debug)]
pub(crate) struct Input {
    at: Duration,
    outputs_before: usize,
    line: String,
}

/// A message of the node.
#[derive(Debug)]
struct Output {
    dest: String,
    body: Value,
}

/// Why there is nothing to repeat.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordingError {
    /// The run has no such node.
    #[error("there is no node {node} in this run; it has {known}")]
    NoNode { node: String, known: String },
    /// The node was not started so often.
    #[error("node {node} was started {}, so there is no start {start}", glomers_protocol::text::count(*starts, "time"))]
    NoStart { node: String, starts: u64, start: u64 },
}

impl Recording {
    /// What a node got and printed after its `start`-th start, from 1.
    pub(crate) fn read(
        records: impl IntoIterator<Item = Record>,
        node: &str,
        start: u64,
    ) -> Result<Self, RecordingError> {
        let mut recording = Self::default();
        let mut known: Vec<NodeId> = Vec::new();
        let mut starts = 0;
        let mut born = Duration::ZERO;
        let mut under_way: BTreeMap<u64, String> = BTreeMap::new();
        for record in records {
            let time = record.time.since(glomers_node::Time::ZERO);
            match record.entry {
                Entry::HostAdded { host, role: HostRole::Node } => {
                    if host.as_str() == node {
                        (starts, born) = (starts + 1, time);
                    } else if !known.contains(&host) {
                        known.push(host);
                    }
                }
                Entry::Sent { message, src, claimed_src, dest, body } => {
                    if src.as_str() == node && starts == start {
                        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
                        recording.outputs.push(Output { dest: dest.to_string(), body });
                    }
                    if dest.as_str() == node {
                        let src = claimed_src.as_ref().unwrap_or(&src);
                        let mut line = Vec::new();
                        write_envelope(
                            &mut line,
                            Some(message),
                            src.as_str(),
                            dest.as_str(),
                            body.as_bytes(),
                        );
                        under_way.insert(message, String::from_utf8_lossy(&line).trim_end().to_owned());
                    }
                }
                Entry::Delivered { message } if starts == start => {
                    if let Some(line) = under_way.get(&message) {
                        let (at, outputs_before) = (time.saturating_sub(born), recording.outputs.len());
                        recording.inputs.push(Input { at, outputs_before, line: line.clone() });
                    }
                }
                _ => {}
            }
        }
        match starts {
            0 => {
                let known = known.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ");
                Err(RecordingError::NoNode { node: node.to_owned(), known })
            }
            starts if start == 0 || start > starts => {
                Err(RecordingError::NoStart { node: node.to_owned(), starts, start })
            }
            _ => Ok(recording),
        }
    }

    /// All that the node got, a line for each message.
    pub(crate) fn input_text(&self) -> String {
        self.inputs.iter().map(|input| format!("{}\n", input.line)).collect()
    }
}

/// How a repeated node compares with the recorded one.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// How many messages were as recorded.
    pub(crate) equal: usize,
    /// How many messages the recording has.
    pub(crate) recorded: usize,
    /// The first difference: what was recorded, and what came.
    pub(crate) difference: Option<(String, String)>,
}

/// Starts the program, gives it what the recording says, and compares what it prints.
pub(crate) fn repeat(program: &NodeProgram, recording: &Recording, is_fast: bool) -> io::Result<Comparison> {
    let mut child = Command::new(&program.program)
        .args(&program.arguments)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let result = feed(&mut child, recording, is_fast);
    let _ = child.kill();
    let _ = child.wait();
    result
}

fn feed(child: &mut Child, recording: &Recording, is_fast: bool) -> io::Result<Comparison> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the program has no standard streams"));
    };
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut comparer = Comparer { recording, equal: 0, difference: None, ids: BTreeMap::new() };
    let clock = Stopwatch::start();
    for input in &recording.inputs {
        if is_fast {
            comparer.read_until(&lines, |comparer, waited| {
                comparer.equal >= input.outputs_before || waited >= PATIENCE
            });
        } else {
            comparer.read_until(&lines, |_, _| clock.elapsed() >= input.at);
        }
        if comparer.difference.is_some() || give(&mut stdin, &comparer.with_ids(&input.line)).is_err() {
            break;
        }
    }
    comparer.read_until(&lines, |comparer, waited| {
        comparer.equal >= recording.outputs.len() || waited >= PATIENCE
    });
    if comparer.difference.is_none() && comparer.equal < recording.outputs.len() {
        let missing = &recording.outputs[comparer.equal];
        comparer.difference = Some((show(&missing.dest, &missing.body), "(nothing more)".to_owned()));
    }
    Ok(Comparison {
        equal: comparer.equal,
        recorded: recording.outputs.len(),
        difference: comparer.difference,
    })
}

fn give(stdin: &mut ChildStdin, line: &str) -> io::Result<()> {
    stdin.write_all(line.as_bytes())?;
    stdin.write_all(b"\n")?;
    stdin.flush()
}

/// Compares what comes with what was recorded, in order.
struct Comparer<'a> {
    recording: &'a Recording,
    equal: usize,
    difference: Option<(String, String)>,
    /// The node's own `msg_id`s, which it may draw at random: from the recorded ones to today's.
    ids: BTreeMap<String, Value>,
}

impl Comparer<'_> {
    /// Reads lines until `is_done`, which sees for how long nothing has come.
    fn read_until(&mut self, lines: &Receiver<String>, is_done: impl Fn(&Self, Duration) -> bool) {
        let mut since_last = Stopwatch::start();
        while self.difference.is_none() && !is_done(self, since_last.elapsed()) {
            match lines.recv_timeout(Duration::from_millis(1)) {
                Ok(line) => {
                    self.compare(&line);
                    since_last = Stopwatch::start();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn compare(&mut self, line: &str) {
        let Some(expected) = self.recording.outputs.get(self.equal) else {
            self.difference = Some(("(nothing more)".to_owned(), line.to_owned()));
            return;
        };
        let message: Value = serde_json::from_str(line).unwrap_or(Value::Null);
        let dest = message.get("dest").and_then(Value::as_str).unwrap_or_default();
        let body = message.get("body").cloned().unwrap_or(Value::Null);
        let (mut one, mut other) = (expected.body.clone(), body.clone());
        let ids =
            [&mut one, &mut other].map(|body| body.as_object_mut().and_then(|body| body.remove("msg_id")));
        if expected.dest == dest && one == other {
            if let [Some(recorded), Some(now)] = ids {
                self.ids.insert(recorded.to_string(), now);
            }
            self.equal += 1;
        } else {
            let came = if message.is_object() { show(dest, &body) } else { line.to_owned() };
            self.difference = Some((show(&expected.dest, &expected.body), came));
        }
    }

    /// A line whose `in_reply_to` names the id that the node has given today.
    fn with_ids(&self, line: &str) -> String {
        let Ok(mut message) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
        let Some(id) = message.get_mut("body").and_then(|body| body.get_mut("in_reply_to")) else {
            return line.to_owned();
        };
        match self.ids.get(&id.to_string()) {
            Some(now) if now != id => {
                *id = now.clone();
                message.to_string()
            }
            _ => line.to_owned(),
        }
    }
}

fn show(dest: &str, body: &Value) -> String {
    format!("to {dest}: {body}")
}

/// Puts a debugger in front of the program, which reads its input from a file.
pub(crate) fn debug(
    command: &str,
    program: &NodeProgram,
    input: &Path,
) -> io::Result<std::process::ExitStatus> {
    let mut words = command.split_whitespace();
    let first = words.next().unwrap_or_default();
    let mut debugger = Command::new(first);
    debugger.args(words).arg(&program.program);
    let is_delve = Path::new(first).file_name().is_some_and(|name| name == "dlv");
    if is_delve {
        // Delve starts the program at once, and redirects by an option.
        debugger.arg("-r").arg(format!("stdin:{}", input.display())).arg("--");
    }
    debugger.args(&program.arguments).status()
}
