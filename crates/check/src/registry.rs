//! Every checker by its name: what a command line, a fuzzer, a test or a service chooses from.
//!
//! ```
//! use glomers_check::registry::{self, CheckOptions};
//! use glomers_check::{Checker, Operation, OperationKind, Validity};
//!
//! let entry = registry::find("register").expect("there is a checker of registers");
//! let mut checker = entry.build(&CheckOptions::default());
//! let read = Operation::invoke(0, "read", ());
//! checker.observe(&read);
//! checker.observe(&read.completed(OperationKind::Ok, 7).at(1, 0));
//! assert_eq!(Box::new(checker).finish().validity, Validity::Invalid);
//! ```

use crate::{
    Bank, Checker, Comments, Compared, Counter, Echo, Exceptions, Guarded, Interrupt, Kafka, LongFork, Mode,
    PnCounter, SetFull, Stats, TotalQueue, UniqueIds, UnorderedQueue, Value, WeakIsolation,
    linear::{
        Linearizability, Model as Object,
        models::{Keyed, Log, MultiRegister, Mutex, Queue, Register, Set},
    },
    txn::{ListAppend, Model, Options, RwRegister, VersionOrders, weak::Level},
};

/// A checker and what it takes.
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
    /// Whether what it judges has an initial value that may differ.
    pub takes_initial: bool,
    /// Whether it looks for what is missing in the end: what comes after the end of a history that breaks off could mend it.
    pub needs_the_end: bool,
    new: fn(&CheckOptions) -> Box<dyn Checker>,
}

impl Entry {
    /// Makes the checker. It is [`Guarded`]: a malformed history is `unknown`.
    pub fn build(&self, options: &CheckOptions) -> Guarded {
        Guarded::new((self.new)(options))
    }
}

/// The options of a check. Each checker uses those that mean something to it; its [`Entry`] says which.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Whether the verdict is the strict one or Maelstrom's.
    pub mode: Mode,
    /// Where operations name their key.
    pub keys: Keys,
    /// The initial value of a register.
    pub initial: Value,
    /// The consistency models of transactions; empty for strict serializability.
    pub models: Vec<Model>,
    /// What the order of a register's versions is inferred from, besides what the models promise; none for what Maelstrom
    /// assumes in the compatible mode, and for nothing in the strict mode.
    pub version_orders: Option<VersionOrders>,
    /// Whether the history is of one of Maelstrom's workloads, whose own verdict can be told too.
    pub is_workload: bool,
    /// Ends a long search from another thread.
    pub interrupt: Interrupt,
}

impl CheckOptions {
    /// The options for one of Maelstrom's workloads.
    pub fn of_workload(keys: Keys, models: Vec<Model>, mode: Mode) -> Self {
        Self { mode, keys, models, is_workload: true, ..Self::default() }
    }

    /// A checker of this mode; the strict one says where Maelstrom's verdict differs.
    fn compared<C: Checker + 'static>(&self, new: impl Fn(Mode) -> C) -> Box<dyn Checker> {
        match self.mode {
            Mode::Strict => Box::new(Compared::new(new(Mode::Strict), new(Mode::Compat))),
            Mode::Compat => Box::new(new(Mode::Compat)),
        }
    }
}

/// Where operations name the object that they concern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keys {
    /// Nowhere: there is one object.
    #[default]
    None,
    /// Each value is a vector of the key and the value.
    InValue,
    /// Under `:key`.
    Beside,
}

