//! The text format of transactions of Plume, PolySI and IsoVista.

use std::collections::VecDeque;
use std::io::BufRead;

use rustc_hash::FxHashSet;

use super::excerpt;
use super::lines::Lines;
use crate::{HistoryError, Operation, OperationKind, Value};

/// Reads `w(KEY,VALUE,SESSION,TRANSACTION)` and `r(…)`, a step a line, those of a transaction after one another.
///
/// Each session is a process, and each transaction begins and ends before the next of its session begins. The format says
/// nothing of time, so the order of transactions in different sessions means nothing. A transaction `-1` was aborted.
///
/// Keys begin at 0: a read of 0 is of the beginning, unless a line before it writes 0 to that key, as the first transaction
/// of some files does.
pub(super) struct PlumeReader<R> {
    lines: Lines<R>,
    /// The session and the number of the transaction whose lines are being read.
    current: (u64, u64),
    steps: Vec<Value>,
    /// The transactions that have ended.
    ended: FxHashSet<(u64, u64)>,
    /// The keys that 0 was written to, and those that were read at their beginning.
    zeros: FxHashSet<u64>,
    beginnings: FxHashSet<u64>,
    ready: VecDeque<Operation>,
    next_index: u64,
    is_at_end: bool,
}

impl<R: BufRead> PlumeReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            lines: Lines::new(source),
            current: (0, 0),
            steps: Vec::new(),
            ended: FxHashSet::default(),
            zeros: FxHashSet::default(),
            beginnings: FxHashSet::default(),
            ready: VecDeque::new(),
            next_index: 0,
            is_at_end: false,
        }
    }

    pub(super) fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        while self.ready.is_empty() && !self.is_at_end {
            let Some((line, text)) = self.lines.next_line()? else {
                self.is_at_end = true;
                self.commit();
                break;
            };
            if text.trim().is_empty() {
                continue;
            }
            let error = |expected| HistoryError::Line { line, expected, found: excerpt(text) };
            let step = Step::of(text)
                .ok_or_else(|| error("`r(KEY,VALUE,SESSION,TRANSACTION)` or `w(…)`, with numbers in them"))?;
            if step.is_write && step.value == 0 && self.beginnings.contains(&step.key) {
                return Err(error(
                    "no write of 0 to a key that a line before this one read as 0, its beginning",
                ));
            }
            if step.transaction.is_some_and(|transaction| self.ended.contains(&(step.session, transaction))) {
                return Err(error("all lines of a transaction after one another"));
            }
            self.add(&step);
        }
        Ok(self.ready.pop_front())
    }

    fn add(&mut self, step: &Step) {
        let value = match step.value {
            0 if step.is_write => {
                self.zeros.insert(step.key);
                Value::from(0_u64)
            }
            0 if !self.zeros.contains(&step.key) => {
                self.beginnings.insert(step.key);
                Value::Nil
            }
            value => Value::from(value),
        };
        let function = if step.is_write { "w" } else { "r" };
        let value = Value::Vector(vec![Value::keyword(function), Value::from(step.key), value]);
        match step.transaction {
            Some(transaction) => {
                if self.current != (step.session, transaction) {
                    self.commit();
                    self.current = (step.session, transaction);
                }
                self.steps.push(value);
            }
            // Nobody may read what it wrote; what it read says nothing.
            None if step.is_write => self.push(step.session, OperationKind::Fail, vec![value]),
            None => {}
        }
    }

    /// Ends the transaction whose lines were read last.
    fn commit(&mut self) {
        if !self.steps.is_empty() {
            let steps = std::mem::take(&mut self.steps);
            self.ended.insert(self.current);
            self.push(self.current.0, OperationKind::Ok, steps);
        }
    }

    fn push(&mut self, session: u64, kind: OperationKind, steps: Vec<Value>) {
        let asked = steps.iter().map(super::question);
        let invoke = Operation::invoke(session, "txn", Value::Vector(asked.collect()));
        let completed = invoke.completed(kind, Value::Vector(steps));
        for operation in [invoke, completed] {
            self.ready.push_back(operation.at(self.next_index, 0));
            self.next_index += 1;
        }
    }
}

/// Whether a line is of this format.
pub(super) fn is_line(text: &str) -> bool {
    Step::of(text).is_some()
}

struct Step {
    is_write: bool,
    key: u64,
    value: u64,
    session: u64,
    /// None if it was aborted.
    transaction: Option<u64>,
}

impl Step {
    fn of(text: &str) -> Option<Self> {
        let (function, rest) = text.trim().split_once('(')?;
        let mut numbers = rest.strip_suffix(')')?.split(',').map(str::trim);
        let mut number = || numbers.next()?.parse::<u64>().ok();
        let (key, value, session) = (number()?, number()?, number()?);
        let transaction = match numbers.next()? {
            "-1" => None,
            text => Some(text.parse().ok()?),
        };
        let is_write = match function {
            "w" => true,
            "r" => false,
            _ => return None,
        };
        numbers.next().is_none().then_some(Self { is_write, key, value, session, transaction })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let mut reader = PlumeReader::new(text.as_bytes());
        let operations = std::iter::from_fn(|| reader.next_operation().transpose());
        operations
            .map(|operation| operation.map(|operation| operation.to_text_line().replace('\t', " ")))
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn consecutive_lines_are_a_transaction() {
        let lines = read("w(1,2,0,0)\nw(3,4,0,0)\nr(3,0,1,7)\nr(1,2,0,1)\n").unwrap();
        assert_eq!(
            lines,
            [
                "0 :invoke :txn [[:w 1 2] [:w 3 4]]",
                "0 :ok :txn [[:w 1 2] [:w 3 4]]",
                "1 :invoke :txn [[:r 3 nil]]",
                "1 :ok :txn [[:r 3 nil]]",
                "0 :invoke :txn [[:r 1 nil]]",
                "0 :ok :txn [[:r 1 2]]",
            ]
        );
    }

    #[test]
    fn zero_is_the_beginning_unless_it_was_written() {
        assert_eq!(read("w(1,0,0,0)\nr(1,0,1,1)\n").unwrap()[3], "1 :ok :txn [[:r 1 0]]");
        assert_eq!(read("r(1,0,1,1)\n").unwrap()[1], "1 :ok :txn [[:r 1 nil]]");
        let error = read("r(1,0,1,1)\nw(1,0,0,0)\n").unwrap_err();
        assert!(error.contains("line 2") && error.contains("no write of 0"), "{error}");
    }

    #[test]
    fn aborted_writes_have_failed_and_aborted_reads_say_nothing() {
        assert_eq!(
            read("w(1,2,0,-1)\nr(1,2,0,-1)\n").unwrap(),
            ["0 :invoke :txn [[:w 1 2]]", "0 :fail :txn [[:w 1 2]]"]
        );
    }

    #[test]
    fn what_is_not_of_the_format_is_named_with_its_line() {
        for (text, expected) in [
            ("w(1,2,0,0)\nw(1,2,0)\n", "line 2"),
            ("w(1,2,0,0,5)\n", "expected `r(KEY"),
            ("w(1,x,0,0)\n", "w(1,x,0,0)"),
            ("w(1,2,0,0)\nw(1,3,0,1)\nw(1,4,0,0)\n", "after one another"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
