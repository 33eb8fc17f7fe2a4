//! What makes a history well formed.
//!
//! Checkers pair the beginning of an operation with its end by process, and take the order of the entries for the order of
//! the events. Where a history contradicts that (two logs one after the other, two clients under one process, a beginning
//! that is missing), any verdict would be a guess: the history is malformed, and its verdict is unknown.

use rustc_hash::FxHashMap;

use crate::{Name, Operation, OperationKind, Process, Value};

/// What a checker requires of the history that it is shown. [`Guarded`](crate::Guarded) sees to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: every entry counts by itself, or the verdict is to be Maelstrom's, whatever the history.
    Entries,
    /// Operations, each with its beginning and its end; or ends alone, if no operation has a beginning.
    Completions,
    /// Operations, each with its beginning.
    #[default]
    Operations,
}

/// Why a history is malformed. Each names the entry by its index, and what to do.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The indices do not increase.
    #[error(
        "the entry of index {index} (process {process}) comes after that of index {previous}, so that the order of the entries \
         is in doubt. Sort them by :index; or leave :index out, where they stand in the order of the events"
    )]
    Index {
        /// The index that is not greater than the one before it.
        index: u64,
        /// The process of that entry.
        process: Process,
        /// The index before.
        previous: u64,
    },
    /// The times order two operations the other way round than the entries do.
    #[error(
        "the operation of process {process} from index {begun} to {index} ended {gap_ns} ns before another began, by :time, \
         but the other comes before it in the history. Are these two logs, one after the other? Sort the entries by :time"
    )]
    Time {
        /// The index at which the later operation begins.
        begun: u64,
        /// The index at which it ends.
        index: u64,
        /// Its process.
        process: Process,
        /// How many nanoseconds it ended too early.
        gap_ns: u64,
    },
    /// An operation ends that never began.
    #[error(
        "the entry of index {index} ends an operation of process {process} (:{f}) that never began. \
         Is the beginning of the history missing?"
    )]
    NoInvocation {
        /// The index of the end.
        index: u64,
        /// The process.
        process: Process,
        /// The function of the end.
        f: Name,
    },
    /// A process begins an operation before its last one has ended.
    #[error(
        "process {process} begins an operation at index {index}, before the one that it began at index {begun} has ended. \
         A process does one thing at a time: give each client a process of its own"
    )]
    Overlap {
        /// The index of the second beginning.
        index: u64,
        /// The process.
        process: Process,
        /// The index of the first beginning.
        begun: u64,
    },
    /// A process goes on after an operation of unknown outcome.
    #[error(
        "process {process} goes on at index {index}, after its operation ended with :info at index {ended}. That operation may \
         still be executed, so that a client which goes on needs a new process"
    )]
    AfterInfo {
        /// The index at which it goes on.
        index: u64,
        /// The process.
        process: Process,
        /// The index of the `:info`.
        ended: u64,
    },
    /// An operation ends as another than the one that began.
    #[error(
        "process {process} began :{asked} at index {begun}, and ended :{found} at index {index}: which of them is it?"
    )]
    Function {
        /// The index of the beginning.
        begun: u64,
        /// The index of the end.
        index: u64,
        /// The process.
        process: Process,
        /// The function that began.
        asked: Name,
        /// The function that ended.
        found: Name,
    },
    /// The end speaks of another key or another value than the beginning.
    #[error(
        "process {process} asked for {asked} at index {begun}, and {found}, at index {index}, is no answer to that: \
         the {part} differs"
    )]
    Answer {
        /// The index of the beginning.
        begun: u64,
        /// The index of the end.
        index: u64,
        /// The process.
        process: Process,
        /// What was asked for.
        asked: Value,
        /// What came back.
        found: Value,
        /// What differs: the key, the value, the steps.
        part: &'static str,
    },
}

