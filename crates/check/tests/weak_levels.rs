//! The exact levels against recorded verdicts, and against their definition on tiny histories.

#[path = "support/cases.rs"]
mod cases;
mod support;

use std::collections::BTreeMap;

use cases::{require, try_cases};
use glomers_check::formats::Reader;
use glomers_check::txn::weak::{Level, Sessions, Step};
use glomers_check::{History, Process, Value};
use proptest::prelude::*;
use support::conformance;

#[test]
fn recorded_levels_are_ours() {
    let Some(folder) = conformance("awdit") else { return };
    let verdicts = std::fs::read_to_string(folder.join("strongest-level.tsv")).expect("verdicts");
    for line in verdicts.lines().filter(|line| line.contains(".txt")) {
        let (file, level) = line.split_once('\t').expect("two columns");
        let text = std::fs::read(folder.join(file)).expect("a history");
        let history: History =
            Reader::new(&text[..]).expect("a format").collect::<Result<_, _>>().expect("operations");
        // What AWDIT calls read committed is monotonic atomic view; it does not know the weaker level. Its levels all keep the
        // order of sessions.
        let ours = match sessions(&history).strongest_level() {
            None | Some(Level::ReadCommitted) => "none",
            Some(Level::MonotonicAtomicView) => "read-committed",
            Some(Level::ReadAtomic) => "read-atomic",
            Some(Level::Causal) => "causal",
        };
        assert_eq!(ours, level, "{file}");
    }
}

/// The committed transactions of each process.
fn sessions(history: &History) -> Sessions {
    let mut by_process: BTreeMap<Process, Vec<Transaction>> = BTreeMap::new();
    let mut numbers: BTreeMap<Value, u64> = BTreeMap::new();
    let mut number = |value: &Value| {
        let next = numbers.len() as u64;
        *numbers.entry(value.clone()).or_insert(next)
    };
    for operation in history.operations().iter().filter(|operation| operation.is_ok()) {
        let mut step = |step: &Value| {
            let [f, key, value] = step.as_sequence().expect("a step") else {
                panic!("three parts in {step}")
            };
            let key = number(key);
            match f.as_keyword() {
                Some("r") => Step::Read { key, value: (!value.is_nil()).then(|| number(value)) },
                _ => Step::Write { key, value: number(value) },
            }
        };
        let steps = operation.value.as_sequence().expect("steps").iter().map(&mut step).collect();
        by_process.entry(operation.process).or_default().push(steps);
    }
    let mut sessions = Sessions::new();
    for session in by_process.into_values() {
        sessions.begin();
        session.into_iter().for_each(|transaction| sessions.push(transaction));
    }
    sessions
}

/// Which transaction a read saw, and what each wrote, for the definition.
type Transaction = Vec<Step>;

