//! Histories whose first transaction writes the initial values.

use rustc_hash::FxHashMap;

use crate::{Operation, Value};

/// The first transaction of a history, where it is known to have written the initial values.
///
/// Without that knowledge it is a transaction like any other, which may come after others, and few anomalies can be shown.
/// With it, its values are the beginning: leave it out, and let [`InitialTransaction::apply`] turn reads of them into nil.
///
/// ```
/// use glomers_check::{History, txn::InitialTransaction};
/// let history = History::from_edn(
///     "{:type :invoke, :process 0, :f :txn, :value [[:w 7 0] [:w 8 0]]} {:type :ok, :process 0, :f :txn, :value [[:w 7 0] [:w 8 0]]}
///      {:type :invoke, :process 1, :f :txn, :value [[:r 7 nil]]} {:type :ok, :process 1, :f :txn, :value [[:r 7 0]]}")?;
/// let [_, first, _, read] = history.operations() else { panic!("four entries") };
/// let mut read = read.clone();
/// InitialTransaction::of(first)?.apply(&mut read)?;
/// assert_eq!(read.value.to_string(), "[[:r 7 nil]]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct InitialTransaction {
    values: FxHashMap<Value, Value>,
}

impl InitialTransaction {
    /// Takes the values of a transaction that succeeded.
    ///
    /// # Errors
    /// A sentence: it did not succeed, or it does anything but write values to keys, each once.
    pub fn of(completed: &Operation) -> Result<Self, String> {
        let complain =
            |what: &str| Err(format!("the first operation can't have written the initial values: {what}"));
        let steps = match completed.value.as_sequence() {
            Some(steps) if completed.is_ok() && completed.f == "txn" => steps,
            _ => return complain("it is no transaction that succeeded before others began"),
        };
        let mut values = FxHashMap::default();
        for step in steps {
            match step.as_sequence() {
                Some([function, key, value]) if function.as_keyword() == Some("w") && !value.is_nil() => {
                    if values.insert(key.clone(), value.clone()).is_some() {
                        return complain(&format!("it writes key {key} twice"));
                    }
                }
                _ => return complain("it does not only write values"),
            }
        }
        Ok(Self { values })
    }

    /// Turns what another transaction read of the initial values into nil.
    ///
    /// # Errors
    /// A sentence: it writes an initial value again, so that a read of it would say nothing.
    pub fn apply(&self, operation: &mut Operation) -> Result<(), String> {
        let index = operation.index;
        let Some(steps) = operation.value.as_sequence_mut() else { return Ok(()) };
        for step in steps {
            let Some([function, key, value]) = step.as_sequence_mut() else { continue };
            if self.values.get(key) != Some(value) {
                continue;
            }
            match function.as_keyword() {
                Some("r") => *value = Value::Nil,
                Some("w") => {
                    return Err(format!(
                        "operation {index} writes {value} to key {key} again, which is its initial value"
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
