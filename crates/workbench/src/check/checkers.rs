//! The registry of checkers: the promises that a history can be held to, by name.

use glomers_check::{
    Checker, Compared, Echo, Exceptions, Interrupt, Kafka, Mode, PnCounter, SetFull, Stats, UniqueIds, Value,
    WeakIsolation,
    linear::{
        Linearizability, Model as Object,
        models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, Set},
    },
    txn::{ListAppend, Model, Options, RwRegister, VersionOrders, weak::Level},
};

/// A checker that a person can ask for.
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it checks, in one sentence.
    pub doc: &'static str,
    /// Whether consistency models mean anything to it.
    pub takes_models: bool,
    /// Whether it infers the order of a register's versions.
    pub takes_version_orders: bool,
    /// Whether it can judge each key by itself.
    pub takes_keys: bool,
    /// Whether it looks for what is missing in the end: what comes after the end of a history that breaks off could mend it.
    pub needs_the_end: bool,
    /// Makes it.
    pub build: fn(&Promise) -> Box<dyn Checker>,
}

/// What a checker is told.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Whether the verdict is ours or upstream's.
    pub mode: Mode,
    /// Where operations name their key.
    pub keys: Keys,
    /// The value that a register begins with.
    pub initial: Value,
    /// What transactions were promised; empty for strict serializability.
    pub models: Vec<Model>,
    /// From what the order of a register's versions is inferred.
    pub version_orders: VersionOrders,
    /// Whether the history is of a workload of Maelstrom's, whose verdict is known.
    pub is_workload: bool,
    /// What ends a long search from outside.
    pub interrupt: Interrupt,
}

impl Promise {
    /// That of one of Maelstrom's workloads.
    pub fn of_workload(keys: Keys, models: Vec<Model>, mode: Mode) -> Self {
        Self {
            mode,
            keys,
            initial: Value::Nil,
            models,
            version_orders: VersionOrders::default(),
            is_workload: true,
            interrupt: Interrupt::default(),
        }
    }

    /// A checker that judges as the mode says; where ours is stricter than upstream's it says so.
    fn compared<C: Checker + 'static>(&self, new: impl Fn(Mode) -> C) -> Box<dyn Checker> {
        match self.mode {
            Mode::Strict => Box::new(Compared::new(new(Mode::Strict), new(Mode::Compat))),
            Mode::Compat => Box::new(new(Mode::Compat)),
        }
    }
}

/// Where operations name the object that they concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// Nowhere: there is one object.
    None,
    /// Each value is a vector of the key and the value.
    InValue,
    /// Under `:key`.
    Beside,
}

/// Every checker, in the order in which `--help` lists them.
pub const ALL: &[Entry] = &[
    plain("echo", "Every reply brings back what was sent.", echo),
    object(
        "register",
        "Linearizable reads, writes and compare-and-sets of one value; a read of nil is a read of nil.",
        register,
    ),
    object(
        "cas-register",
        "The same as Knossos judges it: a read of nil tells nothing, and failed operations do not count.",
        cas_register,
    ),
    plain(
        "multi-register",
        "Linearizable transactions of reads and writes of several registers, by search: for short histories.",
        |promise| Box::new(search(MultiRegister, promise)),
    ),
    object("mutex", "A linearizable lock: acquire and release.", |promise| linear(Mutex, promise)),
    object("set", "A linearizable set: add, and read of all elements.", |promise| linear(Set, promise)),
    object("queue", "A linearizable queue, first in, first out: enqueue and dequeue.", |promise| {
        linear(Queue, promise)
    }),
    object("log", "A linearizable append-only log: append, and read or get of the whole.", |promise| {
        linear(Log, promise)
    }),
    transactions("list-append", "Isolation of transactions that append to lists and read them.", list_append),
    Entry {
        takes_version_orders: true,
        ..transactions(
            "rw-register",
            "Isolation of transactions that write registers and read them.",
            rw_register,
        )
    },
    plain(
        "read-committed",
        "Transactions over registers: who has read from a transaction does not go back behind it. Exact.",
        |_| Box::new(WeakIsolation::new(Level::ReadCommitted)),
    ),
    plain(
        "read-atomic",
        "Transactions over registers: others see all that a transaction wrote, or nothing. Exact.",
        |_| Box::new(WeakIsolation::new(Level::ReadAtomic)),
    ),
    plain("causal", "Transactions over registers: who sees something sees what led to it. Exact.", |_| {
        Box::new(WeakIsolation::new(Level::Causal))
    }),
    ending(
        "set-full",
        "A set that may be stale and must not lose: what was added and acknowledged, or read once, is read in the end.",
        |promise| Box::new(SetFull::new(promise.mode)),
    ),
    ending("broadcast", "The same, where elements are added by broadcast.", |promise| {
        Box::new(SetFull::new(promise.mode).adding_with("broadcast"))
    }),
    ending("pn-counter", "Final reads are the sum of what was added.", |promise| {
        Box::new(PnCounter::new(promise.mode))
    }),
    plain("unique-ids", "No two operations generate the same id.", |promise| {
        Box::new(UniqueIds::new(promise.mode))
    }),
    ending(
        "kafka",
        "Logs: send and poll by key and offset. What was sent is polled, once, in one order, by everybody.",
        |promise| Box::new(Kafka::new(promise.mode)),
    ),
    plain("stats", "Of every function, at least one operation succeeded.", |_| Box::<Stats>::default()),
    plain("exceptions", "Lists what clients could not understand; always valid.", |_| {
        Box::<Exceptions>::default()
    }),
];

