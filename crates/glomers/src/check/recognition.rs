//! Recognises what a history is of, by its operations.
//!
//! A check begins before the whole history has been read, so the kind of history is guessed from the first operations. Counting goes on
//! to the end: if later operations contradict the guess, its verdict is dropped.

use std::collections::BTreeSet;

use glomers_check::{
    Name, Operation, Value,
    formats::Format,
    registry::{self, Keys},
};

use glomers_workbench::workloads;

/// The maximum number of different functions, more than any history has.
const FUNCTION_LIMIT: usize = 64;

/// What is known from the operations so far.
#[derive(Debug, Default)]
pub(super) struct Recognition {
    format: Option<Format>,
    functions: BTreeSet<Name>,
    /// Invocations, and those that name a key under `:key`.
    invocation_count: u64,
    beside_count: u64,
    /// Invocations whose value is a pair, those that ask for its second half, and compare-and-sets.
    pair_count: u64,
    question_count: u64,
    cas_count: u64,
    /// Compare-and-sets whose second half is a pair again.
    nested_cas_count: u64,
    transactions: Transactions,
    reads: Reads,
}

/// What is known from micro-operations.
#[derive(Debug, Default)]
struct Transactions {
    functions: BTreeSet<&'static str>,
    /// Whether some operation is no transaction.
    has_others: bool,
    /// Whether some read showed a list.
    has_lists: bool,
    /// Whether some read showed what is neither a list nor nil.
    has_values: bool,
}

/// What reads showed, other than nil.
#[derive(Debug, Default)]
struct Reads {
    has_integers: bool,
    has_elements: bool,
    has_others: bool,
}

/// What a history is checked for, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) checker: &'static str,
    pub(super) reason: String,
}

impl Recognition {
    /// An empty recognition, for a text in this format.
    pub(super) fn new(format: Option<Format>) -> Self {
        Self { format, ..Self::default() }
    }

    /// Adds an entry.
    pub(super) fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            return;
        }
        if !self.functions.contains(&*operation.f) && self.functions.len() < FUNCTION_LIMIT {
            self.functions.insert(operation.f.clone());
        }
        self.transactions.observe(operation);
        if operation.is_invoke() {
            self.observe_invocation(operation);
        } else if operation.is_ok() && operation.f == "read" {
            self.reads.observe(&operation.value);
        }
    }

    fn observe_invocation(&mut self, operation: &Operation) {
        self.invocation_count += 1;
        self.beside_count += u64::from(operation.get("key").is_some());
        let is_cas = operation.f == "cas";
        self.cas_count += u64::from(is_cas);
        let Some([_, second]) = operation.value.as_sequence() else { return };
        self.pair_count += 1;
        // A compare-and-set of one register is a pair too, but nothing is asked for in it.
        self.question_count += u64::from(second.is_nil() && !is_cas);
        self.nested_cas_count +=
            u64::from(is_cas && second.as_sequence().is_some_and(|pair| pair.len() == 2));
    }

    /// Where the operations name their key.
    pub(super) fn keys(&self) -> Keys {
        let all = |count: u64| count == self.invocation_count && count > 0;
        if all(self.beside_count) {
            return Keys::Beside;
        }
        let has_keyed_cas = self.cas_count > 0 && self.nested_cas_count == self.cas_count;
        let is_keyed = self.question_count > 0 || has_keyed_cas;
        if all(self.pair_count) && is_keyed { Keys::InValue } else { Keys::None }
    }

    /// Whether further operations may settle what is still open.
    pub(super) fn is_open(&self) -> bool {
        let may_have_keys = self.pair_count == self.invocation_count
            && self.beside_count < self.invocation_count
            && self.keys() == Keys::None;
        let may_be_lists = !self.transactions.has_others && !self.transactions.tell();
        let only = |allowed: &[&str]| self.functions.iter().all(|function| allowed.contains(&&**function));
        let may_be_set = only(&["add", "read"]) && !self.reads.tell();
        may_have_keys || may_be_lists || may_be_set
    }

    /// The checker that fits, and why.
    ///
    /// # Errors
    /// A sentence that says what the operations could be, and how to say which.
    pub(super) fn kind(&self) -> Result<Kind, String> {
        let listed = self.functions.iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        let kind = |checker, reason: String| Ok(Kind { checker, reason });
        let because = |checker, what: &str| kind(checker, format!("its operations are {listed}{what}"));
        let only = |allowed: &[&str]| {
            !self.functions.is_empty() && self.functions.iter().all(|function| allowed.contains(&&**function))
        };
        let any = |wanted: &[&str]| self.functions.iter().any(|function| wanted.contains(&&**function));
        if let Some(format @ (Format::Awdit | Format::Plume)) = self.format {
            return kind(
                "causal",
                format!("{format} has sessions and no times, and this is decided exactly"),
            );
        }
        if let Some(checker) = self.transactions.checker() {
            let micro = self.transactions.functions.iter().copied().collect::<Vec<_>>().join(", ");
            return kind(checker, format!("its operations are transactions of {micro}"));
        }
        if only(&["echo"]) {
            return because("echo", "");
        }
        if only(&["read", "write", "cas"]) && any(&["write", "cas"]) {
            return because("register", "; --initial sets its first value");
        }
        if only(&["broadcast", "read"]) && any(&["broadcast"]) {
            return because("broadcast", "");
        }
        if only(&["add", "read"]) && any(&["add"]) {
            match self.reads {
                Reads { has_integers: true, has_elements: false, has_others: false } => {
                    return because("pn-counter", ", and reads show numbers");
                }
                Reads { has_integers: false, has_elements: true, has_others: false } => {
                    return because("set-full", ", and reads show elements");
                }
                _ => {}
            }
        }
        if only(&["generate"]) {
            return because("unique-ids", "");
        }
        if only(&["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"])
            && any(&["send", "poll"])
        {
            return because("kafka", "");
        }
        if only(&["acquire", "release"]) {
            return because("mutex", "");
        }
        if only(&["enqueue", "dequeue"]) {
            return because("queue", "");
        }
        if only(&["append", "put", "get", "read"]) && any(&["append"]) {
            return because("log", ", which those of a log are");
        }
        let names: Vec<&str> = registry::ALL.iter().map(|entry| entry.name).collect();
        let functions = if listed.is_empty() { "none by clients".to_owned() } else { listed.clone() };
        Err(format!(
            "It is unclear what to check: its operations are {functions}, which fits no checker or more than one. Choose with \
             --workload ({}) or --checker ({}).",
            workloads::names().collect::<Vec<_>>().join(", "),
            names.join(", ")
        ))
    }
}