/// Follows a history, and finds where it is malformed. Memory is that of the open operations and the crashed processes.
#[derive(Debug)]
pub(crate) struct WellFormedness {
    requirement: Requirement,
    last_index: Option<u64>,
    processes: FxHashMap<Process, State>,
    /// Whether an operation has begun.
    has_begun: bool,
    /// The first end without a beginning.
    first_orphan: Option<(u64, Process, Name)>,
    has_completed: bool,
    /// The latest time at which any operation began that has ended.
    latest_begun_ns: u64,
}

/// What a process is at.
#[derive(Debug)]
enum State {
    Open(Begun),
    /// Its last operation ended with `:info`, at this index.
    Crashed(u64),
}

/// An operation that has begun.
#[derive(Debug)]
struct Begun {
    index: u64,
    time_ns: u64,
    f: Name,
    asked: Asked,
    /// The latest time at which any operation began that had ended before this one began.
    latest_before_ns: u64,
}

/// What the end of an operation must repeat of its beginning.
#[derive(Debug)]
enum Asked {
    Anything,
    /// A value of a key and nil: the end has that key.
    Key(Value),
    /// The argument of a function that changes something.
    Argument(Value),
    /// Steps, some of which send messages.
    Sends(Value),
}

impl WellFormedness {
    /// Follows a history for a checker with this requirement; none if it has none.
    pub(crate) fn new(requirement: Requirement) -> Option<Self> {
        (requirement != Requirement::Entries).then(|| Self {
            requirement,
            last_index: None,
            processes: FxHashMap::default(),
            has_begun: false,
            first_orphan: None,
            has_completed: false,
            latest_begun_ns: 0,
        })
    }

    /// Takes in the next entry: constant time, and no allocation but for values that the end has to repeat.
    pub(crate) fn observe(&mut self, operation: &Operation) -> Result<(), Malformed> {
        let Operation { index, process, .. } = *operation;
        if let Some(previous) = self.last_index.replace(index)
            && index <= previous
        {
            return Err(Malformed::Index { index, process, previous });
        }
        match (operation.is_client(), operation.is_invoke()) {
            (false, _) => Ok(()),
            (true, true) => self.begin(operation),
            (true, false) => self.end(operation),
        }
    }

    /// Whether any operation of a client has ended: without one there is nothing to judge.
    pub(crate) fn has_completed(&self) -> bool {
        self.has_completed
    }

    fn begin(&mut self, operation: &Operation) -> Result<(), Malformed> {
        let Operation { index, process, .. } = *operation;
        self.has_begun = true;
        if let Some((index, process, f)) = self.first_orphan.take() {
            return Err(Malformed::NoInvocation { index, process, f });
        }
        let begun = Begun {
            index,
            time_ns: operation.time_ns,
            f: operation.f.clone(),
            asked: Asked::by(operation),
            latest_before_ns: self.latest_begun_ns,
        };
        match self.processes.insert(process, State::Open(begun)) {
            None => Ok(()),
            Some(State::Open(open)) => Err(Malformed::Overlap { index, process, begun: open.index }),
            Some(State::Crashed(ended)) => Err(Malformed::AfterInfo { index, process, ended }),
        }
    }

    fn end(&mut self, operation: &Operation) -> Result<(), Malformed> {
        let Operation { index, process, time_ns, .. } = *operation;
        self.has_completed = true;
        let begun = match self.processes.remove(&process) {
            Some(State::Open(begun)) => begun,
            Some(State::Crashed(ended)) => return Err(Malformed::AfterInfo { index, process, ended }),
            None if self.requirement == Requirement::Completions && !self.has_begun => {
                self.first_orphan.get_or_insert_with(|| (index, process, operation.f.clone()));
                return Ok(());
            }
            None => return Err(Malformed::NoInvocation { index, process, f: operation.f.clone() }),
        };
        if begun.f != operation.f {
            let found = operation.f.clone();
            return Err(Malformed::Function { begun: begun.index, index, process, asked: begun.f, found });
        }
        // A time of 0 is one that the history leaves out.
        if time_ns > 0 && time_ns < begun.latest_before_ns {
            let gap_ns = begun.latest_before_ns - time_ns;
            return Err(Malformed::Time { begun: begun.index, index, process, gap_ns });
        }
        if let Some((asked, part)) = begun.asked.contradiction(operation) {
            let found = operation.value.clone();
            return Err(Malformed::Answer { begun: begun.index, index, process, asked, found, part });
        }
        self.latest_begun_ns = self.latest_begun_ns.max(begun.time_ns);
        if operation.kind == OperationKind::Info {
            self.processes.insert(process, State::Crashed(index));
        }
        Ok(())
    }
}

