//! Small objects as a program would have them, random histories of them, and the definition of linearizability, tried
//! out by brute force. None of it shares code with the checkers.

use std::collections::BTreeMap;
use std::hash::Hash;

use glomers_check::{History, Name, Operation, OperationKind, Value};
use proptest::prelude::*;
use rustc_hash::FxHashSet;

/// An object that does one operation after the other.
pub(crate) trait Object: Clone + Eq + Hash {
    /// Does what the operation asks for, and returns its value; or refuses, and stays as it was.
    fn call(&mut self, operation: &Operation) -> Option<Value>;

    /// Whether a refusal tells what the state was not.
    fn refusals_tell(&self) -> bool {
        false
    }

    /// Whether a client would take the one value for the other.
    fn is_same(&self, seen: &Value, returned: &Value) -> bool {
        seen == returned
    }

    /// Something else that might have been returned.
    fn lie(&self, _returned: &Value, other: u8) -> Value {
        Value::from(other)
    }
}

/// One operation of a random history, on a line of time.
#[derive(Clone, Debug)]
pub(crate) struct Drawn {
    pub(crate) begin: u8,
    /// Time from the beginning to the moment of effect, and from there to the end.
    pub(crate) before: u8,
    pub(crate) after: u8,
    /// What to do: each test makes an operation of these.
    pub(crate) choice: u8,
    pub(crate) value: u8,
    pub(crate) other: u8,
    /// Most succeed; 0 and 1 end unknown, without and with effect.
    pub(crate) fate: u8,
    /// Whether to report something else than what happened.
    pub(crate) lie: bool,
}

pub(crate) fn drawn(count: usize) -> impl Strategy<Value = Vec<Drawn>> {
    let one =
        (0..24_u8, 0..8_u8, 0..8_u8, any::<u8>(), 0..4_u8, 0..4_u8, 0..10_u8, prop::bool::weighted(0.06));
    let one = one.prop_map(|(begin, before, after, choice, value, other, fate, lie)| Drawn {
        begin,
        before,
        after,
        choice,
        value,
        other,
        fate,
        lie,
    });
    prop::collection::vec(one, 2..=count)
}

/// An operation that begins, with a key beside its value if there is one.
pub(crate) fn asked(f: &'static str, value: impl Into<Value>, key: Option<u8>) -> Operation {
    let mut operation = Operation::invoke(0, f, value);
    operation.extra.extend(key.map(|key| (Name::from("key"), Value::from(key))));
    operation
}

/// Plays the drawn operations on an object, each at its moment of effect, and records what clients saw.
pub(crate) fn play(
    drawn: &[Drawn],
    mut object: impl Object,
    operation: impl Fn(usize, &Drawn) -> Operation,
) -> History {
    let begins: Vec<Operation> = drawn
        .iter()
        .enumerate()
        .map(|(client, drawn)| {
            let begin = operation(client, drawn);
            Operation { process: glomers_check::Process::Client(client as u64), ..begin }
        })
        .collect();
    let mut moments: Vec<(u32, usize)> =
        drawn.iter().enumerate().map(|(client, drawn)| (moment(drawn, client), client)).collect();
    moments.sort_unstable();
    let mut results: Vec<Option<Value>> = vec![None; drawn.len()];
    for (_, client) in moments {
        if drawn[client].fate > 0 {
            results[client] = object.call(&begins[client]);
        }
    }
    let mut events = Vec::new();
    for (client, (drawn, begin)) in drawn.iter().zip(begins).enumerate() {
        let end = match (&results[client], drawn.fate) {
            (_, 0 | 1) => begin.completed(OperationKind::Info, begin.value.clone()),
            (None, _) => {
                begin.completed(OperationKind::Fail, begin.value.clone()).with_error(refusal(&begin))
            }
            // A lie about what was asked for would be an answer to something else.
            (Some(result), _) if drawn.lie && (begin.value.is_nil() || begin.f == "txn") => {
                begin.completed(OperationKind::Ok, object.lie(result, drawn.other))
            }
            (Some(result), _) => begin.completed(OperationKind::Ok, result.clone()),
        };
        // What happens although its outcome is unknown may do so long after its client gave up.
        let end_time = if drawn.fate == 1 {
            u32::from(drawn.begin) * 1000 + 500
        } else {
            moment(drawn, client) + u32::from(drawn.after) * 1000
        };
        events.push((u32::from(drawn.begin) * 1000 + client as u32, begin));
        events.push((end_time + 100 + client as u32, end));
    }
    events.sort_by_key(|(time, _)| *time);
    events.into_iter().enumerate().map(|(index, (_, operation))| operation.at(index as u64, 0)).collect()
}

