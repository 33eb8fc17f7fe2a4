//! From the map of an entry to its operation, whichever notation the map was in.

use rustc_hash::FxHashMap;

use crate::{HistoryError, Name, Operation, OperationKind, Process, Value};

/// What a reader remembers from entry to entry: the next index, and the numbers of processes that have names or none.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    next_index: u64,
    named: FxHashMap<Name, u64>,
    unnamed_count: u64,
}

/// Where an entry keeps the name of its process.
const PROCESS_NAME: Name = Name::from_static("process-name");

/// The number of the first process that has a name. Tests that number their processes do not get so far.
const FIRST_NAMED_PROCESS: u64 = 1_000_000_000;

/// The number of the first process of an entry that names none.
const FIRST_UNNAMED_PROCESS: u64 = 2_000_000_000;

/// Floats of time are seconds up to here, and nanoseconds above: in seconds, this is the year 5138.
const LARGEST_SECONDS: f64 = 1e11;

impl Numbering {
    /// Reads an operation from its map.
    pub(super) fn operation(&mut self, value: Value) -> Result<Operation, String> {
        let operation = operation_from(value, self)?;
        self.next_index = operation.index.saturating_add(1);
        Ok(operation)
    }

    /// The process of this name; whether the name is more than a number in quotes.
    fn process(&mut self, name: &str) -> (Process, bool) {
        if name == "nemesis" {
            return (Process::Nemesis, false);
        }
        if let Ok(number) = name.parse() {
            return (Process::Client(number), false);
        }
        let next = FIRST_NAMED_PROCESS + self.named.len() as u64;
        (Process::Client(*self.named.entry(Name::new(name)).or_insert(next)), true)
    }

    fn unnamed_process(&mut self) -> Process {
        self.unnamed_count += 1;
        Process::Client(FIRST_UNNAMED_PROCESS + self.unnamed_count - 1)
    }
}

impl Operation {
    /// Reads an operation from its map, with or without a tag. What is missing is named in the error.
    ///
    /// # Errors
    /// A sentence that says which entry is missing or wrong.
    pub fn from_value(value: Value) -> Result<Self, HistoryError> {
        Numbering::default()
            .operation(value)
            .map_err(|reason| HistoryError::NotAnOperation { line: 1, reason })
    }
}

/// The text of a keyword, a symbol or a string.
fn text_of(value: &Value) -> &str {
    match value {
        Value::Keyword(name) | Value::Symbol(name) => name,
        other => other.as_str().unwrap_or_default(),
    }
}

fn operation_from(value: Value, numbering: &mut Numbering) -> Result<Operation, String> {
    let entries = match value {
        Value::Map(entries) => entries,
        Value::Tagged(tagged) if matches!(tagged.1, Value::Map(_)) => {
            let Value::Map(entries) = tagged.1 else { unreachable!("the guard saw a map") };
            entries
        }
        other => return Err(format!("it is {}, and not a map", shown(&other))),
    };
    let (mut index, mut time_ns, mut kind, mut process, mut f) = (numbering.next_index, 0, None, None, None);
    let (mut value, mut error, mut extra) = (Value::Nil, None, Vec::new());
    for (key, entry) in entries {
        let Value::Keyword(key) = key else {
            return Err(format!("the key {} is not a keyword", shown(&key)));
        };
        match (key.as_str(), entry) {
            ("index", Value::Int(number)) => {
                index = u64::try_from(number).map_err(|_| format!(":index is {number}"))?;
            }
            // Early events may carry a small negative time, since upstream's clock starts a little later.
            ("time", Value::Int(number)) => time_ns = u64::try_from(number.max(0)).unwrap_or(u64::MAX),
            ("time", Value::Float(number)) => time_ns = nanoseconds(number),
            ("type", Value::Keyword(name)) => {
                kind = Some(OperationKind::from_name(&name).ok_or_else(|| format!(":type is :{name}"))?);
            }
            ("process", Value::Int(number)) => {
                process = Some(Process::Client(
                    u64::try_from(number).map_err(|_| format!(":process is {number}"))?,
                ));
            }
            ("process", name @ (Value::Keyword(_) | Value::Symbol(_) | Value::String(_))) => {
                let (number, is_named) = numbering.process(text_of(&name));
                process = Some(number);
                extra.extend(is_named.then_some((PROCESS_NAME, name)));
            }
            ("f", Value::Keyword(name) | Value::Symbol(name)) => f = Some(name),
            ("f", Value::Nil) => f = Some(Name::from_static("nil")),
            ("value", entry) => value = entry,
            ("error", entry) => error = Some(entry),
            ("index" | "time", Value::Nil) => {}
            (name @ ("index" | "time" | "type" | "process" | "f"), entry) => {
                return Err(format!(":{name} is {}", shown(&entry)));
            }
            (_, entry) => extra.push((key, entry)),
        }
    }
    let kind = kind.ok_or(":type is missing")?;
    let is_bare = f.is_none() && is_transaction(&value);
    let process = match process {
        Some(process) => process,
        // A transaction of Elle's that says nothing of its process is one of its own.
        None if is_bare && kind != OperationKind::Invoke => numbering.unnamed_process(),
        None => return Err(":process is missing".to_owned()),
    };
    let f = match f {
        Some(f) => f,
        None if is_bare => Name::from_static("txn"),
        None => return Err(":f is missing".to_owned()),
    };
    if f == "txn" {
        value = with_short_functions(value);
    }
    Ok(Operation { index, time_ns, kind, process, f, value, error, extra })
}