/// Every checker, in the order in which `--help` lists them.
pub const ALL: &[Entry] = &[
    plain("echo", "Every reply repeats exactly what was sent.", echo),
    Entry {
        takes_initial: true,
        ..object(
            "register",
            "Linearizable reads, writes and compare-and-sets of one value. A read of nil says that the value was nil.",
            register,
        )
    },
    Entry {
        takes_initial: true,
        ..object(
            "cas-register",
            "The same, judged as Knossos does: a read of nil says nothing, and failed operations are ignored.",
            cas_register,
        )
    },
    registers(
        "multi-register",
        "Linearizable transactions that read and write several registers. Decided by search, so for short histories only.",
        |options| Box::new(search(MultiRegister::new(options.initial.clone()), options)),
    ),
    object("mutex", "A linearizable lock: acquire and release.", |options| linear(Mutex, options)),
    object("set", "A linearizable set: add, and read of all elements.", |options| linear(Set, options)),
    object("queue", "A linearizable queue, first in, first out: enqueue and dequeue.", |options| {
        linear(Queue, options)
    }),
    object("log", "A linearizable append-only log: append, and read or get of the whole.", |options| {
        linear(Log, options)
    }),
    transactions("list-append", "Isolation of transactions that append to lists and read them.", list_append),
    Entry {
        takes_version_orders: true,
        takes_initial: true,
        ..transactions(
            "rw-register",
            "Isolation of transactions that write registers and read them.",
            rw_register,
        )
    },
    registers(
        "read-committed",
        "Transactions over registers read only committed, final values, and never depend on each other in a cycle. Decided exactly.",
        |options| weak(Level::ReadCommitted, options),
    ),
    registers(
        "monotonic-atomic-view",
        "Transactions over registers: after reading from a transaction, nothing older than its writes is read. Decided exactly.",
        |options| weak(Level::MonotonicAtomicView, options),
    ),
    registers(
        "read-atomic",
        "Transactions over registers see either all of another transaction's writes or none. Decided exactly.",
        |options| weak(Level::ReadAtomic, options),
    ),
    registers(
        "causal",
        "Transactions over registers: seeing an effect means seeing its causes, and each process keeps its order. Decided exactly.",
        |options| weak(Level::Causal, options),
    ),
    ending(
        "set-full",
        "A set that may be stale but must not lose elements: what was acknowledged, or read once, is still read at the end.",
        |options| Box::new(SetFull::new(options.mode)),
    ),
    ending("broadcast", "The same as set-full, where elements are added by broadcast.", |options| {
        Box::new(SetFull::new(options.mode).adding_with("broadcast"))
    }),
    ending("pn-counter", "Final reads equal the sum of what was added.", |options| {
        Box::new(PnCounter::new(options.mode))
    }),
    plain("unique-ids", "No two operations generate the same id.", |options| {
        Box::new(UniqueIds::new(options.mode))
    }),
    ending(
        "kafka",
        "Logs with send and poll: acknowledged messages are neither lost nor duplicated, and everyone polls them in the same order.",
        |options| Box::new(Kafka::new(options.mode)),
    ),
    ending(
        "counter",
        "Jepsen's counter: every read lies between the sum of what was certainly added and the sum of what may have been.",
        |options| Box::new(Counter::new(options.mode)),
    ),
    plain("bank", "Jepsen's bank: transfers between accounts never change the total.", |options| {
        Box::new(Bank::new(options.mode))
    }),
    plain("long-fork", "Jepsen's long fork: no two reads see two writes in opposite orders.", |options| {
        Box::new(LongFork::new(options.mode))
    }),
    plain(
        "comments",
        "Jepsen's comments: inserts, and reads of the whole table, are strictly serializable.",
        |options| Box::new(Comments::new(options.mode)),
    ),
    plain(
        "unordered-queue",
        "Jepsen's unordered queue: only elements that are in the queue are dequeued.",
        |options| Box::new(UnorderedQueue::new(options.mode)),
    ),
    ending(
        "total-queue",
        "Jepsen's total queue: every element that was enqueued is dequeued exactly once, if the queue is drained at the end.",
        |options| Box::new(TotalQueue::new(options.mode)),
    ),
    plain("stats", "At least one operation of each function succeeded.", |_| Box::<Stats>::default()),
    plain("exceptions", "Lists the replies that clients could not understand. Always valid.", |_| {
        Box::<Exceptions>::default()
    }),
];

