//! Isolation levels by their definitions, decided by trying every order of execution: for histories of a few transactions.

use std::collections::BTreeMap;

use glomers_check::{Operation, OperationKind, Process, Value};

/// What an order of execution has to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    Nothing,
    /// The order of each process.
    Sessions,
    /// That a transaction which ended comes before one that began later.
    RealTime,
}

/// A transaction that committed, or may have.
struct Transaction {
    steps: Vec<Value>,
    process: Process,
    begun: usize,
    /// None where the outcome is unknown, so that it may be left out, and nothing it read is known.
    ended: Option<usize>,
}

/// The transactions of a history of one level's definition.
pub(crate) struct Transactions(Vec<Transaction>);

type State = BTreeMap<Value, Value>;

impl Transactions {
    pub(crate) fn of(history: &[Operation]) -> Self {
        let begins = history.iter().enumerate().filter(|(_, operation)| operation.is_invoke());
        let transactions = begins.filter_map(|(begun, invoke)| {
            let end =
                history[begun..].iter().position(|end| end.process == invoke.process && !end.is_invoke());
            let end = end.map(|distance| begun + distance);
            let (value, ended) = match end.map(|end| (history[end].kind, end)) {
                Some((OperationKind::Fail, _)) => return None,
                Some((OperationKind::Ok, end)) => (&history[end].value, Some(end)),
                _ => (&invoke.value, None),
            };
            Some(Transaction { steps: value.as_sequence()?.to_vec(), process: invoke.process, begun, ended })
        });
        Self(transactions.collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn precedes(&self, one: usize, other: usize, keeps: Keeps) -> bool {
        let (one, other) = (&self.0[one], &self.0[other]);
        match keeps {
            Keeps::Nothing => false,
            Keeps::Sessions => one.process == other.process && one.begun < other.begun,
            Keeps::RealTime => one.ended.is_some_and(|ended| ended < other.begun),
        }
    }

    /// Whether the transactions can be executed one after the other, so that every read sees the state.
    pub(crate) fn are_serializable(&self, keeps: Keeps) -> bool {
        self.any_order(keeps, &mut |order| {
            let mut state = State::new();
            order.iter().all(|&next| self.0[next].execute(&mut state))
        })
    }

    /// Whether each can be executed on the state that some first ones of those committed before it left, none of the others
    /// of which wrote a key that it writes.
    pub(crate) fn are_snapshot_isolated(&self, keeps: Keeps) -> bool {
        // Commits may be in another order than the beginnings, so that only the snapshots have to keep it.
        self.any_order(Keeps::Nothing, &mut |order| {
            let mut states = vec![State::new()];
            for &next in order {
                let mut state = states[states.len() - 1].clone();
                self.0[next].write(&mut state);
                states.push(state);
            }
            order.iter().enumerate().all(|(commit, &this)| {
                let has_seen = |snapshot: usize| {
                    order
                        .iter()
                        .enumerate()
                        .all(|(position, &other)| !self.precedes(other, this, keeps) || position < snapshot)
                };
                (0..=commit).any(|snapshot| {
                    let is_alone =
                        order[snapshot..commit].iter().all(|&other| !self.0[other].conflicts(&self.0[this]));
                    is_alone && has_seen(snapshot) && self.0[this].execute(&mut states[snapshot].clone())
                })
            })
        })
    }

    /// Whether some order of all that committed, and of some of those that may have, keeps what it has to and suits.
    fn any_order(&self, keeps: Keeps, suits: &mut dyn FnMut(&[usize]) -> bool) -> bool {
        let unknown: Vec<usize> = (0..self.len()).filter(|&one| self.0[one].ended.is_none()).collect();
        (0..1_usize << unknown.len()).any(|left_out| {
            let is_left_out = |one: &usize| {
                unknown
                    .iter()
                    .position(|unknown| unknown == one)
                    .is_some_and(|bit| left_out & (1 << bit) != 0)
            };
            let mut left: Vec<usize> = (0..self.len()).filter(|one| !is_left_out(one)).collect();
            self.extend(&mut Vec::new(), &mut left, keeps, suits)
        })
    }

    fn extend(
        &self,
        order: &mut Vec<usize>,
        left: &mut Vec<usize>,
        keeps: Keeps,
        suits: &mut dyn FnMut(&[usize]) -> bool,
    ) -> bool {
        if left.is_empty() {
            return suits(order);
        }
        for place in 0..left.len() {
            let next = left[place];
            if left.iter().any(|&other| self.precedes(other, next, keeps)) {
                continue;
            }
            left.remove(place);
            order.push(next);
            let found = self.extend(order, left, keeps, suits);
            order.pop();
            left.insert(place, next);
            if found {
                return true;
            }
        }
        false
    }
}

impl Transaction {
    /// Takes all steps, and says whether every read saw the state.
    fn execute(&self, state: &mut State) -> bool {
        self.steps.iter().all(|step| {
            let step = step.as_sequence().expect("a step");
            if step[0].as_keyword() != Some("r") {
                write(step, state);
                return true;
            }
            let is_list = matches!(step[2], Value::Vector(_));
            let initial = if is_list { Value::Vector(Vec::new()) } else { Value::Nil };
            self.ended.is_none() || state.get(&step[1]).unwrap_or(&initial) == &step[2]
        })
    }

    fn write(&self, state: &mut State) {
        for step in &self.steps {
            let step = step.as_sequence().expect("a step");
            if step[0].as_keyword() != Some("r") {
                write(step, state);
            }
        }
    }

    fn conflicts(&self, other: &Self) -> bool {
        let keys = |transaction: &Self| -> Vec<Value> {
            let steps = transaction.steps.iter().filter_map(Value::as_sequence);
            steps.filter(|step| step[0].as_keyword() != Some("r")).map(|step| step[1].clone()).collect()
        };
        let others = keys(other);
        keys(self).iter().any(|key| others.contains(key))
    }
}

fn write(step: &[Value], state: &mut State) {
    if step[0].as_keyword() == Some("append") {
        if let Value::Vector(list) = state.entry(step[1].clone()).or_insert_with(|| Value::Vector(Vec::new()))
        {
            list.push(step[2].clone());
        }
    } else {
        state.insert(step[1].clone(), step[2].clone());
    }
}
