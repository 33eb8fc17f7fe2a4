//! Histories of simulated systems, the same at every run. The generators are those of the crates' own benches and tests.

#[expect(dead_code, reason = "the benches of the crate use the rest")]
#[path = "../../../crates/check/benches/support/mod.rs"]
mod objects;
#[path = "../../../crates/check/tests/support/registers.rs"]
mod registers_that_crash;
#[path = "../../../crates/check/tests/support/transactions.rs"]
mod transactions;

use glomers_check::{History, Operation, OperationKind, Value};

/// A linearizable register: so many clients, operations and different values (0: each is written once), and of a
/// thousand operations so many of which nobody knows the end.
pub(crate) fn register(processes: u64, operations: u64, values: i64, crashes_per_mille: u64) -> History {
    objects::register(&objects::Plan { processes, operations, values, crashes_per_mille })
}

/// The same, and of the operations that end unknown some happen much later.
pub(crate) fn crashing_register(
    processes: u64,
    operations: u64,
    values: u64,
    crashes_per_mille: u64,
) -> History {
    let plan = registers_that_crash::Plan {
        processes,
        operations,
        values,
        crashes_per_mille,
        ..registers_that_crash::Plan::default()
    };
    plan.history()
}

/// Linearizable texts: operations, clients, keys; of a thousand so many gets, puts and crashes; and the number of the
/// first read that is stale, if one is.
pub(crate) fn texts(
    (operations, clients, keys, gets_per_mille, puts_per_mille, crashes_per_mille, stale_read): (
        u64,
        u64,
        u64,
        u64,
        u64,
        u64,
        Option<u64>,
    ),
) -> History {
    let clients = objects::Clients { clients, operations, crashes_per_mille, seed: 1 };
    objects::texts(&clients, objects::TextOperations { keys, gets_per_mille, puts_per_mille, stale_read })
}

/// A linearizable queue.
pub(crate) fn queue(clients: u64, operations: u64) -> History {
    objects::queue(&objects::Clients { clients, operations, crashes_per_mille: 0, seed: 1 })
}

/// A linearizable set.
pub(crate) fn adds_and_reads(clients: u64, operations: u64, crashes_per_mille: u64) -> History {
    objects::set(&objects::Clients { clients, operations, crashes_per_mille, seed: 1 })
}

/// Strictly serializable transactions that append to lists.
pub(crate) fn lists(transactions: usize) -> History {
    History::new(transactions::Workload::new(transactions::Data::Lists, transactions).history())
}

/// The same with registers.
pub(crate) fn registers(transactions: usize) -> History {
    History::new(transactions::Workload::new(transactions::Data::Registers, transactions).history())
}

/// Ids that all differ, each generated after the one before.
pub(crate) fn ids(operations: u64) -> History {
    in_turn((0..operations).map(|number| {
        let id = Value::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        (Operation::invoke(number % 10, "generate", ()), id)
    }))
}

/// Additions to a counter, and a final read by each of ten clients.
pub(crate) fn counter(operations: u64) -> History {
    let additions = (0..operations).map(|number| {
        let amount = Value::from(number as i64 % 10 - 5);
        (Operation::invoke(number % 10, "add", amount.clone()), amount)
    });
    let sum: i64 = (0..operations).map(|number| number as i64 % 10 - 5).sum();
    let reads = (0..10).map(|client| {
        let mut read = Operation::invoke(client, "read", ());
        read.extra.push(("final?".into(), Value::Bool(true)));
        (read, Value::from(sum))
    });
    in_turn(additions.chain(reads))
}

/// Elements added to a set, and a final read by each of ten clients.
pub(crate) fn set(operations: u64) -> History {
    let adds = (0..operations).map(|number| {
        let element = Value::from(number);
        (Operation::invoke(number % 10, "add", element.clone()), element)
    });
    let all = Value::Vector((0..operations).map(Value::from).collect());
    let reads = (0..10).map(|client| (Operation::invoke(client, "read", ()), all.clone()));
    in_turn(adds.chain(reads))
}

/// Operations none of which overlaps another, with what each returns.
fn in_turn(operations: impl Iterator<Item = (Operation, Value)>) -> History {
    let entries =
        operations.flat_map(|(begin, value)| [begin.clone(), begin.completed(OperationKind::Ok, value)]);
    entries.enumerate().map(|(index, entry)| entry.at(index as u64, index as u64 * 1_000)).collect()
}
