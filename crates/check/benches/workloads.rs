//! How long the verdicts on sets, counters, ids and logs take, with everything from the first operation to the results.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use glomers_check::{Checker, Kafka, Mode, Operation, OperationKind, PnCounter, SetFull, UniqueIds, Value};

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

/// A million sends and polls, each poll of what was sent since the process polled last; offsets far apart.
fn kafka(criterion: &mut Criterion) {
    const KEYS: u64 = 100;
    const PROCESSES: u64 = 10;
    let mut logs: Vec<Vec<Value>> = vec![Vec::new(); KEYS as usize];
    let mut next = vec![vec![0; KEYS as usize]; PROCESSES as usize];
    let pairs = (0..1_000_000_u64).map(|number| {
        // Every second round each process polls the key that it sent to; so all that is sent is polled by one process.
        let (round, process) = (number / PROCESSES, number % PROCESSES);
        let key = (round / 2 * PROCESSES + process) % KEYS;
        let (log, name) = (&mut logs[key as usize], Value::from(key.to_string()));
        let (f, asked, answered) = if round % 2 == 0 {
            let message = Value::from(log.len());
            let pair = Value::Vector(vec![Value::from(log.len() as i64 * 9_000_000_000), message.clone()]);
            log.push(pair.clone());
            let step = |value: Value| vec![Value::keyword("send"), name.clone(), value];
            ("send", step(message), step(pair))
        } else {
            let first = std::mem::replace(&mut next[process as usize][key as usize], log.len());
            let batch = Value::Vector(log[first..].to_vec());
            let polled = vec![Value::keyword("poll"), Value::Map(vec![(name, batch)])];
            ("poll", vec![Value::keyword("poll")], polled)
        };
        let steps = |step: Vec<Value>| Value::Vector(vec![Value::Vector(step)]);
        (Operation::invoke(process, f, steps(asked)), OperationKind::Ok, steps(answered))
    });
    bench(criterion, "kafka, 1000000 operations", &history(pairs), || Kafka::new(Mode::Strict));
}

fn configured() -> Criterion {
    Criterion::default().sample_size(10)
}

criterion_group! {
    name = benches;
    config = configured();
    targets = set_full, pn_counter, unique_ids, kafka
}
criterion_main!(benches);