impl Asked {
    fn by(operation: &Operation) -> Self {
        let value = &operation.value;
        match operation.f.as_str() {
            "write" | "cas" | "add" | "broadcast" | "append" | "put" | "enqueue" if !value.is_nil() => {
                Self::Argument(value.clone())
            }
            "send" | "txn" if steps(value).any(|step| sent(step).is_some()) => Self::Sends(value.clone()),
            _ => match value.as_sequence() {
                Some([key, Value::Nil]) => Self::Key(key.clone()),
                _ => Self::Anything,
            },
        }
    }

    /// What was asked for, and which part of it the end contradicts. An end that leaves the value out contradicts nothing.
    fn contradiction(self, end: &Operation) -> Option<(Value, &'static str)> {
        let found = &end.value;
        if found.is_nil() {
            return None;
        }
        match self {
            Self::Anything => None,
            Self::Key(key) => {
                let is_answer =
                    !end.is_ok() || matches!(found.as_sequence(), Some([found, _]) if *found == key);
                (!is_answer).then(|| (Value::Vector(vec![key, Value::Nil]), "key"))
            }
            // What did not succeed may have the reason where the value stands.
            Self::Argument(asked) => (end.is_ok() && asked != *found).then_some((asked, "value")),
            Self::Sends(asked) => {
                let is_answer = found.as_sequence().is_none()
                    || steps(&asked).count() == steps(found).count()
                        && steps(&asked).zip(steps(found)).all(|(asked, found)| answers(asked, found));
                (!is_answer).then_some((asked, "message"))
            }
        }
    }
}

fn steps(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_sequence().unwrap_or_default().iter()
}

/// The key and the message of a step `[:send key message]`.
fn sent(step: &Value) -> Option<(&Value, &Value)> {
    match step.as_sequence()? {
        [f, key, message] if f.as_keyword().or_else(|| f.as_str()) == Some("send") => Some((key, message)),
        _ => None,
    }
}

