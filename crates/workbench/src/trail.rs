//! What happened to a thing that a finding speaks of, told from the journal.
//!
//! - `value`: the way of a value: who was given it, who sent it to whom, what became of each message, who had it when it died.
//! - `operation`: the way of an operation: its request, its reply, and what became of both.
//!
//! Both read a journal once, and keep what concerns the thing alone.

mod operation;
mod value;

use std::{fmt, time::Duration};

use glomers_node::Time;
use glomers_protocol::NodeId;
use glomers_world::journal::{Entry, Record};

use crate::run::operation_record;

/// How many steps a trail shows. Of a longer one the middle is left out, and counted.
const MAX_STEPS: usize = 24;

/// What happened to a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// What it is about: `5`, `operation 12`.
    pub subject: String,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// What follows from it, in sentences.
    pub conclusions: Vec<String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When, counted from when the first operation could start, as in the history.
    pub time: Time,
    /// The nodes and clients that took part.
    pub hosts: Vec<NodeId>,
    /// The messages, by their numbers in the journal.
    pub messages: Vec<u64>,
    /// What happened, as a sentence without its end.
    pub text: String,
}

/// When the first operation could start, in the time of the journal. The first operation tells.
#[derive(Default)]
struct Origin(Option<Duration>);

impl Origin {
    /// When something happened, as the history counts time.
    fn time_of(&mut self, record: &Record) -> Time {
        let since_start = record.time.since(Time::ZERO);
        if let (None, Entry::UserRecord(bytes)) = (self.0, &record.entry)
            && let Ok(operation) = operation_record::decode(record.sequence, bytes)
        {
            self.0 = Some(since_start.saturating_sub(Duration::from_nanos(operation.time_ns)));
        }
        Time::ZERO + since_start.saturating_sub(self.0.unwrap_or_default())
    }
}

impl Trail {
    /// The way of a value. A message carries it if its body, apart from the protocol's own keys, holds an equal JSON value or a key of that text.
    /// For a small number that can be a coincidence; the trail says what a message contains, not what it means.
    pub fn of_value(records: impl IntoIterator<Item = Record>, value: &serde_json::Value) -> Self {
        value::trail(records, value)
    }

    /// The way of an operation, by its index in the history. None if there is none.
    pub fn of_operation(records: impl IntoIterator<Item = Record>, index: u64) -> Option<Self> {
        operation::trail(records, index)
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "What happened to {}:", self.subject)?;
        let left_out = self.steps.len().saturating_sub(MAX_STEPS);
        let first_part = if left_out > 0 { MAX_STEPS / 2 } else { self.steps.len() };
        for (number, step) in self.steps.iter().enumerate() {
            if number < first_part || number >= first_part + left_out {
                writeln!(formatter, "  {:>10.6} s  {}", step.time.as_ns() as f64 / 1e9, step.text)?;
            } else if number == first_part {
                writeln!(
                    formatter,
                    "                … {} left out …",
                    crate::text::count(left_out as u64, "step")
                )?;
            }
        }
        self.conclusions.iter().try_for_each(|conclusion| writeln!(formatter, "  {conclusion}"))
    }
}

#[cfg(test)]
mod tests;
