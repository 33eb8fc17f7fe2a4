//! The first nodes as one program: `first echo|unique-ids|broadcast [INTERVAL_MS]|g-counter|kafka|txn`.

use std::{process::ExitCode, time::Duration};

use first_steps::{Broadcast, Counter, Echo, Kafka, Transactions, UniqueIds};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (name, interval_ms) = (arguments.next().unwrap_or_default(), arguments.next());
    match name.as_str() {
        "echo" => glomers_node::run(Echo::router),
        "unique-ids" => glomers_node::run(UniqueIds::router),
        "broadcast" => match interval_ms.map_or(Ok(50), |text| text.parse()) {
            Ok(ms) => glomers_node::run(move |node| Broadcast::router(node, Duration::from_millis(ms))),
            Err(error) => refuse(&format!("the interval is a number of milliseconds: {error}")),
        },
        "g-counter" => glomers_node::run(Counter::router),
        "kafka" => glomers_node::run(Kafka::router),
        "txn" => glomers_node::run(Transactions::router),
        name => refuse(&format!(
            "which node? {name:?} is none of echo, unique-ids, broadcast, g-counter, kafka, txn"
        )),
    }
}

#[expect(clippy::print_stderr, reason = "the log has not begun, and stderr is where a node speaks to people")]
fn refuse(text: &str) -> ExitCode {
    eprintln!("first: {text}");
    ExitCode::from(254)
}
