//! Whether logs kept what was sent to them, in one order, and showed it to those who polled.

mod contents;
mod cycles;
mod evidence;
mod found;
mod lag;
mod ledger;
mod logs;
mod positions;
mod report;
mod unseen;

use self::ledger::{Beginning, Ledger, Task};
use crate::moment::Moment;
use crate::{Checker, Mode, Operation, OperationKind, Pairing, Requirement, Stats, Value, Verdict};

/// Judges append-only logs with offsets, as Kafka has them and the workload of that name demands.
///
/// Operations are `send`, `poll` and `txn`, whose values are lists of steps: `[:send key message]`, which comes back as
/// `[:send key [offset message]]`, and `[:poll]`, which comes back as `[:poll {key [[offset message] …]}]`. `assign` and
/// `subscribe` say which keys a process polls; other functions are passed over. A message is sent to a key once; offsets
/// may be sparse, and as large as 64 bits hold.
///
/// From all that was acknowledged and polled comes, for each key, the order of its messages. Then these are looked for:
///
/// | anomaly | what was seen |
/// |---|---|
/// | `lost-write` | an acknowledged message that nobody polled, though a later one of its key was |
/// | `unseen` | an acknowledged message that nobody polled until the end |
/// | `G1a` | a poll of a message whose sending failed |
/// | `inconsistent-offsets` | two messages at one offset |
/// | `duplicate` | one message at two offsets |
/// | `poll-skip`, `nonmonotonic-poll` | a process whose next poll jumped over messages, or did not go on after the last |
/// | `int-poll-skip`, `int-nonmonotonic-poll` | the same within one poll or transaction |
/// | `nonmonotonic-send`, `int-nonmonotonic-send` | a later send that got a lower place, between operations or within one |
/// | `precommitted-read` | a transaction that polled what it was sending itself |
/// | `G1c`, `G1c-process`, `G1c-realtime` | operations that must have happened before themselves, such as a poll that ended before the send began |
///
/// Upstream allows `int-send-skip` and, where anybody subscribes, `poll-skip` and `nonmonotonic-poll`: they are reported, and
/// leave the history valid.
///
/// Strictly, three more things count: `unsent-read`, a message that nobody sent (upstream gives up there); a jump over
/// messages, or back, that a poll without messages of that key lies between; and sends that go back where other keys were assigned in
/// between. A history in which nothing was acknowledged, or nothing polled, is unknown. [`Mode::Compat`] is upstream's verdict.
///
/// Time is linear in what was sent and polled, but for the sort of the messages by offset; so is memory, with some 16
/// bytes for each message of a poll. Source: `jepsen.tests.kafka`, whose names and result keys these are; `:errs` shows as many
/// cases as there, and at most 256.
///
/// ```
/// use glomers_check::{History, Kafka, Mode, check};
///
/// /// Which anomalies a history of lines such as `0 ok send [[:send :x [0 1]]]` has. An operation whose beginning is not
/// /// among them begins just before it ends.
/// fn anomalies(lines: &[&str]) -> String {
///     let mut entries = Vec::new();
///     let mut open = Vec::new();
///     for line in lines {
///         let [process, kind, f, value] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
///         let mut entry = |kind| entries.push(format!("{{:type :{kind}, :process {process}, :f :{f}, :value {value}}}\n"));
///         if kind == "invoke" {
///             open.push(process);
///         } else if !open.contains(&process) {
///             entry("invoke");
///         }
///         entry(kind);
///     }
///     let history = History::from_edn(&entries.concat()).expect("a history");
///     check(&history, Kafka::new(Mode::Strict)).results.get("error-types").expect("a key").to_string()
/// }
/// const SENT: [&str; 3] =
///     ["0 ok send [[:send :x [0 1]]]", "0 ok send [[:send :x [10 2]]]", "0 ok send [[:send :x [20 3]]]"];
/// fn after_sends(lines: &[&'static str]) -> String {
///     anomalies(&[&SENT, lines].concat())
/// }
///
/// // All is well: gaps between offsets are nothing.
/// assert_eq!(after_sends(&["1 ok poll [[:poll {:x [[0 1] [10 2] [20 3]]}]]"]), "()");
/// // Message 2 is never polled, though 3 was, and the poll jumped over it.
/// assert_eq!(after_sends(&["1 ok poll [[:poll {:x [[0 1] [20 3]]}]]"]), "(:int-poll-skip :lost-write :unseen)");
/// // Message 3 is never polled; it may yet be, but not before the end.
/// assert_eq!(after_sends(&["1 ok poll [[:poll {:x [[0 1] [10 2]]}]]"]), "(:unseen)");
/// // A second process that starts in the middle and jumps, after a first one that saw all.
/// let seen = "1 ok poll [[:poll {:x [[0 1] [10 2] [20 3]]}]]";
/// assert_eq!(after_sends(&[seen, "2 ok poll [[:poll {:x [[0 1]]}]]", "2 ok poll [[:poll {:x [[20 3]]}]]"]), "(:poll-skip)");
/// // It goes back, from one poll to the next, and within one.
/// assert_eq!(after_sends(&[seen, "1 ok poll [[:poll {:x [[20 3]]}]]"]), "(:nonmonotonic-poll)");
/// assert_eq!(after_sends(&[seen, "2 ok poll [[:poll {:x [[10 2] [0 1]]}]]"]), "(:int-nonmonotonic-poll)");
/// // Not so after it was assigned other keys in between.
/// assert_eq!(after_sends(&[seen, "1 ok assign [:y]", "1 ok poll [[:poll {:x [[20 3]]}]]"]), "()");
/// // Two messages at one offset; one message at two.
/// assert_eq!(
///     after_sends(&[seen, "0 ok send [[:send :x [20 4]]]", "2 ok poll [[:poll {:x [[20 4]]}]]"]),
///     "(:inconsistent-offsets)"
/// );
/// assert_eq!(after_sends(&["1 ok poll [[:poll {:x [[0 1] [10 2] [20 3] [30 3]]}]]"]), "(:duplicate :int-nonmonotonic-poll :int-poll-skip)");
/// // A later send with a lower offset.
/// assert_eq!(
///     after_sends(&["0 ok send [[:send :x [5 4]]]", "1 ok poll [[:poll {:x [[0 1] [5 4] [10 2] [20 3]]}]]"]),
///     "(:nonmonotonic-send)"
/// );
/// // A message whose sending failed, and one that nobody sent.
/// assert_eq!(
///     after_sends(&["0 fail send [[:send :x 4]]", "1 ok poll [[:poll {:x [[0 1] [10 2] [20 3] [30 4]]}]]"]),
///     "(:G1a)"
/// );
/// assert_eq!(after_sends(&["1 ok poll [[:poll {:x [[0 1] [10 2] [20 3] [30 9]]}]]"]), "(:unsent-read)");
/// // A poll that ended before the message was sent.
/// assert_eq!(
///     anomalies(&["1 ok poll [[:poll {:x [[0 1]]}]]", "0 invoke send [[:send :x 1]]", "0 ok send [[:send :x [0 1]]]"]),
///     "(:G1c-realtime)"
/// );
/// // Transactions: one that polls what it sends, one whose sends go back, one whose sends others interleave.
/// assert_eq!(
///     anomalies(&["0 ok txn [[:send :x [0 1]] [:poll {:x [[0 1]]}]]"]),
///     "(:precommitted-read)"
/// );
/// assert_eq!(
///     anomalies(&["0 ok txn [[:send :x [1 1]] [:send :x [0 2]]]", "1 ok poll [[:poll {:x [[0 2] [1 1]]}]]"]),
///     "(:int-nonmonotonic-send)"
/// );
/// let interleaved = ["0 ok txn [[:send :x [0 1]] [:send :x [2 3]]]", "1 ok send [[:send :x [1 2]]]"];
/// assert_eq!(
///     anomalies(&[&interleaved[..], &["1 ok poll [[:poll {:x [[0 1] [1 2] [2 3]]}]]"]].concat()),
///     "(:int-send-skip)"
/// );
/// ```
pub struct Kafka {
    mode: Mode,
    /// What Maelstrom judges a run by besides.
    stats: Stats,
    with_write_order: bool,
    ledger: Ledger,
    open: Pairing<Open>,
    /// How many beginnings and ends there were.
    event_count: u32,
    has_subscribers: bool,
    /// The different errors of sends and polls of unknown outcome, in the order of their first appearance.
    causes: Vec<Value>,
    /// The first operation that was not understood, and why.
    unreadable: Option<(Moment, String)>,
}

