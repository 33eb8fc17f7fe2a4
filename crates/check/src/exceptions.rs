//! What went wrong on the clients' side of the test.

use std::collections::BTreeMap;

use crate::{Checker, Finding, Operation, OperationKind, Requirement, Validity, Value, Verdict};

/// Lists the unhandled exceptions by class, the most frequent first, each with its first example.
///
/// An operation that a client could not understand, such as a malformed reply, ends as info with an `:exception`:
/// a map whose `:via` begins with a map that has the class under `:type`. They are listed and never invalidate a
/// run, since the operation itself counts as unknown. Memory grows with the number of classes. Keys are those of
/// Jepsen's `checker/unhandled-exceptions`.
///
/// ```
/// use glomers_check::{Exceptions, History, check};
/// let history = History::from_edn(
///     r#"{:type :info, :process 0, :f :echo, :value 1, :exception {:via [{:type :malformed-reply}]}, :error "no :echo"}"#,
/// )?;
/// let verdict = check(&history, Exceptions::default());
/// assert_eq!(verdict.findings[0].sentence, r#"1 operation ended in an unhandled :malformed-reply. The first: "no :echo""#);
/// # Ok::<(), glomers_check::HistoryError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    classes: BTreeMap<Value, Class>,
}

#[derive(Clone, Debug)]
struct Class {
    count: u64,
    example: Operation,
}

impl Checker for Exceptions {
    fn observe(&mut self, operation: &Operation) {
        if operation.kind != OperationKind::Info {
            return;
        }
        let Some(exception) = operation.get("exception").filter(|exception| !exception.is_nil()) else {
            return;
        };
        let class = class_of(exception).cloned().unwrap_or_default();
        self.classes
            .entry(class)
            .and_modify(|class| class.count += 1)
            .or_insert_with(|| Class { count: 1, example: operation.clone() });
    }

    fn requirement(&self) -> Requirement {
        Requirement::Entries
    }

    fn finish(self: Box<Self>) -> Verdict {
        if self.classes.is_empty() {
            return Verdict::bare(Validity::Valid);
        }
        let mut classes: Vec<(Value, Class)> = self.classes.into_iter().collect();
        classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.count));
        let findings = classes
            .iter()
            .map(|(name, class)| {
                let Class { count, example } = class;
                let operations = if *count == 1 { "operation" } else { "operations" };
                let message = example.get("exception").and_then(message_of).map(str::to_owned);
                let reason = message.or_else(|| example.error.as_ref().map(ToString::to_string));
                let reason = reason.map_or_else(String::new, |reason| format!(" The first: {reason}"));
                Finding::new(
                    format!("{count} {operations} ended in an unhandled {name}.{reason}"),
                    [example.index],
                )
            })
            .collect();
        let exceptions = classes.into_iter().map(|(name, class)| {
            let example = class.example.to_tagged_value();
            Value::record([("count", Value::from(class.count)), ("class", name), ("example", example)])
        });
        let list = Value::List(exceptions.collect());
        Verdict { findings, ..Verdict::new(Validity::Valid, [("exceptions", list)]) }
    }
}

fn class_of(exception: &Value) -> Option<&Value> {
    exception.get("via")?.as_sequence()?.first()?.get("type")
}

fn message_of(exception: &Value) -> Option<&str> {
    exception.get("via")?.as_sequence()?.first()?.get("message")?.as_str()
}
