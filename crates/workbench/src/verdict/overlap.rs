//! Whether any operation was under way while something was wrong: if none was, a run with faults proves nothing about them.

use std::collections::BTreeMap;

use glomers_check::{Finding, Operation, Process};

use super::perf::Faults;

/// Counts the operations that overlapped a fault, as the history goes on.
#[derive(Debug, Default)]
pub(crate) struct Overlap {
    faults: Faults,
    /// Whether one is in force.
    is_faulty: bool,
    /// How often a fault has begun.
    begun: u64,
    /// For each process whose operation began after the first fault: how often a fault had begun by then, and whether one was in force.
    under_way: BTreeMap<Process, (u64, bool)>,
    overlapping: u64,
    completed: u64,
}

impl Overlap {
    /// Takes in the next entry of the history.
    pub(crate) fn observe(&mut self, operation: &Operation) {
        if !operation.is_client() {
            let before = self.faults.in_force();
            self.faults.observe(operation.f.as_str(), operation.time_ns);
            let after = self.faults.in_force();
            self.begun += u64::from(after > before);
            self.is_faulty = after > 0;
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

    /// A warning, where faults were there and no operation met them.
    pub(crate) fn finding(&self) -> Option<Finding> {
        if self.begun == 0 || self.overlapping > 0 || self.completed == 0 {
            return None;
        }
        let faults =
            if self.begun == 1 { "The one fault".to_owned() } else { format!("The {} faults", self.begun) };
        let sentence = format!(
            "{faults} of this run met none of its {} operations, so that its pass proves nothing about faults. A higher --rate, a \
             longer --time-limit or a shorter --nemesis-interval lets them meet.",
            self.completed
        );
        Some(Finding::new(sentence, []))
    }
}

#[cfg(test)]
mod tests {
    use glomers_check::OperationKind;

    use super::*;

    /// The finding after a history in which `+` begins a fault, `-` ends it, a digit invokes an operation of that client or completes it.
    fn finding(history: &str) -> Option<String> {
        let mut overlap = Overlap::default();
        let mut open = std::collections::BTreeSet::new();
        for (index, sign) in (0..).zip(history.chars()) {
            let operation = match sign {
                '+' => Operation::nemesis("start-partition", ()),
                '-' => Operation::nemesis("stop-partition", ()),
                digit => {
                    let client = u64::from(digit.to_digit(10).expect("a digit"));
                    let invoke = Operation::invoke(client, "read", ());
                    if open.insert(client) {
                        invoke
                    } else {
                        open.remove(&client);
                        invoke.completed(OperationKind::Ok, ())
                    }
                }
            };
            overlap.observe(&operation.at(index, index));
        }
        overlap.finding().map(|finding| finding.sentence)
    }

    #[test]
    fn a_fault_that_met_no_operation_proves_nothing() {
        for history in ["11+-22", "11++--", "+-11", "11+-22+-33"] {
            let sentence = finding(history).unwrap_or_else(|| panic!("{history} is said to prove something"));
            assert!(sentence.contains("proves nothing about faults"), "{sentence}");
        }
    }

    #[test]
    fn one_operation_under_way_is_enough() {
        for history in ["1+-1", "+11-", "+1-1", "1+1-", "11+22-33", "11"] {
            assert_eq!(finding(history), None, "{history}");
        }
    }
}
