//! How long it takes to decide linearizability.
//!
//! The recorded histories are measured where `GLOMERS_CONFORMANCE` names their folder.

#[expect(dead_code, reason = "each of the benches uses a part of it")]
mod support;

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use glomers_check::formats::Reader;
use glomers_check::linear::models::{Keyed, Log, Register};
use glomers_check::linear::{DistinctAction, DistinctRegister, Linearizability};
use glomers_check::{Checker, History, Mode, Validity, Value};
use support::{Plan, Random, logs, register};

fn decide(history: &History, checker: impl Checker + 'static) -> Validity {
    let mut checker: Box<dyn Checker> = Box::new(checker);
    for operation in history.operations() {
        checker.observe(operation);
    }
    checker.finish().validity
}

fn registers(criterion: &mut Criterion) {
    let model = || Linearizability::new(Register::new(Value::from(0), Mode::Strict));
    let mut group = criterion.benchmark_group("register");
    group.sample_size(10);
    for (name, processes, operations, values, crashes_per_mille) in [
        ("distinct values, 10 processes, 50,000", 10, 50_000, 0, 0),
        ("5 values, 10 processes, 100,000", 10, 100_000, 5, 0),
        ("5 values, 20 processes, 100,000", 20, 100_000, 5, 0),
        ("5 values, 10 processes, 1 % crash, 1,000", 10, 1_000, 5, 10),
    ] {
        let history = register(&Plan { processes, operations, values, crashes_per_mille });
        assert_eq!(decide(&history, model()), Validity::Valid, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| decide(black_box(&history), model())));
    }
    group.finish();
}

fn texts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("texts by key");
    for (clients, operations_each) in [(10, 50), (50, 20)] {
        let history = logs(clients, operations_each);
        let checker = || Linearizability::new(Keyed::new(Log));
        assert_eq!(decide(&history, checker()), Validity::Valid);
        group.bench_function(format!("{clients} clients, {operations_each} each"), |bencher| {
            bencher.iter(|| decide(black_box(&history), checker()));
        });
    }
    group.finish();
}

/// Ten million operations on numbered values: blind writes in turn, each read a few times while the next begins.
fn numbered(criterion: &mut Criterion) {
    const OPERATIONS: u64 = 10_000_000;
    let mut random = Random(7);
    let mut calls = Vec::new();
    let mut value = 0;
    for operation in 0..OPERATIONS {
        let begin = operation * 10;
        match random.below(3) {
            0 => {
                value += 1;
                calls.push((DistinctAction::Write(value), begin, begin + 5));
            }
            1 => {
                calls.push((DistinctAction::CompareAndSet(value, value + 1), begin, begin + 5));
                value += 1;
            }
            _ => calls.push((DistinctAction::Read(value), begin, begin + 9 + random.below(50))),
        }
    }
    let mut group = criterion.benchmark_group("numbered register");
    group.sample_size(10);
    group.bench_function("distinct values, 10,000,000", |bencher| {
        bencher.iter(|| {
            let mut register = DistinctRegister::new();
            for &(action, begin, end) in black_box(&calls) {
                register.add(action, begin, Some(end)).expect("each value is written once");
            }
            assert!(register.is_linearizable());
        });
    });
    group.finish();
}

fn recorded(criterion: &mut Criterion) {
    let Some(root) = std::env::var_os("GLOMERS_CONFORMANCE").map(PathBuf::from) else { return };
    let mut group = criterion.benchmark_group("recorded");
    group.sample_size(10);
    let files = |folder: &str, extension: &str| -> Vec<String> {
        let entries = std::fs::read_dir(root.join(folder)).expect("the recorded histories");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read_to_string(path).expect("a text")).collect()
    };
    let read = |text: &String| -> History {
        let operations = Reader::new(text.as_bytes()).expect("a format");
        operations.collect::<Result<_, _>>().expect("operations")
    };
    let etcd: Vec<History> = files("porcupine", "log").iter().map(read).collect();
    let register = |initial: Value, mode| Linearizability::new(Register::new(initial, mode));
    group.bench_function(format!("{} etcd logs", etcd.len()), |bencher| {
        bencher.iter(|| etcd.iter().map(|history| decide(history, register(Value::Nil, Mode::Strict))).max());
    });
    let slowest = etcd.iter().max_by_key(|history| {
        // The clock is read here and nowhere else: a bench is about time.
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let start = std::time::Instant::now();
        decide(history, register(Value::Nil, Mode::Strict));
        start.elapsed()
    });
    if let Some(slowest) = slowest {
        group.bench_function("the slowest etcd log", |bencher| {
            bencher.iter(|| decide(slowest, register(Value::Nil, Mode::Strict)));
        });
    }
    let knossos: Vec<History> = files("knossos", "edn").iter().map(read).collect();
    group.bench_function(format!("{} Knossos histories", knossos.len()), |bencher| {
        bencher.iter(|| {
            knossos.iter().map(|history| decide(history, register(Value::from(0), Mode::Compat))).max()
        });
    });
    for (name, text) in ["c10-ok", "c10-bad", "c50-ok", "c50-bad"].into_iter().filter_map(|name| {
        let text = std::fs::read_to_string(root.join("porcupine").join(name).with_extension("txt")).ok()?;
        Some((name, text))
    }) {
        let history = read(&text);
        group.bench_function(format!("{name}, not by key"), |bencher| {
            bencher.iter(|| decide(&history, Linearizability::new(Keyed::new(Log))));
        });
    }
    group.finish();
}

criterion_group!(benches, registers, texts, numbered, recorded);
criterion_main!(benches);
