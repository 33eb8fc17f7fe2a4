//! unique-ids.

use std::cell::Cell;

use glomers_node::{Node, Router, RpcError, messages};
use glomers_workbench::Outcome;
use serde::{Deserialize, Serialize};

use super::{assert_caught, busy};

#[derive(Serialize, Deserialize)]
struct Generate {}
#[derive(Serialize, Deserialize)]
struct GenerateOk {
    id: String,
}

messages! {
    "generate" Generate => "generate_ok" GenerateOk;
}

struct Server {
    prefix: String,
    count: Cell<u64>,
}

impl Server {
    async fn generate(&self, _: Generate) -> Result<GenerateOk, RpcError> {
        self.count.set(self.count.get() + 1);
        Ok(GenerateOk { id: format!("{}{}", self.prefix, self.count.get()) })
    }
}

fn run(prefix: impl Fn(&Node) -> String + 'static) -> Outcome {
    busy("unique-ids", 6).run(move |node| {
        Router::new(Server { prefix: prefix(&node), count: Cell::new(0) }).on(Server::generate)
    })
}

#[test]
fn ids_with_the_name_of_their_node_are_unique() {
    run(|node| format!("{}-", node.id())).assert_valid();
}

#[test]
fn ids_that_every_node_counts_for_itself_are_caught() {
    assert_caught(&run(|_| String::new()), &["\"1\""]);
}