/// So much of a value as a sentence can quote.
fn shown(value: &Value) -> String {
    super::excerpt(&value.to_string())
}

/// Nanoseconds of a time that was written as a float.
fn nanoseconds(time: f64) -> u64 {
    // A float that is negative or no number becomes 0, and one that is too large the greatest integer.
    if time <= LARGEST_SECONDS { (time * 1e9) as u64 } else { time as u64 }
}

/// Whether the value is a transaction: micro-operations, each a vector that begins with a keyword.
fn is_transaction(value: &Value) -> bool {
    value.as_sequence().is_some_and(|steps| {
        steps.iter().all(|step| matches!(step.as_sequence(), Some([Value::Keyword(_), ..])))
    })
}

/// A transaction whose micro-operations are all written in one way: Knossos writes `[:read key]` and `[:write key value]`
/// for what Elle writes as `[:r key nil]` and `[:w key value]`.
fn with_short_functions(value: Value) -> Value {
    let is_long = |step: &Value| match step.as_sequence() {
        Some([Value::Keyword(function), ..]) if matches!(function.as_str(), "read" | "write") => true,
        Some([Value::Keyword(function), _]) => function == "r",
        _ => false,
    };
    if !value.as_sequence().is_some_and(|steps| steps.iter().any(is_long)) || !is_transaction(&value) {
        return value;
    }
    let (Value::List(steps) | Value::Vector(steps)) = value else { return value };
    let short = |step: Value| {
        let (Value::List(mut parts) | Value::Vector(mut parts)) = step else { return step };
        let function = match parts.first().and_then(Value::as_keyword) {
            Some("read") => Some("r"),
            Some("write") => Some("w"),
            _ => None,
        };
        if let Some(function) = function {
            parts[0] = Value::Keyword(Name::from_static(function));
        }
        if parts.len() == 2 && parts[0].as_keyword() == Some("r") {
            parts.push(Value::Nil);
        }
        Value::Vector(parts)
    };
    Value::Vector(steps.into_iter().map(short).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edn;

    fn read(text: &str) -> Result<Operation, String> {
        Numbering::default().operation(edn::read(text).expect("EDN"))
    }

    #[test]
    fn processes_with_names_are_clients() {
        let mut numbering = Numbering::default();
        let mut process = |name: &str| {
            let map = edn::read(&format!("{{:type :invoke, :process {name}, :f :read}}")).expect("EDN");
            numbering.operation(map).expect("an operation").process
        };
        let named = |number| Process::Client(FIRST_NAMED_PROCESS + number);
        assert_eq!([process(":c1"), process("c2"), process(":c1")], [named(0), named(1), named(0)]);
        assert_eq!([process("\"7\""), process(":nemesis")], [Process::Client(7), Process::Nemesis]);
    }

    #[test]
    fn a_time_may_be_a_float_of_seconds_or_of_nanoseconds() {
        let time =
            |text: &str| read(&format!("{{:type :ok, :process 0, :f :read, :time {text}}}")).unwrap().time_ns;
        assert_eq!(time("0.25"), 250_000_000);
        assert_eq!(time("1690000000.5"), 1_690_000_000_500_000_000);
        assert_eq!(time("1.69e18"), 1_690_000_000_000_000_000);
        assert_eq!([time("-0.5"), time("##NaN"), time("##Inf")], [0, 0, u64::MAX]);
    }

    #[test]
    fn an_entry_without_f_is_a_transaction_or_an_error() {
        let operation = read("{:type :ok, :value [[:append :x 1]]}").unwrap();
        assert_eq!(
            (operation.f.as_str(), operation.process),
            ("txn", Process::Client(FIRST_UNNAMED_PROCESS))
        );
        assert_eq!(read("{:type :ok, :process 0, :value 1}").unwrap_err(), ":f is missing");
        assert_eq!(read("{:type :invoke, :value [[:r :x nil]]}").unwrap_err(), ":process is missing");
        assert_eq!(read("{:type :ok, :f :txn, :value [[:r :x nil]]}").unwrap_err(), ":process is missing");
    }

    #[test]
    fn micro_operations_of_knossos_become_those_of_elle() {
        let value = |f: &str, value: &str| {
            read(&format!("{{:type :ok, :process 0, :f {f}, :value {value}}}")).unwrap().value.to_string()
        };
        assert_eq!(
            value(":txn", "[[:read :x 1] [:write :y 2] [:r :z]]"),
            "[[:r :x 1] [:w :y 2] [:r :z nil]]"
        );
        assert_eq!(value(":mixed", "[[:read :x 1]]"), "[[:read :x 1]]");
    }
}
