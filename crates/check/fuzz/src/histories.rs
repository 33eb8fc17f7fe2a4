//! Histories out of arbitrary bytes.

use arbitrary::{Result, Unstructured};
use glomers_check::{Name, Operation, OperationKind, Process, Value};

/// The most entries of one history: enough for every anomaly, and few enough that any search ends soon.
const MAX_ENTRIES: usize = 48;

/// How deeply values are nested.
const MAX_DEPTH: usize = 3;

const FUNCTIONS: [&str; 15] = [
    "read", "write", "cas", "txn", "append", "get", "put", "add", "enqueue", "dequeue", "acquire", "release",
    "echo", "crash", "rdq/f",
];

/// Keywords, symbols and tags: such as the readers let through.
const NAMES: [&str; 6] = ["a", "type", "net/timeout", "r", "append", "élan"];

const ERRORS: [&str; 4] = ["key-does-not-exist", "precondition-failed", "timeout", "abort"];

/// The entries of one history. Their processes are few, so that operations overlap and end; now and then one breaks
/// every rule of a well-formed history.
pub fn history(bytes: &mut Unstructured<'_>) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut open: Vec<Option<Operation>> = vec![None; 6];
    let shape = bytes.int_in_range(0..=SHAPES - 1)?;
    let count = bytes.int_in_range(0..=MAX_ENTRIES)?;
    for place in 0..count {
        let process = bytes.int_in_range(0..=5_usize)?;
        let is_orderly = bytes.ratio(15, 16)?;
        let mut operation = match open[process].take() {
            Some(begin) if is_orderly => end(begin, shape, bytes)?,
            _ => begin(process as u64, shape, bytes)?,
        };
        if is_orderly {
            let time_ns = place as u64 * 1_000;
            operation = operation.at(place as u64, time_ns);
            open[process] = operation.is_invoke().then(|| operation.clone());
        } else {
            disturb(&mut operation, bytes)?;
        }
        operations.push(operation);
    }
    Ok(operations)
}

/// The kinds of object of which a history consists, and one of anything.
const SHAPES: u8 = 12;

fn begin(process: u64, shape: u8, bytes: &mut Unstructured<'_>) -> Result<Operation> {
    let small = |bytes: &mut Unstructured<'_>| Ok(Value::from(bytes.int_in_range(0..=3_i64)?));
    let (f, value) = match shape {
        0 | 1 => match bytes.int_in_range(0..=2)? {
            0 => ("read", Value::Nil),
            1 => ("write", small(bytes)?),
            _ => ("cas", Value::Vector(vec![small(bytes)?, small(bytes)?])),
        },
        2 => (*bytes.choose(&["acquire", "release"])?, Value::Nil),
        3 => (*bytes.choose(&["add", "read"])?, small(bytes)?),
        4 => (*bytes.choose(&["enqueue", "dequeue"])?, small(bytes)?),
        5 => (*bytes.choose(&["append", "put", "get"])?, small(bytes)?),
        8 => (*bytes.choose(&["send", "poll", "txn", "assign", "crash"])?, log_steps(false, bytes)?),
        9 => (*bytes.choose(&["add", "read", "broadcast"])?, small(bytes)?),
        10 => (*bytes.choose(&["generate", "echo"])?, Value::Nil),
        6 | 7 => ("txn", transaction(if shape == 6 { "append" } else { "w" }, bytes)?),
        _ => (*bytes.choose(&FUNCTIONS)?, value(MAX_DEPTH, bytes)?),
    };
    // With the odd shapes each value carries its key.
    let value = if shape == 1 { Value::Vector(vec![small(bytes)?, value]) } else { value };
    let mut operation = Operation::invoke(process, f, value);
    if bytes.ratio(1, 4)? {
        operation.extra.push((Name::from("key"), small(bytes)?));
    }
    Ok(operation)
}

fn end(begin: Operation, shape: u8, bytes: &mut Unstructured<'_>) -> Result<Operation> {
    let kind =
        *bytes.choose(&[OperationKind::Ok, OperationKind::Ok, OperationKind::Fail, OperationKind::Info])?;
    let value = match shape {
        0 | 2 | 4 if bytes.ratio(3, 4)? => Value::from(bytes.int_in_range(0..=3_i64)?),
        8 if bytes.ratio(15, 16)? => log_steps(true, bytes)?,
        10 => small_or_text(bytes)?,
        6 | 7 if bytes.ratio(15, 16)? => answered(&begin.value, shape == 6, bytes)?,
        3 | 5 | 9 if bytes.ratio(3, 4)? => list(bytes)?,
        9 => Value::from(bytes.int_in_range(0..=12_i64)?),
        _ if bytes.ratio(1, 2)? => begin.value.clone(),
        _ => value(MAX_DEPTH, bytes)?,
    };
    let mut end = begin.completed(kind, value);
    if kind != OperationKind::Ok && bytes.ratio(1, 2)? {
        let reason = Value::Vector(vec![Value::keyword(*bytes.choose(&ERRORS)?), value_of_any(bytes)?]);
        end.error = Some(if bytes.ratio(7, 8)? { reason } else { value_of_any(bytes)? });
    }
    Ok(end)
}

