//! AWDIT's text format of transactions by session.

use std::collections::VecDeque;
use std::io::BufRead;

use super::excerpt;
use super::lines::Lines;
use crate::{HistoryError, Operation, OperationKind, Value};

/// Reads `w KEY VALUE` and `r KEY VALUE`, a step a line, with `-----` between transactions and `=====` between sessions.
///
/// Each session is a process, and each transaction begins and ends before the next of its session begins. The format
/// says nothing of time, so that the order of transactions in different sessions means nothing.
pub(super) struct AwditReader<R> {
    lines: Lines<R>,
    session: u64,
    steps: Vec<Value>,
    ready: VecDeque<Operation>,
    next_index: u64,
    ended: bool,
}

impl<R: BufRead> AwditReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            lines: Lines::new(source),
            session: 0,
            steps: Vec::new(),
            ready: VecDeque::new(),
            next_index: 0,
            ended: false,
        }
    }

    pub(super) fn next_operation(&mut self) -> Result<Option<Operation>, HistoryError> {
        while self.ready.is_empty() && !self.ended {
            let Some((line, text)) = self.lines.next_line()? else {
                self.ended = true;
                self.commit();
                break;
            };
            match Line::of(text) {
                Some(Line::Step(step)) => self.steps.push(step),
                Some(Line::TransactionEnd) => self.commit(),
                Some(Line::SessionEnd) => {
                    self.commit();
                    self.session += 1;
                }
                Some(Line::Blank) => {}
                None => {
                    return Err(HistoryError::Line {
                        line,
                        expected: "`r KEY VALUE`, `w KEY VALUE`, `-----` or `=====`",
                        found: excerpt(text),
                    });
                }
            }
        }
        Ok(self.ready.pop_front())
    }

    fn commit(&mut self) {
        if self.steps.is_empty() {
            return;
        }
        let steps = std::mem::take(&mut self.steps);
        let asked = steps.iter().map(super::question);
        let invoke = Operation::invoke(self.session, "txn", Value::Vector(asked.collect()));
        let ok = invoke.completed(OperationKind::Ok, Value::Vector(steps));
        for operation in [invoke, ok] {
            self.ready.push_back(operation.at(self.next_index, 0));
            self.next_index += 1;
        }
    }
}

/// Whether a line is of this format.
pub(super) fn is_line(text: &str) -> bool {
    matches!(Line::of(text), Some(Line::Step(_) | Line::TransactionEnd | Line::SessionEnd))
}

enum Line {
    Step(Value),
    TransactionEnd,
    SessionEnd,
    Blank,
}

impl Line {
    fn of(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        Some(match (words.next(), words.next(), words.next(), words.next()) {
            (None, ..) => Self::Blank,
            (Some("-----"), None, ..) => Self::TransactionEnd,
            (Some("====="), None, ..) => Self::SessionEnd,
            (Some(function @ ("r" | "w")), Some(key), Some(value), None) => {
                let number = |text: &str| text.parse::<u64>().ok().map(Value::from);
                Self::Step(Value::Vector(vec![Value::keyword(function), number(key)?, number(value)?]))
            }
            _ => return None,
        })
    }
}
