//! What happened to the things that a finding speaks of, told from the journal.
//!
//! - `wanted`: what is followed: values, operations, a node. From a finding it takes the journal once.
//! - `thing`: a value, perhaps of a key, and whether a message carries it.
//! - `way`: the way of a value: who was given it, who sent it to whom, what became of each message, who had it when it died.
//! - `call`: an operation: its requests, the replies, and what became of both.
//! - `additions`: what was added to a counter, and who acknowledged it.
//! - `node`: what one node did wrong.
//! - `telling`: the journal read once, and all of these put together in the order of time, in no more steps than a person reads.

mod additions;
mod call;
mod node;
mod telling;
mod thing;
mod wanted;
mod way;

use std::{fmt, time::Duration};

use glomers_check::{Finding, Value};
use glomers_node::Time;
use glomers_protocol::{NodeId, text::escape};
use glomers_world::journal::{Entry, Record};
use serde::{Deserialize, Serialize};

use crate::run::operation_record;
use wanted::Wanted;

/// How many steps a trail has at most. Of a longer one the rest is counted.
const MAX_STEPS: usize = 24;
/// How much of a message a step quotes, in characters.
const QUOTE_CHARS: usize = 160;
/// From when on a delay is worth a word.
const SLOW: Duration = Duration::from_millis(100);

/// What happened to some things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trail {
    /// What it is about: `5`, `operation 12 (read nil)`.
    pub subject: String,
    /// What happened, in order: at most 24 steps.
    pub steps: Vec<Step>,
    /// How many more steps there were.
    pub left_out: u64,
    /// What follows from it, in sentences.
    pub conclusions: Vec<String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When, counted from when the first operation could start, as in the history.
    #[serde(rename = "time-ns", with = "nanoseconds")]
    pub time: Time,
    /// The number of the journal's entry with which it began.
    pub sequence: u64,
    /// The nodes and clients that took part.
    pub hosts: Vec<NodeId>,
    /// The messages, by their numbers in the journal; of many, the first.
    pub messages: Vec<u64>,
    /// What happened, as a sentence without its end.
    pub text: String,
    /// Whether it is left out first where there are too many.
    #[serde(skip)]
    is_minor: bool,
}

/// A time as a number of nanoseconds.
mod nanoseconds {
    use glomers_node::Time;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_ns())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        u64::deserialize(deserializer).map(Time::from_ns)
    }
}

/// Where something stands in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    sequence: u64,
    time: Time,
}

impl Place {
    fn step(self, hosts: Vec<NodeId>, messages: Vec<u64>, text: String) -> Step {
        Step { time: self.time, sequence: self.sequence, hosts, messages, text, is_minor: false }
    }
}

impl Step {
    fn minor(self) -> Self {
        Self { is_minor: true, ..self }
    }
}

/// When the first operation could start, in the time of the journal. The first operation tells.
#[derive(Default)]
struct Origin(Option<Duration>);

impl Origin {
    fn is_known(&self) -> bool {
        self.0.is_some()
    }

    fn observe(&mut self, record: &Record) {
        if let (None, Entry::UserRecord(bytes)) = (self.0, &record.entry)
            && let Ok(operation) = operation_record::decode(record.sequence, bytes)
        {
            let since_start = record.time.since(Time::ZERO);
            self.0 = Some(since_start.saturating_sub(Duration::from_nanos(operation.time_ns)));
        }
    }

    /// Where an entry stands, as the history counts time. What came before its beginning stands at it.
    fn place_of(&self, record: &Record) -> Place {
        let since_start = record.time.since(Time::ZERO);
        let time = Time::ZERO + since_start.saturating_sub(self.0.unwrap_or_default());
        Place { sequence: record.sequence, time }
    }
}

impl Trail {
    /// The way of a value. A message carries it if its body, apart from the protocol's own keys, holds an equal JSON value or a key of that text.
    /// For a small number that can be a coincidence; the trail says what a message contains, not what it means.
    pub fn of_value(records: impl IntoIterator<Item = Record>, value: &Value) -> Self {
        telling::tell(records, Wanted::value(value))
    }

    /// The way of an operation, by the index of its beginning or its end in the history. None if there is none. Reads the journal twice.
    pub fn of_operation<R: IntoIterator<Item = Record>>(
        mut journal: impl FnMut() -> R,
        index: u64,
    ) -> Option<Self> {
        let wanted = Wanted::operation(journal(), index);
        wanted.is_something().then(|| telling::tell(journal(), wanted))
    }

    /// What happened to all that a finding names. None if the journal tells nothing of it. Reads the journal twice.
    pub fn of_finding<R: IntoIterator<Item = Record>>(
        mut journal: impl FnMut() -> R,
        finding: &Finding,
    ) -> Option<Self> {
        if !finding.names_something() {
            return None;
        }
        let wanted = Wanted::finding(journal(), finding);
        let trail = wanted.is_something().then(|| telling::tell(journal(), wanted));
        trail.filter(|trail| !trail.steps.is_empty() || !trail.conclusions.is_empty())
    }

    /// The trail as results hold it under `:trail`.
    pub fn to_value(&self) -> Value {
        let texts = |texts: &[String]| Value::Vector(texts.iter().map(|text| text.as_str().into()).collect());
        let step = |step: &Step| {
            let hosts = step.hosts.iter().map(|host| host.as_str().into()).collect();
            let messages = step.messages.iter().map(|message| Value::from(*message)).collect();
            Value::record([
                ("time-ns", Value::from(step.time.as_ns())),
                ("sequence", step.sequence.into()),
                ("hosts", Value::Vector(hosts)),
                ("messages", Value::Vector(messages)),
                ("text", step.text.as_str().into()),
            ])
        };
        Value::record([
            ("subject", Value::from(self.subject.as_str())),
            ("steps", Value::Vector(self.steps.iter().map(step).collect())),
            ("left-out", self.left_out.into()),
            ("conclusions", texts(&self.conclusions)),
        ])
    }

    /// Reads what [`Trail::to_value`] wrote. None of anything else.
    pub fn from_value(value: &Value) -> Option<Self> {
        serde_json::from_str(&value.to_json()).ok()
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "What happened to {}:", self.subject)?;
        for step in &self.steps {
            writeln!(formatter, "  {:>10.6} s  {}", step.time.as_ns() as f64 / 1e9, step.text)?;
        }
        if self.left_out > 0 {
            let more = crate::text::count(self.left_out, "more step");
            writeln!(formatter, "                … and {more}, left out …")?;
        }
        self.conclusions.iter().try_for_each(|conclusion| writeln!(formatter, "  {conclusion}"))
    }
}

fn name(host: &NodeId) -> String {
    escape(host.as_str()).to_string()
}

/// `n1`, `n1 and n2`, `n1, n2 and n3`; of more than eight the rest is counted.
fn names<'a>(hosts: impl IntoIterator<Item = &'a NodeId>) -> String {
    const MAX_NAMES: usize = 8;
    let mut names: Vec<String> = hosts.into_iter().map(name).collect();
    if names.len() > MAX_NAMES {
        let rest = names.len() - (MAX_NAMES - 1);
        names.truncate(MAX_NAMES - 1);
        names.push(format!("{rest} more"));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

fn seconds(time: Time) -> String {
    format!("{:.3} s", time.as_ns() as f64 / 1e9)
}

fn duration(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests;