impl Transactions {
    fn observe(&mut self, operation: &Operation) {
        // A question that was left out, or the end of an operation that failed, may be anything.
        if self.has_others || operation.value.is_nil() || !(operation.is_invoke() || operation.is_ok()) {
            return;
        }
        let Some(steps) = operation.value.as_sequence() else {
            self.has_others = true;
            return;
        };
        for step in steps {
            match step.as_sequence() {
                Some([function, _, value]) => match function.as_keyword() {
                    Some("append") => _ = self.functions.insert("append"),
                    Some("w") => _ = self.functions.insert("w"),
                    Some("r") => {
                        self.functions.insert("r");
                        self.has_lists |= value.as_sequence().is_some();
                        self.has_values |= value.as_sequence().is_none() && !value.is_nil();
                    }
                    _ => self.has_others = true,
                },
                Some([function, _]) if function.as_keyword() == Some("r") => {
                    self.functions.insert("r");
                }
                _ => self.has_others = true,
            }
        }
    }

    /// Whether they are on lists or registers, if that is certain.
    fn tell(&self) -> bool {
        self.functions.len() > 1 || self.has_lists || self.has_values
    }

    fn checker(&self) -> Option<&'static str> {
        if self.has_others || self.functions.is_empty() {
            return None;
        }
        let [writes, appends] = ["w", "append"].map(|function| self.functions.contains(function));
        match (appends, writes) {
            (true, true) => None,
            (true, false) => Some("list-append"),
            (false, true) => Some("rw-register"),
            // Nothing is written, so the values of reads decide.
            (false, false) if self.has_lists && !self.has_values => Some("list-append"),
            (false, false) => Some("rw-register"),
        }
    }
}

impl Reads {
    fn observe(&mut self, value: &Value) {
        match value {
            Value::Nil => {}
            Value::Int(_) => self.has_integers = true,
            value if value.as_elements().is_some() => self.has_elements = true,
            _ => self.has_others = true,
        }
    }

    fn tell(&self) -> bool {
        self.has_integers || self.has_elements || self.has_others
    }
}

#[cfg(test)]
mod tests {
    use glomers_check::History;

    use super::*;

    fn recognised(history: &str) -> Recognition {
        let mut recognition = Recognition::default();
        let history = History::from_edn(history).expect("a history");
        history.operations().iter().for_each(|operation| recognition.observe(operation));
        recognition
    }

    fn checker(history: &str) -> Option<&'static str> {
        recognised(history).kind().ok().map(|kind| kind.checker)
    }

    #[test]
    fn what_reads_show_tells_a_set_from_a_counter() {
        let history = |read: &str| {
            checker(&format!(
                "{{:type :invoke, :process 0, :f :add, :value 3}} {{:type :ok, :process 0, :f :add, :value 3}}
                 {{:type :invoke, :process 1, :f :read, :value nil}} {{:type :ok, :process 1, :f :read, :value {read}}}"
            ))
        };
        assert_eq!(history("[3]"), Some("set-full"));
        assert_eq!(history("3"), Some("pn-counter"));
        assert_eq!(history("nil"), None);
    }

    #[test]
    fn what_reads_show_tells_lists_from_registers() {
        let read = |value: &str| {
            checker(&format!(
                "{{:type :invoke, :process 0, :f :txn, :value [[:r 6 nil]]}} {{:type :ok, :process 0, :f :txn, :value [[:r 6 {value}]]}}"
            ))
        };
        assert_eq!(read("[]"), Some("list-append"));
        assert_eq!(read("7"), Some("rw-register"));
        assert_eq!(checker("{:type :invoke, :process 0, :f :txn, :value [[:w 6 1] [:append 6 1]]}"), None);
    }

    #[test]
    fn keys_are_told_by_questions_and_by_compare_and_sets() {
        let keys = |value: &str, f: &str| {
            recognised(&format!("{{:type :invoke, :process 0, :f :write, :value [1 2]}} {{:type :invoke, :process 1, :f {f}, :value {value}}}")).keys()
        };
        assert_eq!(keys("[1 nil]", ":read"), Keys::InValue);
        assert_eq!(keys("[1 [nil 2]]", ":cas"), Keys::InValue);
        assert_eq!(keys("[1 nil]", ":cas"), Keys::None);
        assert_eq!(keys("nil", ":read"), Keys::None);
    }
}
