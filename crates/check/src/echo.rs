//! Whether every echo came back as it was sent.

use crate::{
    Checker, Finding, Mode, Operation, OperationKind, Pairing, Process, Requirement, Validity, Value, Verdict,
};

/// Compares the payload of every `echo` with the one that came back.
///
/// Strictly: an operation that succeeded must bring back the payload in `:echo`. An operation that failed was no
/// echo at all, right or wrong. A history in which none succeeded is unknown, not valid.
///
/// [`Mode::Compat`] does what Maelstrom does: an operation that failed or never ended counts as wrong, one of
/// which nobody knows does not count, and a history without any is valid.
///
/// Memory is that of the open operations and the wrong replies; constant time per operation. `:errors` lists
/// `["Expected a message with :echo" payload "But received" reply]`, in the history's order (upstream's order is
/// that of its hash table).
#[derive(Debug)]
pub struct Echo {
    mode: Mode,
    open: Pairing<(u64, Value)>,
    ok_count: u64,
    fail_count: u64,
    errors: Vec<Wrong>,
}

/// A reply that does not match its request.
#[derive(Debug)]
struct Wrong {
    process: Process,
    /// The indices of the beginning and, where there is one, of the end.
    operations: Vec<u64>,
    sent: Value,
    received: Value,
}

impl Echo {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self { mode, open: Pairing::new(), ok_count: 0, fail_count: 0, errors: Vec::new() }
    }
}

impl Checker for Echo {
    fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            return;
        }
        let begun = match operation.kind {
            OperationKind::Invoke => {
                self.open.begin(operation.process, (operation.index, operation.value.clone()));
                return;
            }
            OperationKind::Ok | OperationKind::Fail | OperationKind::Info => self.open.end(operation.process),
        };
        let Some((index, sent)) = begun else { return };
        let judged = match operation.kind {
            OperationKind::Ok => {
                self.ok_count += 1;
                true
            }
            OperationKind::Fail => {
                self.fail_count += 1;
                self.mode == Mode::Compat
            }
            OperationKind::Invoke | OperationKind::Info => false,
        };
        if judged && operation.value.get("echo").unwrap_or(&Value::Nil) != &sent {
            let operations = vec![index, operation.index];
            self.errors.push(Wrong {
                process: operation.process,
                operations,
                sent,
                received: operation.value.clone(),
            });
        }
    }

    fn has_violation(&self) -> bool {
        !self.errors.is_empty()
    }

    fn requirement(&self) -> Requirement {
        self.mode.requirement()
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        if self.mode == Mode::Compat {
            let unanswered = std::mem::take(&mut self.open).into_open();
            let sent = unanswered.into_iter().filter(|(_, (_, sent))| !sent.is_nil());
            self.errors.extend(sent.map(|(process, (index, sent))| Wrong {
                process,
                operations: vec![index],
                sent,
                received: Value::Nil,
            }));
        }
        let nothing_succeeded = self.mode == Mode::Strict && self.ok_count == 0;
        let validity = match () {
            () if !self.errors.is_empty() => Validity::Invalid,
            () if nothing_succeeded => Validity::Unknown,
            () => Validity::Valid,
        };
        let mut findings: Vec<Finding> = self.errors.iter().map(Wrong::finding).collect();
        if nothing_succeeded {
            let sentence =
                format!("No echo succeeded ({} failed), so there was nothing to judge.", self.fail_count);
            findings.push(Finding::new(sentence, []));
        }
        let errors = Value::List(self.errors.into_iter().map(Wrong::into_value).collect());
        Verdict { findings, ..Verdict::new(validity, [("errors", errors)]) }
    }
}

impl Wrong {
    fn finding(&self) -> Finding {
        let Self { process, operations, sent, received } = self;
        Finding::new(
            format!("Process {process} asked to echo {sent} and received {received}."),
            operations.clone(),
        )
    }

    fn into_value(self) -> Value {
        Value::Vector(vec![
            Value::string("Expected a message with :echo"),
            self.sent,
            Value::string("But received"),
            self.received,
        ])
    }
}
