//! Clients that do not catch errors, as Maelstrom's for g-set, g-counter and pn-counter.

use std::rc::Rc;

use glomers_check::{Operation, OperationKind, Value};

use super::{Client, Completion, Connection, TIMED_OUT};

/// Lets errors and time-outs through as exceptions. The operation's outcome is unknown then, even where the error is definite: that is
/// what Jepsen makes of an exception that its client lets through, and so the verdict can be another.
pub(crate) struct UncaughtErrors(pub(crate) Rc<dyn Client>);

impl Client for UncaughtErrors {
    fn invoke(&self, connection: Connection, operation: Operation) -> Completion {
        let completion = self.0.invoke(connection, operation);
        Box::pin(async move { uncaught(completion.await) })
    }

    fn is_reusable(&self) -> bool {
        self.0.is_reusable()
    }
}

fn uncaught(operation: Operation) -> Operation {
    let Some(error) = operation.error.clone() else { return operation };
    let message = if error.as_keyword() == Some(TIMED_OUT) {
        "Client read timeout".to_owned()
    } else {
        format!("uncaught RPC error: {error}")
    };
    let cause = Value::record([
        ("type", Value::Symbol("clojure.lang.ExceptionInfo".into())),
        ("message", Value::from(message.as_str())),
    ]);
    let exception = Value::record([("via", Value::Vector(vec![cause]))]);
    let mut extra = operation.extra;
    extra.push(("exception".into(), exception));
    let error = Value::from(format!("indeterminate: {message}"));
    Operation { kind: OperationKind::Info, error: Some(error), extra, ..operation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: OperationKind, error: Option<Value>) -> Operation {
        Operation { error, ..Operation::invoke(0, "read", ()).completed(kind, ()) }
    }

    #[test]
    fn a_definite_error_and_a_time_out_are_exceptions_with_an_unknown_outcome() {
        let refused = Value::Vector(vec![Value::keyword("temporarily-unavailable"), Value::from("later")]);
        for error in [refused, Value::keyword(TIMED_OUT)] {
            let operation = uncaught(read(OperationKind::Fail, Some(error)));
            assert_eq!(operation.kind, OperationKind::Info);
            assert!(operation.get("exception").is_some() && operation.error.is_some(), "{operation}");
        }
    }

    #[test]
    fn what_succeeded_stays_as_it_is() {
        let operation = read(OperationKind::Ok, None);
        assert_eq!(uncaught(operation.clone()), operation);
    }
}