const fn plain(name: &'static str, doc: &'static str, new: fn(&CheckOptions) -> Box<dyn Checker>) -> Entry {
    Entry {
        name,
        doc,
        takes_models: false,
        takes_version_orders: false,
        takes_keys: false,
        takes_initial: false,
        needs_the_end: false,
        new,
    }
}

const fn ending(name: &'static str, doc: &'static str, new: fn(&CheckOptions) -> Box<dyn Checker>) -> Entry {
    Entry { needs_the_end: true, ..plain(name, doc, new) }
}

const fn object(name: &'static str, doc: &'static str, new: fn(&CheckOptions) -> Box<dyn Checker>) -> Entry {
    Entry { takes_keys: true, ..plain(name, doc, new) }
}

const fn registers(
    name: &'static str,
    doc: &'static str,
    new: fn(&CheckOptions) -> Box<dyn Checker>,
) -> Entry {
    Entry { takes_initial: true, ..plain(name, doc, new) }
}

const fn transactions(
    name: &'static str,
    doc: &'static str,
    new: fn(&CheckOptions) -> Box<dyn Checker>,
) -> Entry {
    Entry { takes_models: true, ..plain(name, doc, new) }
}

/// The checker of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ALL.iter().find(|entry| entry.name == name)
}

fn echo(options: &CheckOptions) -> Box<dyn Checker> {
    options.compared(Echo::new)
}

fn register(options: &CheckOptions) -> Box<dyn Checker> {
    let of = |mode| Register::new(options.initial.clone(), mode);
    if options.is_workload && options.mode == Mode::Strict && options.keys == Keys::InValue {
        return options.compared(|mode| search(of(mode), options).by_key());
    }
    linear(of(options.mode), options)
}

fn cas_register(options: &CheckOptions) -> Box<dyn Checker> {
    linear(Register::new(options.initial.clone(), Mode::Compat), options)
}

fn linear<M: Object + 'static>(model: M, options: &CheckOptions) -> Box<dyn Checker> {
    match options.keys {
        Keys::None => Box::new(search(model, options)),
        Keys::InValue => Box::new(search(model, options).by_key()),
        Keys::Beside => Box::new(search(Keyed::new(model), options)),
    }
}

fn search<M: Object>(model: M, options: &CheckOptions) -> Linearizability<M> {
    let checker = Linearizability::new(model).with_interrupt(options.interrupt.clone());
    if options.is_workload && options.mode == Mode::Compat { checker.as_maelstrom_reports() } else { checker }
}

fn txn_options(options: &CheckOptions) -> Options {
    let mut txn_options = Options { mode: options.mode, ..Options::default() };
    if !options.models.is_empty() {
        txn_options.models.clone_from(&options.models);
    }
    txn_options
}

fn list_append(options: &CheckOptions) -> Box<dyn Checker> {
    let new = |mode| ListAppend::new(Options { mode, ..txn_options(options) });
    if options.is_workload { options.compared(new) } else { Box::new(new(options.mode)) }
}

fn rw_register(options: &CheckOptions) -> Box<dyn Checker> {
    let new = |mode| {
        let orders = options.version_orders.clone().unwrap_or_else(|| match mode {
            Mode::Strict => VersionOrders::NONE,
            Mode::Compat => VersionOrders::default(),
        });
        let checker = RwRegister::new(Options { mode, ..txn_options(options) }, orders)
            .with_initial(options.initial.clone());
        if options.is_workload && mode == Mode::Compat { checker.as_maelstrom_reports() } else { checker }
    };
    if options.is_workload { options.compared(new) } else { Box::new(new(options.mode)) }
}

fn weak(level: Level, options: &CheckOptions) -> Box<dyn Checker> {
    Box::new(WeakIsolation::new(level).with_initial(options.initial.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_used_once() {
        for (position, entry) in ALL.iter().enumerate() {
            assert!(ALL[position + 1..].iter().all(|other| other.name != entry.name), "{} twice", entry.name);
        }
    }
}