/// Whether some total order of the transactions is a commit order for the level: the definition itself.
fn by_definition(sessions: &[Vec<Transaction>], level: Level) -> bool {
    let transactions: Vec<(usize, usize)> = sessions
        .iter()
        .enumerate()
        .flat_map(|(session, list)| (0..list.len()).map(move |place| (session, place)))
        .collect();
    let count = transactions.len();
    let steps = |transaction: usize| &sessions[transactions[transaction].0][transactions[transaction].1];
    let writes = |transaction: usize, key: u64| {
        steps(transaction).iter().rev().find_map(|step| match *step {
            Step::Write { key: other, value } if other == key => Some(value),
            _ => None,
        })
    };
    // Every read's key and writer; the initial state is `count`.
    let reads_of = |reader: usize| -> Option<Vec<(u64, usize)>> {
        let mut reads = Vec::new();
        for (position, step) in steps(reader).iter().enumerate() {
            let Step::Read { key, value } = *step else { continue };
            let own = steps(reader)[..position].iter().rev().find_map(|step| match *step {
                Step::Write { key: other, value } if other == key => Some(value),
                _ => None,
            });
            match (own, value) {
                (Some(own), value) if value == Some(own) => {}
                (Some(_), _) if level > Level::ReadCommitted => return None,
                (_, None) => reads.push((key, count)),
                (_, Some(_)) => {
                    let mut others = (0..count).filter(|&writer| writer != reader);
                    reads.push((key, others.find(|&writer| writes(writer, key) == value)?));
                }
            }
        }
        Some(reads)
    };
    let Some(reads) = (0..count).map(reads_of).collect::<Option<Vec<_>>>() else { return false };
    let mut before = vec![vec![false; count + 1]; count + 1];
    for one in 0..count {
        before[count][one] = true;
        for other in 0..count {
            let (a, b) = (transactions[one], transactions[other]);
            before[one][other] |= a.0 == b.0 && a.1 < b.1 && level > Level::ReadCommitted;
            before[one][other] |= reads[other].iter().any(|read| read.1 == one);
        }
    }
    let direct = before.clone();
    for middle in 0..=count {
        for one in 0..=count {
            for other in 0..=count {
                before[one][other] |= before[one][middle] && before[middle][other];
            }
        }
    }
    let mut demanded = before.clone();
    for reader in 0..count {
        for (position, &(key, writer)) in reads[reader].iter().enumerate() {
            for other in
                (0..count).filter(|&other| other != writer && other != reader && writes(other, key).is_some())
            {
                let earlier = reads[reader][..position].iter().any(|read| read.1 == other);
                let is_demanded = match level {
                    Level::ReadCommitted => false,
                    Level::MonotonicAtomicView => earlier,
                    Level::ReadAtomic => direct[other][reader],
                    Level::Causal => before[other][reader],
                };
                demanded[other][writer] |= is_demanded;
            }
        }
    }
    // A total order exists just if it can be built by always taking one that nothing left must precede.
    let mut left: Vec<usize> = (0..=count).collect();
    while !left.is_empty() {
        let Some(place) = left.iter().position(|&one| left.iter().all(|&other| !demanded[other][one])) else {
            return false;
        };
        left.remove(place);
    }
    true
}

fn tiny() -> impl Strategy<Value = Vec<Vec<Transaction>>> {
    let step = (0_u64..3, 0_usize..6, any::<bool>());
    let transaction = prop::collection::vec(step, 1..4);
    prop::collection::vec(prop::collection::vec(transaction, 1..3), 1..4).prop_map(|sessions| {
        // Writes are numbered apart; a read picks one of its key's writes, or the initial state.
        let mut next = 0;
        let mut written: Vec<(u64, u64)> = Vec::new();
        for (key, _, is_write) in sessions.iter().flatten().flatten() {
            if *is_write {
                written.push((*key, next));
                next += 1;
            }
        }
        let mut number = 0;
        let mut to_step = |(key, choice, is_write): (u64, usize, bool)| {
            if is_write {
                number += 1;
                return Step::Write { key, value: number - 1 };
            }
            let of_key: Vec<u64> =
                written.iter().filter(|write| write.0 == key).map(|write| write.1).collect();
            Step::Read { key, value: of_key.get(choice % (of_key.len() + 1)).copied() }
        };
        let mut to_transaction =
            |steps: Vec<(u64, usize, bool)>| -> Transaction { steps.into_iter().map(&mut to_step).collect() };
        sessions.into_iter().map(|list| list.into_iter().map(&mut to_transaction).collect()).collect()
    })
}

#[test]
fn a_level_holds_just_if_a_commit_order_exists() {
    try_cases(2_000, tiny(), |history| {
        let mut sessions = Sessions::new();
        for list in &history {
            sessions.begin();
            for transaction in list {
                sessions.push(transaction.iter().copied());
            }
        }
        for level in Level::ALL {
            let expected = by_definition(&history, level);
            let found = sessions.violation(level).is_none();
            require(found == expected, || format!("{level} holds: {expected}, and not {found}"))?;
        }
        Ok(())
    });
}