const fn plain(name: &'static str, doc: &'static str, build: fn(&Promise) -> Box<dyn Checker>) -> Entry {
    Entry {
        name,
        doc,
        takes_models: false,
        takes_version_orders: false,
        takes_keys: false,
        needs_the_end: false,
        build,
    }
}

const fn ending(name: &'static str, doc: &'static str, build: fn(&Promise) -> Box<dyn Checker>) -> Entry {
    Entry { needs_the_end: true, ..plain(name, doc, build) }
}

const fn object(name: &'static str, doc: &'static str, build: fn(&Promise) -> Box<dyn Checker>) -> Entry {
    Entry { takes_keys: true, ..plain(name, doc, build) }
}

const fn transactions(
    name: &'static str,
    doc: &'static str,
    build: fn(&Promise) -> Box<dyn Checker>,
) -> Entry {
    Entry { takes_models: true, ..plain(name, doc, build) }
}

/// The checker of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

fn echo(promise: &Promise) -> Box<dyn Checker> {
    promise.compared(Echo::new)
}

fn register(promise: &Promise) -> Box<dyn Checker> {
    let of = |mode| Register::new(promise.initial.clone(), mode);
    if promise.is_workload && promise.mode == Mode::Strict && promise.keys == Keys::InValue {
        return promise.compared(|mode| search(of(mode), promise).by_key());
    }
    linear(of(promise.mode), promise)
}

fn cas_register(promise: &Promise) -> Box<dyn Checker> {
    linear(Register::new(promise.initial.clone(), Mode::Compat), promise)
}

fn linear<M: Object + 'static>(model: M, promise: &Promise) -> Box<dyn Checker> {
    match promise.keys {
        Keys::None => Box::new(search(model, promise)),
        Keys::InValue => Box::new(search(model, promise).by_key()),
        Keys::Beside => Box::new(search(Keyed::new(model), promise)),
    }
}

fn search<M: Object>(model: M, promise: &Promise) -> Linearizability<M> {
    Linearizability::new(model).with_interrupt(promise.interrupt.clone())
}

fn options(promise: &Promise) -> Options {
    let mut options = Options { mode: promise.mode, ..Options::default() };
    if !promise.models.is_empty() {
        options.models.clone_from(&promise.models);
    }
    options
}

fn list_append(promise: &Promise) -> Box<dyn Checker> {
    Box::new(ListAppend::new(options(promise)))
}

fn rw_register(promise: &Promise) -> Box<dyn Checker> {
    let checker = RwRegister::new(options(promise), promise.version_orders.clone());
    if promise.is_workload && promise.mode == Mode::Compat {
        return Box::new(checker.as_maelstrom_reports());
    }
    Box::new(checker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    #[test]
    fn every_workload_names_a_checker_and_every_name_is_used_once() {
        for workload in workloads::ALL {
            let entry = find(workload.checker).unwrap_or_else(|| panic!("{} has no checker", workload.name));
            assert!(entry.takes_keys || workload.keys == Keys::None, "{}", workload.name);
        }
        for (place, entry) in ALL.iter().enumerate() {
            assert!(ALL[place + 1..].iter().all(|other| other.name != entry.name), "{} twice", entry.name);
        }
    }
}