/// Whether a step repeats the message that was to be sent, alone or after its offset.
fn answers(asked: &Value, found: &Value) -> bool {
    match (sent(asked), sent(found)) {
        (None, None) => true,
        (Some((key, message)), Some((found_key, found))) => {
            let is_placed = matches!(found.as_sequence(), Some([_, placed]) if placed == message);
            key == found_key && (found == message || is_placed)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::History;

    fn fault(requirement: Requirement, history: &str) -> Option<Malformed> {
        let mut stage = WellFormedness::new(requirement).expect("it requires something");
        let history = History::from_edn(history).expect("a history");
        history.operations().iter().find_map(|operation| stage.observe(operation).err())
    }

    fn sentence(history: &str) -> String {
        fault(Requirement::Operations, history).map_or("well formed".to_owned(), |fault| fault.to_string())
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        insta::assert_snapshot!(sentence(
            "{:index 3 :type :invoke :process 0 :f :read} {:index 3 :type :ok :process 0 :f :read}"
        ), @r#"the entry of index 3 (process 0) comes after that of index 3, so that the order of the entries is in doubt. Sort them by :index; or leave :index out, where they stand in the order of the events"#);
        insta::assert_snapshot!(sentence("{:type :ok :process 0 :f :read :value 1}"), @r#"the entry of index 0 ends an operation of process 0 (:read) that never began. Is the beginning of the history missing?"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :read} {:type :invoke :process 1 :f :read}"
        ), @r#"process 1 begins an operation at index 1, before the one that it began at index 0 has ended. A process does one thing at a time: give each client a process of its own"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :read} {:type :info :process 1 :f :read} {:type :invoke :process 1 :f :read}"
        ), @r#"process 1 goes on at index 2, after its operation ended with :info at index 1. That operation may still be executed, so that a client which goes on needs a new process"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :write :value 1} {:type :ok :process 1 :f :read :value 1}"
        ), @r#"process 1 began :write at index 0, and ended :read at index 1: which of them is it?"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :write :value 1} {:type :ok :process 1 :f :write :value 2}"
        ), @r#"process 1 asked for 1 at index 0, and 2, at index 1, is no answer to that: the value differs"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :read :value [1 nil]} {:type :ok :process 1 :f :read :value [2 nil]}"
        ), @r#"process 1 asked for [1 nil] at index 0, and [2 nil], at index 1, is no answer to that: the key differs"#);
        insta::assert_snapshot!(sentence(
            "{:type :invoke :process 1 :f :send :value [[:send :x 1]]} {:type :ok :process 1 :f :send :value [[:send :x [0 2]]]}"
        ), @r#"process 1 asked for [[:send :x 1]] at index 0, and [[:send :x [0 2]]], at index 1, is no answer to that: the message differs"#);
        insta::assert_snapshot!(sentence(
            "{:time 50 :type :invoke :process 1 :f :read} {:time 60 :type :ok :process 1 :f :read}
             {:time 30 :type :invoke :process 2 :f :read} {:time 40 :type :ok :process 2 :f :read}"
        ), @r#"the operation of process 2 from index 2 to 3 ended 10 ns before another began, by :time, but the other comes before it in the history. Are these two logs, one after the other? Sort the entries by :time"#);
    }

    #[test]
    fn what_is_usual_is_well_formed() {
        for history in [
            "{:type :invoke :process 1 :f :write :value 1} {:type :ok :process 1 :f :write :value nil}",
            "{:type :invoke :process 1 :f :read :value [1 nil]} {:type :ok :process 1 :f :read :value [1 7]}",
            "{:type :invoke :process 1 :f :read} {:type :info :process 1 :f :read} {:type :invoke :process 2 :f :read}",
            "{:type :info :process :nemesis :f :start} {:type :info :process :nemesis :f :start}",
            "{:type :invoke :process 1 :f :send :value [[:send :x 1]]} {:type :ok :process 1 :f :send :value [[:send :x [0 1]]]}",
            "{:type :invoke :process 1 :f :send :value [[:send :x 1]]} {:type :fail :process 1 :f :send :value [[:send :x 1]]}",
            // Clocks that differ a little between threads.
            "{:time 50 :type :invoke :process 1 :f :read} {:time 60 :type :ok :process 1 :f :read}
             {:time 55 :type :invoke :process 2 :f :read} {:time 70 :type :ok :process 2 :f :read}",
        ] {
            assert_eq!(fault(Requirement::Operations, history), None, "{history}");
        }
    }

    #[test]
    fn ends_alone_are_enough_for_some_but_not_beside_beginnings() {
        let alone = "{:type :ok :process 1 :f :txn :value []} {:type :ok :process 1 :f :txn :value []}";
        assert_eq!(fault(Requirement::Completions, alone), None);
        assert!(matches!(
            fault(Requirement::Operations, alone),
            Some(Malformed::NoInvocation { index: 0, .. })
        ));
        let mixed = format!("{alone} {{:type :invoke :process 2 :f :txn :value []}}");
        assert!(matches!(
            fault(Requirement::Completions, &mixed),
            Some(Malformed::NoInvocation { index: 0, .. })
        ));
    }
}
