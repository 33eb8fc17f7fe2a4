//! What is known of a run besides its history: counts of operations, and the reports of the network, the nodes and the clients.

use glomers_check::{Operation, OperationKind, Value};
use glomers_protocol::NodeId;
use glomers_world::{ExitReport, NetworkStatistics, ProtocolViolations};

use crate::{
    clients::{ReplyLog, TIMED_OUT},
    run::Lateness,
};

/// The reports of the network, the nodes and the clients at the end of a run.
#[derive(Debug, Clone, Copy)]
pub struct RunFacts<'a> {
    /// The messages, counted.
    pub network: &'a NetworkStatistics,
    /// Violations of the protocol, the first of each kind and node.
    pub violations: &'a ProtocolViolations,
    /// The nodes that died before they were stopped.
    pub exits: &'a [ExitReport],
    /// The outcomes of the clients' requests.
    pub replies: &'a ReplyLog,
    /// How late the workbench itself woke up.
    pub lateness: &'a Lateness,
    /// Unusual things that nodes did, though they are allowed, in sentences.
    pub notes: &'a [String],
    /// The nodes that did not get ready again after a kill, each with the reason.
    pub failed_restarts: &'a [(NodeId, String)],
    /// Why the run never got to its first operation.
    pub not_started: Option<&'a str>,
}

/// How many operations of clients there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OperationCounts {
    /// Invoked.
    pub invoked: u64,
    /// Of these, those that succeeded.
    pub ok: u64,
    /// Those that certainly did nothing.
    pub failed: u64,
    /// Those whose outcome is unknown.
    pub unknown: u64,
    /// Of the failed and the unknown ones, those whose request got no usable reply in time.
    pub timed_out: u64,
    /// Of the failed ones, those whose error is an ordinary result, such as a compare-and-set that found another value.
    pub refused: u64,
}

/// The errors that are ordinary results, as histories name them. There are no warnings about these.
pub(super) const RESULT_ERRORS: [&str; 4] =
    ["key-does-not-exist", "key-already-exists", "precondition-failed", "txn-conflict"];

impl OperationCounts {
    /// Counts an entry of a history.
    pub fn observe(&mut self, operation: &Operation) {
        if operation.is_client() {
            match operation.kind {
                OperationKind::Invoke => self.invoked += 1,
                OperationKind::Ok => self.ok += 1,
                OperationKind::Fail => self.failed += 1,
                OperationKind::Info => self.unknown += 1,
            }
            match &operation.error {
                Some(error) if error.as_keyword() == Some(TIMED_OUT) => self.timed_out += 1,
                Some(Value::Vector(parts)) if operation.kind == OperationKind::Fail => {
                    let name = parts.first().and_then(Value::as_keyword);
                    self.refused += u64::from(name.is_some_and(|name| RESULT_ERRORS.contains(&name)));
                }
                _ => {}
            }
        }
    }
}
