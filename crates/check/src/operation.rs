//! Operations: what a client asked for and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Name, Value};

/// One entry of a history: an operation begins or ends.
///
/// An operation is two entries of one process: an [`OperationKind::Invoke`] and its completion. A process that
/// ends with [`OperationKind::Info`] never appears again, since nobody knows whether its operation goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The position in the history, from 0. It decides the order of events; times do not.
    pub index: u64,
    /// Nanoseconds since the run began.
    pub time_ns: u64,
    /// Whether the operation begins here, or how it ended.
    pub kind: OperationKind,
    /// Who does it.
    pub process: Process,
    /// What it does: `read`, `write`, `txn`.
    pub f: Name,
    /// What it does it with, and what came back.
    pub value: Value,
    /// Why it did not succeed.
    pub error: Option<Value>,
    /// Further entries that some workloads and clients record, such as `:final?` and `:exception`.
    pub extra: Vec<(Name, Value)>,
}

/// Whether an operation begins or how it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperationKind {
    /// It begins.
    Invoke,
    /// It happened.
    Ok,
    /// It did not happen, and never will.
    Fail,
    /// Nobody knows: it may have happened, may happen at any later time, or never.
    Info,
}

/// Who does an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Process {
    /// A client, which does one operation at a time.
    Client(u64),
    /// What injects faults. Both entries of its operations are [`OperationKind::Info`].
    Nemesis,
}

impl Operation {
    /// An operation of a client that begins, at index and time 0; set what differs.
    ///
    /// ```
    /// use glomers_check::Operation;
    /// let read = Operation::invoke(3, "read", ()).at(0, 1_000);
    /// assert_eq!(read.to_string(), "{:index 0, :time 1000, :type :invoke, :process 3, :f :read, :value nil}");
    /// ```
    pub fn invoke(client: u64, f: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self {
            index: 0,
            time_ns: 0,
            kind: OperationKind::Invoke,
            process: Process::Client(client),
            f: f.into(),
            value: value.into(),
            error: None,
            extra: Vec::new(),
        }
    }

    /// An entry of the nemesis, at index and time 0; set what differs.
    ///
    /// ```
    /// use glomers_check::Operation;
    /// let healed = Operation::nemesis("stop-partition", ()).at(4, 1_000);
    /// let line = "{:index 4, :time 1000, :type :info, :process :nemesis, :f :stop-partition, :value nil}";
    /// assert_eq!(healed.to_string(), line);
    /// ```
    pub fn nemesis(f: impl Into<Name>, value: impl Into<Value>) -> Self {
        Self { kind: OperationKind::Info, process: Process::Nemesis, ..Self::invoke(0, f, value) }
    }

    /// The end of this operation, with the value that came back.
    #[must_use]
    pub fn completed(&self, kind: OperationKind, value: impl Into<Value>) -> Self {
        Self { kind, value: value.into(), ..self.clone() }
    }

    /// The same entry at another place in the history.
    #[must_use]
    pub fn at(mut self, index: u64, time_ns: u64) -> Self {
        self.index = index;
        self.time_ns = time_ns;
        self
    }

    /// The same entry with a reason why it did not succeed.
    #[must_use]
    pub fn with_error(mut self, error: impl Into<Value>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// One of the further entries.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.extra.iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// Whether the entry begins an operation.
    pub fn is_invoke(&self) -> bool {
        self.kind == OperationKind::Invoke
    }

    /// Whether the entry ends an operation that happened.
    pub fn is_ok(&self) -> bool {
        self.kind == OperationKind::Ok
    }

    /// Whether a client does it, and not the nemesis.
    pub fn is_client(&self) -> bool {
        matches!(self.process, Process::Client(_))
    }

    /// The entry as a map, in the order in which upstream writes the keys.
    pub fn to_value(&self) -> Value {
        let mut map = Value::record([
            ("index", Value::from(self.index)),
            ("time", Value::from(self.time_ns)),
            ("type", Value::keyword(self.kind.name())),
            ("process", self.process.to_value()),
            ("f", Value::Keyword(self.f.clone())),
            ("value", self.value.clone()),
        ]);
        if let Value::Map(entries) = &mut map {
            entries
                .extend(self.extra.iter().map(|(name, value)| (Value::Keyword(name.clone()), value.clone())));
            entries.extend(self.error.iter().map(|error| (Value::keyword("error"), error.clone())));
        }
        map
    }

    /// The entry as upstream shows it among results: the map of [`Operation::to_value`], with its tag.
    ///
    /// ```
    /// use glomers_check::Operation;
    /// assert!(Operation::invoke(0, "read", ()).to_tagged_value().to_string().starts_with("#jepsen.history.Op{:index 0,"));
    /// ```
    pub fn to_tagged_value(&self) -> Value {
        Value::Tagged(Box::new((Name::from_static("jepsen.history.Op"), self.to_value())))
    }

    /// The entry's line of `history.txt`, without its newline: process, type, function, value and error between tabs.
    ///
    /// ```
    /// use glomers_check::{Operation, OperationKind};
    /// let write = Operation::invoke(0, "write", 5).completed(OperationKind::Info, 5).with_error("lost");
    /// assert_eq!(write.to_text_line(), "0\t:info\t:write\t5\tlost");
    /// ```
    pub fn to_text_line(&self) -> String {
        let mut line = format!("{}\t:{}\t:{}\t{}", self.process, self.kind, self.f, self.value);
        match &self.error {
            None => {}
            // Upstream prints the error as a person would write it: a text stands without quotes.
            Some(Value::String(text)) => {
                line.push('\t');
                line.extend(
                    text.chars().map(|character| if character.is_control() { ' ' } else { character }),
                );
            }
            Some(error) => {
                line.push('\t');
                line.push_str(&error.to_string());
            }
        }
        line
    }
}

impl fmt::Display for Operation {
    /// The entry's line of `history.edn`, without its newline.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, f, value, error, extra, .. } = self;
        // As values, so that a number beyond 64 bits is marked as EDN asks for it.
        let (index, time) = (Value::from(self.index), Value::from(self.time_ns));
        let process = self.process.to_value();
        write!(
            formatter,
            "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f :{f}, :value {value}"
        )?;
        for (name, value) in extra {
            write!(formatter, ", :{name} {value}")?;
        }
        if let Some(error) = error {
            write!(formatter, ", :error {error}")?;
        }
        formatter.write_str("}")
    }
}

impl OperationKind {
    /// The name that histories use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoke => "invoke",
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Info => "info",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Invoke, Self::Ok, Self::Fail, Self::Info].into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl Process {
    /// The process as histories write it: a number, or `:nemesis`.
    pub fn to_value(self) -> Value {
        match self {
            Self::Client(number) => Value::from(number),
            Self::Nemesis => Value::keyword("nemesis"),
        }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(number) => write!(formatter, "{number}"),
            Self::Nemesis => formatter.write_str(":nemesis"),
        }
    }
}
