//! How long a verdict on transactions takes, with everything from the first operation to the results.

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use glomers_check::txn::weak::{Level, Sessions, Step};
use glomers_check::txn::{ListAppend, Options, RwRegister, VersionOrders};
use glomers_check::{Checker, Operation, Value};

#[path = "../tests/support/transactions.rs"]
mod transactions;

use transactions::{Data, Workload};

fn run(history: &[Operation], mut checker: impl Checker) {
    for operation in history {
        checker.observe(operation);
    }
    Box::new(checker).finish();
}

fn list_append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list-append");
    group.sample_size(10);
    for count in [100_000, 1_000_000] {
        let history = Workload::new(Data::Lists, count).history();
        group.bench_with_input(BenchmarkId::new("valid", count), &history, |bencher, history| {
            bencher.iter_batched(
                || ListAppend::new(Options::default()),
                |checker| run(history, checker),
                BatchSize::PerIteration,
            );
        });
    }
    let history = Workload { stale_percent: 20, ..Workload::new(Data::Lists, 100_000) }.history();
    group.bench_with_input(BenchmarkId::new("stale reads", 100_000), &history, |bencher, history| {
        bencher.iter_batched(
            || ListAppend::new(Options::default()),
            |checker| run(history, checker),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn rw_register(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rw-register");
    group.sample_size(10);
    let history = Workload::new(Data::Registers, 100_000).history();
    let orders = [
        ("writes-follow-reads", VersionOrders::default()),
        ("sequential-keys", VersionOrders { sequential_keys: true, ..VersionOrders::NONE }),
        ("linearizable-keys", VersionOrders { linearizable_keys: true, ..VersionOrders::NONE }),
    ];
    for (name, order) in orders {
        group.bench_with_input(BenchmarkId::new(name, 100_000), &history, |bencher, history| {
            let checker = || RwRegister::new(Options::default(), order.clone());
            bencher.iter_batched(checker, |checker| run(history, checker), BatchSize::PerIteration);
        });
    }
    let history = Workload { stale_percent: 20, ..Workload::new(Data::Registers, 100_000) }.history();
    group.bench_with_input(BenchmarkId::new("stale reads", 100_000), &history, |bencher, history| {
        let checker = || RwRegister::new(Options::default(), VersionOrders::default());
        bencher.iter_batched(checker, |checker| run(history, checker), BatchSize::PerIteration);
    });
    group.finish();
}

fn weak_levels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("weak");
    group.sample_size(10);
    let small = sessions(&Workload { clients: 50, ..Workload::new(Data::Registers, 100_000) }.history());
    for level in Level::ALL {
        group.bench_with_input(
            BenchmarkId::new(level.to_string(), "100000 transactions"),
            &small,
            |bencher, sessions| {
                bencher.iter(|| sessions.violation(level));
            },
        );
    }
    let large = sessions(&Workload { clients: 50, ..Workload::new(Data::Registers, 400_000) }.history());
    group.bench_with_input(
        BenchmarkId::new(Level::Causal.to_string(), "1000000 steps"),
        &large,
        |bencher, sessions| {
            bencher.iter(|| sessions.violation(Level::Causal));
        },
    );
    group.finish();
}

/// The committed transactions of each client.
fn sessions(history: &[Operation]) -> Sessions {
    let mut committed: Vec<&Operation> = history.iter().filter(|operation| operation.is_ok()).collect();
    committed.sort_by_key(|operation| operation.process);
    let mut sessions = Sessions::new();
    for session in committed.chunk_by(|one, other| one.process == other.process) {
        sessions.begin();
        for operation in session {
            sessions.push(operation.value.as_sequence().unwrap_or_default().iter().filter_map(step));
        }
    }
    sessions
}

fn step(step: &Value) -> Option<Step> {
    let parts = step.as_sequence()?;
    let (key, value) = (parts[1].as_int()? as u64, parts[2].as_int().map(|value| value as u64));
    match parts[0].as_keyword()? {
        "r" => Some(Step::Read { key, value }),
        _ => value.map(|value| Step::Write { key, value }),
    }
}

criterion_group!(benches, list_append, rw_register, weak_levels);
criterion_main!(benches);
