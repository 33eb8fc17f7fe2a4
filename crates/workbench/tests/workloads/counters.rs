//! g-counter and pn-counter.

use std::{cell::Cell, rc::Rc};

use glomers_check::Value;
use glomers_node::{Node, Router, RpcError, messages};
use glomers_workbench::Outcome;
use serde::{Deserialize, Serialize};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Add {
    delta: i64,
}
#[derive(Serialize, Deserialize)]
struct AddOk {}
#[derive(Serialize, Deserialize)]
struct Read {}
#[derive(Serialize, Deserialize)]
struct ReadOk {
    value: i64,
}

messages! {
    "add" Add => "add_ok" AddOk;
    "read" Read => "read_ok" ReadOk;
}

struct Server {
    total: Rc<Cell<i64>>,
}

impl Server {
    async fn add(&self, request: Add) -> Result<AddOk, RpcError> {
        self.total.set(self.total.get() + request.delta);
        Ok(AddOk {})
    }

    async fn read(&self, _: Read) -> Result<ReadOk, RpcError> {
        Ok(ReadOk { value: self.total.get() })
    }
}

/// All servers share one counter, or each keeps its own and tells nobody.
fn run(workload: &str, is_shared: bool) -> Outcome {
    let shared = Rc::new(Cell::new(0));
    busy(workload, 5).run(move |_: Node| {
        let total = if is_shared { Rc::clone(&shared) } else { Rc::default() };
        Router::new(Server { total }).on(Server::add).on(Server::read)
    })
}

#[test]
fn a_counter_that_all_share_is_valid() {
    for workload in ["g-counter", "pn-counter"] {
        run(workload, true).assert_valid();
    }
}

#[test]
fn counters_that_are_never_told_of_each_other_are_caught() {
    for workload in ["g-counter", "pn-counter"] {
        assert_caught(&run(workload, false), &["read"]);
    }
}

#[test]
fn only_a_pn_counter_goes_down_and_deltas_are_small() {
    let deltas = |workload: &str| {
        let history = run(workload, true).history;
        let adds = history.into_iter().filter(|operation| operation.f == "add");
        let deltas: std::collections::BTreeSet<i128> = adds.filter_map(|add| add.value.as_int()).collect();
        deltas.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(deltas("pn-counter"), (-5..=4).collect::<Vec<_>>());
    assert_eq!(deltas("g-counter"), (0..=4).collect::<Vec<_>>());
}

#[test]
fn the_last_reads_are_marked_one_for_each_client() {
    let history = run("pn-counter", true).history;
    let last = history.iter().filter(|operation| operation.get("final?") == Some(&Value::Bool(true)));
    assert_eq!(last.count(), 2 * 6);
}
