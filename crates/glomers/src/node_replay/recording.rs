//! What a node got and printed in a recorded run.

use std::{collections::BTreeMap, time::Duration};

use glomers_protocol::{NodeId, write_envelope};
use glomers_world::{
    DropReason, HostRole,
    journal::{Entry, JournalReadError, Record},
};

/// What a node got and printed during one of its lives.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// What it got.
    pub(crate) inputs: Vec<Input>,
    /// What it printed.
    pub(super) outputs: Vec<Output>,
    /// How long it lived.
    pub(super) end: Duration,
    /// How it ended by itself, in words.
    pub(super) exit: Option<String>,
    /// Why the recording may lack what came later.
    pub(crate) damage: Option<String>,
}

/// A line for the node.
#[derive(Debug)]
pub(crate) struct Input {
    /// The time since the node's start.
    pub(super) at: Duration,
    /// How many messages the node had printed before.
    pub(super) outputs_before: usize,
    pub(super) line: String,
    message: u64,
}

/// A message of the node.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) dest: String,
    pub(super) body: Box<str>,
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
    /// Nothing of the journal can be read.
    #[error("its journal is damaged from the beginning on: {0}")]
    Unreadable(#[source] JournalReadError),
}

impl Recording {
    /// What a node got and printed after its `start`-th start, from 1. Where the journal is damaged, what came before the damage.
    pub(crate) fn read(
        records: impl IntoIterator<Item = Result<Record, JournalReadError>>,
        node: &str,
        start: u64,
    ) -> Result<Self, RecordingError> {
        let mut reader = Reader { node, start, ..Reader::default() };
        let mut time = None;
        for record in records {
            match record {
                Ok(record) => {
                    time = Some(record.time.since(glomers_node::Time::ZERO));
                    reader.take(record);
                }
                Err(error) => match time {
                    None => return Err(RecordingError::Unreadable(error)),
                    Some(time) => {
                        let at_s = time.as_secs_f64();
                        reader.recording.damage =
                            Some(format!("the journal can't be read after {at_s:.3} s: {error}"));
                        break;
                    }
                },
            }
        }
        reader.finish(time.unwrap_or_default())
    }

    /// All that the node got, a line for each message.
    pub(crate) fn input_text(&self) -> String {
        self.inputs.iter().map(|input| format!("{}\n", input.line)).collect()
    }
}

#[derive(Default)]
struct Reader<'a> {
    node: &'a str,
    start: u64,
    recording: Recording,
    known: Vec<NodeId>,
    starts: u64,
    born: Duration,
    is_over: bool,
    /// The lines of messages that are under way to the node.
    under_way: BTreeMap<u64, String>,
}

impl Reader<'_> {
    fn take(&mut self, record: Record) {
        let time = record.time.since(glomers_node::Time::ZERO);
        let is_node = |host: &NodeId| host.as_str() == self.node;
        let is_its_life = self.starts == self.start && !self.is_over;
        match record.entry {
            Entry::HostAdded { host, role: HostRole::Node } if is_node(&host) => {
                self.starts += 1;
                self.born = if self.starts == self.start { time } else { self.born };
            }
            Entry::HostAdded { host, role: HostRole::Node } if !self.known.contains(&host) => {
                self.known.push(host);
            }
            Entry::Sent { message, src, claimed_src, dest, body } => {
                if is_node(&src) && is_its_life {
                    self.recording.outputs.push(Output { dest: dest.to_string(), body: body.clone() });
                }
                if is_node(&dest) {
                    let src = claimed_src.as_ref().unwrap_or(&src);
                    let mut line = Vec::new();
                    write_envelope(&mut line, Some(message), src.as_str(), dest.as_str(), body.as_bytes());
                    self.under_way.insert(message, String::from_utf8_lossy(&line).trim_end().to_owned());
                }
            }
            Entry::Delivered { message } if is_its_life => {
                if let Some(line) = self.under_way.get(&message) {
                    let (at, outputs_before) = (time - self.born, self.recording.outputs.len());
                    let input = Input { at, outputs_before, line: line.clone(), message };
                    self.recording.inputs.push(input);
                }
            }
            // What a dead program had not read follows its end.
            Entry::Dropped { message, reason: DropReason::Unread } if self.starts == self.start => {
                let inputs = &mut self.recording.inputs;
                if let Some(unread) = inputs.iter().rposition(|input| input.message == message) {
                    inputs.remove(unread);
                }
            }
            Entry::HostKilled { host } if is_node(&host) && is_its_life => self.end(time),
            Entry::ProcessExited { host, status } if is_node(&host) && is_its_life => {
                self.recording.exit = Some(status);
                self.end(time);
            }
            _ => {}
        }
    }

    fn end(&mut self, time: Duration) {
        self.is_over = true;
        self.recording.end = time.saturating_sub(self.born);
    }

    /// `time` is that of the last record.
    fn finish(mut self, time: Duration) -> Result<Recording, RecordingError> {
        let node = self.node.to_owned();
        match self.starts {
            0 => {
                let known = self.known.iter().map(NodeId::as_str).collect::<Vec<_>>().join(", ");
                Err(RecordingError::NoNode { node, known })
            }
            starts if self.start == 0 || self.start > starts => {
                Err(RecordingError::NoStart { node, starts, start: self.start })
            }
            _ => {
                if !self.is_over {
                    self.end(time);
                }
                Ok(self.recording)
            }
        }
    }
}
