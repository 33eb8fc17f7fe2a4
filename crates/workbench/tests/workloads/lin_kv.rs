//! lin-kv.

use glomers_check::{Mode, Validity};
use glomers_node::{
    ErrorCode, Node, Router, RpcError,
    services::{Cas, CasOk, Read, ReadOk, Write, WriteOk},
};
use glomers_workbench::{Outcome, Simulation};

use super::{assert_caught, busy};

/// Hands every request on to a service.
struct Proxy {
    node: Node,
    service: &'static str,
    habit: Habit,
}

#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Correct,
    /// Acknowledges every third write without carrying it out.
    Forgets,
    /// Says that no key exists.
    KnowsNothing,
}

impl Proxy {
    async fn read(&self, request: Read) -> Result<ReadOk, RpcError> {
        if self.habit == Habit::KnowsNothing {
            return Err(RpcError::new(ErrorCode::KEY_DOES_NOT_EXIST, "there is no such key"));
        }
        self.node.rpc(self.service, request).await
    }

    async fn write(&self, request: Write) -> Result<WriteOk, RpcError> {
        if self.habit == Habit::Forgets && self.node.rng().below(3) == 0 {
            return Ok(WriteOk {});
        }
        self.node.rpc(self.service, request).await
    }

    async fn cas(&self, request: Cas) -> Result<CasOk, RpcError> {
        self.node.rpc(self.service, request).await
    }
}

fn run(simulation: &Simulation, service: &'static str, habit: Habit) -> Outcome {
    simulation.run(move |node| {
        Router::new(Proxy { node, service, habit }).on(Proxy::read).on(Proxy::write).on(Proxy::cas)
    })
}

#[test]
fn the_linearizable_service_is_linearizable() {
    for (seed, clients) in [1, 2, 3, 6, 7, 12].into_iter().enumerate() {
        let simulation = busy("lin-kv", seed as u64).concurrency(clients);
        run(&simulation, "lin-kv", Habit::Correct).assert_valid();
    }
}

#[test]
fn the_sequential_service_is_not_and_a_stale_read_shows_it() {
    assert_caught(&run(&busy("lin-kv", 8), "seq-kv", Habit::Correct), &["read"]);
}

#[test]
fn a_forgotten_write_is_caught() {
    assert_caught(&run(&busy("lin-kv", 9), "lin-kv", Habit::Forgets), &["cannot `read"]);
}

#[test]
fn a_store_that_denies_its_keys_passes_upstream_and_is_caught_here() {
    let run = |mode| run(&busy("lin-kv", 10).mode(mode), "lin-kv", Habit::KnowsNothing);
    let compat = run(Mode::Compat);
    let linearizable = compat.results.get("workload").and_then(|workload| workload.get("valid?"));
    assert_eq!(linearizable.and_then(Validity::from_value), Some(Validity::Valid));
    // Maelstrom's checker of registers passes it, but no read succeeded, so that its run would fail nevertheless.
    assert_caught(&run(Mode::Strict), &["cannot `read nil`", "No `read` succeeded"]);
}
