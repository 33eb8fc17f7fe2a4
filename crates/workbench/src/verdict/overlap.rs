//! Whether the faults of a run did anything: whether they touched a node or a link, and whether an operation was under way during them.
//! If not, a valid run proves nothing about faults.

use std::collections::BTreeMap;

use glomers_check::{Operation, Process, Value};

use super::{
    perf::Faults,
    warnings::{Warning, WarningKind},
};
use crate::text::count;

/// What an action reports for a node that was already in the wanted state.
const NOTHING_DONE: [&str; 4] = ["not-running", "already-running", "already-paused", "not-paused"];

/// Counts the faults without effect, and the operations that overlapped the other faults.
#[derive(Debug, Default)]
pub(crate) struct Overlap {
    faults: Faults,
    /// Whether a fault is active.
    is_faulty: bool,
    /// How often a fault has begun.
    begun: u64,
    /// The function of an action whose second entry has not come yet.
    asked: Option<String>,
    /// The faults that touched nothing, by function.
    idle: BTreeMap<String, u64>,
    /// For each process whose operation began after the first fault: how often a fault had begun by then, and whether one was active.
    under_way: BTreeMap<Process, (u64, bool)>,
    overlapping: u64,
    completed: u64,
}

impl Overlap {
    /// Takes in the next entry of the history.
    pub(crate) fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            self.observe_fault(operation);
        } else if operation.is_invoke() {
            if self.begun > 0 {
                self.under_way.insert(operation.process, (self.begun, self.is_faulty));
            }
        } else {
            let (begun, was_faulty) = self.under_way.remove(&operation.process).unwrap_or_default();
            self.completed += 1;
            self.overlapping += u64::from(was_faulty || begun != self.begun);
        }
    }

    /// Of an action's two entries the first says what was asked for, the second what was done.
    fn observe_fault(&mut self, operation: &Operation) {
        let f = operation.f.as_str();
        if self.asked.take().is_none_or(|asked| asked != f) {
            self.asked = Some(f.to_owned());
            return;
        }
        if Faults::begins(f) && touches_nothing(&operation.value) {
            *self.idle.entry(f.to_owned()).or_default() += 1;
            return;
        }
        let before = self.faults.in_force();
        self.faults.observe(f, operation.time_ns);
        let after = self.faults.in_force();
        self.begun += u64::from(after > before);
        self.is_faulty = after > 0;
    }

    /// What a reader should know about the faults.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (f, &idle) in &self.idle {
            let times = if idle == 1 { "once".to_owned() } else { count(idle, "time") };
            let sentence = format!(
                "`{f}` touched no node and no link, {times}: the set of nodes that was drawn was empty, as it can be in a small cluster, or \
                 its nodes were in that state already. Run more nodes, or draw larger sets with the option of the fault."
            );
            warnings.push(Warning::new(WarningKind::IdleFault, idle, sentence));
        }
        if self.begun > 0 && self.overlapping == 0 && self.completed > 0 {
            let faults = if self.begun == 1 {
                "the only fault".to_owned()
            } else {
                format!("the {}", count(self.begun, "fault"))
            };
            let sentence = format!(
                "None of the {} ran during {faults}, so a valid verdict proves nothing about faults. Use a higher --rate, a longer \
                 --time-limit or a shorter --nemesis-interval.",
                count(self.completed, "operation")
            );
            warnings.push(Warning::new(WarningKind::FaultWithoutOperations, self.begun, sentence));
        }
        warnings
    }
}

/// Whether an action did nothing, as its second entry shows it: a map from each node to what was done, or a word with such a map.
fn touches_nothing(done: &Value) -> bool {
    match done {
        Value::Map(nodes) => {
            nodes.iter().all(|(_, what)| what.as_keyword().is_some_and(|word| NOTHING_DONE.contains(&word)))
        }
        Value::Vector(parts) => match &parts[..] {
            [Value::Keyword(_), Value::Map(links)] => links.is_empty(),
            [Value::Keyword(_), Value::Set(nodes)] => nodes.is_empty(),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use glomers_check::OperationKind;

    use super::*;

    /// The warnings after a history in which `+` begins a fault, `0` begins one that cuts nothing, `-` ends it, and a letter invokes an
    /// operation of that client or completes it.
    fn warnings(history: &str) -> Vec<Warning> {
        let mut overlap = Overlap::default();
        let mut open = std::collections::BTreeSet::new();
        let cut = |links: &[(Value, Value)]| {
            Value::Vector(vec![Value::keyword("isolated"), Value::Map(links.to_vec())])
        };
        for (index, sign) in (0..).zip(history.chars()) {
            let fault = |f: &str, done: Value| vec![Operation::nemesis(f, ()), Operation::nemesis(f, done)];
            let operations = match sign {
                '+' => fault("start-partition", cut(&[("n0".into(), "n1".into())])),
                '0' => fault("start-partition", cut(&[])),
                '-' => fault("stop-partition", Value::keyword("network-healed")),
                letter => {
                    let client = u64::from(letter);
                    let invoke = Operation::invoke(client, "read", ());
                    if open.insert(client) {
                        vec![invoke]
                    } else {
                        open.remove(&client);
                        vec![invoke.completed(OperationKind::Ok, ())]
                    }
                }
            };
            for operation in operations {
                overlap.observe(&operation.at(index, index));
            }
        }
        overlap.warnings()
    }

    fn kinds(history: &str) -> Vec<WarningKind> {
        warnings(history).iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn a_fault_that_met_no_operation_proves_nothing() {
        for history in ["aa+-bb", "aa++--", "+-aa", "aa+-bb+-cc", "a0-a+-"] {
            let warnings = warnings(history);
            let last = warnings.last().unwrap_or_else(|| panic!("{history} is said to prove something"));
            assert!(last.sentence.contains("proves nothing about faults"), "{}", last.sentence);
        }
    }

    #[test]
    fn one_operation_under_way_is_enough() {
        for history in ["a+-a", "+aa-", "+a-a", "a+a-", "aa+bb-cc", "aa"] {
            assert_eq!(kinds(history), [], "{history}");
        }
    }

    #[test]
    fn a_fault_that_cuts_nothing_is_no_fault_and_is_said() {
        assert_eq!(kinds("a0-a"), [WarningKind::IdleFault]);
        assert_eq!(kinds("a0-0-a+aa-"), [WarningKind::IdleFault]);
        let warnings = warnings("a0-0-a");
        assert!(warnings[0].sentence.contains("`start-partition` touched no node and no link, 2 times"));
    }

    #[test]
    fn a_kill_of_nodes_that_are_dead_does_nothing() {
        let done = |word| Value::Map(vec![("n0".into(), Value::keyword(word))]);
        assert!(touches_nothing(&done("not-running")) && !touches_nothing(&done("killed")));
    }
}