fn moment(drawn: &Drawn, client: usize) -> u32 {
    (u32::from(drawn.begin) + u32::from(drawn.before)) * 1000 + 50 + client as u32
}

fn refusal(begin: &Operation) -> Value {
    let kind = if begin.f == "cas" { "precondition-failed" } else { "abort" };
    Value::Vector(vec![Value::keyword(kind), Value::from("refused")])
}

/// An operation with its outcome.
#[derive(Clone, Debug)]
struct Call {
    begin: u64,
    /// `u64::MAX` if it may be left out.
    end: u64,
    asked: Operation,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
enum Outcome {
    Returned(Value),
    Refused,
    Unknown,
}

/// Whether the entries up to this index fit one order. What has not ended by then may be left out.
pub(crate) fn fits<O: Object>(object: &O, history: &History, until: u64) -> bool {
    let entries = history.operations();
    let begins = entries.iter().filter(|entry| entry.is_invoke() && entry.index <= until);
    let calls: Vec<Call> = begins
        .filter_map(|begin| {
            let ends = |entry: &&Operation| !entry.is_invoke() && entry.process == begin.process;
            let end = entries.iter().find(ends)?;
            let outcome = match end.kind {
                OperationKind::Ok => Outcome::Returned(end.value.clone()),
                OperationKind::Fail if object.refusals_tell() => Outcome::Refused,
                OperationKind::Fail => return None,
                OperationKind::Info | OperationKind::Invoke => Outcome::Unknown,
            };
            let is_optional = matches!(outcome, Outcome::Unknown) || end.index > until;
            let end = if is_optional { u64::MAX } else { end.index };
            Some(Call { begin: begin.index, end, asked: begin.clone(), outcome })
        })
        .collect();
    some_order_fits(object, 0, &calls, &mut FxHashSet::default())
}

/// The definition: some order of the calls, each between its beginning and its end, is what the object does. Those whose
/// bit is in `done` stand in front. The rest is the same for every order of these that leaves the same object.
fn some_order_fits<O: Object>(
    object: &O,
    done: u32,
    calls: &[Call],
    tried: &mut FxHashSet<(u32, O)>,
) -> bool {
    let left = || (0..calls.len()).filter(|index| done & 1 << index == 0);
    let earliest_end = left().map(|index| calls[index].end).min().unwrap_or(u64::MAX);
    if earliest_end == u64::MAX {
        return true;
    }
    if !tried.insert((done, object.clone())) {
        return false;
    }
    left().any(|index| {
        let call = &calls[index];
        if call.begin > earliest_end {
            return false;
        }
        let mut after = object.clone();
        let returned = after.call(&call.asked);
        let is_possible = match &call.outcome {
            Outcome::Returned(seen) => returned.is_some_and(|returned| object.is_same(seen, &returned)),
            Outcome::Refused => returned.is_none(),
            Outcome::Unknown => returned.is_some(),
        };
        is_possible && some_order_fits(&after, done | 1 << index, calls, tried)
    })
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimpleRegister(pub(crate) Value);

impl Object for SimpleRegister {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        match operation.f.as_str() {
            "read" => return Some(self.0.clone()),
            "write" => self.0 = operation.value.clone(),
            _ => {
                let [from, to] = operation.value.as_sequence()? else { return None };
                if *from != self.0 {
                    return None;
                }
                self.0 = to.clone();
            }
        }
        Some(operation.value.clone())
    }

    fn refusals_tell(&self) -> bool {
        true
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimpleQueue(pub(crate) Vec<Value>);

impl Object for SimpleQueue {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        match operation.f.as_str() {
            "enqueue" => self.0.push(operation.value.clone()),
            _ if self.0.is_empty() => return Some(Value::Nil),
            _ => return Some(self.0.remove(0)),
        }
        Some(operation.value.clone())
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimpleMutex(pub(crate) bool);

impl Object for SimpleMutex {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        let wanted = operation.f == "acquire";
        (std::mem::replace(&mut self.0, wanted) != wanted).then_some(Value::Nil)
    }

    fn is_same(&self, _: &Value, _: &Value) -> bool {
        true
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimpleSet(pub(crate) Vec<Value>);

impl Object for SimpleSet {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        if operation.f == "read" {
            return Some(Value::Vector(self.0.clone()));
        }
        if !self.0.contains(&operation.value) {
            self.0.push(operation.value.clone());
        }
        Some(Value::Nil)
    }

    fn is_same(&self, seen: &Value, returned: &Value) -> bool {
        let (Some(seen), Some(returned)) = (seen.as_sequence(), returned.as_sequence()) else { return true };
        seen.len() == returned.len() && returned.iter().all(|element| seen.contains(element))
    }

    fn lie(&self, returned: &Value, other: u8) -> Value {
        let Some(elements) = returned.as_sequence() else { return returned.clone() };
        let mut elements = elements.to_vec();
        if other.is_multiple_of(2) && !elements.is_empty() {
            elements.remove(usize::from(other) % elements.len());
        } else {
            elements.push(Value::from(other));
        }
        Value::Vector(elements)
    }
}

/// Logs under their keys; those that hold texts are read as one text.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct SimpleLogs(BTreeMap<Value, Vec<Value>>);

impl Object for SimpleLogs {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        let log = self.0.entry(operation.get("key").cloned().unwrap_or_default()).or_default();
        match operation.f.as_str() {
            "append" => log.push(operation.value.clone()),
            "put" => *log = vec![operation.value.clone()],
            "get" => {
                let text: String = log.iter().filter_map(Value::as_str).collect();
                return Some(if text.is_empty() { Value::Nil } else { Value::from(text.as_str()) });
            }
            _ => return Some(Value::Vector(log.clone())),
        }
        Some(operation.value.clone())
    }

    fn lie(&self, returned: &Value, other: u8) -> Value {
        match returned {
            Value::Vector(items) if items.len() > 1 => {
                let mut items = items.clone();
                let last = items.len() - 1;
                match other {
                    0 => items.swap(0, last),
                    1 => items.truncate(last),
                    2 => items.push(Value::from(77)),
                    _ => drop(items.remove(0)),
                }
                Value::Vector(items)
            }
            Value::String(text) if text.len() > 2 => match other {
                0 => Value::from(&text[2..]),
                1 => Value::from(&text[..text.len() - 2]),
                2 => Value::from(format!("{}{}", &text[2..], &text[..2]).as_str()),
                _ => Value::from(&text[1..]),
            },
            other => other.clone(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct SimpleRegisters(pub(crate) Vec<Value>);

impl Object for SimpleRegisters {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        let micros = operation.value.as_sequence()?.iter().map(|micro| {
            let [f, key, value] = micro.as_sequence()? else { return None };
            let register = &mut self.0[usize::try_from(key.as_int()?).ok()?];
            if f.as_keyword() == Some("w") {
                *register = value.clone();
            }
            Some(Value::Vector(vec![f.clone(), key.clone(), register.clone()]))
        });
        micros.collect::<Option<Vec<Value>>>().map(Value::Vector)
    }

    fn lie(&self, returned: &Value, other: u8) -> Value {
        let micros = returned.as_sequence().unwrap_or_default().iter();
        let micros = micros.map(|micro| match micro.as_sequence() {
            Some([f, key, seen]) if f.as_keyword() == Some("r") => {
                let other = if seen.is_nil() { Value::from(other) } else { Value::Nil };
                Value::Vector(vec![f.clone(), key.clone(), other])
            }
            _ => micro.clone(),
        });
        Value::Vector(micros.collect())
    }
}

/// Each key's register.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct SimpleStore(BTreeMap<Value, Value>);

impl Object for SimpleStore {
    fn call(&mut self, operation: &Operation) -> Option<Value> {
        let value = self.0.entry(operation.get("key").cloned().unwrap_or_default()).or_insert(Value::from(0));
        let mut register = SimpleRegister(value.clone());
        let returned = register.call(operation)?;
        *value = register.0;
        Some(if operation.f == "read" { returned } else { operation.value.clone() })
    }

    fn refusals_tell(&self) -> bool {
        true
    }
}