/// What no recorder would write down: an end without a beginning, a number that is used already, the nemesis.
fn disturb(operation: &mut Operation, bytes: &mut Unstructured<'_>) -> Result<()> {
    operation.index = bytes.arbitrary()?;
    operation.time_ns = bytes.arbitrary()?;
    operation.kind = *bytes.choose(&[
        OperationKind::Invoke,
        OperationKind::Ok,
        OperationKind::Fail,
        OperationKind::Info,
    ])?;
    if bytes.ratio(1, 4)? {
        operation.process = Process::Nemesis;
    }
    Ok(())
}

fn transaction(write: &str, bytes: &mut Unstructured<'_>) -> Result<Value> {
    let count = bytes.int_in_range(0..=3)?;
    let steps = (0..count).map(|_| {
        let key = Value::from(bytes.int_in_range(0..=2_i64)?);
        let is_read = bytes.arbitrary()?;
        let value = if is_read { Value::Nil } else { Value::from(bytes.int_in_range(0..=9_i64)?) };
        Ok(Value::Vector(vec![Value::keyword(if is_read { "r" } else { write }), key, value]))
    });
    Ok(Value::Vector(steps.collect::<Result<_>>()?))
}

/// The transaction with its reads filled in.
fn answered(transaction: &Value, is_list: bool, bytes: &mut Unstructured<'_>) -> Result<Value> {
    let steps = transaction.as_sequence().unwrap_or_default().iter().map(|step| match step.as_sequence() {
        Some([f, key, _]) if f.as_keyword() == Some("r") => {
            let seen = if is_list { list(bytes)? } else { Value::from(bytes.int_in_range(0..=9_i64)?) };
            Ok(Value::Vector(vec![f.clone(), key.clone(), seen]))
        }
        _ => Ok(step.clone()),
    });
    Ok(Value::Vector(steps.collect::<Result<_>>()?))
}

/// Steps on logs: sends, and polls of what is in them.
fn log_steps(is_answered: bool, bytes: &mut Unstructured<'_>) -> Result<Value> {
    let count = bytes.int_in_range(0..=3)?;
    let steps = (0..count).map(|_| {
        let key = Value::from(bytes.int_in_range(0..=1_i64)?.to_string());
        let message = |bytes: &mut Unstructured<'_>| Ok(Value::from(bytes.int_in_range(0..=5_i64)?));
        let pair = |bytes: &mut Unstructured<'_>| Ok(Value::Vector(vec![message(bytes)?, message(bytes)?]));
        let is_send = bytes.arbitrary()?;
        Ok(Value::Vector(match (is_send, is_answered) {
            (true, false) => vec![Value::keyword("send"), key, message(bytes)?],
            (true, true) => vec![Value::keyword("send"), key, pair(bytes)?],
            (false, false) => vec![Value::keyword("poll")],
            (false, true) => {
                let count = bytes.int_in_range(0..=4)?;
                let batch = (0..count).map(|_| pair(bytes)).collect::<Result<_>>()?;
                vec![Value::keyword("poll"), Value::Map(vec![(key, Value::Vector(batch))])]
            }
        }))
    });
    Ok(Value::Vector(steps.collect::<Result<_>>()?))
}

fn small_or_text(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let number = bytes.int_in_range(0..=9_i64)?;
    Ok(if bytes.arbitrary()? { Value::from(number) } else { Value::from(number.to_string()) })
}

fn list(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let count = bytes.int_in_range(0..=4)?;
    let items = (0..count).map(|_| Ok(Value::from(bytes.int_in_range(0..=9_i64)?)));
    Ok(Value::Vector(items.collect::<Result<_>>()?))
}

fn value_of_any(bytes: &mut Unstructured<'_>) -> Result<Value> {
    value(MAX_DEPTH, bytes)
}

/// Any value.
fn value(depth: usize, bytes: &mut Unstructured<'_>) -> Result<Value> {
    let deepest = if depth == 0 { 6 } else { 11 };
    Ok(match bytes.int_in_range(0..=deepest)? {
        0 => Value::Nil,
        1 => Value::Bool(bytes.arbitrary()?),
        2 => Value::Int(bytes.arbitrary()?),
        3 => Value::Float(bytes.arbitrary()?),
        4 => Value::string(bytes.arbitrary::<&str>()?),
        5 => Value::keyword(Name::new(bytes.choose(&NAMES)?)),
        6 => Value::Symbol(Name::new(bytes.choose(&NAMES)?)),
        7 => Value::List(values(depth, bytes)?),
        8 => Value::Vector(values(depth, bytes)?),
        9 => Value::Set(different(values(depth, bytes)?)),
        10 => Value::Tagged(Box::new((Name::new(bytes.choose(&NAMES)?), value(depth - 1, bytes)?))),
        _ => {
            let keys = different(values(depth, bytes)?);
            let entries = keys.into_iter().map(|key| Ok((key, value(depth - 1, bytes)?)));
            Value::Map(entries.collect::<Result<_>>()?)
        }
    })
}

/// Sets and maps do not hold anything twice.
fn different(mut values: Vec<Value>) -> Vec<Value> {
    values.sort();
    values.dedup();
    values
}

fn values(depth: usize, bytes: &mut Unstructured<'_>) -> Result<Vec<Value>> {
    let count = bytes.int_in_range(0..=3)?;
    (0..count).map(|_| value(depth - 1, bytes)).collect()
}
