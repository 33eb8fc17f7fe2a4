//! Reads of what no transaction may see, found without any graph.

use rustc_hash::FxHashSet;

use super::anomaly::Anomaly;
use super::cycle::Scope;
use super::interner::{ElementId, KeyId};
use super::report::{Case, Report};
use super::transactions::{Action, DataType, TransactionId, Transactions, Unusable};
use crate::{Subject, Value};

impl<D: DataType> Transactions<D> {
    /// Whether the history can be judged with this order of execution.
    pub(crate) fn check_usable(&mut self, order: Scope) -> Result<(), Unusable> {
        if let Some(unusable) = self.unusable.take() {
            return Err(unusable);
        }
        match self.without_invocation {
            Some(index) if order == Scope::RealTime => Err(Unusable::NoInvocation { index }),
            _ => Ok(()),
        }
    }

    /// Every write that its own transaction followed by another to the same key.
    pub(crate) fn intermediate_writes(&self) -> FxHashSet<ElementId> {
        let mut intermediate = FxHashSet::default();
        let mut last: Vec<(KeyId, ElementId)> = Vec::new();
        for transaction in self.ids() {
            last.clear();
            for step in self.micro_operations(transaction) {
                let Action::Write(element) = step.action else { continue };
                match last.iter_mut().find(|(key, _)| *key == step.key) {
                    Some((_, previous)) => {
                        intermediate.insert(std::mem::replace(previous, element));
                    }
                    None => last.push((step.key, element)),
                }
            }
        }
        intermediate
    }

    /// Reports the replies that do not answer what was asked.
    pub(crate) fn report_mismatches(&self, report: &mut Report) {
        for mismatch in &self.mismatches {
            let span = self.span(mismatch.transaction);
            report.add(Anomaly::REPLY_MISMATCH, || Case {
                sentence: format!(
                    "operation {} asked for {} and was answered with {}: a reply has the same micro-operations as \
                     the request, in the same order, with each read filled in.",
                    span.invoked_index, mismatch.expected, mismatch.found
                ),
                operations: vec![span.invoked_index, span.index],
                subjects: Vec::new(),
                value: Value::record([
                    ("op", self.operation_value(mismatch.transaction)),
                    ("expected", mismatch.expected.clone()),
                    ("found", mismatch.found.clone()),
                ]),
            });
        }
    }

    /// Reports a read of an element that nobody tried to write. Returns why that is in doubt, if it is.
    pub(crate) fn report_unwritten(
        &self,
        report: &mut Report,
        reader: TransactionId,
        position: usize,
        element: ElementId,
    ) -> Option<String> {
        if self.lost_writes {
            let (index, element) = (self.span(reader).index, self.interner.element_value(element));
            return Some(format!(
                "Operation {index} read {element}, which no transaction is known to have written; but what some of those asked for \
                 whose outcome is unknown was not recorded. Record the value of every :invoke."
            ));
        }
        report.add(Anomaly::UNWRITTEN_READ, || {
            let step = &self.micro_operations(reader)[position];
            let (mop, key) = (self.step_value(step), self.interner.key_value(step.key));
            let element = self.interner.element_value(element);
            let index = self.span(reader).index;
            Case {
                sentence: format!(
                    "operation {index} read {mop}, but nobody ever wrote {element} to that key."
                ),
                operations: vec![index],
                subjects: vec![Subject::entry(&key, &element)],
                value: Value::record([
                    ("op", self.operation_value(reader)),
                    ("mop", mop),
                    ("element", element),
                ]),
            }
        });
        None
    }

    /// Reports a read of a write that never became final: of a failed transaction, or overwritten by its own.
    pub(crate) fn report_dirty_read(
        &self,
        report: &mut Report,
        anomaly: Anomaly,
        reader: TransactionId,
        position: usize,
        element: ElementId,
        writer: TransactionId,
    ) {
        report.add(anomaly, || {
            let step = &self.micro_operations(reader)[position];
            let (mop, key) = (self.step_value(step), self.interner.key_value(step.key));
            let element = self.interner.element_value(element);
            let (index, writer_index) = (self.span(reader).index, self.span(writer).index);
            let mut value = Value::record([
                ("op", self.operation_value(reader)),
                ("mop", mop.clone()),
                ("writer", self.operation_value(writer)),
            ]);
            if D::IS_LIST {
                // Of a register the micro-operation names it.
                value.insert("element", element.clone());
            }
            let fault = if anomaly == Anomaly::G1A { "which failed" } else { "which itself wrote the key again before it ended" };
            Case {
                sentence: format!("operation {index} read {mop}, and so saw the {element} of operation {writer_index}, {fault}."),
                operations: vec![writer_index, index],
                subjects: vec![Subject::entry(&key, &element)],
                value,
            }
        });
    }

    /// Why a history with an element of unknown origin cannot be judged as upstream does.
    pub(crate) fn unknown_writer(&self, element: ElementId) -> Unusable {
        let key = self.interner.key_value(self.interner.key_of(element)).to_string();
        Unusable::UnknownWriter { key, element: self.interner.element_value(element).to_string() }
    }
}
