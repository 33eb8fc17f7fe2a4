//! How long the verdicts on sets, counters and ids take, with everything from the first operation to the results.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use glomers_check::{Checker, Mode, Operation, OperationKind, PnCounter, SetFull, UniqueIds, Value};

fn run(history: &[Operation], mut checker: impl Checker) {
    for operation in history {
        checker.observe(operation);
    }
    Box::new(checker).finish();
}

fn bench<C: Checker>(criterion: &mut Criterion, name: &str, history: &[Operation], checker: impl Fn() -> C) {
    criterion.bench_function(name, |bencher| {
        bencher.iter_batched(&checker, |checker| run(history, checker), BatchSize::PerIteration);
    });
}

/// Each of the pairs as the beginning and the end of an operation.
fn history(pairs: impl Iterator<Item = (Operation, OperationKind, Value)>) -> Vec<Operation> {
    let ends = pairs.flat_map(|(begun, kind, value)| [begun.clone(), begun.completed(kind, value)]);
    ends.enumerate().map(|(index, operation)| operation.at(index as u64, index as u64 * 1000)).collect()
}

fn set_full(criterion: &mut Criterion) {
    let mut elements: Vec<i64> = Vec::new();
    let pairs = (0..2000_i64).flat_map(|element| {
        elements.push(element);
        let read = (Operation::invoke(1, "read", ()), OperationKind::Ok, Value::from(elements.clone()));
        [(Operation::invoke(0, "add", element), OperationKind::Ok, element.into()), read]
    });
    bench(criterion, "set-full, 2000 adds, 2000 reads", &history(pairs), || SetFull::new(Mode::Strict));
}

fn pn_counter(criterion: &mut Criterion) {
    let pairs = (0..100_000_u64).map(|number| {
        let amount = Value::from(number as i64 % 10 - 5);
        let kind = if number % 50 == 0 { OperationKind::Info } else { OperationKind::Ok };
        (Operation::invoke(number % 10, "add", amount.clone()), kind, amount)
    });
    bench(criterion, "pn-counter, 100000 additions, 2000 unknown", &history(pairs), || {
        PnCounter::new(Mode::Strict)
    });
}

fn unique_ids(criterion: &mut Criterion) {
    let generate = |id: Value| (Operation::invoke(0, "generate", ()), OperationKind::Ok, id);
    let integers =
        (0..1_000_000_u64).map(|number| generate(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).into()));
    bench(criterion, "unique-ids, 1000000 integers", &history(integers), || UniqueIds::new(Mode::Strict));
    let texts = (0..1_000_000_u64).map(|number| generate(format!("n{}-{number:032}", number % 25).into()));
    bench(criterion, "unique-ids, 1000000 texts", &history(texts), || UniqueIds::new(Mode::Strict));
}

fn configured() -> Criterion {
    Criterion::default().sample_size(10)
}

criterion_group! {
    name = benches;
    config = configured();
    targets = set_full, pn_counter, unique_ids
}
criterion_main!(benches);
