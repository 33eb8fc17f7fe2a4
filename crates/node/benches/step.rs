//! What one echo costs a node, without its system calls.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use glomers_node::protocol::{Envelope, Header};
use glomers_node::{
    CoreOptions, Input, Node, NodeCore, Outputs, Random, RawValue, Router, RpcError, Time, messages,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Echo {
    echo: Box<RawValue>,
}
#[derive(Serialize, Deserialize)]
struct EchoOk {
    echo: Box<RawValue>,
}
messages! { "echo" Echo => "echo_ok" EchoOk; }

struct EchoServer;

impl EchoServer {
    async fn echo(&self, request: Echo) -> Result<EchoOk, RpcError> {
        Ok(EchoOk { echo: request.echo })
    }
}

const LINE: &str =
    r#"{"id":2,"src":"c2","dest":"n1","body":{"echo":"Please echo 35","type":"echo","msg_id":1}}"#;

fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("echo");
    group.throughput(Throughput::Elements(1));
    group.bench_function("parse envelope and header", |bencher| {
        bencher.iter(|| {
            let envelope = Envelope::parse(LINE).expect("an envelope");
            Header::parse(envelope.body).expect("a header").msg_id
        });
    });

    let options = CoreOptions::new(Random::derive(0, "bench"));
    let start = |_node: Node| Router::new(EchoServer).on(EchoServer::echo);
    let mut core = NodeCore::started(options, "n1".into(), vec!["n1".into()], start);
    let mut outputs = Outputs::new();
    group.bench_function("step with a line", |bencher| {
        bencher.iter(|| {
            let envelope = Envelope::parse(LINE).expect("an envelope");
            let input = Input::Message { src: &envelope.src, dest: &envelope.dest, body: envelope.body };
            core.step(Time::ZERO, input, &mut outputs);
            assert_eq!(outputs.len(), 1);
            outputs.clear();
        });
    });
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
