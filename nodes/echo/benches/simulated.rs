//! How long the echo challenge's ten seconds take under virtual time, and an hour of them.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use echo::EchoServer;
use glomers_workbench::{Outcome, Simulation};

fn echo_for(limit: Duration) -> Outcome {
    Simulation::new("echo").node_count(1).time_limit(limit).run(EchoServer::router)
}

fn simulated(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo under virtual time");
    group.bench_function("10 s", |bencher| bencher.iter(|| echo_for(Duration::from_secs(10))));
    group.sample_size(10);
    group.bench_function("1 h", |bencher| bencher.iter(|| echo_for(Duration::from_secs(3600))));
    group.finish();
}

criterion_group!(benches, simulated);
criterion_main!(benches);
