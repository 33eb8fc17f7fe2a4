//! What a reader of a verdict should know although it does not decide it: replies that could not be used, panics, a run in which little
//! worked, faults without effect, a machine that was too slow.

use glomers_check::Value;
use glomers_protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use super::run_facts::OperationCounts;
use crate::{
    clients::{ReplyFault, ReplyLog, RequestTally, listed},
    plan::Plan,
    run::Lateness,
    text::{count, grouped},
};

/// If a smaller share of the operations has a result, a verdict says little.
const FEW_SUCCEEDED: f64 = 0.8;
/// If faults are injected, time-outs are expected up to this share of the requests.
const EXPECTED_TIME_OUTS: f64 = 0.2;
/// If the workbench wakes later than this in one case of a hundred, it measures its machine and not the nodes.
const SLOW_P99_MS: f64 = 10.0;

/// Something that a reader of the verdict should know although it does not decide it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is about.
    pub kind: WarningKind,
    /// How often that happened.
    pub count: u64,
    /// The warning in words. It may quote what a node sent, escaped and shortened.
    pub sentence: String,
}

/// What a [`Warning`] is about, in the order in which warnings are shown: what most often explains a failed run comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// Replies that answered no request.
    UnusableReply,
    /// Requests that were answered with error 13, as by a handler that panicked.
    Crash,
    /// Requests that were answered with another error.
    ErrorReply,
    /// Requests without a usable reply in time.
    TimeOut,
    /// Requests that were answered more than once.
    SecondReply,
    /// Replies that came after the time-out.
    LateReply,
    /// A remark of a checker on a run that is not invalid.
    Checker,
    /// Most operations did not succeed.
    FewSucceeded,
    /// Faults that affected no node and no link.
    IdleFault,
    /// Faults during which no operation was under way.
    FaultWithoutOperations,
    /// The machine was too busy for the latencies to mean much.
    SlowMachine,
    /// Something unusual that a node did, though it is allowed.
    NodeNote,
}

impl WarningKind {
    /// The name in results, such as `late-reply`.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnusableReply => "unusable-reply",
            Self::Crash => "crash",
            Self::ErrorReply => "error-reply",
            Self::TimeOut => "time-out",
            Self::SecondReply => "second-reply",
            Self::LateReply => "late-reply",
            Self::Checker => "checker",
            Self::FewSucceeded => "few-succeeded",
            Self::IdleFault => "idle-fault",
            Self::FaultWithoutOperations => "fault-without-operations",
            Self::SlowMachine => "slow-machine",
            Self::NodeNote => "node-note",
        }
    }
}

impl Warning {
    /// A warning about something that happened that often.
    pub fn new(kind: WarningKind, count: u64, sentence: impl Into<String>) -> Self {
        Self { kind, count, sentence: sentence.into() }
    }

    /// As results show it.
    pub(crate) fn to_value(&self) -> Value {
        Value::record([
            ("kind", Value::keyword(self.kind.name())),
            ("count", Value::from(self.count)),
            ("sentence", Value::from(self.sentence.as_str())),
        ])
    }
}

/// The warnings about the clients' requests.
pub(crate) fn of_replies(replies: &ReplyLog, has_faults: bool) -> Vec<Warning> {
    let unusable = replies.unusable().map(|unusable| {
        let kind = match unusable.fault {
            ReplyFault::SecondReply => WarningKind::SecondReply,
            ReplyFault::Late => WarningKind::LateReply,
            ReplyFault::NoInReplyTo
            | ReplyFault::InReplyToNotAnInteger
            | ReplyFault::UnknownRequest
            | ReplyFault::NoType
            | ReplyFault::RepeatedKey => WarningKind::UnusableReply,
        };
        Warning::new(kind, unusable.count, unusable.to_string())
    });
    let requests = replies.requests().iter();
    unusable.chain(requests.flat_map(|request| of_request(request, has_faults))).collect()
}

fn of_request(request: &RequestTally, has_faults: bool) -> Vec<Warning> {
    let RequestTally { kind, sent, timed_out, timeout, timed_out_by_node, errors } = request;
    let of = |count: u64| {
        let requests = if *sent == 1 { "request" } else { "requests" };
        format!("{} of {} `{kind}` {requests}", grouped(count), grouped(*sent))
    };
    let mut warnings = Vec::new();
    for (&code, error) in errors.iter().filter(|(code, _)| !is_result(**code)) {
        let text =
            if error.text.is_empty() { "without a text".to_owned() } else { format!("\"{}\"", error.text) };
        let name = code.name().map_or_else(String::new, |name| format!(" ({name})"));
        let first = if error.count == 1 { "it" } else { "the first" };
        let sentence = format!(
            "{} failed with error {}{name}; {first}, at {}: {text}.{}",
            of(error.count),
            code.0,
            error.node,
            advice(code, error.node.as_str())
        );
        let kind = if code == ErrorCode::CRASH { WarningKind::Crash } else { WarningKind::ErrorReply };
        warnings.push(Warning::new(kind, error.count, sentence));
    }
    let expected = if has_faults { EXPECTED_TIME_OUTS * *sent as f64 } else { 0.0 };
    if *timed_out > 0 && *timed_out as f64 > expected {
        let sentence = format!(
            "{} timed out: no usable reply from {} within {} s.",
            of(*timed_out),
            listed(timed_out_by_node.keys()),
            timeout.as_secs_f64()
        );
        warnings.push(Warning::new(WarningKind::TimeOut, *timed_out, sentence));
    }
    warnings
}