/// How many different errors are told.
const CAUSE_LIMIT: usize = 256;

/// An operation that has begun.
struct Open {
    beginning: Beginning,
    operation: Operation,
}

impl Kafka {
    /// A checker in this mode.
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            stats: Stats::default(),
            with_write_order: false,
            ledger: Ledger::default(),
            open: Pairing::new(),
            event_count: 0,
            has_subscribers: false,
            causes: Vec::new(),
            unreadable: None,
        }
    }

    /// Takes the order of messages in a log for an order of those who sent them, and looks for cycles with it too: `G0` and
    /// `G1c`, which are then reported and allowed, since Kafka's transactions do not keep their writes together. Upstream
    /// calls the option `:ww-deps`.
    #[must_use]
    pub fn with_write_order(mut self) -> Self {
        self.with_write_order = true;
        self
    }

    fn push(&mut self, task: Task, operation: &Operation, begun: Beginning, event: u32) {
        if let Err(reason) = self.ledger.push(task, operation, begun, event) {
            self.unreadable.get_or_insert_with(|| (Moment::of(operation), reason));
        }
    }
}

impl Checker for Kafka {
    fn observe(&mut self, operation: &Operation) {
        self.stats.observe(operation);
        let Some(task) = Task::named(&operation.f).filter(|_| operation.is_client()) else { return };
        let event = self.event_count;
        self.event_count += 1;
        self.has_subscribers |= task == Task::Subscribe;
        let here = Beginning { moment: Moment::of(operation), event };
        if operation.is_invoke() {
            let open = Open { beginning: here, operation: operation.clone() };
            if let Some(Open { beginning, operation }) = self.open.begin(operation.process, open)
                && let Some(task) = Task::named(&operation.f)
            {
                let lost = Operation { kind: OperationKind::Info, ..operation };
                self.push(task, &lost, beginning, beginning.event);
            }
            return;
        }
        let begun = self.open.end(operation.process).map_or(here, |open| open.beginning);
        if operation.kind == OperationKind::Info && task.has_messages() && self.causes.len() < CAUSE_LIMIT {
            let cause = operation.error.clone().unwrap_or_default();
            if !self.causes.contains(&cause) {
                self.causes.push(cause);
            }
        }
        self.push(task, operation, begun, event);
    }

    fn requirement(&self) -> Requirement {
        self.mode.requirement()
    }

    fn finish(mut self: Box<Self>) -> Verdict {
        // What never ended may have happened.
        for (_, Open { beginning, operation }) in std::mem::take(&mut self.open).into_open() {
            if let Some(task) = Task::named(&operation.f).filter(|task| task.has_messages()) {
                let unended = Operation { kind: OperationKind::Info, ..operation };
                self.push(task, &unended, beginning, beginning.event);
            }
        }
        report::verdict(*self)
    }
}