/// Whether an error is an ordinary result: a key exists or does not, it has another value, a transaction conflicts.
pub(crate) fn is_result(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::KEY_DOES_NOT_EXIST
            | ErrorCode::KEY_ALREADY_EXISTS
            | ErrorCode::PRECONDITION_FAILED
            | ErrorCode::TXN_CONFLICT
    )
}

/// What to look at: a sentence that begins with a space, or nothing.
fn advice(code: ErrorCode, node: &str) -> String {
    match code {
        ErrorCode::CRASH => {
            format!(
                " Usual cause: an exception or a panic in the handler; node-logs/{node}.log has its trace."
            )
        }
        ErrorCode::NOT_SUPPORTED => {
            " Usual cause: no handler for this type, or one under another name.".to_owned()
        }
        ErrorCode::MALFORMED_REQUEST => {
            " Usual cause: the handler expects other fields, or values of another type.".to_owned()
        }
        ErrorCode::TIMEOUT => {
            " Usual cause: the node itself waits for another that does not answer.".to_owned()
        }
        _ => String::new(),
    }
}

/// A warning if only few operations have a result.
pub(crate) fn of_counts(counts: &OperationCounts) -> Option<Warning> {
    let with_result = counts.ok + counts.refused;
    if counts.ok == 0 || with_result as f64 >= FEW_SUCCEEDED * counts.invoked as f64 {
        return None;
    }
    let sentence = format!(
        "Only {} of {} succeeded ({:.0} %), so the verdict says little about the others. --availability sets how many must.",
        grouped(counts.ok),
        count(counts.invoked, "operation"),
        100.0 * counts.ok as f64 / counts.invoked as f64
    );
    Some(Warning::new(WarningKind::FewSucceeded, counts.invoked - with_result, sentence))
}

/// A warning if latencies have limits and the machine was too slow to measure them.
pub(crate) fn of_lateness(lateness: &Lateness, plan: &Plan) -> Option<Warning> {
    let judges_latency = plan.expectations.iter().any(|expectation| expectation.figure().is_duration());
    if !judges_latency || lateness.p99_ms() < SLOW_P99_MS {
        return None;
    }
    let sentence = format!(
        "This machine was overloaded: the workbench woke up to {:.0} ms late, and in one case of a hundred more than {:.0} ms late. The \
         nodes were affected too, so a latency above its limit may be the machine's fault.",
        lateness.max_ms(),
        lateness.p99_ms()
    );
    Some(Warning::new(WarningKind::SlowMachine, lateness.count(), sentence))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use glomers_protocol::RpcError;

    use super::*;
    use crate::clients::reply_log_of;

    #[test]
    fn errors_are_told_with_their_share_code_and_text() {
        let replies = reply_log_of(|client| {
            for number in 0..40 {
                client.sent("read");
                if number < 12 {
                    let error = RpcError::new(ErrorCode::TEMPORARILY_UNAVAILABLE, "no leader yet");
                    client.failed("read", &"n1".into(), &error);
                }
            }
            client.sent("cas");
            client.failed("cas", &"n1".into(), &RpcError::new(ErrorCode::PRECONDITION_FAILED, "expected 1"));
        });
        let warnings = of_replies(&replies, false);
        assert_eq!(
            warnings.iter().map(|warning| warning.sentence.as_str()).collect::<Vec<_>>(),
            [
                r#"12 of 40 `read` requests failed with error 11 (temporarily-unavailable); the first, at n1: "no leader yet"."#
            ]
        );
    }

    #[test]
    fn time_outs_are_called_so_unless_faults_explain_them() {
        let replies = reply_log_of(|client| {
            for number in 0..10 {
                let msg_id = client.sent("read");
                if number < 2 {
                    client.timed_out("read", msg_id, &"n1".into(), Duration::from_secs(5));
                }
            }
        });
        let sentence = "2 of 10 `read` requests timed out: no usable reply from n1 within 5 s.";
        assert_eq!(of_replies(&replies, false)[0].sentence, sentence);
        assert_eq!(of_replies(&replies, true), []);
    }

    #[test]
    fn a_run_in_which_little_worked_says_so() {
        let counts =
            |ok, refused| OperationCounts { invoked: 100, ok, refused, ..OperationCounts::default() };
        let warning = of_counts(&counts(44, 0)).expect("44 % is little");
        assert!(warning.sentence.starts_with("Only 44 of 100 operations succeeded (44 %)"), "{warning:?}");
        assert_eq!(of_counts(&counts(44, 50)), None);
        assert_eq!(of_counts(&counts(100, 0)), None);
    }

    #[test]
    fn a_slow_machine_is_named_where_a_latency_is_judged() {
        let mut lateness = Lateness::default();
        (0..100).for_each(|_| lateness.record(Duration::from_millis(34)));
        let mut plan = Plan::new("echo", 1);
        assert_eq!(of_lateness(&lateness, &plan), None);
        plan.expectations = vec!["latency.p99<100ms".parse().expect("an expectation")];
        let sentence = of_lateness(&lateness, &plan).expect("34 ms are much").sentence;
        assert!(sentence.contains("34 ms late"), "{sentence}");
        assert_eq!(of_lateness(&Lateness::default(), &plan), None);
    }
}
